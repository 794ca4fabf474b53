package rules

import (
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/prefilter"
)

// Anchor is a literal by which a rule is looked for. The law for rule packs:
// at least three bytes, which Compile sees to, better four or five; less is to
// be justified by what it costs.
type Anchor struct {
	Rule string // its id
	Text string
	// PerKB is how often it makes the engine try the rule in a KB of ordinary text.
	PerKB float64
}

// Weak says that an anchor has less than four bytes or is common in ordinary text.
func (a Anchor) Weak() bool { return len(a.Text) < goodAnchor || a.PerKB > commonAnchor }

const (
	goodAnchor = 4
	// commonAnchor is so many places in a KB that a hundred such anchors would
	// cost ordinary text more than all that we have.
	commonAnchor = 0.05
)

// Anchors lists what the engine looks for on behalf of each rule, in the order
// of rules, the costliest first.
func (e *Engine) Anchors() []Anchor {
	sample := prefilter.Sample()
	places := e.places([]byte(sample))
	perKB := func(n int) float64 { return float64(n) / (float64(len(sample)) / 1024) }
	list := make([][]Anchor, len(e.infos))
	add := func(rule uint32, lit string, n int) {
		list[rule] = append(list[rule], Anchor{e.infos[rule].ID, lit, perKB(n)})
	}
	for lit, targets := range e.targets {
		named := false
		for _, t := range targets {
			switch text := e.lits[lit]; t.kind {
			case patternTarget:
				if t.exact != "" {
					text = t.exact
				}
				add(uint32(t.rule), text, places[anchorPlace{lit, t.exact}])
			case nearTarget:
				add(uint32(t.rule), text, places[anchorPlace{lit, ""}])
			case nameTarget:
				named = true
			}
		}
		if named {
			for rule := range e.namedBy(e.lits[lit]) {
				add(rule, e.lits[lit], places[anchorPlace{lit, ""}])
			}
		}
	}
	for _, anchors := range list {
		slices.SortFunc(anchors, func(a, b Anchor) int {
			if a.PerKB != b.PerKB {
				return -int(a.PerKB*1e6 - b.PerKB*1e6)
			}
			return len(a.Text) - len(b.Text)
		})
	}
	return slices.Concat(list...)
}

// anchorPlace is a literal in the spelling of a rule, which is empty if case does not count.
type anchorPlace struct {
	lit   int
	exact string
}

// places counts where the filter sends the engine in a text.
func (e *Engine) places(text []byte) map[anchorPlace]int {
	n := map[anchorPlace]int{}
	var hits []prefilter.Hit
	w := new(prefilter.Work)
	for at := 0; at < len(text); {
		hits, at = e.filter.Find(w, hits[:0], text, at, len(text), maxHits)
		for _, h := range hits {
			seen := map[string]bool{}
			for _, t := range e.targets[h.Lit] {
				if t.kind == patternTarget && !e.rules[t.rule].pattern.MayFollow(text, h.Pos+len(e.lits[h.Lit])) {
					continue
				}
				if !seen[t.exact] && strings.HasPrefix(string(text[h.Pos:min(len(text), h.Pos+len(t.exact))]), t.exact) {
					seen[t.exact] = true
					n[anchorPlace{int(h.Lit), t.exact}]++
				}
			}
		}
	}
	return n
}

// namedBy returns the rules whose names hold an anchor, however its words are joined.
func (e *Engine) namedBy(anchor string) map[uint32]bool {
	of := map[uint32]bool{}
	joined := strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(anchor)
	for _, spellings := range e.index.first {
		for _, sp := range spellings {
			if strings.Contains(string(sp.joined), joined) {
				of[e.names[sp.name].rule] = true
			}
		}
	}
	return of
}
