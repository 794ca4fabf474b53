package secretmaskprocessor

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// password makes one that nothing but its name gives away.
func password(t testing.TB, seed uint64) string {
	t.Helper()
	return strings.TrimPrefix(secret(t, seed), "ghp_")[:14] + "!7" + "q#"
}

// session sends one span of a trace per text, each as the whole of an attribute, and returns what came out.
func session(h *harness, trace byte, texts ...string) (out []string) {
	h.t.Helper()
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for _, text := range texts {
		s := spans.AppendEmpty()
		s.SetTraceID(pcommon.TraceID{trace})
		s.Attributes().PutStr("gen_ai.tool.call.result", text)
	}
	for _, s := range h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		out = append(out, get(h.t, s.Attributes(), "gen_ai.tool.call.result").Str())
	}
	return out
}

// TestKnownAgain: a password that its name gave away once is masked before and
// after, encoded and in halves, in the batch and in later ones of the trace.
func TestKnownAgain(t *testing.T) {
	h := start(t, testConfig(t))
	pw := password(t, 20)
	mentions := []string{
		"I will try " + pw + " first", `{"cmd":"login ` + pw + `"}`, "first half " + pw[:9] + " of it", "and " + pw[8:] + " then",
		"header " + base64.StdEncoding.EncodeToString([]byte("admin:"+pw)), fmt.Sprintf("%x", pw),
	}
	batch := append(append([]string{}, mentions...), "DB_PASSWORD="+pw)
	got := session(h, 1, append(batch, mentions...)...)
	want := anyMask.FindString(got[len(mentions)])
	require.NotEmpty(t, want)
	clean := func(got, before []string) {
		t.Helper()
		for i := range got {
			require.Equal(t, want, anyMask.FindString(got[i]), "text %d", i)
			if strings.HasPrefix(before[i], "{") {
				require.True(t, json.Valid([]byte(got[i])), "text %d", i)
			}
			for n := 0; n+8 <= len(pw); n++ {
				require.NotContains(t, got[i], pw[n:n+8], "text %d", i)
			}
		}
	}
	clean(got, append(batch, mentions...))
	require.Equal(t, got, session(h, 1, got...), "masking twice changed something")
	clean(session(h, 1, mentions...), mentions)
	require.Equal(t, mentions[:4], session(h, 2, mentions[:4]...), "another trace")
	require.GreaterOrEqual(t, h.sum(metricPrefix+"findings", "evidence=memory"), int64(18))
}

// TestForgottenInTime: neither for ever nor more traces than configured.
func TestForgottenInTime(t *testing.T) {
	cfg := testConfig(t)
	cfg.Memory.Traces, cfg.Memory.Duration = 2, time.Minute
	h := start(t, cfg)
	now := time.Now()
	h.core.now = func() time.Time { return now }
	pw := password(t, 21)
	known := func(trace byte) bool { return session(h, trace, "say "+pw)[0] != "say "+pw }
	for trace := range byte(3) {
		session(h, trace+1, "password="+pw)
	}
	require.False(t, known(1), "three traces are remembered")
	require.True(t, known(2))
	require.True(t, known(3))
	now = now.Add(59 * time.Second)
	require.True(t, known(3))
	now = now.Add(time.Second)
	require.False(t, known(3), "a trace is remembered too long")
	cfg = testConfig(t)
	cfg.Memory.Traces = 0
	h = start(t, cfg)
	session(h, 1, "password="+pw)
	require.False(t, known(1))
	require.NotContains(t, session(h, 1, "password="+pw, "say "+pw)[1], pw, "within a batch")
}

// TestWeakValuesAreNotRemembered: a PIN, a word or a documented example found
// by its name stays itself elsewhere.
func TestWeakValuesAreNotRemembered(t *testing.T) {
	h := start(t, testConfig(t))
	for _, c := range []struct{ where, elsewhere string }{
		{"password=postgres1", "the postgres1 container"},
		{"pin: 493817", "order 493817 is on its way"},
		{"password: production-2", "deployed to production-2"},
		{"AWS_ACCESS_KEY_ID=AKIA" + "IOSFODNN7EXAMPLE", "use an id such as AKIA in front"},
	} {
		require.Equal(t, c.elsewhere, session(h, 1, c.where, c.elsewhere)[1])
	}
}

// TestPolicyDecidesAboutWhatIsKnown: what passes where it was found is not
// masked elsewhere; an item that is dropped takes nothing with it.
func TestPolicyDecidesAboutWhatIsKnown(t *testing.T) {
	cfg := testConfig(t)
	cfg.Policy = []PolicyConfig{
		{Field: `span.attributes["open"]`, Action: "pass"}, {Field: `span.attributes["never"]`, Action: "drop"},
	}
	cfg.Annotate = annotateFull
	h := start(t, cfg)
	pw := password(t, 22)
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for key, text := range map[string]string{"open": "password=" + pw, "plain": "say " + pw} {
		spans.AppendEmpty().Attributes().PutStr(key, text)
	}
	require.Contains(t, jsonOf(t, h.trace(td)), "say "+pw)

	td = ptrace.NewTraces()
	spans = td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for _, c := range [][2]string{{"never", "password=" + pw}, {"plain", "say " + pw}, {"open", "it is " + pw}, {"other", "password=" + password(t, 23)}} {
		s := spans.AppendEmpty()
		s.SetName(c[0])
		s.Attributes().PutStr(c[0], c[1])
	}
	got := h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	require.Equal(t, 3, got.Len())
	require.NotContains(t, get(t, got.At(0).Attributes(), "plain").Str(), pw)
	require.Contains(t, get(t, got.At(1).Attributes(), "open").Str(), pw)
	require.Equal(t, int64(1), h.sum(metricPrefix+"items_dropped"))
	for i, action := range []string{"mask", "pass", "mask"} {
		list := get(t, got.At(i).Attributes(), "tracescrub.findings").Slice()
		require.Equal(t, 1, list.Len(), "findings of span %d", i)
		require.Equal(t, action, get(t, list.At(0).Map(), "action").Str())
	}
	require.Equal(t, int64(0), h.sum(metricPrefix+"forged_stamps"))
}

// TestGrowingHistory sends what agents send: each call has the whole history.
// The secret has the same mask in all of it and the work grows with the text only.
func TestGrowingHistory(t *testing.T) {
	h := start(t, testConfig(t))
	token := secret(t, 24)
	history := []string{"cat .env", "GITHUB_TOKEN=" + token, "half of it is " + token[:22]}
	masks := map[string]bool{}
	for call := range 12 {
		history = append(history, fmt.Sprintf("call %d uses %s again", call, token))
		b, err := json.Marshal(history)
		require.NoError(t, err)
		got := session(h, 1, string(b))[0]
		require.True(t, json.Valid([]byte(got)))
		require.NotContains(t, got, token[5:20])
		found := anyMask.FindAllString(got, -1)
		require.Len(t, found, call+3)
		for _, m := range found {
			masks[m] = true
		}
	}
	require.Len(t, masks, 1)
}

// TestNothingKeptAfterABatch looks into a scan that has ended.
func TestNothingKeptAfterABatch(t *testing.T) {
	h := start(t, testConfig(t))
	token := secret(t, 25)
	parts, _ := pieces(token, 15)
	carriers[0].send(h, parts)
	session(h, 1, "token "+token, "password="+password(t, 26))
	s := h.core.scans.Get().(*scan)
	require.Zero(t, s.recall.batch.Len())
	require.Empty(t, s.streams.parts)
	require.Empty(t, s.outcomes)
	for i := range s.streams.lanes {
		require.True(t, s.streams.lanes[i].chain.Empty())
	}
}

// BenchmarkClean and BenchmarkKnown are a batch of agent spans without
// secrets, in a trace without and with something to remember.
func BenchmarkClean(b *testing.B) { benchmarkTrace(b, false) }

func BenchmarkKnown(b *testing.B) { benchmarkTrace(b, true) }

func benchmarkTrace(b *testing.B, known bool) {
	b.Helper()
	h := start(b, testConfig(b))
	if known {
		session(h, 1, "token "+secret(b, 27))
	}
	td := cleanBatch(200)
	for _, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		s.SetTraceID(pcommon.TraceID{1})
	}
	p := &instance{core: h.core}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.traces(b.Context(), td); err != nil {
			b.Fatal(err)
		}
	}
}
