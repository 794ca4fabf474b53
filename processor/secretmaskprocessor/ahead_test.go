package secretmaskprocessor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/agentspans"
	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/rules"
)

// onCores runs fn with n cores.
func onCores(n int, fn func()) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(n))
	fn()
}

// writer fills batches with texts of all kinds. Two with the same seed write the same.
type writer struct {
	t      *testing.T
	rng    *rand.Rand
	texts  [][]byte
	cut    string // the second half of a secret whose first half was written last
	secret int    // one text in so many has a secret
}

func newWriter(t *testing.T, seed uint64, secret int) *writer {
	t.Helper()
	return &writer{t: t, rng: rand.New(rand.NewPCG(seed, 0)), texts: corpus.Values(seed, 700, 400), secret: secret}
}

func (w *writer) text() string {
	text := string(w.texts[w.rng.IntN(len(w.texts))][:20+w.rng.IntN(680)])
	if w.cut != "" {
		text, w.cut = w.cut+" "+text, ""
		return text
	}
	if w.rng.IntN(w.secret) > 0 {
		return text
	}
	s := secret(w.t, uint64(w.rng.IntN(20)))
	switch w.rng.IntN(3) {
	case 0:
		w.cut = s[20:]
		return text + " " + s[:20]
	case 1:
		return `{"a":"` + s + `"}`
	}
	return text + " " + s
}

func (w *writer) attributes(m pcommon.Map) {
	m.PutStr("service.step", "chat")
	m.PutInt("index", w.rng.Int64N(1000))
	m.PutStr("message", w.text())
	switch w.rng.IntN(40) {
	case 0:
		m.PutStr([]string{"tracescrub.verdict", "TraceScrub.findings"}[w.rng.IntN(2)], "masked")
	case 1:
		m.PutStr("key "+secret(w.t, uint64(w.rng.IntN(20))), "value")
	case 2:
		m.PutEmptyBytes("bytes").FromRaw([]byte(w.text()))
	case 3:
		m.PutInt("password", 100000+w.rng.Int64N(1000))
	}
	deep := m.PutEmptyMap("deep")
	for range w.rng.IntN(8) {
		deep = deep.PutEmptyMap("deeper")
	}
	list := m.PutEmptySlice("list")
	for range w.rng.IntN(4) {
		list.AppendEmpty().SetStr(w.text())
	}
	m.PutStr("last", w.text())
}

func (w *writer) ids() (pcommon.TraceID, pcommon.SpanID) {
	return pcommon.TraceID{1, byte(w.rng.IntN(20))}, pcommon.SpanID{2, byte(w.rng.IntN(3))}
}

func (w *writer) traces() ptrace.Traces {
	td := ptrace.NewTraces()
	for range 2 {
		rs := td.ResourceSpans().AppendEmpty()
		w.attributes(rs.Resource().Attributes())
		for range 2 {
			ss := rs.ScopeSpans().AppendEmpty()
			ss.Scope().SetName(w.text())
			for range 60 {
				s := ss.Spans().AppendEmpty()
				trace, span := w.ids()
				s.SetTraceID(trace)
				s.SetSpanID(span)
				w.attributes(s.Attributes())
				for range w.rng.IntN(4) {
					w.attributes(s.Events().AppendEmpty().Attributes())
				}
				s.Links().AppendEmpty().TraceState().FromRaw("vendor=1")
			}
			ss.Spans().AppendEmpty() // without a text
		}
	}
	return td
}

func (w *writer) logs() plog.Logs {
	ld := plog.NewLogs()
	for range 2 {
		rl := ld.ResourceLogs().AppendEmpty()
		w.attributes(rl.Resource().Attributes())
		sl := rl.ScopeLogs().AppendEmpty()
		for range 150 {
			r := sl.LogRecords().AppendEmpty()
			trace, span := w.ids()
			r.SetTraceID(trace)
			r.SetSpanID(span)
			r.Body().SetStr(w.text())
			w.attributes(r.Attributes())
		}
	}
	return ld
}

func (w *writer) metrics() pmetric.Metrics {
	md := pmetric.NewMetrics()
	sm := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	for range 3 {
		m := sm.Metrics().AppendEmpty()
		m.SetDescription(w.text())
		points := m.SetEmptyGauge().DataPoints()
		for range 80 {
			p := points.AppendEmpty()
			w.attributes(p.Attributes())
			w.attributes(p.Exemplars().AppendEmpty().FilteredAttributes())
		}
	}
	return md
}

// masked is what becomes of a sequence of batches: all that goes on, and all that is counted.
func masked(t *testing.T, cfg Config, seed uint64, secret int) (out [][]byte, counts map[string]int64) {
	t.Helper()
	h := start(t, &cfg)
	w := newWriter(t, seed, secret)
	for range 2 {
		b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(h.trace(w.traces()))
		require.NoError(t, err)
		out = append(out, b)
		b, err = (&plog.ProtoMarshaler{}).MarshalLogs(h.log(w.logs()))
		require.NoError(t, err)
		out = append(out, b)
		h.metricsSink.Reset()
		require.NoError(t, h.metrics.ConsumeMetrics(context.Background(), w.metrics()))
		b, err = (&pmetric.ProtoMarshaler{}).MarshalMetrics(h.metricsSink.AllMetrics()[0])
		require.NoError(t, err)
		out = append(out, b)
	}
	counts = map[string]int64{}
	for _, name := range []string{"items_scanned", "bytes_scanned", "findings", "withheld", "forged_stamps", "items_dropped"} {
		counts[name] = h.sum(metricPrefix + name)
	}
	return out, counts
}

// TestManyCoresChangeNothing: what goes on, in what order findings are noted
// and what is counted is the same on one core and on many.
func TestManyCoresChangeNothing(t *testing.T) {
	cases := map[string]struct {
		secret int
		set    func(*Config)
	}{
		"clean":        {1 << 30, func(*Config) {}},
		"few secrets":  {200, func(*Config) {}},
		"many secrets": {20, func(*Config) {}},
		"full stamps":  {150, func(c *Config) { c.Annotate = annotateFull }},
		"drop": {300, func(c *Config) {
			c.Policy = []PolicyConfig{{Severity: "high", Field: "span.*", Action: "drop"}}
		}},
		"allowed in a resource": {100, func(c *Config) {
			c.Allow = []AllowConfig{{Description: "steps", Resource: map[string]string{"service.step": "chat"}, Fields: []string{"*last*"}}}
		}},
		"few findings allowed": {100, func(c *Config) { c.Limits.MaxFindings = 9 }},
		"shallow":              {200, func(c *Config) { c.Limits.MaxDepth = 4 }},
		"short":                {200, func(c *Config) { c.Limits.MaxValueBytes = 650 }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2) {
				cfg := *testConfig(t)
				cfg.Annotate = annotateFull
				c.set(&cfg)
				var one, many [][]byte
				var oneCounts, manyCounts map[string]int64
				onCores(1, func() { one, oneCounts = masked(t, cfg, seed, c.secret) })
				onCores(4, func() { many, manyCounts = masked(t, cfg, seed, c.secret) })
				for i := range one {
					require.True(t, bytes.Equal(one[i], many[i]), "seed %d: batch %d differs", seed, i)
				}
				require.Equal(t, oneCounts, manyCounts)
			}
		})
	}
}

// TestTracesOfCleanItemsAreKnown: what is remembered of a trace is looked for
// in all of a batch, also if the item that names the trace was looked at ahead.
func TestTracesOfCleanItemsAreKnown(t *testing.T) {
	h := start(t, testConfig(t))
	pw := password(t, 21)
	session(h, 250, "password="+pw)
	td := agentspans.Clean(200, 0)
	s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(150)
	s.SetTraceID([16]byte{250})
	s.Attributes().PutStr("said", "say "+pw)
	var out ptrace.Traces
	onCores(4, func() { out = h.trace(td) })
	said := get(t, out.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(150).Attributes(), "said")
	require.NotContains(t, said.Str(), pw)
}

// look runs a batch and returns for how many items a look ahead was enough.
func look(h *harness, items int, visit func(*walk.Walker) int) (clean int) {
	scanning.Add(1)
	defer scanning.Add(-1)
	s := h.core.scans.Get().(*scan)
	s.begin(h.core.state.Load(), tracesSignal, time.Now())
	s.total = items
	s.through(visit)
	for _, size := range s.ahead.clean {
		if size > 0 {
			clean++
		}
	}
	s.end()
	h.core.scans.Put(s)
	return clean
}

// TestLookAhead: a look ahead is taken where it pays, and only there.
func TestLookAhead(t *testing.T) {
	h := start(t, testConfig(t))
	cases := []struct {
		name         string
		cores, spans int
		secret       int // one span in so many has one
		least, most  int
	}{
		{"a large batch", 4, 200, 0, 190, 199},
		{"one core", 1, 200, 0, 0, 0},
		{"a small batch", 4, 30, 0, 0, 0},
		{"some secrets", 4, 200, 20, 150, 190},
		{"full of secrets", 4, 200, 1, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			td := agentspans.Clean(c.spans, 0)
			for i, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
				if c.secret > 0 && i%c.secret == 0 {
					s.Attributes().PutStr("x", "it is "+secret(t, uint64(i)))
				}
			}
			onCores(c.cores, func() {
				clean := look(h, c.spans, func(w *walk.Walker) int { return w.Traces(td) })
				require.GreaterOrEqual(t, clean, c.least)
				require.LessOrEqual(t, clean, c.most)
			})
			require.Zero(t, scanning.Load(), "cores were not given back")
		})
	}
	t.Run("no free core", func(t *testing.T) {
		td := agentspans.Clean(200, 0)
		onCores(4, func() {
			scanning.Add(3)
			defer scanning.Add(-3)
			require.Zero(t, look(h, 200, func(w *walk.Walker) int { return w.Traces(td) }))
		})
	})
}

// TestFreeCores: never more goroutines scan than there are cores.
func TestFreeCores(t *testing.T) {
	onCores(4, func() {
		scanning.Add(1)
		require.Equal(t, 2, freeCores(2))
		require.Equal(t, 1, freeCores(100))
		require.Zero(t, freeCores(1))
		scanning.Add(-4)
	})
}

// slowEngine passes a fake clock's time with each text.
type slowEngine struct {
	fakeEngine
	clock *atomic.Int64
}

func (e slowEngine) Scan(dst []rules.Finding, text []byte, ctx rules.Context) []rules.Finding {
	if len(text) > maxMemo {
		e.clock.Add(int64(time.Millisecond))
	}
	return e.fakeEngine.Scan(dst, text, ctx)
}

// TestTimeLimitHoldsOnManyCores: what is left when time is up is withheld, all
// of it, and the limit is exceeded by no more texts than each core may scan
// before it looks at the clock.
func TestTimeLimitHoldsOnManyCores(t *testing.T) {
	const cores, spans = 4, 400
	cfg := testConfig(t)
	cfg.Limits.MaxBatchTime = time.Second
	h := start(t, cfg)
	var clock atomic.Int64
	h.core.now = func() time.Time { return time.Unix(0, clock.Load()) }
	h.engine(slowEngine{clock: &clock})
	td := agentspans.Clean(spans, 0)
	var out ptrace.Traces
	onCores(cores, func() { out = h.trace(td) })
	clean, withheld := 0, 0
	for _, s := range out.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		for k, v := range s.Attributes().All() {
			switch {
			case strings.HasPrefix(k, "tracescrub."):
			case strings.HasPrefix(v.Str(), "[WITHHELD:time:"):
				withheld++
			default:
				clean++
			}
		}
	}
	require.LessOrEqual(t, clean, 1000+cores*(clockBytes/perText+1))
	require.Equal(t, 20*spans-clean, withheld)
	require.Positive(t, withheld)
}

// TestNobodyWaits: a batch whose sender is gone is given up and not passed on.
func TestNobodyWaits(t *testing.T) {
	h := start(t, testConfig(t))
	for name, cores := range map[string]int{"one core": 1, "many cores": 4} {
		t.Run(name, func(t *testing.T) {
			h.traceSink.Reset()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			onCores(cores, func() {
				require.ErrorIs(t, h.traces.ConsumeTraces(ctx, agentspans.Clean(200, 0)), context.Canceled)
			})
			require.Empty(t, h.traceSink.AllTraces())
		})
	}
	require.EqualValues(t, 2, h.sum(metricPrefix+"batches_refused", "reason=cancelled"))
}

// TestPanicOfAScout refuses the batch, as any panic does.
func TestPanicOfAScout(t *testing.T) {
	h := start(t, testConfig(t))
	td := agentspans.Clean(200, 0)
	p := &instance{core: h.core}
	var scouts atomic.Int64
	onCores(4, func() {
		_, err := p.core.run(context.Background(), tracesSignal, 200, batch{visit: func(w *walk.Walker) int {
			if scouts.Add(1) > 1 {
				panic(errors.New("a text of the batch"))
			}
			return w.Traces(td)
		}})
		require.ErrorIs(t, err, errDefect)
	})
	require.Greater(t, scouts.Load(), int64(1))
	logged := h.logs.FilterMessageSnippet("panicked").All()
	require.Len(t, logged, 1)
	require.NotContains(t, fmt.Sprint(logged[0].ContextMap()), "a text of the batch")
	require.Zero(t, scanning.Load(), "cores were not given back")
}
