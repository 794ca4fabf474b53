package collector

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

func TestCPUOf(t *testing.T) {
	fields := "S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20"
	got, err := cpuOf("77 (a ) b) " + fields)
	require.NoError(t, err)
	require.Equal(t, 1500*time.Millisecond, got)
	for name, stat := range map[string]string{
		"no name": fields, "too short": "77 (a) S 1 2", "no number": "77 (a) " + strings.Replace(fields, "120", "x", 1),
		"no number for the system": "77 (a) " + strings.Replace(fields, "30", "x", 1),
	} {
		_, err := cpuOf(stat)
		require.Error(t, err, name)
	}
}

func TestResidentOf(t *testing.T) {
	now, most, err := residentOf("Name: a\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n")
	require.NoError(t, err)
	require.Equal(t, []int64{1 << 20, 2 << 20}, []int64{now, most})
	for _, bad := range []string{"", "VmRSS: 1 kB\n", "VmHWM: 1 kB\nVmRSS: x kB\n"} {
		_, _, err := residentOf(bad)
		require.Error(t, err)
	}
}

func TestMetricOf(t *testing.T) {
	text := "# HELP a b\na{x=\"1\",y=\"2\"} 3\na{x=\"2\"} 4\nab 100\na 0.5\n"
	for label, want := range map[string]float64{"": 7.5, `x="1"`: 3, `x="2"`: 4, `x="3"`: 0} {
		got, err := metricOf(text, "a", label)
		require.NoError(t, err)
		require.InDelta(t, want, got, 1e-9, label)
	}
	_, err := metricOf("a{} b\n", "a", "")
	require.Error(t, err)
}

// TestLoad: requests have the spans and secrets that they say, the same texts
// each time, and no trace twice.
func TestLoad(t *testing.T) {
	s := shape{long: 100, spans: 50}
	l, err := newLoad(s, labelMask, starMask)
	require.NoError(t, err)
	r := <-l.ready
	require.Len(t, r.traces, s.spans)
	require.Equal(t, s.spans, r.spans)
	seen := map[string]bool{}
	for n := range uint64(10) {
		r.renew(n + 1)
		fresh := map[string]bool{}
		for _, at := range r.traces {
			fresh[string(r.raw[at:at+8])] = true
		}
		require.Len(t, fresh, (s.spans+traceSpans-1)/traceSpans)
		for id := range fresh {
			require.False(t, seen[id], "a trace comes again")
			seen[id] = true
		}
		again, err := count(r.raw, labelMask)
		require.NoError(t, err)
		require.Equal(t, r.tally, again)
	}
	_, err = newLoad(s, "password")
	require.ErrorContains(t, err, "what a mask looks like")
}

func TestCountSpans(t *testing.T) {
	for name, raw := range map[string][]byte{"no tag": {0x80}, "no value": {0x0a, 5, 1}, "below": {0x0a, 2, 0x12, 9}} {
		_, err := countSpans(raw)
		require.Error(t, err, name)
	}
	n, err := countSpans(nil)
	require.NoError(t, err)
	require.Zero(t, n)
}

// FuzzCountSpans: any bytes are counted or refused.
func FuzzCountSpans(f *testing.F) {
	f.Add(field(nil, 1, field(nil, 2, field(field(nil, 2, nil), 2, []byte{8, 1}))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := countSpans(raw)
		if err == nil && (n < 0 || n > len(raw)/2) {
			t.Fatalf("%d spans in %d bytes", n, len(raw))
		}
		if err != nil && n != 0 {
			t.Fatal("a count beside an error")
		}
	})
}

// TestLarges: each has its one secret, and the right number of attributes.
func TestLarges(t *testing.T) {
	for _, g := range larges {
		g.size, g.attributes = min(g.size, 5000), min(g.attributes, 3000)
		r, err := g.request()
		require.NoError(t, err, g.name)
		require.Equal(t, 1, r.spans)
		require.GreaterOrEqual(t, len(r.raw), g.size*g.attributes)
		require.Len(t, r.traces, 1)
	}
}

func TestJudge(t *testing.T) {
	run := func(n int, resident, heap func(i int) float64) error {
		var all []sample
		for i := range n {
			all = append(all, sample{resident: resident(i), heap: heap(i)})
		}
		_, err := judge(all)
		return err
	}
	flat := func(v float64) func(int) float64 { return func(int) float64 { return v } }
	noisy := func(i int) float64 { return 100 + float64(i*37%20) }
	warming := func(i int) float64 { return 200 - 100/float64(i+1) }
	growing := func(i int) float64 { return 100 + float64(i) }
	outlier := func(i int) float64 {
		if i == 58 {
			return 1000
		}
		return 100
	}
	require.NoError(t, run(60, flat(100), flat(30)))
	require.NoError(t, run(60, noisy, noisy))
	require.NoError(t, run(60, warming, flat(30)))
	require.NoError(t, run(60, outlier, outlier))
	require.ErrorContains(t, run(60, growing, flat(30)), "resident memory grew")
	require.ErrorContains(t, run(60, flat(100), growing), "heap memory grew")
	require.ErrorContains(t, run(2, flat(1), flat(1)), "too short")
}

// TestReloadFigures: a request met a reload if it was under way at any time of it.
func TestReloadFigures(t *testing.T) {
	zero := time.Unix(0, 0)
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	took := func(due, ms int) wait { return wait{at(due), time.Duration(ms) * time.Millisecond} }
	during := []span{{at(100), at(200)}, {at(300), at(320)}}
	waits := []wait{took(0, 5), took(10, 5), took(95, 15), took(150, 15), took(199, 15), took(200, 5), took(290, 50)}
	all, err := reloadFigures(waits, during)
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range all {
		got[f.Row+", "+f.Col] = f.Value
	}
	require.Equal(t, map[string]float64{
		"while rules are reloaded, p50 : quiet": 3, "while rules are reloaded, p99 : quiet": 10,
		"while rules are reloaded, p50": 15, "while rules are reloaded, p99": 50, "while rules are reloaded, a reload": 60,
		"otherwise, p50": 5, "otherwise, p99": 5,
	}, got)
	_, err = reloadFigures(waits[:2], during)
	require.ErrorContains(t, err, "0 requests met a reload, 2 did not")
	_, err = reloadFigures(waits[3:4], during)
	require.ErrorContains(t, err, "1 requests met a reload, 0 did not")
}

// TestBareRules: the pack of two rules is one that secret_mask takes, and what
// is planted is found by it.
func TestBareRules(t *testing.T) {
	p, err := pack.Load("bare.yaml", strings.NewReader(bare))
	require.NoError(t, err)
	e, err := rules.Compile(rules.Limits{}, p)
	require.NoError(t, err)
	texts := corpus.Values(6, 64, 4000)
	planted, err := corpus.Plant(7, texts, 200)
	require.NoError(t, err)
	found := 0
	for _, text := range texts {
		found += len(e.Scan(nil, text, rules.Context{}))
	}
	require.Equal(t, planted, found)
}
