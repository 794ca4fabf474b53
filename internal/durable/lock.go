package durable

import (
	"fmt"
	"os"
)

// HeldError is of a lock that another process has.
type HeldError struct {
	Holder string // process and host, as far as they are known
}

func (e *HeldError) Error() string { return "held by " + e.Holder }

// holder is what this process calls itself in a lock file.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	return fmt.Sprintf("process %d on %s", os.Getpid(), host)
}
