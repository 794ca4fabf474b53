//go:build e2e

package soak

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// clock is the wall clock of one process, which can be set without touching
// that of the machine. Programs ask the kernel's vDSO for the time, a page of
// code in their memory; before the process has run an instruction its
// clock_gettime is replaced by one that adds a number of seconds.
type clock struct {
	mem    *os.File
	offset int64 // address of the number
}

// gettime is clock_gettime(edi, rsi): the system call and, for CLOCK_REALTIME,
// the seconds that stand 32 bytes behind its start.
var gettime = []byte{
	0xb8, 0xe4, 0x00, 0x00, 0x00, // mov eax, 228
	0x0f, 0x05, // syscall
	0x85, 0xff, // test edi, edi
	0x75, 0x0e, // jne ret
	0x85, 0xc0, // test eax, eax
	0x75, 0x0a, // jne ret
	0x48, 0x8b, 0x0d, 0x0a, 0x00, 0x00, 0x00, // mov rcx, [rip+10]
	0x48, 0x01, 0x0e, // add [rsi], rcx
	0xc3, // ret
	0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, // seconds
}

// startWithClock starts a command with a clock of its own.
func startWithClock(cmd *exec.Cmd) (*clock, error) {
	runtime.LockOSThread() // who traces is a thread
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true} // stops behind exec
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	var state syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &state, 0, nil); err != nil {
		return nil, err
	}
	if !state.Stopped() {
		return nil, fmt.Errorf("did not stop behind exec: %v", state)
	}
	c, err := replaceClock(pid)
	return c, errors.Join(err, syscall.PtraceDetach(pid))
}

func replaceClock(pid int) (*clock, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	var from, to int64
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "[vdso]") {
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
				return nil, err
			}
		}
	}
	mem, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	image := make([]byte, to-from)
	if _, err := mem.ReadAt(image, from); err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return nil, errors.Join(err, mem.Close())
	}
	symbols, err := f.DynamicSymbols()
	for _, s := range symbols {
		if s.Name == "__vdso_clock_gettime" && s.Size >= uint64(len(gettime)) {
			at := from + int64(s.Value)
			_, err := mem.WriteAt(gettime, at)
			return &clock{mem, at + int64(len(gettime)) - 8}, err
		}
	}
	return nil, errors.Join(errors.New("the vDSO has no clock_gettime"), err, mem.Close())
}

// set sets the clock so far from the machine's.
func (c *clock) set(off time.Duration) error {
	_, err := c.mem.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(off/time.Second)), c.offset)
	return err
}

func (c *clock) close() { _ = c.mem.Close() } // nothing is buffered
