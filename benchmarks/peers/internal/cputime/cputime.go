// Package cputime says how much processor time this process has used.
package cputime

import (
	"syscall"
	"time"
)

// Used is what this process has used on all processors.
func Used() time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		panic(err) // not with these arguments
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
