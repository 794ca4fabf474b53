package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/keyfiles"
)

// TestKeysImport is a gate's start in a pod, its second one, and all that must stop it.
func TestKeysImport(t *testing.T) {
	source, dir := filepath.Join(t.TempDir(), "source"), filepath.Join(t.TempDir(), "keys")
	pair, err := keyfiles.In(source).New(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	from, private := filepath.Join(source, "private"), filepath.Join(dir, "private")
	key := filepath.Join(private, pair.Name()+".key")
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	imports := func(want int, says string) {
		t.Helper()
		var said bytes.Buffer
		term := osTerminal()
		term.err = &said
		if got := run([]string{"keys", "import", "--from", from, dir}, term); got != want || !strings.Contains(said.String(), says) {
			t.Fatalf("exit code %d, want %d; said %q, want %q", got, want, &said, says)
		}
	}
	imports(exitWrong, "gate.mac")
	put(filepath.Join(from, "gate.mac"), strings.Repeat("0a", 32)+"\n")
	imports(exitDone, "1 private key(s)")
	for path, mode := range map[string]os.FileMode{private: 0o700 | os.ModeDir, key: 0o600, filepath.Join(private, "gate.mac"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != mode {
			t.Errorf("%s: not there, or not with mode %v", filepath.Base(path), mode)
		}
	}
	if keys, err := keyfiles.ReadPrivate(private); err != nil || len(keys) != 1 || keys[0].ID != pair.ID {
		t.Fatalf("what was copied cannot be used: %v", err)
	}
	imports(exitDone, "0 private key(s)")
	// Destroyed here, and still in the source: it must not come back.
	if _, err := keyfiles.In(dir).Rotate(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	gone, err := keyfiles.DestroySuperseded(private, 0, time.Now().Add(48*time.Hour), nil)
	if err != nil || len(gone) != 1 {
		t.Fatalf("%d keys destroyed: %v", len(gone), err)
	}
	imports(exitDone, "0 private key(s)")
	if _, err := os.Stat(key); err == nil {
		t.Error("a destroyed key is back")
	}
	put(filepath.Join(from, "gate.mac"), strings.Repeat("0b", 32))
	imports(exitWrong, "another key")
	for _, name := range []string{pair.Name() + ".key", "gate.mac"} {
		if err := os.Remove(filepath.Join(from, name)); err != nil {
			t.Fatal(err)
		}
	}
	imports(exitWrong, "no *.key")
}
