// Package samples draws labelled values to train and to judge package
// classify with: secrets of many styles, and what stands in their place in
// code, configuration and telemetry without being one. Everything is made
// from word lists of this project and random numbers, the same for the same
// seed; nothing is taken from real data.
package samples

import (
	"math/rand/v2"
	"strings"

	"github.com/tracescrub/tracescrub/rules/classify"
)

// Sample is a value in its place, and whether it is a secret there.
type Sample struct {
	Value   []byte
	Context classify.Context
	Secret  bool
	Style   string // how it was made, for reports
}

// maker draws from a lexicon.
type maker struct {
	*rand.Rand
	*Lexicon
}

// style is a way to make values.
type style struct {
	name   string
	weight int
	make   func(m maker) string
	// places it stands in, a string of the letters of package-level places.
	places string
}

// Draw makes one value for question q.
func Draw(rng *rand.Rand, x *Lexicon, q classify.Question) Sample {
	m := maker{rng, x}
	secret := m.IntN(2) == 0
	all := others
	switch {
	case secret && q == classify.Password:
		all = passwords
	case secret:
		all = tokens
	}
	s := pick(m, all)
	v := s.make(m)
	places := s.places
	if strings.ContainsAny(v, " \"'`") {
		places = "q" // needs quotes
	}
	return Sample{[]byte(v), placeOf(m, places[m.IntN(len(places))]), secret, s.name}
}

func pick(m maker, all []style) style {
	sum := 0
	for _, s := range all {
		sum += s.weight
	}
	n := m.IntN(sum)
	for _, s := range all {
		if n -= s.weight; n < 0 {
			return s
		}
	}
	return all[0]
}

// placeOf returns a context for a letter:
//
//	q quoted   s NAME=value   y name: value$   c name: value,   p a name: value$
//	i name = value$   x name = value;   u &name=value   d a name = value$
//	f --name value   e <name>value</name>   w value and words   n no name
func placeOf(m maker, letter byte) classify.Context {
	ends := []byte{'\n', '\n', 0}
	end := ends[m.IntN(len(ends))]
	one := func(s string) byte { return s[m.IntN(len(s))] }
	op := one("::=====,")
	switch letter {
	case 'q':
		if m.IntN(4) == 0 { // a member of a document, an attribute
			return classify.Context{Quoted: true}
		}
		return classify.Context{Quoted: true, Tight: op == '=' && m.IntN(3) == 0, Line: m.IntN(2) == 0, Op: op, Next: one("\"\"'")}
	case 's':
		return classify.Context{Tight: true, Line: true, Op: '=', Next: end}
	case 'y':
		return classify.Context{Line: true, Op: ':', Next: end}
	case 'c':
		return classify.Context{Line: m.IntN(2) == 0, Op: ':', Next: one(",,,)};([")}
	case 'p':
		return classify.Context{Op: ':', Next: end}
	case 'i':
		return classify.Context{Line: true, Op: '=', Next: end}
	case 'x':
		return classify.Context{Line: m.IntN(2) == 0, Op: '=', Next: one(";;;,)([.+}")}
	case 'u':
		return classify.Context{Tight: true, Op: '=', Next: one("& ,&\n;")}
	case 'd':
		return classify.Context{Op: '=', Next: end}
	case 'f':
		return classify.Context{Line: true, Op: ' ', Next: one(" \n ")}
	case 'e':
		return classify.Context{Quoted: true, Op: '>', Next: '<'}
	case 'w':
		return classify.Context{Line: m.IntN(2) == 0, Op: one(":="), Next: ' '}
	}
	return classify.Context{Next: one(" \n,.")}
}

func (m maker) of(words []string) string { return words[m.IntN(len(words))] }

func (m maker) any(options ...string) string { return options[m.IntN(len(options))] }

func (m maker) chance(percent int) bool { return m.IntN(100) < percent }

// run draws n characters.
func (m maker) run(letters string, n int) string {
	out := make([]byte, n)
	for i := range out {
		out[i] = letters[m.IntN(len(letters))]
	}
	return string(out)
}

func (m maker) between(low, high int) int { return low + m.IntN(high-low+1) }

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	hex    = digits + "abcdef"
	base62 = digits + upper + lower
	signs  = "!@#$%^&*-_.+?~"
)

func capital(w string) string {
	return strings.ToUpper(w[:1]) + w[1:]
}

// scramble replaces every character by another of its kind.
func (m maker) scramble(v string) string {
	out := []byte(v)
	for i, c := range out {
		switch {
		case strings.IndexByte(lower, c) >= 0:
			out[i] = lower[m.IntN(26)]
		case strings.IndexByte(upper, c) >= 0:
			out[i] = upper[m.IntN(26)]
		case strings.IndexByte(digits, c) >= 0:
			out[i] = digits[m.IntN(10)]
		}
	}
	return string(out)
}

// Weak makes a password of the named style, for the tests of the engine:
// word, human, strong, letters, phrase, token. Other names give "".
func Weak(rng *rand.Rand, x *Lexicon, style string) string {
	m := maker{rng, x}
	switch style {
	case "word":
		for {
			if w := m.of(m.human); len(w) >= 5 && isWord(w) {
				return w
			}
		}
	case "human":
		return m.human1()
	case "strong":
		return m.run(base62, 4) + m.run("!#*+-._~", 1) + m.run(base62, m.between(4, 12))
	case "letters":
		return m.run(lower, m.between(7, 14))
	case "phrase":
		return m.phrase()
	case "token":
		return m.random()
	}
	return ""
}
