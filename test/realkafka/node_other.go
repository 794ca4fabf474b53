//go:build e2e && !linux

package realkafka

import "syscall"

// dieWithUs has no effect here: brokers outlive a test that is killed.
func dieWithUs() *syscall.SysProcAttr { return nil }
