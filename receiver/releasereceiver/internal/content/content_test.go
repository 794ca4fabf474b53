package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// shelf is a store with one item.
type shelf struct {
	holdstore.Store
	capsule       envelope.Capsule
	view, restore [][]byte
	err           error
}

func (s *shelf) Capsule(context.Context, envelope.ID, holdstore.Ref) (envelope.Capsule, error) {
	return s.capsule, s.err
}

func (s *shelf) Chunks(_ context.Context, _ envelope.ID, _ holdstore.Ref, part envelope.Part) ([][]byte, error) {
	if part == envelope.View {
		return s.view, nil
	}
	return s.restore, nil
}

type world struct {
	*testing.T
	sealer *seal.Sealer
	shelf  *shelf
	vault  *Vault
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	_, err := keyfiles.In(dir).New(time.Now())
	require.NoError(t, err)
	sealer, err := seal.New(filepath.Join(dir, "public"))
	require.NoError(t, err)
	ring, err := unseal.New(filepath.Join(dir, "private"))
	require.NoError(t, err)
	w := &world{T: t, sealer: sealer, shelf: &shelf{}}
	w.vault = &Vault{Store: w.shelf, Keys: ring}
	return w
}

// store seals an item and returns its entry. forge may change it before.
func (w *world) store(items []item.Item, err error, forge func(*item.Item)) ledger.Entry {
	w.Helper()
	require.NoError(w, err)
	require.Len(w, items, 1)
	it := items[0]
	if forge != nil {
		forge(&it)
	}
	capsule, closer, err := w.sealer.Capsule()
	require.NoError(w, err)
	bind := envelope.Binding{Part: envelope.View, Signal: it.Signal, Item: it.ID, Trace: it.Trace, Policy: it.Policy}
	w.shelf.capsule = capsule
	w.shelf.view, err = closer.Close(bind, it.View)
	require.NoError(w, err)
	bind.Part = envelope.Restore
	w.shelf.restore, err = closer.Close(bind, restore.MarshalList(restore.Of(&it)))
	require.NoError(w, err)
	e := ledger.Entry{Key: it.ID, Trace: it.Trace, Mode: "masked"}
	e.Signal, e.Policy = it.Signal, it.Policy
	e.Sum = sha256.Sum256(bytes.Join(append(append([][]byte{}, w.shelf.view...), w.shelf.restore...), nil))
	return e
}

func stamp(m pcommon.Map, rule string) {
	verdict.Stamp(m, verdict.Masked, []verdict.Finding{{Rule: rule, Severity: "high", Field: "f", Fingerprint: "0011", Length: 3}}, false)
}

func traces() ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr(verdict.Policy, "p")
	rs.Resource().Attributes().PutStr(verdict.Producer, "c1")
	rs.Resource().Attributes().PutStr("enduser.id", "ann")
	rs.Resource().Attributes().PutStr("service.name", "agent")
	ss := rs.ScopeSpans().AppendEmpty()
	stamp(ss.Scope().Attributes(), "scope")
	s := ss.Spans().AppendEmpty()
	s.SetTraceID([16]byte{1})
	s.Attributes().PutInt("user.id", 42)
	s.Events().AppendEmpty().Attributes().PutStr("enduser.pseudo.id", "bob")
	stamp(s.Attributes(), "span")
	return td
}

func logs() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr(verdict.Policy, "p")
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.Body().SetStr("hello")
	r.Attributes().PutStr("user.id", "ann")
	stamp(r.Attributes(), "log")
	return ld
}

func metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr(verdict.Policy, "p")
	m := rm.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("m")
	p := m.SetEmptyGauge().DataPoints().AppendEmpty()
	p.Attributes().PutStr("user.id", "ann")
	stamp(p.Attributes(), "point")
	stamp(m.Metadata(), "metric")
	return md
}

func TestSignals(t *testing.T) {
	for name, c := range map[string]struct {
		store  func(w *world) ledger.Entry
		rules  []string
		people People
		json   string
	}{
		"traces": {
			func(w *world) ledger.Entry { i, err := item.Of(shape.Traces, traces()); return w.store(i, err, nil) },
			[]string{"scope", "span"},
			People{Owners: []string{"ann", "42", "bob"}, Producers: []string{"c1"}, Service: "agent"},
			`"resourceSpans"`,
		},
		"logs": {
			func(w *world) ledger.Entry { i, err := item.Of(shape.Logs, logs()); return w.store(i, err, nil) },
			[]string{"log"},
			People{Owners: []string{"ann"}},
			`"resourceLogs"`,
		},
		"metrics": {
			func(w *world) ledger.Entry { i, err := item.Of(shape.Metrics, metrics()); return w.store(i, err, nil) },
			[]string{"metric", "point"},
			People{Owners: []string{"ann"}},
			`"resourceMetrics"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := c.store(w)
			tel, err := w.vault.View(t.Context(), e)
			require.NoError(t, err)
			var rules []string
			for _, f := range tel.Findings() {
				rules = append(rules, f.Rule)
				require.Equal(t, gate.Finding{Rule: f.Rule, Severity: "high", Field: "f", Fingerprint: "0011", Length: 3}, f)
			}
			require.ElementsMatch(t, c.rules, rules)
			people, err := tel.People()
			require.NoError(t, err)
			require.ElementsMatch(t, c.people.Owners, people.Owners)
			require.ElementsMatch(t, c.people.Producers, people.Producers)
			require.Equal(t, "high", people.Severity)
			require.Equal(t, c.people.Service, people.Service)
			out, err := tel.JSON()
			require.NoError(t, err)
			require.Contains(t, string(out), c.json)
			for _, mode := range []string{"masked", "original"} {
				e.Mode = mode
				_, approved, err := w.vault.Release(t.Context(), e)
				require.NoError(t, err)
				require.Empty(t, approved, "nothing was held back in it")
			}
		})
	}
}

// TestNotWhatWasStored: whoever can write to the store cannot have anything
// else shown or released than what people decided about.
func TestNotWhatWasStored(t *testing.T) {
	other := func() ([]item.Item, error) {
		td := traces()
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetName("another")
		return item.Of(shape.Traces, td)
	}
	t.Run("sealed anew by somebody with the public key", func(t *testing.T) {
		w := newWorld(t)
		items, err := other()
		forged := items[0]
		mine, err2 := item.Of(shape.Traces, traces())
		require.NoError(t, err2)
		e := w.store(items, err, func(it *item.Item) { it.ID = mine[0].ID })
		require.NotEqual(t, forged.ID, e.Key)
		_, err = w.vault.View(t.Context(), e)
		require.ErrorIs(t, err, ErrOther)
		_, _, err = w.vault.Release(t.Context(), e)
		require.ErrorIs(t, err, ErrOther)
	})
	t.Run("another item's chunks", func(t *testing.T) {
		w := newWorld(t)
		items, err := item.Of(shape.Traces, traces())
		e := w.store(items, err, nil)
		items, err = other()
		w.store(items, err, nil)
		_, err = w.vault.View(t.Context(), e)
		require.ErrorIs(t, err, unseal.ErrDamaged)
		_, _, err = w.vault.Release(t.Context(), e)
		require.ErrorIs(t, err, holdstore.ErrCorrupt)
	})
	t.Run("other patches", func(t *testing.T) {
		w := newWorld(t)
		items, err := item.Of(shape.Traces, traces())
		e := w.store(items, err, nil)
		w.shelf.restore = [][]byte{{1}}
		_, _, err = w.vault.Release(t.Context(), e)
		require.ErrorIs(t, err, holdstore.ErrCorrupt, "even if only the masked view is released")
	})
	t.Run("held without a patch", func(t *testing.T) {
		w := newWorld(t)
		td := traces()
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr(verdict.Verdict, verdict.Held)
		items, err := item.Of(shape.Traces, td)
		e := w.store(items, err, nil)
		e.Mode = "original"
		_, _, err = w.vault.Release(t.Context(), e)
		require.ErrorIs(t, err, ErrPatches)
	})
	t.Run("gone", func(t *testing.T) {
		w := newWorld(t)
		items, err := item.Of(shape.Traces, traces())
		e := w.store(items, err, nil)
		w.shelf.err = holdstore.ErrGone
		_, err = w.vault.View(t.Context(), e)
		require.ErrorIs(t, err, holdstore.ErrGone)
	})
}

func TestTooManyPeople(t *testing.T) {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i := range maxPeople + 1 {
		spans.AppendEmpty().Attributes().PutStr("user.id", fmt.Sprint(i))
	}
	tel := &Telemetry{Signal: "traces", Traces: td}
	_, err := tel.People()
	require.ErrorIs(t, err, ErrPeople)
}
