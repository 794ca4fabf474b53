package secretmaskprocessor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/unseal"
)

// failing is a sealer that has trouble.
type failing struct{ err error }

func (f failing) Capsule() (envelope.Capsule, *seal.Closer, error) {
	return envelope.Capsule{}, nil, f.err
}

// TestSealingFails: nothing goes on, and the sender may try again.
func TestSealingFails(t *testing.T) {
	cfg := byName(t)
	newVault(t, cfg)
	h := start(t, cfg)
	good := h.core.seal.Load()
	var bad sealer = failing{errors.New("no entropy")}
	h.core.seal.Store(&bad)
	batch := newSpans(t).resource("").span(1, "hold").span(2, "mask").td
	again := copyOf(t, shape.Traces, batch, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
	err := h.traces.ConsumeTraces(context.Background(), batch)
	require.ErrorIs(t, err, errSeal)
	require.False(t, consumererror.IsPermanent(err))
	require.Empty(t, h.traceSink.AllTraces())
	require.Equal(t, int64(1), h.sum(metricPrefix+"batches_refused", "reason=seal"))
	require.Zero(t, h.sum(metricPrefix+"items_held"))
	require.Equal(t, 1, h.logs.FilterMessage("cannot seal what is to be held, batches are refused").Len())
	require.Equal(t, []string{"-", "-", "masked"}, whatsOf(t, h.trace(newSpans(t).resource("").span(3, "mask").td)), "what is not held goes on")
	h.core.seal.Store(good)
	require.Equal(t, []string{"-", "-", "held+", "masked"}, whatsOf(t, h.trace(again)))
}

// TestNewKeys: the newest key is sealed for, and one that cannot be read changes nothing.
func TestNewKeys(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	h := start(t, cfg)
	first := h.core.sealKey
	h.core.rekey(context.Background())
	require.Equal(t, first, h.core.sealKey)
	require.Zero(t, h.sum(metricPrefix+"key_reloads"))
	pair, err := v.dirs.Rotate(time.Now().Add(time.Second))
	require.NoError(t, err)
	h.core.rekey(context.Background())
	require.Equal(t, pair.ID, h.core.sealKey)
	require.Equal(t, int64(1), h.sum(metricPrefix+"key_reloads", "result=success"))
	require.NoError(t, v.ring.Reload())

	files, err := filepath.Glob(filepath.Join(v.dirs.Public, "*"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, f := range files {
		require.NoError(t, os.WriteFile(f, []byte("no key"), 0o600))
	}
	h.core.rekey(context.Background())
	require.Equal(t, pair.ID, h.core.sealKey)
	require.Equal(t, int64(1), h.sum(metricPrefix+"key_reloads", "result=failure"))
	out := h.trace(newSpans(t).resource("").span(1, "hold").td)
	originals, _ := restored(t, v, shape.Traces, out, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces)
	require.Len(t, originals, 1)

	// A key that is gone opens nothing, and the error says no more than that.
	items, err := item.Of(shape.Traces, out)
	require.NoError(t, err)
	view, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(items[0].View)
	require.NoError(t, err)
	other := newVault(t, testConfig(t))
	_, err = restore.Apply(view, restore.Of(&items[0]), other.ring.OpenPacked)
	require.ErrorIs(t, err, unseal.ErrNoKey)
}

// TestReloadsKeys: the loop that reads keys again runs, and ends.
func TestReloadsKeys(t *testing.T) {
	cfg := byName(t)
	v := newVault(t, cfg)
	cfg.Seal.ReloadInterval = time.Millisecond
	h := start(t, cfg)
	pair, err := v.dirs.Rotate(time.Now().Add(time.Second))
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		h.core.mu.Lock()
		defer h.core.mu.Unlock()
		return h.core.sealKey == pair.ID
	}, time.Minute, time.Millisecond)
}

func TestNoKeysNoStart(t *testing.T) {
	cfg := byName(t)
	cfg.Seal.PublicKeys = t.TempDir()
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(componentType), cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, p.Start(context.Background(), componenttest.NewNopHost()), "seal::public_keys: ")
	require.NoError(t, p.Shutdown(context.Background()))
}
