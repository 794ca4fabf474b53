package corpus

import (
	"fmt"
	"math/rand/v2" // seeded: the same seed must make the same pack
	"regexp"
	"slices"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// Double makes a pack of as many rules as the packs have together, kind by
// kind: a prefix of its own and a class of characters for each rule that goes
// by form, a provider's word for each that needs one near, a word of its own
// before a noun for each name. None finds anything in texts of this package. It
// is what an engine with twice as many rules is measured with.
func Double(seed uint64, packs []*pack.Pack) *pack.Pack {
	s := synthetic{rng: rand.New(rand.NewPCG(seed, 0)), used: map[string]bool{}}
	out := &pack.Pack{Version: 1, Name: "synthetic"}
	for _, p := range packs {
		for i := range p.Rules {
			id := fmt.Sprintf("synthetic-rule-%d", len(out.Rules))
			if len(p.Rules[i].Near) > 0 {
				out.Rules = append(out.Rules, s.near(id, p.Rules[i].Not))
			} else {
				out.Rules = append(out.Rules, s.form(id))
			}
		}
		for i := range p.Names {
			out.Names = append(out.Names, s.name(fmt.Sprintf("synthetic-name-%d", len(out.Names)), len(p.Names[i].Names)))
		}
	}
	return out
}

// synthetic makes rules with words that no other of them has.
type synthetic struct {
	rng  *rand.Rand
	used map[string]bool
}

const consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiou"

// word makes a new pronounceable word of syllables, and an end.
func (s *synthetic) word(syllables int) string {
	for {
		var b []byte
		for range syllables {
			b = append(b, pick(s.rng, []byte(consonants)), pick(s.rng, []byte(vowels)))
		}
		b = append(b, pick(s.rng, []byte(consonants)))
		if w := string(b); !s.used[w] && !slices.Contains(words, w) {
			s.used[w] = true
			return w
		}
	}
}

// head is what all synthetic rules have in common.
func head(id, description, example string) pack.Rule {
	return pack.Rule{
		ID: id, Provider: "Synthetic", Description: description, Severity: pack.High,
		Reference: "https://example.com/", Within: 100, Examples: []string{example},
	}
}

// classes are the classes of characters of tokens, and the alphabets of templates that fill them.
var classes = [][2]string{{"[A-Za-z0-9]", "base62"}, {"[A-Za-z0-9_-]", "base64url"}, {"[0-9a-f]", "hex"}, {"[A-Z2-7]", "base32"}}

// form makes a rule as most providers' are: prefix, border, characters.
func (s *synthetic) form(id string) pack.Rule {
	prefix := s.word(1+s.rng.IntN(2)) + pick(s.rng, []string{"_", "-", "_live_", "_sk_", "-pat-", "."})
	if s.rng.IntN(4) == 0 {
		prefix = string(prefix[0]-'a'+'A') + prefix[1:]
	}
	class, n := pick(s.rng, classes), 20+s.rng.IntN(30)
	r := head(id, "prefix and characters", fmt.Sprintf("it is {{%s<%d*%s>}} here", prefix, n, class[1]))
	r.Pattern = fmt.Sprintf("%s%s{%d,%d}", regexp.QuoteMeta(prefix), class[0], n, n+s.rng.IntN(40))
	r.Left, r.Right = "word", pick(s.rng, []string{"extend", "exact"})
	return r
}

// near makes a rule whose token is known by a provider's name near it.
func (s *synthetic) near(id string, not []string) pack.Rule {
	word, class, n := s.word(2+s.rng.IntN(2)), pick(s.rng, classes[:3]), 32+8*s.rng.IntN(3)
	r := head(id, "characters near a word", fmt.Sprintf("%s key: {{<%d*%s>}}", word, n, class[1]))
	r.Pattern, r.Near, r.Not = fmt.Sprintf("%s{%d}", class[0], n), []string{word}, not
	r.Left, r.Right = "any", "exact"
	return r
}

// name makes the name of a credential, in so many words.
func (s *synthetic) name(id string, spellings int) pack.Name {
	n := pack.Name{
		ID: id, Provider: "Synthetic", Description: "value under a name", Severity: pack.High,
		Reference: "https://example.com/", Value: "token", MinLength: 8,
	}
	for range spellings {
		n.Names = append(n.Names, s.word(2)+"_"+pick(s.rng, []string{"key", "token", "password", "secret"}))
	}
	n.Examples = []string{n.Names[0] + "={{<24*base62>}}"}
	return n
}
