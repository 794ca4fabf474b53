package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// auditNow is when the commands are run; the events happened before.
var auditNow = time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC)

const (
	alice = "https://id.example.com alice"
	bob   = "https://id.example.com bob"
	itemA = "0a000000000000000000000000000001"
	itemB = "0b000000000000000000000000000002"
	trace = "5321fd3e8904df594fd0f1117ed7893c"
)

// auditLog is a log in the data directory of a command.
type auditLog struct {
	t    *testing.T
	data string
	dir  string
	tty  bool
	in   string
}

// newAuditLog makes a log of some segments, closed and signed to its end.
func newAuditLog(t *testing.T) *auditLog {
	t.Helper()
	a := &auditLog{t: t, data: t.TempDir()}
	a.dir = filepath.Join(a.data, "audit")
	w := a.open()
	a.append(w, decisionEvents()...)
	require.NoError(t, w.Close())
	return a
}

func (a *auditLog) open() *auditlog.Writer {
	a.t.Helper()
	w, err := auditlog.Open(auditlog.Config{Directory: a.dir, Origin: "example.com/audit", SegmentBytes: 2000, Heartbeat: -1, Interval: -1})
	require.NoError(a.t, err)
	return w
}

func (a *auditLog) append(w *auditlog.Writer, events ...auditlog.Event) {
	a.t.Helper()
	for _, ev := range events { // one by one: segments end between batches
		_, err := w.Append(a.t.Context(), ev)
		require.NoError(a.t, err)
	}
}

// decisionEvents are the life of two items.
func decisionEvents() []auditlog.Event {
	n := 0
	ev := func(kind string, attributes map[string]any) auditlog.Event {
		n++
		e := auditlog.Event{Kind: "tracescrub." + kind, Time: time.Date(2026, 1, 31, 12, n, 0, 0, time.UTC), Severity: 9, Attributes: map[string]any{}}
		for k, v := range attributes {
			e.Attributes[k] = v
		}
		return e
	}
	item := func(kind, id string, more map[string]any) auditlog.Event {
		e := ev(kind, more)
		e.Attributes["tracescrub.item.id"] = id
		e.Attributes["tracescrub.service"], e.Attributes["tracescrub.severity"] = "checkout", "critical"
		e.Attributes["tracescrub.rules"] = []string{"github-token", "jwt"}
		e.Trace = trace
		if id == itemB {
			e.Attributes["tracescrub.service"], e.Attributes["tracescrub.severity"] = "mail", "low"
			e.Attributes["tracescrub.rules"] = []string{"named-password"}
			e.Trace = strings.Repeat("e", 32)
		}
		return e
	}
	return []auditlog.Event{
		ev("started", nil),
		item("held", itemA, map[string]any{"tracescrub.producer": "producer of A", "tracescrub.findings": []any{
			map[string]any{"rule": "github-token", "field": "name"}, map[string]any{"rule": "jwt", "field": "body"},
		}}),
		item("held", itemB, map[string]any{"tracescrub.findings": []any{map[string]any{"rule": "odd-one", "field": "x"}}}),
		item("viewed", itemA, map[string]any{"user.id": alice, "tracescrub.via": "api"}),
		item("voted", itemA, map[string]any{"user.id": alice, "tracescrub.decision": "approve", "tracescrub.reason": "a \x1b[31mtest\u202e account"}),
		item("voted", itemA, map[string]any{"user.id": bob, "tracescrub.decision": "approve", "tracescrub.reason": "revoked"}),
		item("approved", itemA, map[string]any{"tracescrub.required_votes": 2, "tracescrub.votes": []any{
			map[string]any{"user.id": alice, "decision": "approve"}, map[string]any{"user.id": bob, "decision": "approve"},
		}}),
		item("released", itemA, map[string]any{"tracescrub.release.attempt": 1}),
		item("denied", itemB, map[string]any{"user.id": bob, "tracescrub.reason": "no"}),
		item("shredded", itemB, nil),
		ev("masked", map[string]any{"tracescrub.service": "\x1b]0;owned\x07\u202esrv"}),
	}
}

// run runs a command of audit.
func (a *auditLog) run(args ...string) (code int, out, said string) {
	a.t.Helper()
	var o, e bytes.Buffer
	t := &terminal{in: strings.NewReader(a.in), out: &o, err: &e, now: func() time.Time { return auditNow }, getenv: func(name string) string {
		if name == "TRACESCRUB_DATA" {
			return a.data
		}
		return ""
	}}
	if a.tty {
		t.inTTY, t.errTTY, t.outTTY, t.width = true, true, true, 100
	}
	code = run(append([]string{"audit"}, args...), t)
	return code, o.String(), e.String()
}

// ok runs a command that must end well, and returns what it wrote.
func (a *auditLog) ok(args ...string) string {
	a.t.Helper()
	code, out, said := a.run(args...)
	require.Zerof(a.t, code, "%v: %s%s", args, out, said)
	return out
}

func (a *auditLog) path(name string) string { return filepath.Join(a.dir, name) }

func (a *auditLog) read(name string) []byte {
	a.t.Helper()
	b, err := os.ReadFile(a.path(name))
	require.NoError(a.t, err)
	return b
}

func (a *auditLog) keep(name string) string {
	a.t.Helper()
	to := filepath.Join(a.t.TempDir(), name)
	require.NoError(a.t, os.WriteFile(to, a.read(name), 0o600))
	return to
}

// edit changes a file of the log.
func (a *auditLog) edit(name string, f func([]byte) []byte) {
	a.t.Helper()
	old := a.read(name)
	b := f(bytes.Clone(old))
	require.NotEqual(a.t, old, b, "the attack changes nothing")
	require.NoError(a.t, os.WriteFile(a.path(name), b, 0o600))
}

func (a *auditLog) lines(name string, f func([][]byte) [][]byte) {
	a.t.Helper()
	a.edit(name, func(b []byte) []byte { return bytes.Join(f(bytes.SplitAfter(b, []byte("\n"))), nil) })
}

func (a *auditLog) last() string {
	a.t.Helper()
	numbers, err := files.Segments(a.dir)
	require.NoError(a.t, err)
	require.GreaterOrEqual(a.t, len(numbers), 3)
	return files.Segment(numbers[len(numbers)-1])
}

// replaceAll puts another log in the place of this one, in the directory.
func (a *auditLog) replaceAll(from string) {
	a.t.Helper()
	require.NoError(a.t, os.RemoveAll(a.dir))
	require.NoError(a.t, os.CopyFS(a.dir, os.DirFS(from)))
}

// report is what verify --json says.
func (a *auditLog) report(args ...string) verifyReport {
	a.t.Helper()
	code, out, said := a.run(append([]string{"verify", "--json"}, args...)...)
	var r verifyReport
	require.NoErrorf(a.t, json.Unmarshal([]byte(out), &r), "%s", said)
	require.Equal(a.t, map[bool]int{true: 0, false: 1}[r.OK], code)
	require.Equal(a.t, r.OK, len(r.Problems) == 0)
	return r
}

func codes(r verifyReport) []verify.Code {
	var all []verify.Code
	for _, p := range r.Problems {
		all = append(all, p.Code)
	}
	return all
}

func TestAuditVerify(t *testing.T) {
	a := newAuditLog(t)
	key := a.keep(files.Public)
	w := a.open()
	_, err := w.EraseSubject(t.Context(), bob)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	c, err := proof.Read(a.read(files.Checkpoint))
	require.NoError(t, err)
	// What is behind the checkpoint is not signed: an older one covers less.
	w = a.open()
	older := a.keep(files.Checkpoint)
	a.append(w, auditlog.Event{Kind: "tracescrub.started", Time: auditNow}, auditlog.Event{Kind: "tracescrub.stopped", Time: auditNow})

	r := a.report("--key", key, "--checkpoint", older)
	require.True(t, r.OK)
	require.False(t, r.OwnKeys)
	require.Equal(t, "example.com/audit", r.Origin)
	require.Equal(t, c.Size+1, r.Signed, "that it was opened")
	require.Equal(t, int64(2), r.Unsigned)
	require.Equal(t, r.Signed+r.Unsigned, r.Entries)
	require.Equal(t, int64(3), r.Erased, "bob, and two reasons")
	require.Equal(t, int64(1), r.Kinds["tracescrub.approved"])
	require.NoError(t, w.Close())

	// The same in words, with a key as text, on a log that was cut and pruned.
	a.edit(a.last(), func(b []byte) []byte { return append(b, "torn"...) })
	w = a.open()
	_, err = w.Prune(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	out := a.ok("verify", "--key", strings.TrimSpace(string(a.read(files.Public))), "--checkpoint", older)
	for _, want := range []string{
		"log       example.com/audit in " + a.dir, "unsigned  0\n", "erased    ", "gaps      1\n", ": torn, nothing since 2", "verified: nothing is wrong\n",
	} {
		require.Contains(t, out, want)
	}
	require.NotContains(t, out, "pruned    0\n")
	require.Positive(t, a.report("--key", key).Pruned)
}

func TestAuditVerifySaysWhatItTrusted(t *testing.T) {
	a := newAuditLog(t)
	code, out, said := a.run("verify")
	require.Zero(t, code)
	require.Contains(t, out, "verified")
	require.Contains(t, said, "trusted "+a.path(files.Public)+" itself")
	require.True(t, a.report().OwnKeys)
	_, _, said = a.run("verify", "--key", a.keep(files.Public))
	require.Empty(t, said)
}

// TestAuditVerifyProgress: the bar is for terminals, and knows what is ahead.
func TestAuditVerifyProgress(t *testing.T) {
	a := newAuditLog(t)
	p := startProgress(&terminal{}, 0)
	defer p.stop()
	_, err := verifyWith(t.Context(), verify.Options{Directory: a.dir}, p)
	require.NoError(t, err)
	numbers, err := files.Segments(a.dir)
	require.NoError(t, err)
	var size int64
	for _, n := range numbers {
		size += int64(len(a.read(files.Segment(n))))
	}
	require.Equal(t, []int64{size, size}, []int64{p.read.Load(), p.total.Load()})
	_, _, said := a.run("verify", "--key", a.keep(files.Public))
	require.Empty(t, said)
}

func TestAuditWrongUse(t *testing.T) {
	a := newAuditLog(t)
	private := a.path(files.Private)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"no such command", []string{"verfy"}, "unknown command"},
		{"no log", []string{"verify", filepath.Join(a.data, "nothing")}, "no public key"},
		{"two directories", []string{"verify", a.dir, a.dir}, "unexpected argument"},
		{"no such key", []string{"verify", "--key", "nothing"}, "neither a public key nor a file"},
		{"a private key", []string{"verify", "--key", private}, "something else than public keys"},
		{"an empty key", []string{"verify", "--key", empty}, "is empty"},
		{"no such checkpoint", []string{"verify", "--checkpoint", "nothing"}, "--checkpoint: "},
		{"no checkpoints", []string{"verify", "--checkpoint", t.TempDir()}, "there are no files"},
		{"query no log", []string{"query", a.data}, "no audit log"},
		{"tail no log", []string{"tail", a.data}, "no audit log"},
		{"a time", []string{"query", "--since", "yesterday"}, "--since: use a day"},
		{"another time", []string{"query", "--until", "-3d"}, "--until: use a day"},
		{"a severity", []string{"query", "--severity", "bad"}, "use low, medium"},
		{"an item", []string{"query", "--item", "xyz1"}, "hex digits"},
		{"a trace", []string{"query", "--trace", "ab"}, "hex digits"},
		{"an actor", []string{"query", "--actor", "nobody"}, "does not know this subject"},
		{"a limit", []string{"query", "--limit", "-1"}, "must not be negative"},
		{"a number of lines", []string{"tail", "-n", "-1"}, "must not be negative"},
		{"no entry to prove", []string{"prove"}, "argument(s) missing"},
		{"no such entry", []string{"prove", "4711"}, "no such entry"},
		{"no such id", []string{"prove", strings.Repeat("f", 32)}, "no such entry"},
		{"no id", []string{"prove", "xyz"}, "is no id"},
		{"an item without decision", []string{"prove", "--item", strings.Repeat("f", 32)}, "there is no decision"},
		{"no proof", []string{"check-proof"}, "argument(s) missing"},
		{"no such proof", []string{"check-proof", "nothing"}, "no such file"},
		{"nowhere to export to", []string{"export"}, "--out: say where to"},
		{"no time to prune", []string{"prune"}, "--before: use a day"},
		{"nobody to ask, prune", []string{"prune", "--before", "1d"}, "nobody is here to ask; --yes"},
		{"nobody to ask, erase", []string{"erase-subject", alice}, "nobody is here to ask; --yes"},
		{"an unknown subject", []string{"erase-subject", "--yes", "nobody"}, "does not know this subject"},
		{"no subject", []string{"erase-subject", "--yes", "-"}, "there is no subject"},
		{"rotate no log", []string{"rotate-key", a.data}, "no audit log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, said := a.run(c.args...)
			require.Equal(t, exitWrong, code, said)
			require.Contains(t, said, c.says)
			require.NotContains(t, out+said, strings.TrimSpace(string(a.read(files.Private))))
		})
	}
	require.True(t, a.report().OK)
}

// TestAuditVerifyCheckpoints: an older checkpoint is taken in each form that
// the exporter publishes.
func TestAuditVerifyCheckpoints(t *testing.T) {
	a := newAuditLog(t)
	c, err := proof.Read(a.read(files.Checkpoint))
	require.NoError(t, err)
	c.Root[0] ^= 1 // signed by the key of the log, and not of this log
	forked, err := c.Sign(strings.TrimSpace(string(a.read(files.Private))))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint-1"), a.read(files.Checkpoint), 0o600))
	message, err := json.Marshal(map[string]any{"event": "checkpoint", "checkpoint": string(forked)})
	require.NoError(t, err)
	receipt := bytes.Replace([]byte(a.ok("prove", "0")), a.read(files.Checkpoint), forked, 1)
	require.True(t, a.report("--checkpoint", dir).OK)
	for name, b := range map[string][]byte{"as signed": forked, "in a message": message, "in a receipt": receipt} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kept")
			require.NoError(t, os.WriteFile(file, b, 0o600))
			r := a.report("--checkpoint", dir, "--checkpoint", file)
			require.Equal(t, []verify.Code{verify.Forked}, codes(r))
			require.Equal(t, file, r.Problems[0].File)
		})
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint-2"), forked, 0o600))
	require.Equal(t, []verify.Code{verify.Forked}, codes(a.report("--checkpoint", dir)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint-3"), []byte(`{"text":"x"}`), 0o600))
	code, _, said := a.run("verify", "--checkpoint", dir)
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, "checkpoint-3 has no checkpoint in it")
}

func TestPastTime(t *testing.T) {
	for in, want := range map[string]string{
		"2026-01-31":                "2026-01-31T00:00:00Z",
		"2026-01-31T12:00":          "2026-01-31T12:00:00Z",
		"2026-01-31T12:00:30":       "2026-01-31T12:00:30Z",
		"2026-01-31T12:00:00+02:00": "2026-01-31T10:00:00Z",
		"10d":                       "2026-01-31T12:00:00Z",
		"36h":                       "2026-02-09T00:00:00Z",
		"0d":                        "2026-02-10T12:00:00Z",
	} {
		at, err := pastTime(auditNow, in)
		require.NoError(t, err, in)
		require.Equal(t, want, at.Format(time.RFC3339))
	}
	for _, in := range []string{"", "d", "-1d", "1.5d", "-3h", "9999999d", "now", "2026-13-01", "10"} {
		_, err := pastTime(auditNow, in)
		require.ErrorIs(t, err, errTime, in)
	}
}
