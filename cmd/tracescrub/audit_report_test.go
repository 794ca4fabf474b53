package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// TestAuditReport: the command writes a bundle of the log that the exporter
// wrote, and its exit code says whether that verified.
func TestAuditReport(t *testing.T) {
	a := newAuditLog(t)
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	said := a.ok("report", "--since", "2026-02-01", "--until", "2100-01-01", "--checkpoint", a.path(files.Checkpoint), "--out", out)
	require.Contains(t, said, "2 decisions of ")
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(out, name))
		require.NoError(t, err)
		return string(b)
	}
	require.Contains(t, text("summary.json"), `"made": "2026-02-10T12:00:00Z"`)
	require.Contains(t, text("summary.json"), `"ok": true`)
	require.NotContains(t, text("report.html")+text("summary.json")+text("decisions.csv")+text("entries.jsonl"), "alice")
	require.NoFileExists(t, filepath.Join(out, files.Subjects))
	require.NotContains(t, text("report.html"), "\x1b")

	code, _, complaint := a.run("report", "--out", out)
	require.Equal(t, exitWrong, code)
	require.Contains(t, complaint, "is there already")

	out = filepath.Join(parent, "names")
	a.ok("report", "--until", "2100-01-01", "--names", "--key", a.path(files.Public), "--out", out)
	require.Contains(t, text("report.html"), alice)
	require.Contains(t, text("summary.json"), `"own_keys": false`)
	require.FileExists(t, filepath.Join(out, files.Subjects))

	a.edit(a.last(), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	out = filepath.Join(parent, "changed")
	code, _, complaint = a.run("report", "--out", out)
	require.Equal(t, exitFindings, code, complaint)
	require.Contains(t, text("report.html"), "Not verified.")
}

// TestAuditReportOptions: wrong use is said, and nothing is written.
func TestAuditReportOptions(t *testing.T) {
	a := newAuditLog(t)
	out := filepath.Join(t.TempDir(), "out")
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"nowhere":       {nil, "--out: say where to"},
		"no time":       {[]string{"--out", out, "--since", "yesterday"}, "--since: use a day"},
		"no other time": {[]string{"--out", out, "--until", "-1d"}, "--until: use a day"},
		"backwards":     {[]string{"--out", out, "--since", "1d", "--until", "2d"}, "--since must be before --until"},
		"no silence":    {[]string{"--out", out, "--silence", "0s"}, "must be positive"},
		"no key":        {[]string{"--out", out, "--key", "nothing"}, "neither a public key nor a file"},
		"no checkpoint": {[]string{"--out", out, "--checkpoint", "nothing"}, "--checkpoint: "},
		"no log":        {[]string{"--out", out, a.data}, "no audit log"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, said := a.run(append([]string{"report"}, c.args...)...)
			require.Equal(t, exitWrong, code, said)
			require.Contains(t, said, c.says)
			require.NoFileExists(t, out)
		})
	}
}
