package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/control"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
)

func write(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	return name
}

// TestAuditProof: a proof of each entry is checked without the log; no proof
// proves anything else.
func TestAuditProof(t *testing.T) {
	a := newAuditLog(t)
	key := a.keep(files.Public)
	lines := strings.SplitAfter(a.ok("query", "--json"), "\n")
	lines = lines[:len(lines)-1]
	var proofs []string
	for seq := range lines {
		proofs = append(proofs, write(t, []byte(a.ok("prove", strconv.Itoa(seq)))))
	}
	decision := filepath.Join(t.TempDir(), "decision")
	require.Empty(t, a.ok("prove", "--item", itemA, "-o", decision))
	byID := write(t, []byte(a.ok("prove", entryID(t, lines[4]))))
	raw := a.segmentLines()
	require.NoError(t, os.RemoveAll(a.dir)) // the log is not needed any more

	for seq, file := range proofs {
		out := a.ok("check-proof", "--key", key, file)
		require.Contains(t, out, "proven: entry "+strconv.Itoa(seq)+" of the "+strconv.Itoa(len(lines))+" of example.com/audit\n")
		var p proven
		require.NoError(t, json.Unmarshal([]byte(a.ok("check-proof", "--json", "--key", key, "--entry", write(t, raw[seq]), file)), &p))
		require.True(t, p.OK)
		require.Equal(t, int64(len(lines)), p.Size)
		require.EqualValues(t, seq, p.Entry["seq"])
	}
	require.Contains(t, a.ok("check-proof", "--key", key, decision), "  approved  ")
	require.Contains(t, a.ok("check-proof", "--key", key, byID), "proven: entry 4 ")
	stdin, err := os.ReadFile(decision)
	require.NoError(t, err)
	a.in = string(stdin)
	require.Contains(t, a.ok("check-proof", "--key", key, "-"), "  approved  ")

	t.Run("refused", func(t *testing.T) { refusedProofs(t, a, key, proofs, raw) })
}

// refusedProofs are the ways to use a proof for something that it does not prove.
func refusedProofs(t *testing.T, a *auditLog, key string, proofs []string, raw [][]byte) {
	t.Helper()
	third, err := os.ReadFile(proofs[3])
	require.NoError(t, err)
	_, other, err := proof.NewKey("example.com/audit", nil)
	require.NoError(t, err)
	extra := func(line []byte) []byte {
		r, err := proof.ParseReceipt(third)
		require.NoError(t, err)
		r.Extra = line
		return r.Marshal()
	}
	changed := bytes.Replace(bytes.TrimSpace(raw[3]), []byte(`"kind":"tracescrub.`), []byte(`"kind":"tracescrub.x`), 1)
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"for another entry", []string{"--key", key, "--entry", write(t, raw[4]), proofs[3]}, "is for entry 3, not for entry 4"},
		{"with another entry in it", []string{"--key", key, write(t, extra(bytes.TrimSpace(raw[4])))}, "is for entry 3, not for entry 4"},
		{"with an entry that was changed", []string{"--key", key, write(t, extra(changed))}, "the entry is not entry 3 of the log"},
		{"for an entry that was changed", []string{"--key", key, "--entry", write(t, changed), proofs[3]}, "the entry is not entry 3 of the log"},
		{"with the number of another", []string{"--key", key, write(t, bytes.Replace(third, []byte("index 3\n"), []byte("index 4\n"), 1))}, "is for entry 4, not for entry 3"},
		{"of another key", []string{"--key", other, proofs[3]}, "no key that is trusted"},
		{"with an edited checkpoint", []string{"--key", key, write(t, bytes.Replace(third, []byte("\nexample.com/audit\n1"), []byte("\nexample.com/audit\n2"), 1))}, "no key that is trusted"},
		{"nothing", []string{"--key", key, write(t, nil)}, "no tlog-proof"},
		{"with a line more", []string{"--key", key, write(t, bytes.Replace(third, []byte("index 3\n"), []byte("index 3\n\x1b[2J\n"), 1))}, "hash is not in its form"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, _ := a.run(append([]string{"check-proof"}, c.args...)...)
			require.Equal(t, exitFindings, code)
			require.Contains(t, out, "NOT proven: receipt: ")
			require.Contains(t, out, c.says)
			code, out, _ = a.run(append([]string{"check-proof", "--json"}, c.args...)...)
			require.Equal(t, exitFindings, code)
			require.Contains(t, out, `"ok": false`)
		})
	}
}

func entryID(t *testing.T, line string) string {
	t.Helper()
	var e struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(line), &e))
	return e.ID
}

// segmentLines are the entries as written, with LF.
func (a *auditLog) segmentLines() (lines [][]byte) {
	a.t.Helper()
	numbers, err := files.Segments(a.dir)
	require.NoError(a.t, err)
	for _, n := range numbers {
		for line := range bytes.Lines(a.read(files.Segment(n))) {
			lines = append(lines, bytes.Clone(line))
		}
	}
	return lines
}

// TestAuditProveDamaged: a log that does not hold what it signed proves nothing.
func TestAuditProveDamaged(t *testing.T) {
	a := newAuditLog(t)
	a.edit(files.Hashes, func(b []byte) []byte { b[0] ^= 1; return b })
	code, out, said := a.run("prove", "1")
	require.Equal(t, exitFindings, code)
	require.Empty(t, out)
	require.Contains(t, said, "the entry is not entry 1 of the log")
	require.Contains(t, said, "tracescrub audit verify")
}

// TestAuditProofHandover: who trusts a key that gave way checks later proofs
// with the handover, and takes nothing that it signed afterwards.
func TestAuditProofHandover(t *testing.T) {
	a := newAuditLog(t)
	first, retired := a.keep(files.Public), strings.TrimSpace(string(a.read(files.Private)))
	before := write(t, []byte(a.ok("prove", "3")))
	a.ok("rotate-key")
	over := a.keep(files.Handover(1))
	after := write(t, []byte(a.ok("prove", "3")))
	c, err := proof.Read(a.read(files.Checkpoint))
	require.NoError(t, err)
	signed, err := c.Sign(retired)
	require.NoError(t, err)
	b, err := os.ReadFile(after)
	require.NoError(t, err)
	late := write(t, bytes.Replace(b, a.read(files.Checkpoint), signed, 1))
	for _, x := range []struct {
		name, file, says string
		args             []string
	}{
		{"before, the old key", before, "", []string{"--key", first}},
		{"before, the old key and the handover", before, "", []string{"--key", first, "--handover", over}},
		{"before, the log's own keys", before, "", nil},
		{"after, the old key", after, "no key that is trusted", []string{"--key", first}},
		{"after, the old key and the handover", after, "", []string{"--key", first, "--handover", over}},
		{"after, the log's own keys", after, "", nil},
		{"signed late", late, "had given way before", []string{"--key", first, "--handover", over}},
		{"signed late, the log's own keys", late, "had given way before", nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			code, out, said := a.run(append(append([]string{"check-proof"}, x.args...), x.file)...)
			require.Equal(t, x.args == nil, strings.Contains(said, "itself: who could write there"))
			if x.says == "" {
				require.Zero(t, code, out)
				return
			}
			require.Equal(t, exitFindings, code)
			require.Contains(t, out, x.says)
		})
	}
	code, _, said := a.run("check-proof", "--key", first, "--handover", first, after)
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, "--handover: "+first+": ")
}

// TestAuditProveUnsigned: what no checkpoint covers is covered by asking who writes.
func TestAuditProveUnsigned(t *testing.T) {
	a := newAuditLog(t)
	w := a.open()
	a.append(w, auditlog.Event{Kind: "tracescrub.stopped", Time: auditNow})
	seq := seqOf(a, "stopped")
	code, _, said := a.run("prove", seq)
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, "is not among the")
	s, err := control.Serve(a.dir, w)
	require.NoError(t, err)
	r, err := proof.ParseReceipt([]byte(a.ok("prove", seq)))
	require.NoError(t, err)
	require.Equal(t, seq, strconv.FormatInt(r.Index, 10))
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, w.Close())
}

// TestAuditMaintain does what changes a log by the process that writes it, and
// by the command itself.
func TestAuditMaintain(t *testing.T) {
	for _, how := range []string{"by who writes", "alone", "alone, with a key elsewhere"} {
		t.Run(how, func(t *testing.T) {
			a := newAuditLog(t)
			key := a.keep(files.Public)
			receipt := write(t, []byte(a.ok("prove", "--item", itemA)))
			switch how {
			case "by who writes":
				w := a.open()
				s, err := control.Serve(a.dir, w)
				require.NoError(t, err)
				defer func() {
					require.NoError(t, s.Close(context.Background()))
					require.NoError(t, w.Close())
					require.True(t, a.report("--key", key).OK)
				}()
			case "alone, with a key elsewhere":
				require.NoError(t, os.Mkdir(filepath.Join(a.data, "keys"), 0o700))
				require.NoError(t, os.Rename(a.path(files.Private), filepath.Join(a.data, "keys", "audit.key")))
			}
			require.Equal(t, "erased what 3 commitments stood for\n", a.ok("erase-subject", "--yes", bob))
			require.NotContains(t, string(a.read(files.Subjects)), bob)
			require.Equal(t, int64(3), a.report().Erased)
			code, _, said := a.run("erase-subject", "--yes", bob)
			require.Equal(t, exitWrong, code)
			require.Contains(t, said, "does not know this subject")

			before := strings.TrimSpace(string(a.read(files.Public)))
			after := strings.TrimSpace(a.ok("rotate-key"))
			require.NotEqual(t, before, after)
			require.Equal(t, before+"\n"+after+"\n", string(a.read(files.Public)))
			require.True(t, a.report("--key", before).OK, "who trusts the old key")
			require.True(t, a.report("--key", after).OK, "who trusts the new key")

			kept, err := records.Open(a.dir).Put(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), []byte("masked"))
			require.NoError(t, err)
			require.Equal(t, "removed 1 records\n", a.ok("prune", "--before", "2026-01-31", "--records", "--yes"))
			_, err = records.Open(a.dir).Get(kept[0])
			require.ErrorIs(t, err, records.ErrGone)
			require.Equal(t, "removed 0 segments\nremoved 0 records\n", a.ok("prune", "--before", "2026-01-31", "--yes"))
			require.Zero(t, a.report().Pruned)
			require.Regexp(t, `^removed [1-9]\d* segments\n`, a.ok("prune", "--before", "9999-01-01", "--yes"))
			r := a.report("--key", before, "--checkpoint", receipt)
			require.True(t, r.OK)
			require.Positive(t, r.Pruned)
			require.Contains(t, a.ok("check-proof", "--key", before, receipt), "approved", "a receipt outlives its entry")
		})
	}
}

// TestAuditMaintainRefuses: no command makes a log, or goes on with another key.
func TestAuditMaintainRefuses(t *testing.T) {
	a, other := newAuditLog(t), newAuditLog(t)
	foreign := other.path(files.Private)
	for name, args := range map[string][]string{
		"the key of another log":  {"--key-file", foreign},
		"no key":                  {"--key-file", a.path(files.Checkpoint)},
		"a key that is not there": {"--key-file", filepath.Join(a.data, "nothing")},
	} {
		code, _, said := a.run(append([]string{"rotate-key"}, args...)...)
		require.Equal(t, exitWrong, code, name)
		require.NotContains(t, said, "PRIVATE+KEY", name)
	}
	old := write(t, a.read(files.Private))
	a.ok("rotate-key")
	code, _, said := a.run("rotate-key", "--key-file", old)
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, "is not the key that signs this log")
	require.NoError(t, os.Remove(a.path(files.Private)))
	code, _, said = a.run("rotate-key")
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, "its private key is not there")
	require.True(t, a.report().OK)
	_, err := os.Stat(filepath.Join(a.data, "keys"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestAuditAsks: on a terminal what cannot be undone is asked about.
func TestAuditAsks(t *testing.T) {
	a := newAuditLog(t)
	a.tty = true
	for _, args := range [][]string{{"erase-subject", alice}, {"prune", "--before", "9999-01-01"}} {
		for _, answer := range []string{"", "n\n", "\n"} {
			a.in = answer
			code, _, said := a.run(args...)
			require.Equal(t, exitWrong, code)
			require.Contains(t, said, "? [y/N] ")
			require.Contains(t, said, "nothing was done")
		}
	}
	r := a.report()
	require.Zero(t, r.Erased+r.Pruned)
	a.in = "y\n"
	a.ok("erase-subject", alice)
	require.Positive(t, a.report().Erased)
	a.in = bob + "\ny\n"
	a.tty = false
	a.ok("erase-subject", "--yes", "-")
	require.NotContains(t, string(a.read(files.Subjects)), bob)
	require.True(t, a.report().OK)
}

func TestAuditExport(t *testing.T) {
	a := newAuditLog(t)
	out := filepath.Join(t.TempDir(), "tiles")
	first := a.ok("export", "--out", out)
	b, err := os.ReadFile(filepath.Join(out, "checkpoint"))
	require.NoError(t, err)
	require.Equal(t, a.read(files.Checkpoint), b)
	w := a.open()
	require.NoError(t, w.Close())
	require.NotEqual(t, first, a.ok("export", "--out", out), "is continued")
	again := a.ok("export", "--out", out)
	c, err := proof.Read(a.read(files.Checkpoint))
	require.NoError(t, err)
	require.Equal(t, strconv.FormatInt(c.Size, 10)+" entries of example.com/audit are in "+out+"\n", again)
	code, _, said := newAuditLog(t).run("export", "--out", out)
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, "exporting the audit log")
}
