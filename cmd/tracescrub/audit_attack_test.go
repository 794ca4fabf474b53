package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// auditAttack is one way to do what a line of the table in docs/format/audit.md says.
type auditAttack struct {
	do    func(*auditLog)
	codes []verify.Code // of which each is said
	// where is what the line of the problem has in it, besides the code.
	where string
	// older: only the checkpoint from elsewhere tells.
	older bool
}

func flipIn(name, text string) func(*auditLog) {
	return func(a *auditLog) {
		a.t.Helper()
		a.edit(name, func(b []byte) []byte {
			i := bytes.Index(b, []byte(text))
			require.GreaterOrEqual(a.t, i, 0)
			b[i+len(text)] ^= 1
			return b
		})
	}
}

// auditAttacks are by the first cell of the table.
var auditAttacks = map[string][]auditAttack{
	"flip a bit of a signed entry": {
		{do: flipIn(files.Segment(2), `service":"`), codes: []verify.Code{verify.EntryChanged, verify.SegmentChanged}, where: "segment-0002.jsonl:"},
		{do: flipIn(files.Segment(2), `{`), codes: []verify.Code{verify.EntryInvalid}, where: "segment-0002.jsonl:1 entry"},
	},
	"flip a bit of the hash file": {
		{do: func(a *auditLog) { a.edit(files.Hashes, func(b []byte) []byte { b[5] ^= 1; return b }) }, codes: []verify.Code{verify.HashChanged}, where: "hashes entry 0"},
		{do: func(a *auditLog) { a.edit(files.Hashes, func(b []byte) []byte { b[2*32] ^= 1; return b }) }, codes: []verify.Code{verify.HashChanged}, where: "hashes entry 1"},
	},
	"drop, insert or reorder entries": {
		{do: func(a *auditLog) {
			a.lines(files.Segment(2), func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) })
		}, codes: []verify.Code{verify.Sequence}, where: "segment-0002.jsonl:2 entry"},
		{do: func(a *auditLog) {
			a.lines(files.Segment(2), func(l [][]byte) [][]byte { return slices.Insert(l, 1, l[0]) })
		}, codes: []verify.Code{verify.Sequence}, where: "segment-0002.jsonl:2 entry"},
		{do: func(a *auditLog) {
			a.lines(files.Segment(2), func(l [][]byte) [][]byte { l[0], l[1] = l[1], l[0]; return l })
		}, codes: []verify.Code{verify.Sequence}, where: "segment-0002.jsonl:1 entry"},
	},
	"truncate below the checkpoint": {
		{do: func(a *auditLog) {
			a.lines(a.last(), func(l [][]byte) [][]byte { return l[:len(l)-2] })
		}, codes: []verify.Code{verify.Truncated}, where: "entries were signed, "},
		{do: func(a *auditLog) { require.NoError(a.t, os.Remove(a.path(a.last()))) }, codes: []verify.Code{verify.Truncated}, where: "entries were signed, "},
	},
	"replace the tail": {
		{do: func(a *auditLog) { replaceAuditTail(a, false) }, codes: []verify.Code{verify.EntryChanged}, where: "jsonl:2 entry"},
		{do: func(a *auditLog) { replaceAuditTail(a, true) }, codes: []verify.Code{verify.RootDiffers}, where: "checkpoint: the first"},
	},
	"roll back to an older copy":            {{do: func(a *auditLog) { a.replaceAll(a.data + "/old") }, codes: []verify.Code{verify.RolledBack}, where: "kept", older: true}},
	"fork and regrow, with the private key": {{do: forkAudit, codes: []verify.Code{verify.Forked}, where: "kept", older: true}},
	"swap segments, remove one": {
		{do: func(a *auditLog) {
			require.NoError(a.t, os.Rename(a.path(files.Segment(1)), a.path("x")))
			require.NoError(a.t, os.Rename(a.path(files.Segment(2)), a.path(files.Segment(1))))
			require.NoError(a.t, os.Rename(a.path("x"), a.path(files.Segment(2))))
		}, codes: []verify.Code{verify.Sequence, verify.SegmentMissing}, where: "segment-"},
		{do: func(a *auditLog) { require.NoError(a.t, os.Remove(a.path(files.Segment(2)))) }, codes: []verify.Code{verify.SegmentMissing, verify.Sequence}, where: "segment-0002.jsonl: is not there"},
	},
	"edit the side table": {
		{do: flipIn(files.Subjects, `"value":"`), codes: []verify.Code{verify.SubjectChanged, verify.SubjectMissing}, where: "subjects.jsonl:1: "},
		{do: func(a *auditLog) { a.edit(files.Subjects, func([]byte) []byte { return nil }) }, codes: []verify.Code{verify.SubjectMissing}, where: "subjects.jsonl entry"},
	},
	"wrong key, edited checkpoint": {
		{do: func(a *auditLog) {
			_, public, err := proof.NewKey("example.com/audit", nil)
			require.NoError(a.t, err)
			a.edit(files.Public, func([]byte) []byte { return []byte(public + "\n") })
		}, codes: []verify.Code{verify.Signature}, where: "checkpoint: "},
		{do: func(a *auditLog) {
			a.edit(files.Checkpoint, func(b []byte) []byte { return bytes.Replace(b, []byte("audit\n1"), []byte("audit\n2"), 1) })
		}, codes: []verify.Code{verify.Signature}, where: "checkpoint: "},
	},
	"a checkpoint of a key that gave way before, a forged handover": {
		{do: func(a *auditLog) {
			retired := strings.TrimSpace(string(a.read(files.Private)))
			a.ok("rotate-key")
			c, err := proof.Read(a.read(files.Checkpoint))
			require.NoError(a.t, err)
			signed, err := c.Sign(retired)
			require.NoError(a.t, err)
			a.edit(files.Checkpoint, func([]byte) []byte { return signed })
		}, codes: []verify.Code{verify.Signature}, where: "checkpoint: "},
		{do: func(a *auditLog) {
			a.ok("rotate-key")
			flipIn(files.Handover(1), "— example.com/audit ")(a)
		}, codes: []verify.Code{verify.Signature}, where: "handover-0001: "},
	},
	"remove the hash file": {{do: func(a *auditLog) { require.NoError(a.t, os.Remove(a.path(files.Hashes))) }, codes: []verify.Code{verify.HashMissing}, where: "hashes: is not there"}},
}

// replaceAuditTail lets the last segment tell something else from its second
// entry on, and the hash file as well.
func replaceAuditTail(a *auditLog, hashes bool) {
	a.t.Helper()
	a.lines(a.last(), func(l [][]byte) [][]byte {
		for i := range l[1:] {
			l[i+1] = bytes.Replace(l[i+1], []byte(`"id":"`), []byte(`"id":"0000`), 1)
			l[i+1] = regexp.MustCompile(`("id":"[0-9a-f]{32})[0-9a-f]{4}`).ReplaceAll(l[i+1], []byte("$1"))
		}
		return l
	})
	if !hashes {
		return
	}
	numbers, err := files.Segments(a.dir)
	require.NoError(a.t, err)
	var tree proof.Tree
	var stored []byte
	for _, n := range numbers {
		for line := range bytes.Lines(a.read(files.Segment(n))) {
			for _, h := range tree.Add(tlog.RecordHash(bytes.TrimSuffix(line, []byte("\n")))) {
				stored = append(stored, h[:]...)
			}
		}
	}
	a.edit(files.Hashes, func([]byte) []byte { return stored })
}

// forkAudit writes another log with the private key of this one.
func forkAudit(a *auditLog) {
	private, public := a.read(files.Private), a.read(files.Public)
	require.NoError(a.t, os.RemoveAll(a.dir))
	require.NoError(a.t, os.Mkdir(a.dir, 0o700))
	require.NoError(a.t, os.WriteFile(a.path(files.Private), private, 0o600))
	require.NoError(a.t, os.WriteFile(a.path(files.Public), public, 0o600))
	w := a.open()
	events := decisionEvents()
	for i := range 3 {
		events = append(events, auditlog.Event{Kind: "tracescrub.masked", Time: time.Unix(int64(i), 0)})
	}
	a.append(w, events...)
	require.NoError(a.t, w.Close())
}

// elsewhere are the lines of the table that another test is about, by name.
var elsewhere = map[string]string{
	"reuse of a receipt for another entry":  "TestAuditProof",
	"cut off what no checkpoint covers yet": "TestAuditCutUnsigned",
}

// attackTable reads the first cells of the table.
func attackTable(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("../../docs/format/audit.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(b), "| attack | needs |")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n\n")
	var cells []string
	for _, line := range strings.Split(table, "\n")[2:] {
		cells = append(cells, strings.TrimSpace(strings.Split(line, "|")[1]))
	}
	require.Greater(t, len(cells), 10)
	return cells
}

// TestAuditAttacks: the command says what the table says that it says, and where.
func TestAuditAttacks(t *testing.T) {
	for _, name := range attackTable(t) {
		if elsewhere[name] != "" {
			continue
		}
		require.NotEmptyf(t, auditAttacks[name], "no attack does what the table says: %s", name)
		for _, attack := range auditAttacks[name] {
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) { testAttack(t, attack) })
		}
	}
}

func testAttack(t *testing.T, attack auditAttack) {
	t.Helper()
	a := newAuditLog(t)
	require.NoError(t, os.CopyFS(filepath.Join(a.data, "old"), os.DirFS(a.dir)))
	w := a.open()
	a.append(w, auditlog.Event{Kind: "tracescrub.started", Time: auditNow})
	require.NoError(t, w.Close())
	kept := a.keep(files.Checkpoint)
	require.NoError(t, os.Rename(kept, filepath.Join(filepath.Dir(kept), "kept")))
	kept = filepath.Join(filepath.Dir(kept), "kept")
	require.True(t, a.report("--checkpoint", kept).OK, "before the attack")
	attack.do(a)
	var args []string
	if attack.older {
		require.True(t, a.report().OK, "nobody can tell without the checkpoint")
		args = []string{"--checkpoint", kept}
	}
	r := a.report(args...)
	for _, want := range attack.codes {
		require.Contains(t, codes(r), want)
	}
	code, out, _ := a.run(append([]string{"verify"}, args...)...)
	require.Equal(t, exitFindings, code)
	require.Contains(t, out, "NOT verified: ")
	require.True(t, slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
		return slices.ContainsFunc(attack.codes, func(c verify.Code) bool { return strings.HasPrefix(line, string(c)+": ") }) &&
			strings.Contains(line, attack.where)
	}), "%q is not said: %s", attack.where, out)
}

// TestAuditCutUnsigned: what no checkpoint covers goes without a trace, and is
// counted as unsigned while it is there.
func TestAuditCutUnsigned(t *testing.T) {
	a := newAuditLog(t)
	w := a.open()
	signed := a.read(a.last())
	a.append(w, auditlog.Event{Kind: "tracescrub.started", Time: auditNow})
	r := a.report()
	require.True(t, r.OK)
	require.Equal(t, int64(1), r.Unsigned)
	require.NoError(t, os.CopyFS(filepath.Join(a.data, "copy"), os.DirFS(a.dir)))
	require.NoError(t, w.Close())
	a.replaceAll(filepath.Join(a.data, "copy"))
	a.edit(a.last(), func([]byte) []byte { return signed })
	r = a.report()
	require.True(t, r.OK)
	require.Zero(t, r.Unsigned)
}
