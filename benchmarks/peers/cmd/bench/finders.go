package main

import (
	"errors"
	"fmt"
	"strings"

	bobusumisu "github.com/BobuSumisu/aho-corasick"
	cloudflare "github.com/cloudflare/ahocorasick"
	petar "github.com/petar-dambovaliev/aho-corasick"

	"github.com/tracescrub/tracescrub/benchmarks/peers/internal/vectorscan"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// finder says which literals of a list stand in a text.
type finder struct {
	name string
	list []prefilter.Literal
	find func(text []byte, has *set) error // nil where it is not installed
}

// set is the literals that stand in one text.
type set struct {
	seen []uint32 // by literal: in which text it was seen last
	now  uint32
	n    int
}

func newSet(literals int) *set { return &set{seen: make([]uint32, literals)} }

// next begins another text.
func (s *set) next() { s.now, s.n = s.now+1, 0 }

func (s *set) add(literal int) {
	if s.seen[literal] != s.now {
		s.seen[literal] = s.now
		s.n++
	}
}

func (s *set) has(literal int) bool { return s.seen[literal] == s.now }

// allFinders begins with ours. All look for the literals of the built-in rules
// with ASCII case folded, which is what all of them can do; the second row is
// what the engine really asks of its filter, which is less: case counts where
// the pattern says so, and so do the bytes behind.
func allFinders() ([]*finder, error) {
	e, err := builtin()
	if err != nil {
		return nil, err
	}
	exact := e.Literals()
	folded := make([]prefilter.Literal, len(exact))
	texts := make([]string, len(exact))
	for i, l := range exact {
		texts[i] = string(lower(nil, []byte(l.Text)))
		folded[i] = prefilter.Literal{Text: texts[i]}
	}
	ours, err := newFilter("rules/prefilter", folded)
	if err != nil {
		return nil, err
	}
	asked, err := newFilter("rules/prefilter, with case and next byte, as the engine asks", exact)
	if err != nil {
		return nil, err
	}
	vs := &finder{name: "Vectorscan, literals"}
	if vs.find, err = vectorscanFind(texts); err != nil {
		return nil, err
	}
	all := []*finder{
		ours, asked,
		{name: "cloudflare/ahocorasick", find: cloudflareFind(texts)},
		{name: "petar-dambovaliev/aho-corasick, dense automaton", find: petarFind(texts)},
		{name: "BobuSumisu/aho-corasick, as in gitleaks", find: bobusumisuFind(texts)},
		vs,
	}
	for _, f := range all {
		if f.list == nil {
			f.list = folded
		}
	}
	return all, nil
}

func newFilter(name string, list []prefilter.Literal) (*finder, error) {
	f, err := prefilter.New(list)
	if err != nil {
		return nil, err
	}
	var hits []prefilter.Hit
	w := new(prefilter.Work)
	return &finder{name: name, list: list, find: func(text []byte, has *set) error {
		for from := 0; from < len(text); {
			hits, from = f.Find(w, hits[:0], text, from, len(text), 256)
			for _, h := range hits {
				has.add(int(h.Lit))
			}
		}
		return nil
	}}, nil
}

// cloudflareFind needs a lowered copy of each text, whose making counts.
func cloudflareFind(literals []string) func([]byte, *set) error {
	m := cloudflare.NewStringMatcher(literals)
	var low []byte
	return func(text []byte, has *set) error {
		low = lower(low[:0], text)
		for _, i := range m.Match(low) {
			has.add(i)
		}
		return nil
	}
}

func petarFind(literals []string) func([]byte, *set) error {
	b := petar.NewAhoCorasickBuilder(petar.Opts{AsciiCaseInsensitive: true, MatchKind: petar.StandardMatch, DFA: true})
	m := b.Build(literals)
	return func(text []byte, has *set) error {
		all := m.IterOverlappingByte(text)
		for hit := all.Next(); hit != nil; hit = all.Next() {
			has.add(hit.Pattern())
		}
		return nil
	}
}

// bobusumisuFind needs a lowered copy, too. Walk allocates nothing, other than
// the function that gitleaks calls.
func bobusumisuFind(literals []string) func([]byte, *set) error {
	m := bobusumisu.NewTrieBuilder().AddStrings(literals).Build()
	var low []byte
	return func(text []byte, has *set) error {
		low = lower(low[:0], text)
		m.Walk(low, func(_, _, pattern int64) bool {
			has.add(int(pattern))
			return true
		})
		return nil
	}
}

func vectorscanFind(literals []string) (func([]byte, *set) error, error) {
	db, err := vectorscan.Literals(literals)
	if errors.Is(err, vectorscan.ErrAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var hits []vectorscan.Hit
	return func(text []byte, has *set) (err error) {
		hits, err = db.Scan(hits, text)
		for _, h := range hits {
			has.add(int(h.Pattern))
		}
		return err
	}, nil
}

// lower appends text with its ASCII letters in lower case.
func lower(dst, text []byte) []byte {
	dst = append(dst, text...)
	for i, c := range dst {
		if c-'A' < 26 {
			dst[i] = c | 0x20
		}
	}
	return dst
}

// filterContest is all finders on the same texts. Those that have the same list
// must find the same.
func filterContest(finders []*finder, t *texts, col string) ([]*subject, error) {
	var all []*subject
	for _, f := range finders {
		s, err := f.subject(t, col)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", f.name, col, err)
		}
		all = append(all, s)
		if sameList := &f.list[0] == &finders[0].list[0]; sameList && s.pass != nil && s.want != all[0].want {
			return nil, fmt.Errorf("%s, %s: %d literals, but %s found %d", f.name, col, s.want, finders[0].name, all[0].want)
		}
	}
	return all, nil
}

// subject is the finder on texts. What it has to find is counted by looking
// for each literal alone, in a sample of the texts; the counts of all passes
// are held against that of the first.
func (f *finder) subject(t *texts, col string) (*subject, error) {
	s := &subject{table: filterTable, row: f.name, col: col, bytes: float64(t.bytes()), values: len(t.values)}
	if f.find == nil {
		return s, nil
	}
	if err := f.check(t.values); err != nil {
		return nil, err
	}
	has := newSet(len(f.list))
	s.pass = func() (n int, err error) {
		for _, v := range t.values {
			has.next()
			if err := f.find(v, has); err != nil {
				return n, err
			}
			n += has.n
		}
		return n, nil
	}
	var err error
	s.want, err = s.pass()
	return s, err
}

// sampled is how much of the texts is searched for each literal alone.
const sampled = 128 << 10

// check holds the finder against the obvious way: on some of the values, and on
// a text of all literals, each once as it is written and once in capitals.
func (f *finder) check(values [][]byte) error {
	var all []byte
	for _, l := range f.list {
		all = append(append(all, l.Text...), " \n"...)
		all = append(append(all, strings.ToUpper(l.Text)...), " =\x00"...)
	}
	has := newSet(len(f.list))
	for i, size := -1, 0; i < len(values) && size < sampled; i++ {
		text := all
		if i >= 0 {
			text = values[i]
			text = text[:min(len(text), sampled)]
		}
		size += len(text)
		has.next()
		if err := f.find(text, has); err != nil {
			return err
		}
		in, low := string(text), string(lower(nil, text))
		for k, l := range f.list {
			if has.has(k) != stands(l, in, low) {
				return fmt.Errorf("wrong about literal %d of %d in value %d of %d bytes", k, len(f.list), i, len(text))
			}
		}
	}
	return nil
}

// stands is the definition: the literal stands in the text, in its case or
// any, with nothing behind it or a byte that may stand there. low is the text
// in lower case.
func stands(l prefilter.Literal, text, low string) bool {
	in, what := text, l.Text
	if !l.Exact {
		in, what = low, string(lower(nil, []byte(what)))
	}
	for from := 0; ; {
		i := strings.Index(in[from:], what)
		if i < 0 {
			return false
		}
		end := from + i + len(what)
		if l.Follow == nil || end == len(text) || l.Follow[text[end]] {
			return true
		}
		from += i + 1
	}
}
