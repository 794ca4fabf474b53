package rules

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/benchmarks/corpus"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// What the built-in rules may have of anchors below four bytes, how often one
// of them may make a candidate in agents' texts, and all anchors by form
// together. The first may only fall.
const (
	maxShortAnchors = 57
	maxShortPerKB   = 0.12
	maxFormPerKB    = 1.15
)

// TestLaw: every rule of the built-in packs has anchors of three bytes or more;
// one with less than four is justified by what it costs.
func TestLaw(t *testing.T) {
	e := builtin(t)
	text := bytes.Join(corpus.Values(9, 16<<10, 64), nil)
	places := e.places(text)
	kb := float64(len(text)) / 1024
	short, all, ruled := map[string]bool{}, 0.0, map[string]bool{}
	for lit, targets := range e.targets {
		for _, tg := range targets {
			if tg.kind != patternTarget && tg.kind != nearTarget {
				continue
			}
			id, anchor, perKB := e.infos[tg.rule].ID, e.lits[lit], float64(places[anchorPlace{lit, tg.exact}])/kb
			all += perKB
			if len(anchor) < goodAnchor {
				short[anchor] = true
				if perKB > maxShortPerKB {
					t.Errorf("rule %s: anchor %q makes %.2f candidates per KB, with less than %d bytes it may make %.2f", id, anchor, perKB, goodAnchor, maxShortPerKB)
				}
			}
			if perKB > maxShortPerKB {
				t.Logf("rule %s: anchor %q makes %.2f candidates per KB", id, anchor, perKB)
			}
		}
	}
	t.Logf("%d anchors below %d bytes; %.2f candidates per KB by form", len(short), goodAnchor, all)
	if len(short) > maxShortAnchors {
		t.Errorf("%d anchors have less than %d bytes, at most %d may", len(short), goodAnchor, maxShortAnchors)
	}
	if all > maxFormPerKB {
		t.Errorf("%.2f candidates per KB by form, at most %.2f are allowed", all, maxFormPerKB)
	}
	for _, a := range e.Anchors() {
		ruled[a.Rule] = true
		if len(a.Text) < 3 {
			t.Errorf("rule %s: anchor %q is shorter than the law allows", a.Rule, a.Text)
		}
	}
	for _, info := range e.Rules() {
		if !ruled[info.ID] {
			t.Errorf("rule %s has no anchor", info.ID)
		}
	}
}

// lawful makes a pack of one rule.
func lawful(pattern string, near, names []string) *pack.Pack {
	p := &pack.Pack{Version: 1, Name: "one"}
	if pattern != "" {
		p.Rules = []pack.Rule{{ID: "one", Provider: "One", Severity: pack.High, Pattern: pattern, Near: near, Left: "any", Right: "extend"}}
	}
	if names != nil {
		p.Names = []pack.Name{{ID: "name", Provider: "One", Severity: pack.High, Names: names, Value: "token"}}
	}
	return p
}

func TestAnchors(t *testing.T) {
	for name, c := range map[string]struct {
		pack    *pack.Pack
		refused bool
		weak    bool
		anchor  string
	}{
		"two bytes":          {pack: lawful("s_[a-z0-9]{24}", nil, nil), refused: true},
		"no literal":         {pack: lawful("[a-z0-9]{24}", nil, nil), refused: true},
		"optional literal":   {pack: lawful("(?:abcd)?[a-z0-9]{24}", nil, nil), refused: true},
		"one short of two":   {pack: lawful("(?:abcd|xy)[a-z0-9]{24}", nil, nil), refused: true},
		"three bytes":        {pack: lawful("zq_[a-z0-9]{24}", nil, nil), weak: true, anchor: "zq_"},
		"four bytes":         {pack: lawful("zqv_[a-z0-9]{24}", nil, nil), anchor: "zqv_"},
		"a common word":      {pack: lawful("[a-z0-9]{24}", []string{"request"}, nil), weak: true, anchor: "request"},
		"a rare word":        {pack: lawful("[a-z0-9]{24}", []string{"zqvwordy"}, nil), anchor: "zqvwordy"},
		"case counts":        {pack: lawful("THE[0-9A-Za-z ]{24}", nil, nil), weak: true, anchor: "THE"},
		"a name":             {pack: lawful("", nil, []string{"zqv_key"}), anchor: "zqv-key"},
		"a name like others": {pack: lawful("", nil, []string{"request"}), weak: true, anchor: "request"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Compile(Limits{}, c.pack)
			if (err != nil) != c.refused {
				t.Fatalf("error %v, want refused: %v", err, c.refused)
			}
			if c.refused {
				if !strings.Contains(err.Error(), "no anchor") {
					t.Errorf("error %v does not say why", err)
				}
				return
			}
			some := false
			for _, a := range e.Anchors() {
				if a.Text == c.anchor {
					some = true
					if a.Weak() != c.weak {
						t.Errorf("anchor %q, %.2f per KB: weak %v, want %v", a.Text, a.PerKB, a.Weak(), c.weak)
					}
				}
			}
			if !some {
				t.Errorf("no anchor %q among %v", c.anchor, e.Anchors())
			}
		})
	}
}
