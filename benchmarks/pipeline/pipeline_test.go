package pipeline

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/internal/release"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *Pipeline {
	t.Helper()
	dir := t.TempDir()
	p, err := Start(t.Context(), dir, map[string]any{"local": map[string]any{"directory": filepath.Join(dir, "quarantine")}})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Shutdown(context.Background()))
		http.DefaultClient.CloseIdleConnections()
	})
	return p
}

// TestMeasures: all that is measured has the right answer, and is measured.
func TestMeasures(t *testing.T) {
	p := start(t)
	positive := func(all []figure.Figure, err error) {
		t.Helper()
		require.NoError(t, err)
		require.NotEmpty(t, all)
		for _, f := range all {
			require.Positive(t, f.Value, "%s, %s", f.Row, f.Col)
		}
	}
	for i, l := range Loads {
		l.Requests = 3
		positive(p.Hold(t.Context(), "local", l, uint64(i)))
	}
	positive(p.Beside(t.Context(), "local", 10))
	for i, mode := range []string{release.ModeMasked, release.ModeOriginal} {
		positive(p.Release(t.Context(), "local", mode, 10_000, 3, 20+uint64(i)))
	}
	require.Positive(t, p.Events.Load())
}

// TestWrongAnswers: what is not held although it should be is an error, and so
// is what does not arrive as it was.
func TestWrongAnswers(t *testing.T) {
	p := start(t)
	m := newMaker(1, 1000)
	sent := []made{m.clean()}
	sent[0].secret, sent[0].text = "x", "not what was sent"
	require.NoError(t, p.sendAll(t.Context(), 1, sent, make([]time.Duration, 1)))
	require.ErrorContains(t, p.check(sent, release.ModeOriginal), "not as it was")
	require.ErrorContains(t, p.check(sent, release.ModeMasked), "did not arrive")
	require.NoError(t, p.await(t.Context(), 0), "the gate reads its store")
	_, err := p.newest(t.Context(), 1)
	require.ErrorContains(t, err, "the list has 0 items")
}
