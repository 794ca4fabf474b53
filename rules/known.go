package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/known"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// knownRule is the id of what a dictionary finds; a name follows it.
const knownRule = "known-secret"

// knownRules are the values of a dictionary and the rules that they go by.
type knownRules struct {
	base  *Engine // without the dictionary
	set   *known.Set
	first uint32   // Finding.Rule of the first of these rules
	rules []uint32 // Finding.Rule by value
}

// has says that a rule is one of the dictionary's.
func (k *knownRules) has(rule uint32) bool { return k != nil && rule >= k.first }

// WithKnown makes an engine that also finds the values of a dictionary,
// wherever they stand and whatever an allow-list says. It shares the compiled
// rules with e, whose own dictionary, if it has one, is left out.
func (e *Engine) WithKnown(secrets []known.Secret) (*Engine, error) {
	if e.known != nil {
		e = e.known.base
	}
	k := &knownRules{base: e, set: known.New(secrets), first: uint32(len(e.rules))}
	out := &Engine{
		infos: slices.Clip(e.infos), rules: slices.Clip(e.rules), names: e.names, index: e.index,
		ids: maps.Clone(e.ids), allows: e.allows, known: k, limits: e.limits,
		model: e.model, threshold: e.threshold, lits: slices.Clip(e.lits),
	}
	byName := map[string]uint32{}
	for i := range secrets {
		rule, ok := byName[secrets[i].Name]
		if !ok {
			rule = out.addKnownRule(secrets[i].Name)
			byName[secrets[i].Name] = rule
		}
		k.rules = append(k.rules, rule)
	}
	c := compiler{engine: out, literals: map[string]int{}, list: slices.Clone(e.list)}
	for i, l := range e.list {
		c.literals[foldKey(l.Text)] = i
		out.targets = append(out.targets, slices.Clip(e.targets[i]))
	}
	for _, l := range k.set.Literals() {
		c.literal(l.Text, nil, target{kind: knownTarget, rule: int32(l.Group)})
	}
	var err error
	out.list = c.list
	if out.filter, err = prefilter.New(out.list); err != nil {
		return nil, fmt.Errorf("building the filter of %d known secrets: %w", k.set.Len(), err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s known %d", e.hash, k.set.Len()))
	out.hash = hex.EncodeToString(sum[:6])
	out.ready()
	return out, nil
}

func (e *Engine) addKnownRule(name string) uint32 {
	id := knownRule
	if name != "" {
		id += "-" + name
	}
	e.ids[id] = true
	e.infos = append(e.infos, Info{
		ID: id, Provider: "known secrets", Description: "value of the dictionary of known secrets",
		Reference: knownReference, Severity: pack.Critical,
	})
	e.rules = append(e.rules, rule{severity: pack.Critical, rank: rankKnown})
	return uint32(len(e.rules) - 1)
}

// knownReference is where the dictionary is described.
const knownReference = "https://github.com/tracescrub/tracescrub/blob/main/docs/rules.md#known-secrets"

// knownAt adds the values of the dictionary that stand where the literal of a
// group stands at pos, and says which views can hide more: where a literal
// stands and its value does not, the rest of it may be encoded.
func (s *scanner) knownAt(text []byte, memo *known.Memo, group, pos int, document bool) (seen viewSet) {
	k := s.e.known
	k.set.At(memo, text, group, pos, func(v, start, end int) {
		if !s.e.inMask(text, start, end) {
			s.add(Finding{Start: start, End: end, Rule: k.rules[v], Severity: pack.Critical}, text)
		}
	})
	if document {
		return 0
	}
	near := text[max(0, pos-maxEncoded):min(len(text), pos+maxEncoded)]
	if bytes.IndexByte(near, '%') >= 0 {
		seen |= percentView
	}
	if bytes.IndexByte(near, '&') >= 0 {
		seen |= entityView
	}
	s.slash = s.slash || bytes.IndexByte(near, '\\') >= 0
	return seen
}

// maxEncoded is how far from a literal an escape can stand for its value to be hidden by it.
const maxEncoded = 1024

// The views that change what a value of the dictionary looks like.
var (
	percentView = viewOf("%41", decode.Percent)
	entityView  = viewOf("&#65;", decode.Entities)
)

// viewOf returns the set of the views that read text as the given one does.
func viewOf(text string, like decode.View) (set viewSet) {
	want, _ := like(nil, []byte(text), &decode.Map{})
	for v := range views {
		if out, changed := views[v].decode(nil, []byte(text), &decode.Map{}); changed && bytes.Equal(out, want) {
			set |= 1 << v
		}
	}
	return set
}

// knownIsNumber says that a finding of the dictionary is all of a JSON number.
func (e *Engine) knownIsNumber(f *Finding, tok decode.Token) bool {
	return e.known.has(f.Rule) && tok.Kind == decode.Number && f.Start == tok.Start && f.End == tok.End
}

// knownNumber looks a number up.
func (e *Engine) knownNumber(digits []byte) (f Finding, ok bool) {
	if e.known == nil {
		return f, false
	}
	v := e.known.set.Number(digits)
	if v < 0 {
		return f, false
	}
	return Finding{End: len(digits), Rule: e.known.rules[v], Severity: pack.Critical}, true
}
