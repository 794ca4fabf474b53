package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// kinds are those of the entries that a command wrote as JSON.
func kinds(t *testing.T, out string) (all []string) {
	t.Helper()
	for line := range strings.Lines(out) {
		var e struct{ Kind string }
		require.NoError(t, json.Unmarshal([]byte(line), &e))
		if !entry.Own(e.Kind) {
			all = append(all, strings.TrimPrefix(e.Kind, kindPrefix))
		}
	}
	return all
}

func TestAuditQuery(t *testing.T) {
	a := newAuditLog(t)
	table, err := subjects.Load(a.dir, nil)
	require.NoError(t, err)
	all := []string{"started", "held", "held", "viewed", "voted", "voted", "approved", "released", "denied", "shredded"}
	ofA := []string{"held", "viewed", "voted", "voted", "approved", "released"}
	ofB := []string{"held", "denied", "shredded"}
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"since", []string{"--since", "2026-01-31T12:09"}, []string{"denied", "shredded", "masked"}},
		{"until", []string{"--until", "2026-01-31T12:03"}, all[:2]},
		{"both", []string{"--since", "2026-01-31T12:05", "--until", "2026-01-31T12:06"}, []string{"voted"}},
		{"how long ago", []string{"--since", "9d", "--until", "1h"}, nil},
		{"kind", []string{"--kind", "voted"}, []string{"voted", "voted"}},
		{"kind, whole", []string{"--kind", "tracescrub.approved,tracescrub.denied"}, []string{"approved", "denied"}},
		{"kind, pattern", []string{"--kind", "re*", "--kind", "sh?edded"}, []string{"released", "shredded"}},
		{"rule", []string{"--rule", "github-*"}, ofA},
		{"rule of a finding only", []string{"--rule", "odd-one"}, []string{"held"}},
		{"service", []string{"--service", "check*"}, ofA},
		{"trace", []string{"--trace-id", trace}, ofA},
		{"trace, beginning", []string{"--trace", "EEEE"}, ofB},
		{"item", []string{"--item", itemB}, ofB},
		{"item, beginning", []string{"--item", itemA[:8]}, ofA},
		{"severity", []string{"--severity", "high"}, ofA},
		{"severity, all", []string{"--severity", "low"}, all[1:]},
		{"actor, votes in a list as well", []string{"--actor", alice}, []string{"viewed", "voted", "approved"}},
		{"actor by commitment", []string{"--actor", table.Owned(bob)[2]}, []string{"voted", "approved", "denied"}},
		{"producer", []string{"--actor", "producer of A"}, []string{"held"}},
		{"joined", []string{"--actor", bob, "--item", itemB}, []string{"denied"}},
		{"nothing", []string{"--actor", bob, "--kind", "viewed"}, nil},
		{"limit", []string{"--item", itemA, "--limit", "2"}, ofA[:2]},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"query"}, c.args...)
			if !slices.Contains(args, "--until") { // what the log tells of itself happened later
				args = append(args, "--until", "2026-02-01")
			}
			require.Equal(t, c.want, kinds(t, a.ok(append(args, "--json")...)))
			lines := strings.Split(a.ok(args...), "\n")
			if c.want == nil {
				require.Equal(t, []string{""}, lines)
				return
			}
			require.Equal(t, auditHeader, lines[0])
			for i, kind := range c.want {
				require.Equal(t, kind, strings.Fields(lines[i+1])[2])
			}
			require.Len(t, lines, len(c.want)+2)
		})
	}
	_, out, said := a.run("query", "--kind", "nothing")
	require.Empty(t, out)
	require.Equal(t, "tracescrub: no entries\n", said)
}

// TestAuditQueryNames: people stand in the log and in the output as commitments,
// unless they are asked for, and not after they were erased.
func TestAuditQueryNames(t *testing.T) {
	a := newAuditLog(t)
	for _, asJSON := range [][]string{nil, {"--json"}} {
		query := func(args ...string) string { return a.ok(append(append([]string{"query"}, args...), asJSON...)...) }
		plain := query()
		require.NotContains(t, plain, "id.example.com")
		require.NotContains(t, plain, "revoked")
		require.Contains(t, plain, "subject:")
		require.Contains(t, plain, "text:")
		named := query("--names")
		require.Contains(t, named, bob)
		require.Contains(t, named, "revoked")
		require.NotContains(t, named, "subject:")
	}
	a.ok("erase-subject", "--yes", bob)
	named := a.ok("query", "--names", "--json")
	require.Contains(t, named, alice)
	require.NotContains(t, named, bob)
	require.NotContains(t, named, "revoked")
}

// TestAuditSpoofedCommitment: telemetry that looks like a commitment names
// nobody, and is told as the text that it is.
func TestAuditSpoofedCommitment(t *testing.T) {
	a := newAuditLog(t)
	table, err := subjects.Load(a.dir, nil)
	require.NoError(t, err)
	owned := table.Owned(alice)
	commitment := owned[len(owned)-1]
	require.True(t, strings.HasPrefix(commitment, "subject:"))
	w := a.open()
	a.append(w, auditlog.Event{Kind: "tracescrub.passed", Time: auditNow, Attributes: map[string]any{
		"tracescrub.service": commitment, "tracescrub.rules": []string{commitment},
	}})
	require.NoError(t, w.Close())
	require.Equal(t, []string{"viewed", "voted", "approved"}, kinds(t, a.ok("query", "--json", "--actor", alice)))
	for _, args := range [][]string{{"--names"}, {"--names", "--json"}} {
		out := a.ok(append([]string{"query", "--kind", "passed"}, args...)...)
		require.NotContains(t, out, "alice")
		require.Equal(t, 2, strings.Count(out, commitment))
	}
	a.ok("erase-subject", "--yes", alice)
	require.Equal(t, []string{"viewed", "voted", "approved"}, kinds(t, a.ok("query", "--json", "--actor", commitment)))
	require.Contains(t, a.ok("query", "--json", "--actor", commitment), entry.Erased)
}

// TestAuditInert: nothing that comes from telemetry or from people can steer a
// terminal, however entries are written.
func TestAuditInert(t *testing.T) {
	a := newAuditLog(t)
	seen := 0
	for _, tty := range []bool{false, true} {
		a.tty = tty
		for _, args := range [][]string{
			{"query"},
			{"query", "--json"},
			{"query", "--names"},
			{"query", "--names", "--json"},
			{"tail", "-n", "100"},
			{"tail", "-n", "100", "--json", "--names"},
		} {
			out := a.ok(args...)
			for _, r := range out {
				if r != '\n' && (r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e) {
					t.Fatalf("%v, terminal %v: U+%04X comes out", args, tty, r)
				}
			}
			if strings.Contains(out, `\u202e`) {
				seen++
			}
			if slices.Contains(args, "--json") {
				for line := range strings.Lines(out) {
					require.True(t, json.Valid([]byte(line)))
				}
			}
			if tty && !slices.Contains(args, "--json") {
				for line := range strings.Lines(out) {
					require.LessOrEqual(t, len([]rune(line)), 101)
				}
			}
		}
	}
	require.Greater(t, seen, 6, "the character is said, by its code")
	a.tty = false
	number := seqOf(a, "masked")
	proof := t.TempDir() + "/proof"
	a.ok("prove", number, "--output", proof)
	out := a.ok("check-proof", "--key", a.path(files.Public), proof)
	require.NotContains(t, out, "\x1b")
	require.Contains(t, out, `\u001b`)
}

// seqOf is the number of the first entry of a kind.
func seqOf(a *auditLog, kind string) string {
	a.t.Helper()
	var e struct {
		Seq json.Number `json:"seq"`
	}
	require.NoError(a.t, json.Unmarshal([]byte(a.ok("query", "--json", "--limit", "1", "--kind", kind)), &e))
	return e.Seq.String()
}

func TestAuditQueryBrokenLine(t *testing.T) {
	a := newAuditLog(t)
	a.edit(a.last(), func(b []byte) []byte { b[0] = 'x'; return b })
	code, out, said := a.run("query")
	require.Equal(t, exitWrong, code)
	require.Contains(t, said, a.last()+": at byte 0: ")
	require.NotEmpty(t, out, "what is before it comes out")
}

func TestAuditTail(t *testing.T) {
	a := newAuditLog(t)
	every := strings.SplitAfter(a.ok("query", "--json"), "\n")
	every = every[:len(every)-1]
	for _, n := range []int{0, 1, 3, len(every), len(every) + 5, math.MaxInt} {
		want := strings.Join(every[max(0, len(every)-n):], "")
		require.Equal(t, want, a.ok("tail", "--json", "-n", strconv.Itoa(n)))
	}
	require.Equal(t, strings.Join(every[len(every)-10:], ""), a.ok("tail", "--json"))
	require.Equal(t, []string{"denied", "shredded"}, kinds(t, a.ok("tail", "--json", "-n", "2", "--item", itemB)))
	// Without a checkpoint, and with lines that none covers.
	w := a.open()
	a.append(w, auditlog.Event{Kind: "tracescrub.stopped", Time: auditNow})
	require.Equal(t, []string{"stopped"}, kinds(t, a.ok("tail", "--json", "-n", "1")))
	require.NoError(t, w.Close())
	require.NoError(t, os.Remove(a.path(files.Checkpoint)))
	require.Len(t, strings.Split(a.ok("tail", "--json", "-n", "3"), "\n"), 4)
}

// TestAuditTailFollow: entries come as they are written, those only that the
// filters choose, until somebody has enough.
func TestAuditTailFollow(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a := newAuditLog(t)
	l, err := read.Open(a.dir)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	out := &shared{}
	v := &auditView{auditFilter: auditFilter{kinds: []string{"voted"}}}
	ended := make(chan error, 1)
	go func() {
		ended <- runAuditTail(ctx, l, &auditLines{t: &terminal{}, out: out, asJSON: true}, v, 1, true)
	}()
	w := a.open()
	want := 1 // the last that was there
	for range 20 {
		at := auditNow.Add(time.Duration(want)) // the same again would not be logged twice
		a.append(w, auditlog.Event{Kind: "tracescrub.voted", Time: at}, auditlog.Event{Kind: "tracescrub.viewed", Time: at})
		want++
	}
	require.Eventually(t, func() bool { return strings.Count(out.String(), "\n") == want }, time.Minute, time.Millisecond)
	cancel()
	require.NoError(t, <-ended, "an interrupt is how it ends")
	require.NoError(t, w.Close())
	require.Equal(t, slices.Repeat([]string{"voted"}, want), kinds(t, out.String()))
}
