//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user without rights, whom root runs the collector as: root
// itself may read everybody's memory, and lock as much of it as it likes.
const nobody = 65534

// unprivileged makes a command run as nobody, if it can.
func unprivileged(cmd *exec.Cmd) *exec.Cmd {
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return cmd
}

// giveAway makes all below dir nobody's, and lets nobody get there.
func giveAway(t *testing.T, dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	for up := filepath.Dir(dir); strings.HasPrefix(up, os.TempDir()+"/"); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMemoryStaysOwn: what the process has in memory is not written to a disk
// when it crashes, not shown to other processes of its user, and not told on
// the terminal; keys are not swapped out; all of it without any setting of the
// operator's, and against some.
func TestMemoryStaysOwn(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Fatal("the end-to-end tests need Linux")
	}
	for _, tt := range []struct{ name, lockable string }{{"keys locked", "1024"}, {"nothing may be locked", "0"}} {
		t.Run(tt.name, func(t *testing.T) {
			c, cwd := startUnlimited(t, tt.lockable)
			v := newVault(91)
			flood(t, c, v, 1)
			proc := fmt.Sprintf("/proc/%d/", c.cmd.Process.Pid)
			limits, err := os.ReadFile(proc + "limits")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0 bytes") {
				t.Error("core dumps have no limit")
			}
			for _, file := range []string{"environ", "maps"} {
				if err := unprivileged(exec.Command("head", "-c", "1", proc+file)).Run(); err == nil {
					t.Errorf("a process of the same user can read %s", file)
				}
			}
			checkLocked(t, c, proc, tt.lockable != "0")
			if err := c.cmd.Process.Signal(syscall.SIGABRT); err != nil {
				t.Fatal(err)
			}
			<-c.done
			if c.cmd.ProcessState.Sys().(syscall.WaitStatus).CoreDump() {
				t.Error("there is a core dump")
			}
			if found, _ := filepath.Glob(filepath.Join(cwd, "core*")); len(found) > 0 {
				t.Errorf("%d core files", len(found))
			}
			if !strings.Contains(c.log.String(), "SIGABRT") {
				t.Error("it did not die of the signal")
			}
			all := map[string][]byte{"terminal": []byte(c.log.String())}
			readAll(t, cwd, all)
			delete(all, "file /otelcol-tracescrub") // has nothing of this run
			v.check(t, all)
		})
	}
}

// startUnlimited starts a collector that may dump what it likes, tells all it
// can when it dies, and may lock so many KiB of memory; it returns its working directory.
func startUnlimited(t *testing.T, lockable string) (c *collector, cwd string) {
	t.Helper()
	cwd = filepath.Join(t.TempDir(), "home")
	if err := os.Mkdir(cwd, 0o700); err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cwd, "otelcol-tracescrub"), program, 0o700); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile("../../deploy/embedded.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(cwd, "embedded.yaml"), string(config))
	data := filepath.Join(cwd, "data")
	if code, said := tool(t, "setup", data); code != 0 {
		t.Fatalf("tracescrub setup: exit code %d\n%s", code, said)
	}
	giveAway(t, cwd)
	c = newCollector(t, data)
	c.program = func(args ...string) *exec.Cmd {
		cmd := exec.Command("sh", append([]string{"-c", `ulimit -c unlimited; ulimit -l ` + lockable + `; exec ./otelcol-tracescrub "$@"`, "sh"}, args...)...)
		cmd.Dir = cwd
		return unprivileged(cmd)
	}
	c.launch(t, append([]string{"--config", "embedded.yaml"}, c.ownPorts()...), "TRACESCRUB_DATA="+data, "GOTRACEBACK=crash")
	c.healthy(t)
	return c, cwd
}

// checkLocked: keys are locked if they can be; if not, a warning says so.
func checkLocked(t *testing.T, c *collector, proc string, can bool) {
	t.Helper()
	status, err := os.ReadFile(proc + "status")
	if err != nil {
		t.Fatal(err)
	}
	nothing := strings.Contains(strings.Join(strings.Fields(string(status)), " "), "VmLck: 0 kB")
	warned := strings.Contains(c.log.String(), "RLIMIT_MEMLOCK")
	if nothing == can || warned == can {
		t.Errorf("may lock: %v; nothing is locked: %v; a warning: %v", can, nothing, warned)
	}
}
