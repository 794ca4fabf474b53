package rules

import (
	"slices"

	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// Literals returns what the filter looks for: for benchmarks and tests that
// hold other filters against ours.
func (e *Engine) Literals() []prefilter.Literal { return slices.Clone(e.list) }

// foldKey is what two literals share that the filter cannot tell apart.
func foldKey(lit string) string {
	b := []byte(lit)
	for i, c := range b {
		b[i] = toLower(c)
	}
	return string(b)
}

// literal registers that t is to be tried where lit stands.
func (c *compiler) literal(lit string, follow *[256]bool, t target) {
	key := foldKey(lit)
	i, ok := c.literals[key]
	if !ok {
		i = len(c.list)
		c.literals[key] = i
		c.list = append(c.list, prefilter.Literal{Text: lit, Follow: follow, Exact: t.exact == lit})
		c.engine.targets = append(c.engine.targets, nil)
		c.engine.lits = append(c.engine.lits, lit)
	}
	c.list[i].Exact = c.list[i].Exact && t.exact == c.list[i].Text
	if l := &c.list[i]; ok && l.Follow != nil {
		if follow == nil {
			l.Follow = nil
		} else {
			both := *l.Follow
			for b, v := range follow {
				both[b] = both[b] || v
			}
			l.Follow = &both
		}
	}
	for _, have := range c.engine.targets[i] {
		if have == t {
			return
		}
	}
	c.engine.targets[i] = append(c.engine.targets[i], t)
}

// orBreak adds to a set of bytes those at which a token can be broken, or
// behind which an escape hides what follows: see candidate.
func orBreak(set *[256]bool) *[256]bool {
	if set == nil {
		return nil
	}
	with := *set
	for _, c := range match.Breaks {
		with[c] = true
	}
	return &with
}
