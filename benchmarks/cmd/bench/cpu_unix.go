//go:build unix

package main

import (
	"syscall"
	"time"
)

// cpuTime is how long this process has used processors: other processes of the
// machine are not in it.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // the arguments are constants
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
