//go:build e2e

package evidence

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/logtest"
	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// have says whether the programs are there. Only E2E=all must have them.
func have(t *testing.T, names ...string) bool {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("E2E") == "all" {
				t.Fatalf("%s is not installed: it checks bundles", name)
			}
			t.Logf("%s is not installed: bundles are not checked with it", name)
			return false
		}
	}
	return true
}

func runIn(t *testing.T, dir string, command ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the test's own
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// TestCheckPrograms: check.py and check.sh take a bundle, and what was changed
// in one is found.
func TestCheckPrograms(t *testing.T) {
	if !have(t, "python3", "openssl", "sh") {
		return
	}
	o := story(t, 6)
	o.From = o.Now.AddDate(0, 0, -4)
	o.Names = true
	first, r := write(t, o)
	old, err := os.ReadFile(filepath.Join(first, "checkpoint"))
	require.NoError(t, err)
	o.Older = [][]byte{old}
	key := r.Log.Keys[0]
	sample := "receipts/" + filepath.Base(receiptName(r.Decisions[0].Seq, r.Decisions[0].Kind))
	out, ok := runIn(t, first, "python3", "check.py", "--key", key)
	require.True(t, ok, out)
	require.NotContains(t, out, "BAD")
	require.NotContains(t, out, "note:")
	out, ok = runIn(t, first, "sh", "check.sh", sample, key)
	require.True(t, ok, out)
	require.Contains(t, out, r.Log.Root)

	others := []string{key[:len(key)-3] + "ABC", strings.Replace(key, "+A", "+B", 1), strings.Replace(key, "audit", "other", 1)}
	swap := func(old, now string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(now), 1) }
	}
	for _, c := range []struct {
		name, file string
		change     func([]byte) []byte
		says       string
	}{
		{"an entry changed", "entries.jsonl", swap(`"critical"`, `"harmless"`), "BAD  entries.jsonl"},
		{"an entry dropped", "entries.jsonl", func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] }, "BAD  entries.jsonl"},
		{"a receipt changed", sample, swap("extra e", "extra f"), "BAD"},
		{"a checkpoint changed", "checkpoint", swap("\n2", "\n3"), "BAD  checkpoint"},
		{"a count changed", "summary.json", swap(`"events": 1`, `"events": 7`), "BAD  summary.json"},
		{"a quorum changed", "summary.json", swap(`"quorum_met": false`, `"quorum_met": true`), "BAD  summary.json"},
		{"a name changed", "subjects.jsonl", swap("alice", "bobby"), "BAD  subjects.jsonl"},
		{"a file changed", "README.md", swap("period", "epoch"), "BAD  SHA256SUMS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _ := write(t, o)
			out, ok := runIn(t, dir, "python3", "check.py", "--key", key)
			require.True(t, ok, out)
			require.Contains(t, out, "ok   older/1.checkpoint")
			path := filepath.Join(dir, c.file)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			changed := c.change(bytes.Clone(b))
			require.NotEqual(t, b, changed, "the change changed nothing")
			require.NoError(t, os.WriteFile(path, changed, 0o600))
			out, ok = runIn(t, dir, "python3", "check.py", "--key", key)
			require.False(t, ok, out)
			require.Contains(t, out, c.says)
			if c.file == sample {
				out, ok = runIn(t, dir, "sh", "check.sh", sample, key)
				require.False(t, ok, out)
			}
		})
	}
	for _, other := range others {
		for _, command := range [][]string{{"python3", "check.py", "--key", other}, {"sh", "check.sh", sample, other}} {
			require.NotEqual(t, key, other)
			out, ok := runIn(t, first, command...)
			require.False(t, ok, out)
			require.Contains(t, out, "BAD")
		}
	}
}

// TestCheckRotated: who was given the first key of a log can check a bundle
// that is signed with the third, of a log whose beginning has been pruned.
func TestCheckRotated(t *testing.T) {
	if !have(t, "python3", "openssl") {
		return
	}
	ctx, now := t.Context(), logtest.Start
	dir := t.TempDir()
	w, err := auditlog.Open(auditlog.Config{Directory: dir, Heartbeat: -1, Interval: -1, Now: func() time.Time { return now }})
	require.NoError(t, err)
	public, err := os.ReadFile(filepath.Join(dir, files.Public))
	require.NoError(t, err)
	for day := range 6 {
		now = logtest.Start.AddDate(0, 0, day)
		for i, kind := range []string{"held", "denied"} {
			_, err := w.Append(ctx, auditlog.Event{Kind: "tracescrub." + kind, Time: now.Add(time.Duration(i)), Attributes: map[string]any{
				"tracescrub.item.id": logtest.Item(day), "user.id": logtest.Alice, "tracescrub.reason": "no",
			}})
			require.NoError(t, err)
		}
		if day%2 == 1 && day < 5 {
			require.NoError(t, w.RotateKey(ctx))
		}
	}
	n, err := w.Prune(ctx, logtest.Start.AddDate(0, 0, 3))
	require.NoError(t, err)
	require.Positive(t, n)
	require.NoError(t, w.Close())
	first := strings.TrimSpace(string(public))
	o := facts.Options{Directory: dir, Keys: []string{first}, Now: now.AddDate(0, 0, 1), Tool: "test", Names: true}
	bundle, r := write(t, o)
	require.Empty(t, r.Verification.Problems)
	require.True(t, r.Period.Pruned)
	require.Contains(t, r.Exceptions[len(r.Exceptions)-1].Code, "pruned")
	out, ok := runIn(t, bundle, "python3", "check.py", "--key", first)
	require.True(t, ok, out)
	require.Contains(t, out, "ok   handover-0002")
	require.Contains(t, out, "ok   older/handover-0001.checkpoint")
	require.NoError(t, os.Remove(filepath.Join(bundle, files.Handover(2))))
	out, ok = runIn(t, bundle, "python3", "check.py", "--key", first)
	require.False(t, ok, out)
	require.Contains(t, out, "BAD  checkpoint")
}

// TestReadmeCommands: the commands of README.md run, and say what it says.
func TestReadmeCommands(t *testing.T) {
	if !have(t, "openssl", "sh", "sed", "grep") {
		return
	}
	dir, r := write(t, story(t, 3))
	b, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	var script []string
	for line := range strings.Lines(string(b)) {
		if s, ok := strings.CutPrefix(line, "       "); ok {
			script = append(script, strings.TrimSpace(s))
		}
	}
	require.Len(t, script, 5)
	out, ok := runIn(t, dir, "sh", "-ec", strings.Join(script, "\n"))
	require.True(t, ok, out)
	require.Contains(t, out, "Signature Verified Successfully")
	out, ok = runIn(t, dir, "grep", "-c", `"kind":"tracescrub.held"`, "entries.jsonl")
	require.True(t, ok, out)
	for _, c := range r.Kinds {
		if c.Name == "held" {
			require.Equal(t, strings.TrimSpace(out), string(rune('0'+c.Events)))
		}
	}
}
