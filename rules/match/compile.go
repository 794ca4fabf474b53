// Package match decides whether a pattern matches at one place of a text, on
// bytes, without allocating. Patterns are RE2 regular expressions of the plain
// kind that secret formats need (literals, byte classes, counted repeats,
// groups, alternatives); what goes beyond that is left to package regexp.
//
// A matcher stands at a candidate place and answers there; it never searches.
// Steps are counted and bounded, so that hostile text cannot make it quadratic
// without the caller noticing (see State.Steps).
package match

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// Pattern is a compiled pattern. It is immutable and safe for concurrent use;
// the changing part of a match is a State.
type Pattern struct {
	start  *node
	loops  int
	sets   int            // repeats of a set
	empty  bool           // the body of a loop can match nothing
	group  int            // capture group that marks the secret
	linear *regexp.Regexp // the same pattern for package regexp, longest-first as in Perl
	// Literals are what a prefilter can look for: every match holds at least
	// one of them, at MinBefore to MaxBefore bytes behind its start.
	Literals             []string
	MinBefore, MaxBefore int
	// Before is the set of bytes that can stand between start and literal.
	Before *[256]bool
	// Follow is the set of bytes that can follow the literal, nil if any.
	Follow *[256]bool
	gap    *gap // nil if any
	// First is the set of bytes that a match can begin with, nil if any.
	First *[256]bool
	// FoldCase: the case of some letters does not count.
	FoldCase bool
	// Tail is the set of bytes that the match's last repeat is made of, nil
	// if it ends in a literal.
	Tail *[256]bool
}

// Look makes a prefilter look for other literals, each of which stands somewhere
// in every match that holds it.
func (p *Pattern) Look(literals []string) {
	p.Literals, p.MinBefore, p.MaxBefore, p.Before, p.Follow, p.gap = literals, 0, Unlimited, nil, nil, nil
}

// Unlimited stands for "no upper bound" in MaxBefore.
const Unlimited = 512

type op uint8

const (
	opMatch op = iota
	opLit      // one literal
	opSet      // set, min..max times
	opAlt      // the first of alts that leads to a match
	opLoop     // body (ends in this node) any number of times, then next
	opOpen     // start of the secret
	opClose    // end of the secret
	opEmpty    // a condition on the place: begin, end, word border
)

type node struct {
	op       op
	next     *node
	lit      []byte
	foldCase bool
	set      *[256]bool
	min, max int // max < 0: no bound
	lazy     bool
	alts     []*node
	loop     int
	index    int // of a repeat of a set
	empty    syntax.EmptyOp
	first    *[256]bool // the bytes that what begins here can begin with; nil if any, or not asked
	sole     bool       // of a repeat: what follows begins with none of its bytes, so only the longest one can lead to a match
}

const maxNodes = 4000

// Compile prepares a pattern whose capture group number group marks the secret.
// Patterns that this package cannot take are a *syntax.Error or say which
// construct is at fault.
func Compile(expr string, group int) (*Pattern, error) {
	linear, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	if group > linear.NumSubexp() {
		return nil, fmt.Errorf("secret: group %d of a pattern with %d groups", group, linear.NumSubexp())
	}
	re, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	c := &compiler{group: group}
	start := c.compile(re, &node{op: opMatch})
	if c.err != nil {
		return nil, c.err
	}
	c.firsts()
	p := &Pattern{start: start, loops: c.loops, sets: c.sets, empty: c.empty, group: group, linear: linear}
	p.Tail, p.FoldCase, p.First = tail(re), folds(re), firstOf(flatten(re, nil))
	p.literals(re)
	return p, nil
}

type compiler struct {
	group, loops, sets, nodes int
	empty                     bool // the body of a loop can match nothing
	branches                  []*node
	err                       error
}

func (c *compiler) node(n node) *node {
	if c.nodes++; c.nodes == maxNodes && c.err == nil {
		c.err = errors.New("pattern is too large: counted repeats of groups multiply")
	}
	if n.op == opAlt || n.op == opSet && (n.min != 1 || n.max != 1) {
		c.branches = append(c.branches, &n)
	}
	return &n
}

// compile returns the program for re that continues with next.
func (c *compiler) compile(re *syntax.Regexp, next *node) *node {
	if c.err != nil {
		return next
	}
	if set, ok := byteSet(re); ok {
		return c.node(node{op: opSet, set: set, min: 1, max: 1, next: next})
	}
	switch re.Op {
	case syntax.OpEmptyMatch:
		return next
	case syntax.OpLiteral:
		return c.node(node{op: opLit, lit: []byte(string(re.Rune)), foldCase: re.Flags&syntax.FoldCase != 0, next: next})
	case syntax.OpConcat:
		for i := len(re.Sub) - 1; i >= 0; i-- {
			next = c.compile(re.Sub[i], next)
		}
		return next
	case syntax.OpAlternate:
		n := c.node(node{op: opAlt})
		for _, s := range re.Sub {
			n.alts = append(n.alts, c.compile(s, next))
		}
		return n
	case syntax.OpCharClass:
		return c.runes(re, next)
	case syntax.OpCapture:
		if re.Cap != c.group {
			return c.compile(re.Sub[0], next)
		}
		return c.node(node{op: opOpen, next: c.compile(re.Sub[0], c.node(node{op: opClose, next: next}))})
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		return c.repeat(re, next)
	case syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return c.node(node{op: opEmpty, empty: emptyOps[re.Op], next: next})
	}
	c.err = fmt.Errorf("%v is not supported in a rule", re.Op)
	return next
}

// maxRunes is how many characters beyond ASCII a class may list.
const maxRunes = 64

// runes compiles a class that lists characters beyond ASCII: its ASCII bytes,
// or one of the others.
func (c *compiler) runes(re *syntax.Regexp, next *node) *node {
	n := c.node(node{op: opAlt})
	var ascii [256]bool
	some := false
	for i := 0; i+1 < len(re.Rune); i += 2 {
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if r < utf8.RuneSelf {
				ascii[r], some = true, true
				continue
			}
			if len(n.alts) == maxRunes {
				c.err = fmt.Errorf("a class of more than %d characters beyond ASCII", maxRunes)
				return next
			}
			n.alts = append(n.alts, c.node(node{op: opLit, lit: []byte(string(r)), next: next}))
		}
	}
	if some {
		n.alts = append(n.alts, c.node(node{op: opSet, set: &ascii, min: 1, max: 1, next: next}))
	}
	return n
}

var emptyOps = map[syntax.Op]syntax.EmptyOp{
	syntax.OpBeginText: syntax.EmptyBeginText, syntax.OpEndText: syntax.EmptyEndText,
	syntax.OpBeginLine: syntax.EmptyBeginLine, syntax.OpEndLine: syntax.EmptyEndLine,
	syntax.OpWordBoundary: syntax.EmptyWordBoundary, syntax.OpNoWordBoundary: syntax.EmptyNoWordBoundary,
}

// bounds returns how often re's body repeats; hi < 0 means without bound.
func bounds(re *syntax.Regexp) (lo, hi int) {
	switch re.Op {
	case syntax.OpStar:
		return 0, -1
	case syntax.OpPlus:
		return 1, -1
	case syntax.OpQuest:
		return 0, 1
	}
	return re.Min, re.Max
}

func (c *compiler) repeat(re *syntax.Regexp, next *node) *node {
	lo, hi := bounds(re)
	lazy := re.Flags&syntax.NonGreedy != 0
	if set, ok := byteSet(re.Sub[0]); ok {
		c.sets++
		return c.node(node{op: opSet, set: set, min: lo, max: hi, lazy: lazy, index: c.sets - 1, next: next})
	}
	if hi < 0 {
		c.empty = c.empty || minLength(re.Sub[0]) == 0
		loop := c.node(node{op: opLoop, loop: c.loops, lazy: lazy, next: next})
		c.loops++
		loop.alts = []*node{c.compile(re.Sub[0], loop)}
		next = loop
	}
	// (x(x(x)?)?)?: leaving early always leads to what follows the whole.
	exit := next
	for range max(0, hi-lo) {
		body := c.compile(re.Sub[0], next)
		next = c.node(node{op: opAlt, alts: []*node{body, exit}})
		if lazy {
			next.alts[0], next.alts[1] = exit, body
		}
	}
	for range lo {
		next = c.compile(re.Sub[0], next)
	}
	return next
}

// byteSet returns the bytes of a class. Of characters beyond ASCII a class may
// hold none or, as [^;] does, nearly all: then it holds each of their bytes.
func byteSet(re *syntax.Regexp) (*[256]bool, bool) {
	var set [256]bool
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		for i := range set {
			set[i] = re.Op == syntax.OpAnyChar || i != '\n'
		}
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1] && r < utf8.RuneSelf; r++ {
				set[r] = true
			}
			if re.Rune[i+1] >= utf8.RuneSelf && re.Rune[i+1] != utf8.MaxRune {
				return nil, false
			}
			if re.Rune[i+1] >= utf8.RuneSelf {
				for b := utf8.RuneSelf; b < 256; b++ {
					set[b] = true
				}
			}
		}
	case syntax.OpLiteral:
		if len(re.Rune) != 1 || re.Rune[0] >= utf8.RuneSelf {
			return nil, false
		}
		addFolded(&set, byte(re.Rune[0]), re.Flags&syntax.FoldCase != 0)
	default:
		return nil, false
	}
	return &set, true
}

func addFolded(set *[256]bool, b byte, foldCase bool) {
	set[b] = true
	if l := b | 0x20; foldCase && l >= 'a' && l <= 'z' {
		set[l], set[l&^0x20] = true, true
	}
}

// tail returns the set of the repeat that re ends with, nil if it ends otherwise.
func tail(re *syntax.Regexp) *[256]bool {
	switch re.Op {
	case syntax.OpConcat:
		return tail(re.Sub[len(re.Sub)-1])
	case syntax.OpCapture:
		return tail(re.Sub[0])
	case syntax.OpAlternate:
		var all [256]bool
		for _, s := range re.Sub {
			t := tail(s)
			if t == nil {
				return nil
			}
			union(&all, t)
		}
		return &all
	case syntax.OpStar, syntax.OpPlus, syntax.OpRepeat, syntax.OpQuest:
		if set, ok := byteSet(re.Sub[0]); ok {
			return set
		}
		return tail(re.Sub[0])
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		set, _ := byteSet(re)
		return set
	}
	return nil
}

// folds says that re ignores case somewhere.
func folds(re *syntax.Regexp) bool {
	return re.Flags&syntax.FoldCase != 0 && re.Op == syntax.OpLiteral || slices.ContainsFunc(re.Sub, folds)
}

func union(dst, src *[256]bool) {
	for i, v := range src {
		dst[i] = dst[i] || v
	}
}
