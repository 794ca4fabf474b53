package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// allow is a compiled pack.Allow. It decides about one finding at a time and
// sees nothing else, so that no entry can hide what stands beside it.
type allow struct {
	rules    []bool // by Finding.Rule
	values   map[[sha256.Size]byte]bool
	patterns []*regexp.Regexp
	target   string
	words    []string // lower case
	fields   []string
	resource map[string]string
	why      string // its description
}

// allow compiles entry number i of a pack, after all rules.
func (c *compiler) allow(p *pack.Pack, i int) {
	a := &p.Allow[i]
	if err := a.Validate(); err != nil {
		c.errs = append(c.errs, fmt.Errorf("%s: allow[%d]: %w", p.Name, i, err))
		return
	}
	out := allow{
		rules: make([]bool, len(c.engine.infos)), target: a.Target, fields: a.Fields, resource: a.Resource,
		why: a.Description,
	}
	for r, info := range c.engine.infos {
		out.rules[r] = len(a.Rules) == 0 && (c.ids[info.ID] == p.Name || len(p.Rules)+len(p.Names) == 0)
		for _, pattern := range a.Rules {
			out.rules[r] = out.rules[r] || match.Glob(pattern, info.ID)
		}
	}
	for _, v := range a.Values {
		if out.values == nil {
			out.values = map[[sha256.Size]byte]bool{}
		}
		out.values[valueHash(v)] = true
	}
	for _, expr := range a.Patterns {
		out.patterns = append(out.patterns, regexp.MustCompile(expr)) // Validate has seen to it
	}
	for _, w := range a.Words {
		out.words = append(out.words, strings.ToLower(w))
	}
	c.engine.allows = append(c.engine.allows, out)
	fmt.Fprintf(&c.digest, "allow %v %x %q %q %q %q %v\n", out.rules, hashes(a.Values), a.Patterns, a.Target, out.words, a.Fields, a.Resource)
}

// valueHash is the SHA-256 of what an entry of pack.Allow.Values stands for.
func valueHash(v string) (sum [sha256.Size]byte) {
	if digits, ok := strings.CutPrefix(v, pack.HashPrefix); ok {
		if raw, err := hex.DecodeString(digits); err == nil && len(raw) == len(sum) {
			return [sha256.Size]byte(raw)
		}
	}
	return sha256.Sum256([]byte(v))
}

func hashes(values []string) (out [][sha256.Size]byte) {
	for _, v := range values {
		out = append(out, valueHash(v))
	}
	return out
}

// addMatch appends f with the digest of the secret, unless an allow-list takes
// it back. The rule took text[start:end]; escapes is how many levels of
// backslash escapes the secret stands in.
func (s *scanner) addMatch(f Finding, text []byte, start, end, escapes int) {
	s.matched++
	var canonical []byte
	if len(s.e.allows) > 0 || s.ctx.Digest != nil {
		canonical = s.literal(text[f.Start:f.End], escapes)
	}
	entry := s.e.allowed(&s.ctx, text, &f, start, end, canonical)
	if s.trace != nil {
		s.traceMatch(&f, entry)
	}
	if entry >= 0 {
		return
	}
	if s.ctx.Digest != nil {
		f.Digest = s.ctx.Digest(canonical)
	}
	s.out = append(s.out, f)
}

// traceMatch records what a rule accepted; entry is that of the allow-list, or -1.
func (s *scanner) traceMatch(f *Finding, entry int) {
	o, why := Found, grounds(f)
	switch {
	case entry == inlineAllow:
		o, why = Allowed, "a comment in its line allows it"
	case entry >= 0:
		o, why = Allowed, "the allow-list has it: "+s.e.allows[entry].why
	}
	s.trace.add(s.e.infos[f.Rule].ID, o, f.Start, f.End, why)
}

// inlineAllow is the number of the entry that a comment in the text stands for.
const inlineAllow = 1 << 30

// allowed returns the number of the allow-list entry that takes finding f of
// text back, or -1. text[start:end] is what the rule's pattern took, canonical
// the secret as it identifies itself.
func (e *Engine) allowed(ctx *Context, text []byte, f *Finding, start, end int, canonical []byte) int {
	for i := range e.allows {
		if e.allows[i].covers(ctx, text, f, start, end, canonical) {
			return i
		}
	}
	if ctx.AllowInline && e.inline(text, f) {
		return inlineAllow
	}
	return -1
}

// Allowed says that an allow-list takes back a finding of text that was made
// by others than Scan, such as a copy of what Scan has found elsewhere.
func (e *Engine) Allowed(text []byte, f Finding, ctx Context) bool {
	return f.Withheld == None && e.allowed(&ctx, text, &f, f.Start, f.End, text[f.Start:f.End]) >= 0
}

func (a *allow) covers(ctx *Context, text []byte, f *Finding, start, end int, canonical []byte) bool {
	if int(f.Rule) >= len(a.rules) || !a.rules[f.Rule] {
		return false
	}
	secret := text[f.Start:f.End]
	if a.values != nil && !a.values[sha256.Sum256(secret)] && !a.values[sha256.Sum256(canonical)] {
		return false
	}
	if len(a.words) > 0 && !near(secret, a.words) {
		return false
	}
	return (len(a.patterns) == 0 || a.pattern(text, f, start, end)) && a.place(ctx)
}

// place says that the text stands where the entry holds.
func (a *allow) place(ctx *Context) bool {
	if len(a.fields) > 0 {
		if ctx.Field == nil {
			return false
		}
		some, field := false, ctx.Field()
		for _, pattern := range a.fields {
			some = some || match.Glob(pattern, field)
		}
		if !some {
			return false
		}
	}
	for name, pattern := range a.resource {
		if ctx.Resource == nil {
			return false
		}
		if v, ok := ctx.Resource(name); !ok || !match.Glob(pattern, v) {
			return false
		}
	}
	return true
}

func (a *allow) pattern(text []byte, f *Finding, start, end int) bool {
	start, end = min(start, f.Start), max(end, f.End)
	in, from := text[f.Start:f.End], 0
	switch a.target {
	case "match":
		in = text[start:end]
	case "line":
		from, in = lineOf(text, start, end)
	}
	for _, re := range a.patterns {
		if a.target != "line" {
			if re.Match(in) {
				return true
			}
			continue
		}
		// What else is in the line must not decide: a match has to overlap.
		for _, m := range re.FindAllIndex(in, -1) {
			if from+m[0] < end && from+m[1] > start {
				return true
			}
		}
	}
	return false
}

// maxAround is how many bytes of a line are looked at on either side of a match.
const maxAround = 4096

// lineOf returns the line around text[start:end] and its offset.
func lineOf(text []byte, start, end int) (from int, line []byte) {
	from = max(0, start-maxAround)
	from += bytes.LastIndexByte(text[from:start], '\n') + 1
	to := min(len(text), end+maxAround)
	if n := bytes.IndexByte(text[end:to], '\n'); n >= 0 {
		to = end + n
	}
	return from, text[from:to]
}

// inlineMark is the comment; "=" and ids of rules, joined by commas, may follow it.
var inlineMark = []byte("tracescrub:allow")

// inline says that a comment in the last line of the finding allows it.
func (e *Engine) inline(text []byte, f *Finding) bool {
	if e.known.has(f.Rule) {
		return false
	}
	to := min(len(text), f.End+maxAround)
	line := text[f.End:to]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	i := bytes.Index(line, inlineMark)
	if i < 0 {
		return false
	}
	rest := line[i+len(inlineMark):]
	if len(rest) == 0 || !isWord(rest[0]) && rest[0] != '=' && rest[0] != '-' {
		return true
	}
	if rest[0] != '=' {
		return false
	}
	n := 1
	for n < len(rest) && (isWord(rest[n]) || rest[n] == '-' || rest[n] == ',') {
		n++
	}
	for id := range bytes.SplitSeq(rest[1:n], []byte(",")) {
		if string(id) == e.infos[f.Rule].ID {
			return true
		}
	}
	return false
}
