package rules

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// This file is the plain reading of "A name" in docs/rules.md: keys are split
// by regular expressions and compared with every name, and names are looked
// for at every byte of a text. What stands behind a name is read by the
// engine's own assignment (and manifest): the reference is about which names are seen, where
// and in which order, not about syntaxes and values.

// refName is one way to write a name.
type refName struct {
	name           int
	words          []string
	not, notBefore [][]string
}

// refNames are all names of some packs, and the literals without one of which
// a key is not looked at: between the words of a name stands one separator or none.
type refNames struct {
	e     *Engine
	names []refName
	gate  []string // of all names
	found []string // of those that hold no shorter one
}

func newRefNames(e *Engine, packs []*pack.Pack) *refNames {
	ref := &refNames{e: e}
	var all []string
	split := func(list []string) (out [][]string) {
		for _, w := range list {
			out = append(out, strings.Split(w, "_"))
		}
		return out
	}
	count := 0
	for _, p := range packs {
		for _, n := range p.Names {
			for _, w := range n.Names {
				ref.names = append(ref.names, refName{count, strings.Split(w, "_"), split(n.Not), split(n.NotBefore)})
				all = append(all, w)
			}
			count++
		}
	}
	for _, w := range all {
		ref.gate = append(ref.gate, literalsOf(w)...)
		holds := func(o string) bool { return o != w && len(o) >= 4 && strings.Contains(w, o) }
		if !slices.ContainsFunc(all, holds) {
			ref.found = append(ref.found, literalsOf(w)...)
		}
	}
	return ref
}

// refBreaks are the places within a word where another begins: key2, fooBar, HTTPKey.
var refBreaks = []*regexp.Regexp{
	regexp.MustCompile(`([A-Za-z])([0-9])`), regexp.MustCompile(`([a-z])([A-Z])`), regexp.MustCompile(`([A-Z])([A-Z][a-z])`),
}

var refSeparators = regexp.MustCompile(`[^0-9A-Za-z]+`)

func refWords(key []byte) []string {
	s := string(key[max(0, len(key)-maxKey):])
	for _, re := range refBreaks {
		s = re.ReplaceAllString(s, "${1}_${2}")
	}
	return strings.Split(strings.Trim(refSeparators.ReplaceAllString(string(folded([]byte(s))), "_"), "_"), "_")
}

// of returns the number of the name that key is a spelling of, or -1.
func (ref *refNames) of(key []byte) int {
	low := folded(key)
	if !slices.ContainsFunc(ref.gate, func(l string) bool { return bytes.Contains(low, []byte(l)) }) {
		return -1
	}
	words := refWords(key)
	best, most := -1, 0
	take := func(n *refName, before, after []string) {
		length := len(strings.Join(n.words, "_"))
		within := func(list [][]string, hold func(w []string) bool) bool { return slices.ContainsFunc(list, hold) }
		if length > most && !within(n.not, func(w []string) bool { return holdsWords(after, w) }) &&
			!within(n.notBefore, func(w []string) bool { return len(w) <= len(before) && slices.Equal(before[len(before)-len(w):], w) }) {
			best, most = n.name, length
		}
	}
	for at := range words {
		for i := range ref.names {
			if n := &ref.names[i]; at+len(n.words) <= len(words) && slices.Equal(words[at:at+len(n.words)], n.words) {
				take(n, words[:at], words[at+len(n.words):])
			}
		}
		for i := range ref.names {
			n := &ref.names[i]
			if joined := strings.Join(n.words, ""); len(joined) >= tailLen && strings.HasSuffix(words[at], joined) {
				before := words[:at]
				if words[at] != joined {
					before = nil // what stands before is part of its word
				}
				take(n, before, words[at+1:])
			}
		}
	}
	return best
}

// holdsWords says that part stands in words in a row.
func holdsWords(words, part []string) bool {
	for at := 0; at+len(part) <= len(words); at++ {
		if slices.Equal(words[at:at+len(part)], part) {
			return true
		}
	}
	return false
}

// find returns what stands under names in text.
func (ref *refNames) find(text []byte) []Finding {
	s := newScanner(ref.e)
	low, settled, manifest := folded(text), 0, 0
	for pos := range text {
		if pos >= manifest && bytes.HasPrefix(text[pos:], []byte(manifestAnchor)) {
			manifest = s.manifest(text, pos)
		}
		for _, lit := range ref.found {
			if pos >= settled && bytes.HasPrefix(low[pos:], []byte(lit)) {
				settled = s.assignment(text, pos, len(lit))
			}
		}
	}
	return resolve(s.out, s.rankOf)
}
