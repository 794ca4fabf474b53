//go:build e2e && !(linux && amd64)

package soak

import (
	"errors"
	"os/exec"
	"time"
)

// clock would be the wall clock of one process.
type clock struct{}

func startWithClock(*exec.Cmd) (*clock, error) {
	return nil, errors.New("a process has a clock of its own on linux/amd64 only")
}

func (*clock) set(time.Duration) error { return nil }
func (*clock) close()                  {}
