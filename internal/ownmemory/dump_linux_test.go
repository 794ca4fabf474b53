package ownmemory

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestMain is the process that the tests look at, if one of them says so.
func TestMain(m *testing.M) {
	if os.Getenv("OWNMEMORY_CHILD") == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("OWNMEMORY_CHILD") == "guarded" {
		if err := NoDump(); err != nil {
			panic(err)
		}
	}
	key := make([]byte, 64<<10)
	os.Stdout.WriteString("ready " + map[bool]string{true: "locked", false: "not locked"}[Lock(key) == nil] + "\n")
	_, _ = os.Stdin.Read(key) // until the test ends
	os.Exit(len(key) % 2)     // key lives until here
}

// child starts a process with `kind` that may dump what it likes, and with so
// many KiB of memory to lock.
func child(t *testing.T, kind, lockable string) (cmd *exec.Cmd, said string) {
	t.Helper()
	dir := t.TempDir()
	cmd = exec.Command("sh", "-c", `ulimit -c unlimited; ulimit -l "$1"; exec "$0"`, os.Args[0], lockable)
	cmd.Dir, cmd.Env = dir, []string{"OWNMEMORY_CHILD=" + kind, "GOTRACEBACK=crash"}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the process did not start: %v", err)
	}
	return cmd, strings.TrimSpace(line)
}

func (s state) has(t *testing.T, line string) {
	t.Helper()
	if !strings.Contains(strings.Join(strings.Fields(string(s)), " "), line) {
		t.Errorf("%q is not in\n%s", line, s)
	}
}

// state is a file that tells of a process.
type state string

func stateOf(t *testing.T, cmd *exec.Cmd, file string) state {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return state(b)
}

func TestNoDump(t *testing.T) {
	guarded, _ := child(t, "guarded", "1024")
	open, _ := child(t, "open", "1024")
	stateOf(t, guarded, "limits").has(t, "Max core file size 0 0 bytes")
	stateOf(t, open, "limits").has(t, "Max core file size unlimited unlimited bytes")
	for _, cmd := range []*exec.Cmd{guarded, open} {
		if err := cmd.Process.Signal(syscall.SIGABRT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed by a signal
		dumped := cmd.ProcessState.Sys().(syscall.WaitStatus).CoreDump()
		if cmd == guarded && dumped {
			t.Error("there is a core dump")
		}
		if cmd == open {
			t.Logf("without NoDump, dumped: %v", dumped) // whether it can is for the system to say
		}
	}
}

func TestLockedMemory(t *testing.T) {
	cmd, said := child(t, "guarded", "1024")
	if said != "ready locked" {
		t.Fatalf("1 MiB may be locked, and 64 KiB are not: %s", said)
	}
	if got := stateOf(t, cmd, "status"); strings.Contains(strings.Join(strings.Fields(string(got)), " "), "VmLck: 0 kB") {
		t.Error("nothing is locked")
	}
	if os.Getuid() != 0 { // root may lock whatever the limit
		if _, said := child(t, "guarded", "0"); said != "ready not locked" {
			t.Errorf("nothing may be locked, and Lock says: %s", said)
		}
	}
}
