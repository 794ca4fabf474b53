package secretmaskprocessor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// TestReload changes a pack, breaks it, removes it, and repairs it.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(t)
	file := writePack(t, dir, "own.yaml", "TSOLD")
	cfg.Rules.Packs = []string{filepath.Join(dir, "*.yaml")}
	cfg.Rules.ReloadInterval = time.Hour
	h := start(t, cfg)
	masked := func(text string) bool {
		ld, r := oneLog()
		r.Body().SetStr(text)
		return h.log(ld).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str() != text
	}
	policy := func() string { return h.core.state.Load().policy }
	ctx := context.Background()
	before := policy()
	require.True(t, masked("TSOLD-"+letters))
	require.False(t, masked("TSNEW-"+letters))

	h.core.reload(ctx)
	require.Zero(t, h.sum(metricPrefix+"reloads"), "nothing changed")

	writePack(t, dir, "more.yaml", "TSNEW")
	h.core.reload(ctx)
	require.True(t, masked("TSNEW-"+letters))
	require.True(t, masked("TSOLD-"+letters))
	require.Equal(t, int64(1), h.sum(metricPrefix+"reloads", "result=success"))
	require.NotEqual(t, before, policy(), "the stamp names other rules")

	require.NoError(t, os.Remove(file))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "more.yaml"), []byte("version: 1\nname: x\nrules: ["), 0o600))
	during := policy()
	for range 3 {
		h.core.reload(ctx)
	}
	require.True(t, masked("TSNEW-"+letters), "all or nothing")
	require.True(t, masked("TSOLD-"+letters))
	require.Equal(t, during, policy())
	require.Equal(t, int64(3), h.sum(metricPrefix+"reloads", "result=failure"))
	require.Equal(t, 1, h.logs.FilterMessageSnippet("cannot reload rule packs").Len(), "the log is limited")

	require.NoError(t, os.Remove(filepath.Join(dir, "more.yaml")))
	h.core.reload(ctx)
	require.True(t, masked("TSOLD-"+letters), "rules do not go because their files are gone")

	writePack(t, dir, "own.yaml", "TSLAST")
	h.core.reload(ctx)
	require.True(t, masked("TSLAST-"+letters))
	require.False(t, masked("TSOLD-"+letters))
	require.Equal(t, int64(2), h.sum(metricPrefix+"reloads", "result=success"))
}

// TestReloadOnTime runs the reloader in a bubble of time.
func TestReloadOnTime(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(t)
	cfg.Rules.Packs = []string{writePack(t, dir, "own.yaml", "TSOLD")}
	synctest.Test(t, func(t *testing.T) {
		h := start(t, cfg)
		time.Sleep(45 * time.Second)
		synctest.Wait()
		before := h.core.state.Load()
		writePack(t, dir, "own.yaml", "TSNEW")
		time.Sleep(cfg.Rules.ReloadInterval)
		synctest.Wait()
		require.NotSame(t, before, h.core.state.Load())
		require.Equal(t, int64(1), h.sum(metricPrefix+"reloads", "result=success"))
	})
}

// TestReloadUnderLoad: batches go on while the rules change; the race detector looks on.
func TestReloadUnderLoad(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(t)
	cfg.Rules.Builtin = false
	writePack(t, dir, "own.yaml", "TSOLD")
	cfg.Rules.Packs = []string{filepath.Join(dir, "*.yaml")}
	h := start(t, cfg)
	stop := make(chan struct{})
	done := make(chan error)
	go func() {
		p := &instance{core: h.core}
		for {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			ld := plog.NewLogs()
			r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			r.Body().SetStr("TSOLD-" + letters)
			if _, err := p.logs(context.Background(), ld); err != nil || r.Body().Str() == "TSOLD-"+letters {
				done <- os.ErrInvalid
				return
			}
		}
	}()
	for i := range 10 {
		writePack(t, dir, "more.yaml", "TSNEW"+letters[i:i+1])
		h.core.reload(context.Background())
	}
	close(stop)
	require.NoError(t, <-done)
	require.Equal(t, int64(10), h.sum(metricPrefix+"reloads", "result=success"))
}
