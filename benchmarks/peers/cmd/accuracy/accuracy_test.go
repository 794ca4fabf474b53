package main

import (
	"context"
	"encoding/base64"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/internal/corpus"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

func loadAll(t *testing.T) *corpus.Corpus {
	t.Helper()
	loaded, err := corpus.Load(os.DirFS("../../../../testdata/corpus"))
	require.NoError(t, err)
	return loaded
}

// Every rule that is written as a regular expression finds the rule's own
// examples, and its replacement takes the secret away.
func TestExpressionsFindTheExamples(t *testing.T) {
	w, err := expressions()
	require.NoError(t, err)
	all, err := packs.Builtin()
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	rules, i, split := 0, 0, 0
	for _, p := range all {
		rules += len(p.Rules)
		for _, r := range p.Rules {
			if len(r.Near) > 0 || len(r.Keywords) > 0 || r.Require {
				continue
			}
			e := w.all[i]
			i++
			if e.replacement != theirMask {
				split++
			}
			whole, parts := regexp.MustCompile(e.whole), regexp.MustCompile(e.split)
			for n, template := range r.Examples {
				text, at, err := pack.Expand(template, rng)
				require.NoError(t, err)
				hit := false
				for _, m := range whole.FindAllStringIndex(text, -1) {
					hit = hit || m[0] < at[1] && at[0] < m[1]
				}
				if !hit || strings.Contains(parts.ReplaceAllString(text, e.replacement), text[at[0]:at[1]]) {
					t.Errorf("rule %s does not find its example %d", r.ID, n)
				}
			}
		}
	}
	require.Len(t, w.all, i)
	require.Equal(t, rules, i+w.near+w.keywords+w.checksum)
	require.Greater(t, i, 400)
	require.Greater(t, split, 120)
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ pattern, text, want string }{
		{`user=(a|b)&pass=([a-z]+)(;|$)`, "x user=a&pass=secret;", "x user=a&pass=****;"},
		{`pass=(?:x|([a-z]+))`, "pass=secret", "****"}, // in an alternative: all of it
	} {
		e, err := newExpression(&pack.Rule{Pattern: c.pattern, Secret: strings.Count(c.pattern[:strings.LastIndex(c.pattern, "([")+1], "(") - strings.Count(c.pattern, "(?:")})
		require.NoError(t, err)
		require.Equal(t, c.want, regexp.MustCompile(e.split).ReplaceAllString(c.text, e.replacement), c.pattern)
	}
}

func TestKeyPattern(t *testing.T) {
	re := regexp.MustCompile(keyPattern(pack.Name{Names: []string{"api_key", "token"}}))
	for key, want := range map[string]bool{
		"api_key": true, "x-api-key": true, "openai.apiKey": true, "TOKEN": true, "access_token": true,
		"max_tokens": false, "api_key_id": false, "betoken": false,
	} {
		require.Equal(t, want, re.MatchString(key), key)
	}
}

// The planter finds every place of the walker's table, and the walker every token.
func TestPlanterAndWalkerAgree(t *testing.T) {
	spots, tokens := map[string]bool{}, 0
	c := &contender{}
	visit := func() *walk.Walker { return walk.New(spotter{spots, &tokens}, walk.Options{}) }
	c.traces = func(_ context.Context, d ptrace.Traces) (ptrace.Traces, error) { visit().Traces(d); return d, nil }
	c.logs = func(_ context.Context, d plog.Logs) (plog.Logs, error) { visit().Logs(d); return d, nil }
	c.metrics = func(_ context.Context, d pmetric.Metrics) (pmetric.Metrics, error) { visit().Metrics(d); return d, nil }
	planted := 0
	for _, s := range signals {
		p := newPlanter(3)
		_, err := c.sent(t.Context(), s, p)
		require.NoError(t, err)
		require.NoError(t, p.err)
		planted += len(p.tokens)
	}
	want := map[string]bool{}
	for _, i := range walk.Places() {
		if i.Signals != "p" {
			want[i.Name] = true
		}
	}
	require.Equal(t, want, spots)
	require.Equal(t, planted, tokens)
	require.Greater(t, planted, 150)
}

type spotter struct {
	spots map[string]bool
	n     *int
}

func (spotter) Attributes(*walk.Place, pcommon.Map) {}

func (spotter) Done(*walk.Place, pcommon.Map) bool { return true }

func (s spotter) Text(at *walk.Place, text []byte) []byte {
	if strings.Contains(string(text), "ghp"+"_") {
		s.spots[at.Spot.String()] = true
		*s.n++
	}
	return nil
}

// Each of the real ones covers what it is known to; ours covers all.
func TestCover(t *testing.T) {
	w, err := expressions()
	require.NoError(t, err)
	all, err := contenders(t.Context(), w, t.TempDir(), false)
	require.NoError(t, err)
	require.Len(t, all, 5)
	value := map[string]float64{}
	for _, c := range all[:4] {
		list, err := c.cover(t.Context(), 1)
		require.NoError(t, err)
		for _, f := range list {
			if f.Table == signalTable || f.Table == signalTable+ofSuffix {
				value[f.Table+", "+f.Row+", "+f.Col] = f.Value
			}
		}
	}
	at := func(name string) float64 { return value[signalTable+", "+name+", all"] }
	require.Equal(t, value[signalTable+ofSuffix+", "+oursName+", all"], at(oursName))
	require.Greater(t, at(redactionMore), at(redactionName))
	require.Greater(t, at(oursName), at(redactionMore))
	require.Positive(t, at(transformName))

	// All of them mask a token in an attribute and leave a clean text alone.
	token, _, err := pack.Expand(tokenTemplate, rand.New(rand.NewPCG(5, 5)))
	require.NoError(t, err)
	for _, c := range all {
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.Attributes().PutStr("note", "login with "+token+" please")
		span.Attributes().PutStr("clean", "nothing to see")
		td, err := c.traces(t.Context(), td)
		require.NoError(t, err, c.name)
		attrs := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
		note, _ := attrs.Get("note")
		clean, _ := attrs.Get("clean")
		require.False(t, strings.Contains(note.Str(), token), c.name)
		require.True(t, strings.HasPrefix(note.Str(), "login with ") && strings.HasSuffix(note.Str(), " please"), c.name)
		require.Equal(t, "nothing to see", clean.Str(), c.name)
	}
}

// One that is called ours and leaves a place, and one that masks nothing, end the run.
func TestWrongCoverIsRefused(t *testing.T) {
	same := func(name string) *contender {
		return &contender{
			name:    name,
			traces:  func(_ context.Context, d ptrace.Traces) (ptrace.Traces, error) { return d, nil },
			logs:    func(context.Context, plog.Logs) (plog.Logs, error) { return plog.NewLogs(), nil },
			metrics: func(context.Context, pmetric.Metrics) (pmetric.Metrics, error) { return pmetric.NewMetrics(), nil },
		}
	}
	_, err := same("theirs").cover(t.Context(), 1)
	require.NoError(t, err)
	_, err = same(oursName).cover(t.Context(), 1)
	require.ErrorContains(t, err, "covers 156 of 199 places")
	none := same("theirs")
	none.logs = func(_ context.Context, d plog.Logs) (plog.Logs, error) { return d, nil }
	none.metrics = func(_ context.Context, d pmetric.Metrics) (pmetric.Metrics, error) { return d, nil }
	_, err = none.cover(t.Context(), 1)
	require.ErrorContains(t, err, "does not know the token")
}

// echo masks nothing.
func echo(name string) *contender {
	return &contender{
		name:   name,
		traces: func(_ context.Context, d ptrace.Traces) (ptrace.Traces, error) { return d, nil },
		logs:   func(_ context.Context, d plog.Logs) (plog.Logs, error) { return d, nil },
	}
}

// A run in which ours leaks ends with an error; others may.
func TestLeaksOfOursAreRefused(t *testing.T) {
	loaded := loadAll(t)
	_, err := results(t.Context(), []*contender{echo(oursName), echo("theirs")}, loaded, []uint64{1})
	require.ErrorContains(t, err, "easy occurrences leaked")
	out, err := results(t.Context(), []*contender{echo("one"), echo("another")}, loaded, []uint64{1})
	require.NoError(t, err)
	require.Equal(t, out[0].Rows(), out[0].Leaked())
	_, err = results(t.Context(), []*contender{echo("one")}, loaded, []uint64{1})
	require.ErrorContains(t, err, "nobody to compare with")
	other := out[1]
	other.Decoys--
	require.ErrorContains(t, sameQuestions([]*contender{echo("one"), echo("another")}, []corpus.Result{out[0], other}), "another was asked about")
}

// The batches that a contender has changed are counted with its speed.
func TestSpeed(t *testing.T) {
	cases, err := loadAll(t).Fill(1, "edge_S03_triple_nested_json", "edge_S06_log_body_pem")
	require.NoError(t, err)
	l, err := newLoad(cases)
	require.NoError(t, err)
	require.Greater(t, l.bytes, 500)
	c := echo("one")
	rate, changed, err := l.rate(t.Context(), c)
	require.NoError(t, err)
	require.Positive(t, rate)
	require.Zero(t, changed)
	c.logs = func(context.Context, plog.Logs) (plog.Logs, error) { return plog.NewLogs(), nil }
	_, changed, err = l.rate(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, 1, changed)
}

// What gitleaks names by line and column, because it has decoded it, is
// replaced as well, in every line.
func TestDecodedFindings(t *testing.T) {
	token, _, err := pack.Expand(tokenTemplate, rand.New(rand.NewPCG(9, 9)))
	require.NoError(t, err)
	c, err := newGitleaks()
	require.NoError(t, err)
	encoded := base64.StdEncoding.EncodeToString([]byte(token))
	for _, text := range []string{"@ after", "before @ after", "before\n@ after", "a\nbefore @ after\nb", "a\n\nbefore @", token + "\n@\n" + token} {
		td := ptrace.NewTraces()
		span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetName(strings.ReplaceAll(text, "@", encoded))
		_, err := c.traces(t.Context(), td)
		require.NoError(t, err)
		want := strings.NewReplacer("@", theirMask, token, theirMask).Replace(text)
		require.Equal(t, want, span.Name())
	}
}

// A map that has become a string of JSON is read back in its order and types.
func TestRestored(t *testing.T) {
	was := pcommon.NewMap()
	m := was.PutEmptyMap("map")
	m.PutStr("z", "text")
	m.PutInt("a", 7)
	m.PutDouble("half", 3)
	m.PutBool("yes", true)
	m.PutEmptyBytes("bytes").FromRaw([]byte("abc"))
	m.PutEmptySlice("list").AppendEmpty().SetStr("x")
	was.PutEmptySlice("broken").AppendEmpty().SetStr("x")
	was.PutStr("text", `{"a":1}`)
	is := pcommon.NewMap()
	whole, _ := was.Get("map")
	is.PutStr("map", strings.Replace(whole.AsString(), "text", theirMask, 1))
	is.PutStr("broken", "["+theirMask)
	is.PutStr("text", `{"a":1}`)
	require.Equal(t, 2, restored(was, is))
	m.PutStr("z", theirMask)
	was.PutStr("broken", "["+theirMask)
	require.Equal(t, was.AsRaw(), is.AsRaw())
	back, _ := is.Get("map")
	first := ""
	for k := range back.Map().All() {
		first = k
		break
	}
	require.Equal(t, "z", first)
}

// A finder has no figure of what it would have damaged.
func TestFigures(t *testing.T) {
	r := corpus.Result{Decoys: 5, DecoysDestroyed: 1, By: map[string]corpus.Tally{"easy": {Rows: 3, Leaked: 2}}}
	full := (&contender{name: "a"}).figures(r)
	require.Contains(t, full, figure.Figure{Table: leakedTable, Row: "a", Col: "easy", Unit: "count", Value: 2})
	require.Contains(t, full, figure.Figure{Table: leakedTable + ofSuffix, Row: "a", Col: "all", Unit: "count", Value: 3})
	require.Contains(t, full, figure.Figure{Table: damagedTable, Row: "a", Col: "look-alikes", Unit: "count", Value: 1})
	require.Len(t, (&contender{name: "a", finder: true}).figures(r), len(full)-6)
}
