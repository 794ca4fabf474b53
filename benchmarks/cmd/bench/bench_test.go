package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/record"
)

// one notes what a run cost.
func one(s sample) []figure.Figure {
	return []figure.Figure{{Table: "t", Row: "r", Col: "c", Unit: "s", Value: s.wall}}
}

func TestWrongAnswerEndsIt(t *testing.T) {
	c := &bench{name: "t, r, c", want: 2, run: func() (int, error) { return 1, nil }, note: one}
	_, err := measure("tests", []*bench{c}, 1, time.Nanosecond)
	require.ErrorContains(t, err, "t, r, c: found 1 secrets, want 2")
	broken := errors.New("broken")
	c.run = func() (int, error) { return 0, broken }
	_, err = measure("tests", []*bench{c}, 1, time.Nanosecond)
	require.ErrorIs(t, err, broken)
	c.run, c.after = func() (int, error) { return 2, nil }, func() error { return broken }
	_, err = measure("tests", []*bench{c}, 1, time.Nanosecond)
	require.ErrorIs(t, err, broken)
	c.after = nil
	all, err := measure("tests", []*bench{c}, 3, time.Nanosecond)
	require.NoError(t, err)
	require.Len(t, all, 3)
}

// TestCases runs each case once: the answers are right.
func TestCases(t *testing.T) {
	engine, err := engineCases()
	require.NoError(t, err)
	require.Len(t, engine, 6*len(sizes))
	texts, err := textCases()
	require.NoError(t, err)
	require.Greater(t, len(texts), 35)
	spans, err := spanCases(t.Context())
	require.NoError(t, err)
	require.Len(t, spans, len(shapes))
	some, names := 0, map[string]bool{}
	for _, c := range slices.Concat(engine, texts, spans) {
		require.NoError(t, c.check(), c.name)
		if c.after != nil {
			require.NoError(t, c.after(), c.name)
		}
		some += c.want
		require.False(t, names[c.name], "two cases are called %q", c.name)
		names[c.name] = true
	}
	require.Greater(t, some, 1000, "secrets in all cases")
}

// TestDoubled: the second engine has twice the rules of the first.
func TestDoubled(t *testing.T) {
	all, err := builds()
	require.NoError(t, err)
	s := sheet(record.Gather(all))
	once, twice := cell{buildTable, "built-in rules", "rules"}, cell{buildTable, "and as many again", "rules"}
	require.Greater(t, s.value(once), 200.0)
	require.InDelta(t, 2, s.ratio(twice, once), 0.01)
	for _, row := range s.rows(buildTable) {
		require.Greater(t, s.value(cell{buildTable, row, "heap"}), 1.0, row)
		require.Greater(t, s.value(cell{buildTable, row, "time"}), 0.0, row)
	}
}

func TestChoose(t *testing.T) {
	var o options
	require.NoError(t, o.choose(""))
	require.Len(t, o.parts, len(parts)-2)
	o.parts = nil
	require.NoError(t, o.choose("audit,soak,engine"))
	require.Len(t, o.parts, 3)
	require.Equal(t, "engine", o.parts[0].name)
	require.ErrorContains(t, o.choose("engine,motor"), `no part "motor"`)
}

// TestProfiles: the slowest come first, and nothing of the machine is kept.
func TestProfiles(t *testing.T) {
	const top = "File: bench\nBuild ID: 12ab\nType: cpu\nTime: 2026-01-02 03:04:05 UTC\nDuration: 2s, Total samples = 1s\n" +
		"Showing nodes accounting for 1s\nDropped 12 nodes (cum <= 0.01s)\n      flat  flat%\n     0.11s 45.83%  main.Scan\n"
	require.Equal(t, "Duration: 2s, Total samples = 1s\nShowing nodes accounting for 1s\n      flat  flat%\n     0.11s 45.83%  main.Scan\n", trim(top))
	var cases []*bench
	var all []figure.Figure
	for i, row := range []string{"a", "b", "c", "d"} {
		in := cell{"t", row, "x"}
		cases = append(cases, &bench{name: in.name()})
		all = append(all, in.figure("MB/s", float64(10-i)))
	}
	all = append(all, cell{"t", "a", "y"}.figure("ms", 1))
	require.Equal(t, []*bench{cases[3], cases[2], cases[1]}, slowest(cases, all))
}

// TestRun measures a part made for the test, twice: record, comparison and page are there.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README.md"), []byte("above\n"+begin+"old\n"+end+"below\n"), 0o600))
	v := 1.0
	audit := parts[len(parts)-1]
	audit.measure = func(context.Context, options) ([]figure.Figure, string, error) {
		v++
		return []figure.Figure{cell{auditTable, "a log", "p50"}.figure("ms", v)}, "the profile\n", nil
	}
	o := options{dir: dir, parts: []part{audit}, benchstat: "echo"}
	for _, day := range []int{2, 3} {
		require.NoError(t, run(t.Context(), o, time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)))
	}
	for file, want := range map[string]string{
		"README.md":                    "| a log | NaN | 3.00 | NaN |",
		"records/audit/2026-01-02.txt": "BenchmarkAudit/a_log/p50 1 2 ms\n",
		"records/audit/2026-01-03.txt": "BenchmarkAudit/a_log/p50 1 3 ms\n",
		"records/audit/profiles.txt":   "the profile\n",
		"records/audit/compared.txt":   "-table part before=",
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		require.Contains(t, string(text), want, file)
	}
	o.parts[0].measure = func(context.Context, options) ([]figure.Figure, string, error) { return nil, "", errors.New("broken") }
	require.ErrorContains(t, run(t.Context(), o, time.Now()), "audit: broken")
	o.page = true
	require.NoError(t, run(t.Context(), o, time.Now()))
	o.page, o.dir = false, filepath.Join(dir, "none")
	o.parts[0].measure, o.dry = audit.measure, true
	require.NoError(t, run(t.Context(), o, time.Now()), "dry needs no page")
}

// TestLastRecord: what was committed counts, and not what was measured since.
func TestLastRecord(t *testing.T) {
	dir := t.TempDir()
	save := func(date, commit string) {
		r := &record.Record{Part: "audit", Place: record.Place{Machine: "m", Go: "g", Commit: commit, Date: date}}
		_, err := r.Save(dir)
		require.NoError(t, err)
	}
	last := func() string {
		r, err := lastRecord(t.Context(), dir, "audit")
		require.NoError(t, err)
		require.NotNil(t, r)
		return r.Commit
	}
	r, err := lastRecord(t.Context(), dir, "audit")
	require.NoError(t, err)
	require.Nil(t, r)
	save("2026-01-02", "first")
	save("2026-01-01", "before")
	require.Equal(t, "first", last(), "without git, the last file")
	git := func(args ...string) {
		_, err := command(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		require.NoError(t, err)
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "nothing")
	require.Equal(t, "first", last(), "nothing is committed")
	git("add", ".")
	git("commit", "-q", "-m", "records")
	save("2026-01-02", "second")
	save("2026-01-03", "third")
	require.Equal(t, "first", last())
	git("commit", "-q", "-a", "-m", "again")
	require.Equal(t, "second", last())
}

func TestCompareFails(t *testing.T) {
	r := &record.Record{Part: "audit", Place: record.Place{Machine: "m", Go: "g", Commit: "c", Date: "2026-01-02"}}
	_, err := compare(t.Context(), "false", r, r)
	require.Error(t, err)
	_, err = compare(t.Context(), " ", r, r)
	require.ErrorContains(t, err, "no command")
}

// TestProgram: a program must print figures of every table it is asked for.
func TestProgram(t *testing.T) {
	line := `{"table":"a","row":"r","col":"c","unit":"u","value":1}`
	all, _, err := program(t.Context(), []string{"LINE=" + line}, []string{"a"}, "sh", "-c", `echo "$LINE"`)
	require.NoError(t, err)
	require.Len(t, all, 1)
	_, _, err = program(t.Context(), nil, []string{"a", "b"}, "echo", line)
	require.ErrorContains(t, err, `no figures of table "b"`)
	_, _, err = program(t.Context(), nil, nil, "echo", "no figure")
	require.ErrorContains(t, err, "reading a figure")
	_, _, err = program(t.Context(), nil, nil, "false")
	require.Error(t, err)
	require.True(t, strings.Contains(err.Error(), "false"))
}
