package rules

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// name is a compiled pack.Name.
type name struct {
	rule uint32
	not  [][]byte // "_count_": not after the name
	nor  [][]byte // "_next_": not right before it
	kind valueKind
	min  int
}

type valueKind uint8

const (
	anyValue valueKind = iota
	passwordValue
	tokenValue
	cookieValue
	numericValue
)

var valueKinds = map[string]valueKind{
	"any": anyValue, "password": passwordValue, "token": tokenValue, "cookie": cookieValue, "numeric": numericValue,
}

func (c *compiler) name(packName string, i int, n *pack.Name) {
	path := fmt.Sprintf("names[%d]", i)
	c.id(packName, path, n.ID, Info{n.ID, n.Provider, n.Description, n.Reference, n.Severity, false})
	fmt.Fprintf(&c.digest, "%v %v %v %v %v %v\n", n.ID, n.Names, n.Not, n.NotBefore, n.Value, n.MinLength)
	kind, ok := valueKinds[n.Value]
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s: %s.value (rule %s): %q is none of any, password, token, cookie, numeric", packName, path, n.ID, n.Value))
	}
	e := c.engine
	out := name{rule: uint32(len(e.rules)), kind: kind, min: max(1, n.MinLength)}
	for _, w := range n.Names {
		c.spellings = append(c.spellings, w)
		e.index.add(spelling{len(e.names), []byte("_" + w + "_"), []byte(strings.ReplaceAll(w, "_", ""))})
	}
	for _, w := range n.Not {
		out.not = append(out.not, []byte("_"+w+"_"))
	}
	for _, w := range n.NotBefore {
		out.nor = append(out.nor, []byte("_"+w+"_"))
	}
	e.rules = append(e.rules, rule{severity: n.Severity, rank: rankName})
	e.names = append(e.names, out)
}

// nameLiterals makes anchors of the names, in all their spellings. A name that
// holds another one needs none of its own.
func (c *compiler) nameLiterals() {
	all := c.spellings
	covered := func(w string) bool {
		for _, o := range all {
			if o != w && len(o) >= 4 && strings.Contains(w, o) {
				return true
			}
		}
		return false
	}
	for _, w := range all {
		if covered(w) {
			continue
		}
		longer := joinedTo(w, all)
		for _, lit := range literalsOf(w) {
			if len(lit) < prefilter.MinLength {
				c.errs = append(c.errs, fmt.Errorf("name %q is shorter than three bytes", w))
				continue
			}
			c.literal(lit, &wordEnds, target{kind: nameTarget})
			for _, rest := range longer {
				c.literal(lit+rest, nil, target{kind: nameTarget})
			}
		}
	}
}

// wordEnds is what can stand behind a word: lower-case letters go on with it.
var wordEnds = func() (set [256]bool) {
	for c := range set {
		set[c] = byte(c)-'a' >= 26
	}
	return set
}()

// joinedTo returns what follows the spelling w in other names when it is written
// together with it: "word" behind "pass", "secret" behind "token".
func joinedTo(w string, all []string) (rests []string) {
	for _, o := range all {
		for rest := o; strings.Contains(rest, w); {
			rest = rest[strings.Index(rest, w)+len(w):]
			next, _, _ := strings.Cut(strings.TrimPrefix(rest, "_"), "_")
			if next != "" && !slices.Contains(rests, next) {
				rests = append(rests, next)
			}
		}
	}
	return rests
}

// literalsOf returns the ways in which the words of a name are written one
// after the other; three words also with mixed separators ("one-time code").
func literalsOf(name string) (all []string) {
	words := strings.Split(name, "_")
	seps := []string{"", "_", "-", ".", " "}
	switch len(words) {
	case 1:
		return words
	case 3:
		for _, a := range seps {
			for _, b := range seps {
				if a == b || a == "-" && b == " " {
					all = append(all, words[0]+a+words[1]+b+words[2])
				}
			}
		}
		return all
	}
	for _, sep := range seps {
		all = append(all, strings.Join(words, sep))
	}
	return all
}

const maxKey = 96 // bytes of a key that are looked at, its last ones

// keyWords writes the words of key as "_api_key_" into buf: lower case, split
// at separators, case changes and digits.
func keyWords(buf []byte, key []byte) []byte {
	if len(key) > maxKey {
		key = key[len(key)-maxKey:]
	}
	buf = append(buf, '_')
	for i, c := range key {
		if !isWord(c) || c == '_' {
			if buf[len(buf)-1] != '_' {
				buf = append(buf, '_')
			}
			continue
		}
		if i > 0 && buf[len(buf)-1] != '_' && wordBreak(key, i) {
			buf = append(buf, '_')
		}
		buf = append(buf, toLower(c))
	}
	if buf[len(buf)-1] != '_' {
		buf = append(buf, '_')
	}
	return buf
}

// wordBreak says that a new word begins at key[i]: fooBar, HTTPKey, key2.
func wordBreak(key []byte, i int) bool {
	c, before := key[i], key[i-1]
	upper := func(b byte) bool { return b-'A' < 26 }
	switch {
	case isDigit(c) != isDigit(before):
		return isDigit(c) // key2 -> key 2, but 2fa stays
	case upper(c) && !upper(before):
		return true
	case upper(c) && upper(before):
		return i+1 < len(key) && isAlpha(key[i+1]) && !upper(key[i+1])
	}
	return false
}

// nameOf returns the name that key, in which an anchor of one stands, is a
// spelling of, or -1. The name with the most words wins.
func (e *Engine) nameOf(key []byte) int {
	if i := bytes.Index(key, maskOpen); i >= 0 { // the words of a mask say nothing about a value
		if n := e.maskLen(key[i:]); n > 0 {
			return max(e.nameOf(key[:i]), e.nameOf(key[i+n:]))
		}
	}
	return e.nameIn(key)
}

// nameIn is nameOf, of a key without masks.
func (e *Engine) nameIn(key []byte) int {
	var buf [2*maxKey + 2]byte
	return e.index.find(keyWords(buf[:0], key), e.names)
}

// excluded says that other words of the key make it something else.
func excluded(words []byte, at, end int, n *name) bool {
	if after := words[end:]; len(after) > 1 {
		for _, w := range n.not {
			if bytes.Contains(after, w) {
				return true
			}
		}
	}
	if before := words[:at+1]; len(before) > 1 {
		for _, w := range n.nor {
			if bytes.HasSuffix(before, w) {
				return true
			}
		}
	}
	return false
}

// rankOf returns the rank of a rule.
func (e *Engine) rankOf(rule uint32) rank { return e.rules[rule].rank }

// byName makes a finding of the name number n.
func (e *Engine) byName(n, start, end int) Finding {
	r := e.names[n].rule
	return Finding{Start: start, End: end, Rule: r, Severity: e.rules[r].severity, Evidence: ByKey}
}

// flagOf returns the name that a text stands under by the flag before it, or -1.
func (s *scanner) flagOf(prev []byte) int {
	if len(prev) > 2 && prev[0] == '-' {
		for _, c := range prev {
			if c == '=' || c == ' ' {
				return -1 // --flag=value holds its value itself
			}
		}
		return s.nameOf(prev)
	}
	return -1
}
