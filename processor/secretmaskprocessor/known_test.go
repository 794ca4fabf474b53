package secretmaskprocessor

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/zap"
)

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// body is what becomes of a log body.
func (h *harness) body(text string) string {
	ld, r := oneLog()
	r.Body().SetStr(text)
	return h.log(ld).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str()
}

// TestKnownSecrets: a dictionary is loaded at the start, refreshed, and kept
// when the new one is wrong.
func TestKnownSecrets(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(t)
	cfg.Known = KnownConfig{File: writeFile(t, dir, "known", "db-main\tsunny afternoon\n"), Refresh: time.Hour}
	h := start(t, cfg)
	ctx := context.Background()
	require.Contains(t, h.body("it was a sunny afternoon."), "it was a [MASKED:known-secret-db-main:")
	require.Contains(t, h.body("sunny%20afternoon"), "[MASKED:known-secret-db-main:")
	require.Equal(t, "rainy morning", h.body("rainy morning"))

	h.core.refresh(ctx)
	require.Zero(t, h.sum(metricPrefix+"known_secret_refreshes"), "nothing changed")

	writeFile(t, dir, "known", "short\nrainy morning\n")
	h.core.refresh(ctx)
	require.NotContains(t, h.body("sunny afternoon"), "sunny", "the old dictionary stays")
	require.Equal(t, "rainy morning", h.body("rainy morning"))
	require.Equal(t, int64(1), h.sum(metricPrefix+"known_secret_refreshes", "result=failure"))
	logged := h.logs.FilterMessageSnippet("cannot refresh known secrets").All()
	require.Len(t, logged, 1)
	require.Contains(t, logged[0].ContextMap()["error"], "known_secrets::file: line 1: a value of 5 bytes")
	require.NotContains(t, logged[0].ContextMap()["error"], "rainy")

	writeFile(t, dir, "known", "rainy morning\n")
	h.core.refresh(ctx)
	require.Contains(t, h.body("rainy morning"), "[MASKED:known-secret:")
	require.Equal(t, "sunny afternoon", h.body("sunny afternoon"))
	require.Equal(t, int64(1), h.sum(metricPrefix+"known_secret_refreshes", "result=success"))

	cfg.Rules.Packs = []string{writePack(t, dir, "own.yaml", "TSOLD")}
	h.core.reload(ctx)
	require.Contains(t, h.body("TSOLD-"+letters), "[MASKED:", "rules and dictionary are reloaded apart")
	require.Contains(t, h.body("rainy morning"), "[MASKED:known-secret:")
}

func TestKnownSecretsOnTime(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(t)
	cfg.Known = KnownConfig{File: writeFile(t, dir, "known", "sunny afternoon\n"), Refresh: time.Minute}
	synctest.Test(t, func(t *testing.T) {
		h := start(t, cfg)
		writeFile(t, dir, "known", "rainy morning\n")
		time.Sleep(90 * time.Second)
		synctest.Wait()
		require.Contains(t, h.body("rainy morning"), "[MASKED:known-secret:")
	})
}

func TestKnownSecretsOfACommand(t *testing.T) {
	cfg := testConfig(t)
	cfg.Known = KnownConfig{Command: []string{"/bin/sh", "-c", "printf 'sunny afternoon\\n'"}}
	h := start(t, cfg)
	require.Contains(t, h.body("a sunny afternoon"), "a [MASKED:known-secret:")
}

// TestKnownSecretsRefuseTheStart: without its dictionary nothing runs, and no
// message holds what the file or the command said.
func TestKnownSecretsRefuseTheStart(t *testing.T) {
	dir := t.TempDir()
	for name, k := range map[string]KnownConfig{
		"missing":        {File: filepath.Join(dir, "missing")},
		"empty":          {File: writeFile(t, dir, "empty", "\n")},
		"short":          {File: writeFile(t, dir, "short", "hush\n")},
		"failing":        {Command: []string{"/bin/sh", "-c", "echo hush; echo hush >&2; exit 3"}},
		"no such":        {Command: []string{filepath.Join(dir, "missing")}},
		"short, command": {Command: []string{"/bin/sh", "-c", "echo hush"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Known = k
			ctx := context.Background()
			set := processortest.NewNopSettings(componentType)
			p, err := NewFactory().CreateLogs(ctx, set, cfg, consumertest.NewNop())
			require.NoError(t, err)
			err = p.Start(ctx, componenttest.NewNopHost())
			require.ErrorContains(t, err, "known_secrets::")
			require.NotContains(t, err.Error(), "hush")
			require.NoError(t, p.Shutdown(ctx))
			_, err = cfg.MaskOptions(zap.NewNop())
			require.ErrorContains(t, err, "known_secrets::")
		})
	}
}

func TestKnownSecretsAreBounded(t *testing.T) {
	b := &cappedBuffer{limit: 10}
	_, err := b.Write([]byte(strings.Repeat("x", 10)))
	require.NoError(t, err)
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, errTooMuch)
}

func TestKnownConfig(t *testing.T) {
	cfg := testConfig(t)
	cfg.Known = KnownConfig{File: "a", Command: []string{""}, Refresh: -1}
	err := cfg.Validate()
	require.ErrorContains(t, err, "known_secrets: file and command exclude each other")
	require.ErrorContains(t, err, "known_secrets::command: the program")
	require.ErrorContains(t, err, "known_secrets::refresh: must not be negative")
}
