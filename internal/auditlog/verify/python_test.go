//go:build e2e

package verify_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

const second = "../../../docs/format/audit_verify.py"

// havePython says whether there is one. Only E2E=all must have it.
func havePython(t *testing.T) bool {
	t.Helper()
	_, err := exec.LookPath("python3")
	if err != nil && os.Getenv("E2E") == "all" {
		t.Fatal("python3 is not installed: it runs the second implementation")
	}
	if err != nil {
		t.Log("python3 is not installed: the second implementation is not run")
	}
	return err == nil
}

// python runs the second implementation, and returns the codes of what it found.
func python(t *testing.T, dir string, keys []string, older ...[]byte) (codes map[verify.Code]bool, output string) {
	t.Helper()
	args := []string{second}
	for _, k := range keys {
		args = append(args, "--key", k)
	}
	for _, b := range older {
		path := filepath.Join(t.TempDir(), "older")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		args = append(args, "--checkpoint", path)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "python3", append(args, dir)...).Output()
	codes = map[verify.Code]bool{}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		require.Equal(t, 1, exit.ExitCode(), "%s%s", out, exit.Stderr)
		for line := range strings.Lines(string(out)) {
			if code, _, ok := strings.Cut(line, ": "); ok {
				codes[verify.Code(code)] = true
			}
		}
		require.NotEmpty(t, codes)
		return codes, string(out)
	}
	require.NoError(t, err)
	require.Contains(t, string(out), "good: ")
	return codes, string(out)
}

// TestSecondImplementation: it takes what is good, and finds each attack of the
// table with the same words.
func TestSecondImplementation(t *testing.T) {
	if !havePython(t) {
		return
	}
	for _, c := range attacks {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			a := build(t)
			codes, out := python(t, a.dir, nil, a.older)
			require.Empty(t, codes, out)
			a.write("../later", []byte(a.read(files.Checkpoint)+"\n"))
			require.NoError(t, os.Rename(filepath.Join(a.dir, "../later"), filepath.Join(a.oldCopy, "later")))
			c.do(a)
			codes, out = python(t, a.dir, nil)
			if c.offBox {
				require.Empty(t, codes, out)
				codes, out = python(t, a.dir, nil, a.older)
			}
			for _, want := range c.want {
				require.Truef(t, codes[want], "%s is not in\n%s", want, out)
			}
		})
	}
}

// TestSecondImplementationLater: a log that has been rotated, erased, pruned
// and torn is good to it too, and handovers are what it says.
func TestSecondImplementationLater(t *testing.T) {
	if !havePython(t) {
		return
	}
	a := build(t)
	ctx := context.Background()
	first := a.read(files.Public)
	w := a.open()
	require.NoError(t, w.RotateKey(ctx))
	_, err := w.Append(ctx, auditlog.Event{
		Kind: "tracescrub.denied", Time: time.Now(), Component: "gate", Trace: strings.Repeat("a", 32), Severity: 10,
		Attributes: map[string]any{"user.id": "idp é\"\x01", "tracescrub.reason": "because", "tracescrub.service": "subject:" + strings.Repeat("0", 64), "n": -7},
	})
	require.NoError(t, err)
	require.NoError(t, w.RotateKey(ctx))
	n, err := w.EraseSubject(ctx, "subject")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, w.Close())
	f, err := os.OpenFile(filepath.Join(a.dir, a.last()), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"torn`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	codes, out := python(t, a.dir, nil, a.older)
	require.Empty(t, codes, out)
	w = a.open()
	_, err = w.Prune(ctx, time.Now())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	last := strings.Fields(a.read(files.Public))[2]
	for _, key := range []string{first, last} {
		codes, out = python(t, a.dir, []string{key}, a.older)
		require.Empty(t, codes, out)
		require.NotContains(t, out, " 0 pruned")
		require.Contains(t, out, "1 commitments erased")
	}
	require.NoError(t, os.Remove(filepath.Join(a.dir, files.Handover(1))))
	codes, out = python(t, a.dir, []string{first})
	require.True(t, codes[verify.Signature], out)
}
