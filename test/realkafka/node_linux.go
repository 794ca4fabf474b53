//go:build e2e

package realkafka

import "syscall"

// dieWithUs is for brokers: they end with the test, however it ends.
func dieWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
