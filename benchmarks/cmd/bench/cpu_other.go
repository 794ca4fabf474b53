//go:build !unix

package main

import "time"

var started = time.Now()

// cpuTime is the time of the clock, where the system does not say better.
func cpuTime() time.Duration { return time.Since(started) }
