package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/replay/replaytest"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
)

func newReplayLog(t *testing.T) *auditLog {
	t.Helper()
	a := &auditLog{t: t, data: t.TempDir()}
	a.dir = filepath.Join(a.data, "audit")
	require.NoError(t, replaytest.Write(t.Context(), a.dir, replaytest.Session()...))
	return a
}

// TestAuditReplayWrong: what should not be in a log makes the exit code 1, and
// the rest comes out all the same, whatever form it has.
func TestAuditReplayWrong(t *testing.T) {
	item := []string{"replay", "--item", replaytest.Item}
	whole := newReplayLog(t)
	whole.ok(item...)

	record := newReplayLog(t)
	paths, err := filepath.Glob(record.path(records.Directory) + "/*/*")
	require.NoError(t, err)
	for _, p := range paths {
		require.NoError(t, os.WriteFile(p, []byte("changed"), 0o600))
	}
	removed := newReplayLog(t)
	require.NoError(t, os.RemoveAll(removed.path(records.Directory)))
	line := newReplayLog(t)
	nothing := newReplayLog(t)
	numbers, err := files.Segments(line.dir)
	require.NoError(t, err)
	for _, n := range numbers {
		name := files.Segment(n)
		b := line.read(name)
		require.NoError(t, os.WriteFile(line.path(name), bytes.Replace(b, []byte(`"kind":"tracescrub.viewed"`), []byte(`"kind":"tracescrub.viewed" `), 1), 0o600))
		require.NoError(t, os.WriteFile(nothing.path(name), bytes.ReplaceAll(nothing.read(name), []byte(`{"attributes"`), []byte(`{ "attributes"`)), 0o600))
	}
	for name, c := range map[string]struct {
		log  *auditLog
		code int
		says string
	}{
		"a record was changed":     {record, exitFindings, "it is not what its entry says"},
		"records are gone":         {removed, exitDone, ""},
		"a line is no entry":       {line, exitFindings, "segment-"},
		"all that was is no entry": {nothing, exitFindings, "segment-"},
		"nothing is wrong with it": {whole, exitDone, ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, said := c.log.run(item...)
			require.Equal(t, c.code, code, said)
			require.Contains(t, said, c.says)
			require.Equal(t, c.says == "", said == "")
			require.Equal(t, c.log != nothing, strings.Contains(out, "denied") || strings.Contains(out, "released as masked"))
			code, out, _ = c.log.run(append(item, "--json")...)
			require.Equal(t, c.code, code)
			require.Equal(t, c.log != nothing, json.Valid([]byte(out)))
			page := filepath.Join(t.TempDir(), "page.html")
			code, _, _ = c.log.run(append(item, "--html", page)...)
			require.Equal(t, c.code, code)
			if c.log != nothing {
				require.FileExists(t, page)
			}
		})
	}
}

// TestAuditReplayTerminal: on a terminal there are colours, and no line is
// longer than it is wide; NO_COLOR and a pipe have none.
func TestAuditReplayTerminal(t *testing.T) {
	a := newReplayLog(t)
	plain := a.ok("replay", "--trace-id", replaytest.Trace)
	require.NotContains(t, plain, "\x1b")
	a.tty = true
	out := a.ok("replay", "--trace-id", replaytest.Trace)
	require.Contains(t, out, "\x1b[1mWhat happened\x1b[0m")
	require.Contains(t, out, "\x1b[1;31mcritical")
	for line := range strings.Lines(out) {
		line = strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "", "\x1b[1;31m", "", "\n", "").Replace(line)
		require.LessOrEqual(t, screen.Width(line), 100)
		require.NotContains(t, line, "\x1b")
	}
}
