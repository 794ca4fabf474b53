package durable

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const envLock = "DURABLE_TEST_LOCK"

// TestLock: a second holder is refused and told who has it, in this process
// and in another, until the first has given it free.
func TestLock(t *testing.T) {
	path := os.Getenv(envLock)
	if path != "" { // the other process
		_, err := Lock(path)
		if err != nil {
			os.Stdout.WriteString("refused: " + err.Error() + "\n")
		}
		return
	}
	path = filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, []byte("process 1 on a host with a name that is longer than any other, and long gone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	held := (*HeldError)(nil)
	if _, err = Lock(path); !errors.As(err, &held) || held.Holder != holder() {
		t.Errorf("the second lock: error %v", err)
	}
	other := func() string {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestLock$")
		cmd.Env = append(os.Environ(), envLock+"="+path)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if out := other(); !strings.Contains(out, "refused: held by "+holder()+"\n") {
		t.Errorf("another process: %s", out)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if out := other(); strings.Contains(out, "refused") {
		t.Errorf("another process, when it is free: %s", out)
	}
	l, err = Lock(path) // the other has ended
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(filepath.Join(path, "below")); err == nil {
		t.Error("a lock below a file")
	}
}
