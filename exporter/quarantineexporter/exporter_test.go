package quarantineexporter

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
	"github.com/tracescrub/tracescrub/internal/restore"
)

func openOf(s holdstore.Store) func(context.Context, backend.Config, *zap.Logger) (holdstore.Store, error) {
	return func(context.Context, backend.Config, *zap.Logger) (holdstore.Store, error) { return s, nil }
}

// TestHoldAndOpen: what the holder of the private key gets back is what was sent.
func TestHoldAndOpen(t *testing.T) {
	f := newFixture(t).start(t, nil)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(1, 2, 1))))
	require.NoError(t, f.records.ConsumeLogs(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someLogs())))
	require.NoError(t, f.metrics.ConsumeMetrics(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someMetrics())))

	store, metas, refs := f.held(t)
	require.Len(t, metas, 4, "two traces, a resource of logs, one of metrics")
	spans := map[string]int{}
	for id, m := range metas {
		view, list, ring := f.open(t, store, m, refs[id])
		require.NotContains(t, string(view), secret)
		require.Contains(t, string(view), "[X]")
		require.Equal(t, policy, m.Policy)
		require.Equal(t, "critical", m.Severity)
		require.Equal(t, []string{"digits"}, m.Rules)
		require.WithinDuration(t, time.Now(), m.HeldAt, time.Minute)
		spans[m.Signal] += m.Spans
		text, err := original(m.Signal, view, list, ring.OpenPacked)
		require.NoError(t, err)
		require.Contains(t, text, secret)
		require.NotContains(t, text, "[X]", "all of it is restored")
	}
	require.Equal(t, map[string]int{"traces": 3, "logs": 2, "metrics": 6}, spans)
}

// original restores a view and returns it as JSON.
func original(signal string, view []byte, list []restore.Sealed, open func(envelope.Binding, []byte) ([]byte, error)) (string, error) {
	switch signal {
	case "traces":
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(view)
		if err == nil {
			_, err = restore.Apply(td, list, open)
		}
		if err != nil {
			return "", err
		}
		b, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		return string(b), err
	case "logs":
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(view)
		if err == nil {
			_, err = restore.Apply(ld, list, open)
		}
		if err != nil {
			return "", err
		}
		b, err := (&plog.JSONMarshaler{}).MarshalLogs(ld)
		return string(b), err
	}
	md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(view)
	if err == nil {
		_, err = restore.Apply(md, list, open)
	}
	if err != nil {
		return "", err
	}
	b, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
	return string(b), err
}

// TestRetry: the same batch again, and again after a restart, is one item.
func TestRetry(t *testing.T) {
	f := newFixture(t).start(t, nil)
	for range 3 {
		require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(1))))
	}
	_, metas, _ := f.held(t)
	require.Len(t, metas, 1)
}

// TestNoPlaintext looks for what was sent, masked or not, in all files of the store.
func TestNoPlaintext(t *testing.T) {
	f := newFixture(t).start(t, nil)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(1, 2))))
	require.NoError(t, f.records.ConsumeLogs(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someLogs())))
	files := 0
	find := func(needle string) (found []string) {
		require.NoError(t, filepath.WalkDir(filepath.Join(f.dir, "store"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			files++
			b, err := os.ReadFile(path)
			for _, form := range []string{needle, base64.StdEncoding.EncodeToString([]byte(needle)), hex.EncodeToString([]byte(needle))} {
				if bytes.Contains(b, []byte(form)) {
					found = append(found, d.Name())
				}
			}
			return err
		}))
		return found
	}
	for _, needle := range []string{secret, secret[:12], "canary-words", "db.statement"} {
		require.Empty(t, find(needle), "%q", needle)
	}
	require.NotEmpty(t, find("checkout"), "the search finds the service's name, which is no secret")
	require.NotZero(t, files)
}

// TestStoreFails: whatever the store says, the sender hears that it can try again.
func TestStoreFails(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		reason string
	}{
		{"full", fmt.Errorf("no: %w", holdstore.ErrFull), "full"},
		{"broken", errors.New("broken"), "store"},
		{"permanent", consumererror.NewPermanent(errors.New("never")), "store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var failing atomic.Bool
			failing.Store(true)
			var mu sync.Mutex
			stored := map[envelope.ID]int{}
			store := &fake{put: func(_ context.Context, it *holdstore.Item) error {
				mu.Lock()
				defer mu.Unlock()
				if failing.Load() && it.Trace[0] == 2 {
					return c.err
				}
				stored[it.ID]++
				return nil
			}}
			f := newFixture(t).start(t, store)
			td := mask(t, f.cfg.Seal.PublicKeys, someTraces(1, 2, 3))
			for range 2 {
				err := f.traces.ConsumeTraces(t.Context(), td)
				require.ErrorContains(t, err, "holding 1 of 3 items failed: "+c.err.Error())
				require.False(t, consumererror.IsPermanent(err))
				require.NotErrorIs(t, err, c.err, "what it wraps could tell a receiver anything")
			}
			require.Equal(t, map[string]int64{"traces " + c.reason: 2}, f.counts(t, "otelcol_exporter_quarantine_failures", "signal", "reason"))
			failing.Store(false)
			require.NoError(t, f.traces.ConsumeTraces(t.Context(), td))
			require.Len(t, stored, 3)
			require.Equal(t, 1, f.logs.FilterMessageSnippet("cannot be stored").Len(), "once, not for each batch")
			require.Equal(t, 1, f.logs.FilterMessageSnippet("stored again").Len())
		})
	}
}

// counts reads a counter, by some of its attributes.
func (f *fixture) counts(t *testing.T, name string, keys ...string) map[string]int64 {
	t.Helper()
	m, err := f.tel.GetMetric(name)
	require.NoError(t, err)
	got := map[string]int64{}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		key := ""
		for _, k := range keys {
			v, ok := p.Attributes.Value(attributeKey(k))
			require.True(t, ok, k)
			if key != "" {
				key += " "
			}
			key += v.AsString()
		}
		got[key] += p.Value
	}
	return got
}

func TestTimeout(t *testing.T) {
	store := &fake{put: func(ctx context.Context, _ *holdstore.Item) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	f := newFixture(t)
	f.cfg.Timeout = 10 * time.Millisecond
	f.start(t, store)
	err := f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(1)))
	require.ErrorContains(t, err, "deadline")
	require.False(t, consumererror.IsPermanent(err))
	require.Equal(t, map[string]int64{"timeout": 1}, f.counts(t, "otelcol_exporter_quarantine_failures", "reason"))
}

// TestBusy: what waits for a store that does not answer is bounded; a batch
// that is larger than the bound waits alone.
func TestBusy(t *testing.T) {
	entered, leave := make(chan struct{}, 1), make(chan struct{})
	f := newFixture(t).start(t, &fake{put: func(context.Context, *holdstore.Item) error {
		entered <- struct{}{}
		<-leave
		return nil
	}})
	f.traces.(*traces).maxWaiting = 1
	first := make(chan error)
	batch, other := mask(t, f.cfg.Seal.PublicKeys, someTraces(1)), mask(t, f.cfg.Seal.PublicKeys, someTraces(2))
	go func() { first <- f.traces.ConsumeTraces(t.Context(), batch) }()
	<-entered
	err := f.traces.ConsumeTraces(t.Context(), other)
	require.ErrorIs(t, err, errBusy)
	require.False(t, consumererror.IsPermanent(err))
	require.Equal(t, map[string]int64{"busy": 1}, f.counts(t, "otelcol_exporter_quarantine_failures", "reason"))
	close(leave)
	require.NoError(t, <-first)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), other), "there is room again")
}

// TestParallel: several items at a time, but not all of a large batch.
func TestParallel(t *testing.T) {
	var now, most atomic.Int64
	store := &fake{put: func(context.Context, *holdstore.Item) error {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(2 * time.Millisecond)
		now.Add(-1)
		return nil
	}}
	f := newFixture(t).start(t, store)
	ids := make([]byte, 100)
	for i := range ids {
		ids[i] = byte(i + 1)
	}
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(ids...))))
	require.Greater(t, most.Load(), int64(1))
	require.LessOrEqual(t, most.Load(), int64(parallel))
}

func TestMetrics(t *testing.T) {
	f := newFixture(t).start(t, nil)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(1, 2))))
	require.Equal(t, map[string]int64{"traces critical": 2}, f.counts(t, "otelcol_exporter_quarantine_items", "signal", "severity"))
	require.Greater(t, f.counts(t, "otelcol_exporter_quarantine_bytes", "signal")["traces"], int64(2*2048))
	_, err := f.tel.GetMetric("otelcol_exporter_quarantine_put_duration")
	require.NoError(t, err)
	for name, least := range map[string]int64{"otelcol_exporter_quarantine_store_size": 4096, "otelcol_exporter_quarantine_store_limit": 10 << 30} {
		m, err := f.tel.GetMetric(name)
		require.NoError(t, err)
		require.GreaterOrEqual(t, m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value, least)
	}
}

// TestRotation seals for a new key by itself, and for the old one while the
// keys cannot be read.
func TestRotation(t *testing.T) {
	f := newFixture(t)
	f.cfg.Seal.ReloadInterval = 5 * time.Millisecond
	f.start(t, nil)
	o := f.traces.(*traces).opened.Load()
	first := o.sealer.Load().Key()
	require.NoError(t, os.Rename(f.cfg.Seal.PublicKeys, f.cfg.Seal.PublicKeys+"-away"))
	require.Eventually(t, func() bool { return f.logs.FilterMessageSnippet("cannot be read").Len() == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys+"-away", someTraces(1))))
	require.Equal(t, first, o.sealer.Load().Key())
	require.NoError(t, os.Rename(f.cfg.Seal.PublicKeys+"-away", f.cfg.Seal.PublicKeys))
	_, err := f.keys.Rotate(time.Now())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return o.sealer.Load().Key() != first }, time.Minute, time.Millisecond)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), mask(t, f.cfg.Seal.PublicKeys, someTraces(2))))
	store, metas, refs := f.held(t)
	keys := map[envelope.KeyID]bool{}
	for id, m := range metas {
		c, err := store.Capsule(t.Context(), id, refs[id])
		require.NoError(t, err)
		keys[c.Key] = true
		f.open(t, store, m, refs[id])
	}
	require.Len(t, keys, 2)
	got := f.counts(t, "otelcol_exporter_quarantine_key_reloads", "result")
	require.Equal(t, int64(1), got["success"])
	require.NotZero(t, got["failure"])
}

func TestEmptyBatch(t *testing.T) {
	f := newFixture(t).start(t, nil)
	require.NoError(t, f.traces.ConsumeTraces(t.Context(), ptrace.NewTraces()))
	_, metas, _ := f.held(t)
	require.Empty(t, metas)
}
