package quarantineexporter

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/local"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const policy = "0123456789abcdef"

// secret is what must not be readable anywhere; the masker knows it by its digits.
var secret = strings.Repeat("4711", 8)

// masker masks digits, as secret_mask masks secrets.
type masker struct {
	done func(at *walk.Place, attrs pcommon.Map)
}

func (masker) Attributes(*walk.Place, pcommon.Map) {}

func (m masker) Done(at *walk.Place, attrs pcommon.Map) bool {
	if m.done != nil {
		m.done(at, attrs)
	}
	return true
}

func (masker) Text(_ *walk.Place, text []byte) []byte {
	if m := regexp.MustCompile(`[0-9]{8,}`); m.Match(text) {
		return m.ReplaceAll(text, []byte("[X]"))
	}
	return nil
}

func run(w *walk.Walker, data any) {
	switch d := data.(type) {
	case ptrace.Traces:
		w.Traces(d)
	case plog.Logs:
		w.Logs(d)
	case pmetric.Metrics:
		w.Metrics(d)
	}
}

// mask masks data, stamps and seals all of it as secret_mask does.
func mask[T restore.Telemetry](t *testing.T, keys string, data T) T {
	t.Helper()
	sealer, err := seal.New(keys)
	require.NoError(t, err)
	_, closer, err := sealer.Capsule()
	require.NoError(t, err)
	edits := map[walk.Unit][]walk.Edit{}
	run(walk.New(masker{}, walk.Options{Record: func(at *walk.Place, e walk.Edit) { edits[at.Unit] = append(edits[at.Unit], e) }}), data)
	run(walk.New(masker{done: func(at *walk.Place, attrs pcommon.Map) {
		if at.Unit.Level == walk.Resource {
			attrs.PutStr(verdict.Policy, policy)
		}
		if e := edits[at.Unit]; len(e) > 0 {
			verdict.Stamp(attrs, verdict.Held, []verdict.Finding{{Rule: "digits", Severity: "critical", Field: "f", Fingerprint: "00112233", Action: "hold", Length: 8}}, false)
			p := restore.Patch{Digests: []uint64{7}, Edits: e}
			blob, err := closer.Packed(restore.Binding(restore.Signal(data), policy, at.Trace, at.Span), p.Marshal())
			require.NoError(t, err)
			attrs.PutEmptyBytes(verdict.Restore).FromRaw(blob)
		}
	}}, walk.Options{UnitsOnly: true}), data)
	return data
}

// someTraces has the secret in every trace and in the resource.
func someTraces(ids ...byte) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "checkout")
	rs.Resource().Attributes().PutStr("host", "of "+secret)
	ss := rs.ScopeSpans().AppendEmpty()
	for i, id := range ids {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(pcommon.TraceID{id})
		s.SetSpanID(pcommon.SpanID{byte(i + 1)})
		s.SetName("call")
		s.Attributes().PutStr("db.statement", "password "+secret+" and canary-words")
	}
	return td
}

func someLogs() plog.Logs {
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	sl.Scope().Attributes().PutStr("scope", secret)
	for range 2 {
		r := sl.LogRecords().AppendEmpty()
		r.Body().SetStr("the pin is " + secret)
	}
	return ld
}

func someMetrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	sm := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	for range 2 {
		m := sm.Metrics().AppendEmpty()
		m.SetName("requests")
		m.Metadata().PutStr("note", secret)
		g := m.SetEmptyGauge()
		for range 3 {
			g.DataPoints().AppendEmpty().Attributes().PutStr("user", secret)
		}
	}
	return md
}

// fixture is an exporter of all signals on a local store.
type fixture struct {
	dir     string
	keys    keyfiles.Dirs
	cfg     *Config
	set     exporter.Settings
	tel     *componenttest.Telemetry
	logs    *observer.ObservedLogs
	traces  exporter.Traces
	records exporter.Logs
	metrics exporter.Metrics
}

// newFixture makes keys and a configuration; nothing is started.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{dir: t.TempDir(), tel: componenttest.NewTelemetry()}
	t.Cleanup(func() { require.NoError(t, f.tel.Shutdown(context.Background())) })
	f.keys = keyfiles.In(filepath.Join(f.dir, "keys"))
	_, err := f.keys.New(time.Now())
	require.NoError(t, err)
	f.cfg = createDefaultConfig().(*Config)
	f.cfg.Seal.PublicKeys = filepath.Join(f.dir, "keys", "public")
	f.cfg.Store.Local.GetOrInsertDefault().Directory = filepath.Join(f.dir, "store")
	core, logs := observer.New(zap.InfoLevel)
	f.logs = logs
	f.set = exportertest.NewNopSettings(componentType)
	f.set.TelemetrySettings = f.tel.NewTelemetrySettings()
	f.set.Logger = zap.New(core)
	return f
}

// start starts it, with a store of the test's if store is not nil.
func (f *fixture) start(t *testing.T, store holdstore.Store) *fixture {
	t.Helper()
	var err error
	f.traces, err = NewFactory().CreateTraces(t.Context(), f.set, f.cfg)
	require.NoError(t, err)
	f.records, err = NewFactory().CreateLogs(t.Context(), f.set, f.cfg)
	require.NoError(t, err)
	f.metrics, err = NewFactory().CreateMetrics(t.Context(), f.set, f.cfg)
	require.NoError(t, err)
	if store != nil {
		f.traces.(*traces).open = openOf(store)
	}
	for _, c := range []component.Component{f.traces, f.records, f.metrics} {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { require.NoError(t, c.Shutdown(context.Background())) })
	}
	return f
}

// held reads what a store has.
func (f *fixture) held(t *testing.T) (store holdstore.Store, metas map[envelope.ID]holdstore.Meta, refs map[envelope.ID]holdstore.Ref) {
	t.Helper()
	store, err := local.Open(*f.cfg.Store.Local.Get())
	require.NoError(t, err)
	t.Cleanup(func() { store.Close() })
	metas, refs = map[envelope.ID]holdstore.Meta{}, map[envelope.ID]holdstore.Ref{}
	enough := errors.New("enough")
	err = store.Follow(t.Context(), func(e holdstore.Event) error {
		if e.CaughtUp {
			return enough
		}
		require.NotContains(t, metas, e.Held.ID, "an item is there twice")
		metas[e.Held.ID], refs[e.Held.ID] = *e.Held, e.Ref
		return nil
	})
	require.ErrorIs(t, err, enough)
	return store, metas, refs
}

// open reads both parts of an item, as release_gate does.
func (f *fixture) open(t *testing.T, s holdstore.Store, m holdstore.Meta, ref holdstore.Ref) (view []byte, list []restore.Sealed, ring *unseal.Keyring) {
	t.Helper()
	ring, err := unseal.New(filepath.Join(f.dir, "keys", "private"))
	require.NoError(t, err)
	capsule, err := s.Capsule(t.Context(), m.ID, ref)
	require.NoError(t, err)
	b := envelope.Binding{Part: envelope.View, Signal: m.Signal, Item: m.ID, Trace: m.Trace, Policy: m.Policy}
	chunks, err := s.Chunks(t.Context(), m.ID, ref, envelope.View)
	require.NoError(t, err)
	view, err = ring.Open(capsule, b, chunks)
	require.NoError(t, err)
	require.EqualValues(t, len(view), m.Bytes)
	if ref.Restore > 0 {
		b.Part = envelope.Restore
		chunks, err = s.Chunks(t.Context(), m.ID, ref, envelope.Restore)
		require.NoError(t, err)
		packed, err := ring.Open(capsule, b, chunks)
		require.NoError(t, err)
		list, err = restore.UnmarshalList(packed)
		require.NoError(t, err)
	}
	return view, list, ring
}

// fake is a store that only takes items.
type fake struct {
	holdstore.Store
	put func(context.Context, *holdstore.Item) error

	mu     sync.Mutex
	closed int // under mu
}

func (f *fake) Put(ctx context.Context, it *holdstore.Item) error { return f.put(ctx, it) }

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
	return nil
}
