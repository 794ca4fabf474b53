package rules

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// allHits filters text as a scan does.
func allHits(s *scanner, text []byte) (all []prefilter.Hit) {
	for next := 0; next < len(text); {
		var hits []prefilter.Hit
		hits, next = s.block(&s.levels[0], text, next)
		all = append(all, hits...)
	}
	return all
}

// TestHistoryChangesNothing filters texts that grow, shrink and differ in a
// byte, cut at any place, and compares what is found with a filter that
// remembers nothing.
func TestHistoryChangesNothing(t *testing.T) {
	remembering, plain := rememberingEngines(t, 2<<20)
	s, p := newScanner(remembering), newScanner(plain)
	rng := rand.New(rand.NewPCG(3, 4))
	stock := bytes.Join(corpus.Values(9, 3000, 60), []byte("token ghp_"))
	for at := piece; at+piece < len(stock); at += piece { // what a border cuts
		copy(stock[at-rng.IntN(20):], "authorization: bearer client_secret")
	}
	border := func() int { return rng.IntN(16)*piece - 8 + rng.IntN(60) }
	known, hits := 0, 0
	for range 6000 {
		n := max(0, border())
		if rng.IntN(2) == 0 {
			n = rng.IntN(len(stock))
		}
		text := slices.Clone(stock[:n])
		if at := border(); rng.IntN(2) == 0 && at >= 0 && at < n {
			text[at] ^= 1
		}
		s.history.start(s.repeats.seed, text)
		got, want := allHits(s, text), allHits(p, text)
		if !slices.Equal(got, want) {
			t.Fatalf("a text of %d bytes, %d of them known: %d hits, want %d or others", n, s.history.same, len(got), len(want))
		}
		if s.history.pieces > len(s.history.ends) {
			known++
		}
		hits += len(want)
		if rng.IntN(2) == 0 {
			s.history.keep(text, nil, 0)
		}
		for i := range s.history.past {
			if b := &s.history.past[i]; cap(b.text) > 3*s.history.size || len(b.text) > s.history.size {
				t.Fatalf("%d bytes are remembered, want at most %d", len(b.text), s.history.size)
			}
		}
	}
	t.Logf("%d times a beginning was known, %d hits", known, hits)
	if known < 1000 || hits < 1000 {
		t.Error("too little was known or found for this to show anything")
	}
}

// TestSessions scans documents that grow by messages of many forms, of several
// sessions in turn and under several keys, in some of which a secret stands in some
// turn, or is one only by what stands before it: findings are as without a memory.
func TestSessions(t *testing.T) {
	remembering, plain := rememberingEngines(t, 2<<20)
	s := newScanner(remembering)
	rng := rand.New(rand.NewPCG(5, 6))
	sessions := make([][]any, 3)
	keys := []string{"gen_ai.input.messages", "password"}
	known, read, again, found := 0, 0, 0, 0
	texts := map[uint64][]byte{} // by their numbers
	for turn := range 1500 {
		i := rng.IntN(len(sessions))
		if turn%100 == 99 {
			sessions[i] = nil
		}
		before := len(sessions[i])
		for n := range 1 + rng.IntN(2) {
			sessions[i] = append(sessions[i], said(t, rng, uint64(2*turn+n)))
		}
		if n := len(sessions[i]); rng.IntN(12) == 0 {
			sessions[i] = sessions[i][:n-rng.IntN(min(n, 3))]
		}
		doc, err := json.Marshal(sessions[i])
		if err != nil {
			t.Fatal(err)
		}
		if rng.IntN(10) == 0 {
			doc = doc[:len(doc)-rng.IntN(min(len(doc), 100))] // cut off
		}
		if rng.IntN(10) == 0 {
			doc[rng.IntN(len(doc))]++ // also in a secret
		}
		ctx := Context{Key: keys[rng.IntN(8)/7], Past: &Past{}}
		got, past := s.scan(nil, doc, ctx), *ctx.Past
		want := plain.Scan(nil, doc, ctx)
		if !slices.Equal(got, want) {
			t.Fatalf("turn %d: %d findings, without a memory %d or others", turn, len(got), len(want))
		}
		if *ctx.Past != (Past{}) {
			t.Fatal("without a memory a text has a past")
		}
		if of, ok := texts[past.Of]; past.Of != 0 && (!ok || past.Same > len(of) || !bytes.HasPrefix(doc, of[:past.Same])) {
			t.Fatalf("turn %d: the text is said to have %d bytes of another that does not begin with them", turn, past.Same)
		}
		if past.Text != 0 {
			if _, twice := texts[past.Text]; twice {
				t.Fatal("two texts have one number")
			}
			texts[past.Text] = bytes.Clone(doc)
		}
		if len(want) > 2 && rng.IntN(3) > 0 {
			sessions[i] = sessions[i][:min(before, len(sessions[i]))] // as it was
		}
		if found += len(want); s.history.pieces > len(s.history.ends) {
			known++
		}
		if h := &s.history; h.of != nil && h.of.read.Pos() > 0 && h.of.read.Pos() < h.same {
			read++
			if len(h.of.dirty) > 0 && h.of.dirty[0].End < h.of.read.Pos() {
				again++
			}
		}
		for k := range s.history.past {
			for _, f := range want {
				if ctx.Key == keys[0] && bytes.Contains(s.history.past[k].text, doc[f.Start:f.End]) {
					t.Fatal("a secret is remembered")
				}
			}
		}
	}
	t.Logf("%d times a beginning was known, %d times read, %d times with secrets, %d findings", known, read, again, found)
	if known < 60 || read < 60 || again < 60 || found < 60 {
		t.Error("too little was known or found for this to show anything")
	}
}

// said makes a message. Now and then it holds a secret.
func said(t *testing.T, rng *rand.Rand, seed uint64) any {
	t.Helper()
	text := string(corpus.Values(seed, 300+rng.IntN(900), 1)[0])
	if rng.IntN(30) == 0 {
		secret, _, err := pack.Expand("ghp_<30*base62><check:github-crc32>", rng)
		if err != nil {
			t.Fatal(err)
		}
		text += " it is " + secret
	}
	password, _, err := pack.Expand("<12*base62>!<4*digit>", rng)
	if err != nil {
		t.Fatal(err)
	}
	secret := rng.IntN(20) == 0
	switch rng.IntN(5) {
	case 0:
		if !secret {
			password = "none"
		}
		return []string{text, "--password", password}
	case 1:
		name := "comment"
		if secret {
			name = "password"
		}
		return map[string]any{"name": name, "note": text, "value": password}
	case 2:
		inner, err := json.Marshal(map[string]any{"content": text, "n": rng.IntN(100)})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"role": "tool", "content": string(inner)}
	case 3:
		return text
	default:
		return map[string]any{"role": "user", "parts": []any{map[string]any{"type": "text", "content": text}}}
	}
}

// TestDirtyStrings: a beginning keeps no byte of the strings in which something was
// found, and yet tells texts apart that differ in one of them only.
func TestDirtyStrings(t *testing.T) {
	var h history
	rng := rand.New(rand.NewPCG(7, 8))
	text := corpus.Values(11, 4000, 1)[0]
	var b beginning
	dirty := []decode.Token{{Span: decode.Span{Start: 700, End: 760}}, {Span: decode.Span{Start: 1500, End: 1501}}, {Span: decode.Span{Start: 2000, End: 3400}}}
	for i, end := range []int{1000, 1600, 3000, 3500} { // it grows
		b.grow(text[:end], dirty[:min(i+1, 3)], h.sum)
	}
	for _, d := range dirty {
		if slices.Max(b.text[d.Start:d.End]) != 0 {
			t.Errorf("bytes of the string at %d are remembered", d.Start)
		}
	}
	first := func(at int) int { // byte up to which a text is the same that differs at one
		for _, d := range dirty {
			if d.Start <= at && at < d.End {
				return d.Start
			}
		}
		return at
	}
	if n := b.same(text, h.sum); n != 3500 {
		t.Errorf("%d bytes are the same, want 3500", n)
	}
	for range 3000 {
		at := rng.IntN(3500)
		other := slices.Clone(text)
		other[at] ^= byte(1 + rng.IntN(255))
		if n := b.same(other, h.sum); n != first(at) {
			t.Fatalf("with another byte at %d, %d bytes are the same, want %d", at, n, first(at))
		}
		if n := b.same(text[:at], h.sum); n != first(at) {
			t.Fatalf("of %d bytes %d are the same, want %d", at, n, first(at))
		}
	}
	b.grow(text[:3600], nil, h.sum) // and what was found is no secret any more
	if !bytes.Equal(b.text, text[:3600]) {
		t.Error("a beginning without such strings is not its text")
	}
}
