package secretmaskprocessor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/mask"
)

// TestMemo: what it says it knows was kept, under the same key and since the last wipe.
func TestMemo(t *testing.T) {
	type pair struct{ key, text string }
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, rng.IntN(maxMemo/2+2))
		for i := range b {
			b[i] = "ab"[rng.IntN(len(b))*2/len(b)]
		}
		return string(b)
	}
	var m memo
	kept := map[pair]bool{}
	hits := 0
	for i := range 200_000 {
		p := pair{word(), word()}
		switch slot := m.slot(p.key, []byte(p.text)); {
		case slot == nil:
			require.Greater(t, len(p.key)+len(p.text), maxMemo)
		case slot.is(p.key, []byte(p.text)):
			require.True(t, kept[p], "a text of %d bytes was never kept", len(p.text))
			hits++
		default:
			m.keep(p.key, []byte(p.text))
			kept[p] = true
			require.True(t, slot.is(p.key, []byte(p.text)))
		}
		if i%10_000 == 0 {
			m.wipe()
			clear(kept)
			require.Equal(t, [memoSlots]cleanText{}, m.slots)
		}
	}
	require.Greater(t, hits, 100)
}

// TestCleanElsewhere: a text that is clean in one place is still masked where
// it is a secret: under another name, in a place that no allow-list names, of a
// resource that none names, and by other rules.
func TestCleanElsewhere(t *testing.T) {
	token := "TSOLD-" + letters
	cfg := testConfig(t)
	cfg.Rules.Packs = []string{writePack(t, t.TempDir(), "own.yaml", "TSOLD")}
	cfg.Allow = []AllowConfig{
		{Description: "here", Words: []string{"TSOLD"}, Fields: []string{"span.attributes*"}},
		{Description: "there", Words: []string{"TSOLD"}, Resource: map[string]string{"service.name": "load"}},
	}
	h := start(t, cfg)
	pw := password(t, 3)
	td, s := oneSpan()
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", "load")
	s.Attributes().PutStr("note", pw)
	s.Events().AppendEmpty().Attributes().PutStr("x", token)
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	s = rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.Attributes().PutStr("x", token)
	s.Attributes().PutStr("password", pw)
	s.Events().AppendEmpty().Attributes().PutStr("x", token)
	out := h.trace(td).ResourceSpans()
	in := func(resource int) (attribute, event string) {
		s := out.At(resource).ScopeSpans().At(0).Spans().At(0)
		if v, ok := s.Attributes().Get("x"); ok {
			attribute = v.Str()
		}
		return attribute, get(t, s.Events().At(0).Attributes(), "x").Str()
	}
	_, event := in(0)
	require.Equal(t, token, event, "the resource is allowed")
	attribute, event := in(1)
	require.Equal(t, token, attribute, "the place is allowed")
	require.NotContains(t, event, token)
	require.NotContains(t, get(t, out.At(1).ScopeSpans().At(0).Spans().At(0).Attributes(), "password").Str(), pw)

	h = start(t, testConfig(t))
	for _, e := range []struct {
		engine mask.Engine
		masked bool
	}{{nopEngine{}, false}, {fakeEngine{}, true}} {
		h.engine(e.engine)
		td, s = oneSpan()
		s.Attributes().PutStr("SECRET", "value")
		_, stays := h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().Get("SECRET")
		require.Equal(t, !e.masked, stays)
	}
}
