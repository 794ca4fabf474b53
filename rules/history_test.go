package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
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
			s.history.keep(text)
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

// TestSessions scans documents that grow by messages, of several sessions in
// turn, in some of which a secret stands in some turn: findings are as without a memory.
func TestSessions(t *testing.T) {
	remembering, plain := rememberingEngines(t, 2<<20)
	s := newScanner(remembering)
	rng := rand.New(rand.NewPCG(5, 6))
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	sessions := make([][]message, 3)
	known, found := 0, 0
	for turn := range 150 {
		i := rng.IntN(len(sessions))
		if turn%50 == 49 {
			sessions[i] = nil
		}
		for _, text := range corpus.Values(uint64(turn), 1200, 2) {
			if rng.IntN(40) == 0 {
				secret, _, err := pack.Expand("ghp_<30*base62><check:github-crc32>", rng)
				if err != nil {
					t.Fatal(err)
				}
				text = fmt.Appendf(nil, "%s it is %s", text, secret)
			}
			sessions[i] = append(sessions[i], message{"user", string(text)})
		}
		doc, err := json.Marshal(sessions[i])
		if err != nil {
			t.Fatal(err)
		}
		got, want := s.scan(nil, doc, Context{Key: "gen_ai.input.messages"}), plain.Scan(nil, doc, Context{Key: "gen_ai.input.messages"})
		if !slices.Equal(got, want) {
			t.Fatalf("turn %d: %d findings, without a memory %d or others", turn, len(got), len(want))
		}
		if found += len(want); s.history.pieces > len(s.history.ends) {
			known++
		}
		for _, f := range want {
			for k := range s.history.past {
				if bytes.Contains(s.history.past[k].text, doc[f.Start:f.End]) {
					t.Fatal("a secret is remembered")
				}
			}
		}
	}
	t.Logf("%d times a beginning was known, %d findings", known, found)
	if known < 30 || found == 0 {
		t.Error("too little was known or found for this to show anything")
	}
}
