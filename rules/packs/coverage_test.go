package packs

import (
	"bufio"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// wantFormats is how many formats testdata/formats.tsv has, wantPlain how many
// of them are not known by their form alone (package rules tests those: it has
// the names too), and how many may be exempt.
const (
	wantFormats = 484
	wantPlain   = 136
	maxExempt   = 1
	// wantKinds is the least number of kinds of credentials, by provider and description.
	wantKinds = 700
	// wantRules is the least number of rules that go by form.
	wantRules = 300
)

// format is a line of testdata/formats.tsv.
type format struct{ provider, prefix, template string }

func formats(t *testing.T) (list []format, plain int) {
	t.Helper()
	f, err := os.Open("testdata/formats.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if s.Text() == needsWord {
			plain = len(list)
		}
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		c := strings.Split(s.Text(), "\t")
		if len(c) < 6 {
			t.Fatalf("formats.tsv has a line of %d columns", len(c))
		}
		list = append(list, format{c[0], c[1], c[5]})
	}
	return list, plain
}

// needsWord is the line after which the formats stand that need a word or a name near them.
const needsWord = "# Those that need a word or a name near them."

// TestKinds counts what the packs know.
func TestKinds(t *testing.T) {
	kinds := map[[2]string]bool{}
	for _, p := range builtin(t) {
		for i := range p.Rules {
			kinds[[2]string{p.Rules[i].Provider, p.Rules[i].Description}] = true
		}
		for i := range p.Names {
			kinds[[2]string{p.Names[i].Provider, p.Names[i].Description}] = true
		}
	}
	t.Logf("%d kinds", len(kinds))
	if len(kinds) < wantKinds {
		t.Errorf("%d kinds of credentials, want %d or more", len(kinds), wantKinds)
	}
}

// TestFormatsAreCovered: each known self-identifying format is found whole by
// at least one rule.
func TestFormatsAreCovered(t *testing.T) {
	var oracles []*oracle
	for _, p := range builtin(t) {
		for i := range p.Rules {
			oracles = append(oracles, newOracle(&p.Rules[i]))
		}
	}
	if len(oracles) < wantRules {
		t.Errorf("%d rules go by form, want %d or more", len(oracles), wantRules)
	}
	list, plain := formats(t)
	exempt := 0
	if len(list) != wantFormats || len(list)-plain != wantPlain {
		t.Errorf("formats.tsv has %d formats, %d of them plain, want %d and %d", len(list), len(list)-plain, wantFormats, wantPlain)
	}
	for _, f := range list[:plain] {
		if f.template == "" {
			exempt++
			continue
		}
		for seed := range uint64(8) {
			text, secret, err := pack.Expand(`{"k":"`+f.template+`"} `, rand.New(rand.NewPCG(seed, 3)))
			if err != nil {
				t.Fatalf("%s, %q: %v", f.provider, f.prefix, err)
			}
			if !strings.Contains(f.template, "{{") {
				secret = [2]int{len(`{"k":"`), len(text) - len(`"} `)}
			}
			if !covered(oracles, text, secret) {
				t.Errorf("%s, prefix %q, seed %d: no rule finds [%d, %d)", f.provider, f.prefix, seed, secret[0], secret[1])
				break
			}
		}
	}
	if exempt > maxExempt {
		t.Errorf("%d formats are exempt, at most %d may be", exempt, maxExempt)
	}
}

func covered(oracles []*oracle, text string, secret [2]int) bool {
	for _, o := range oracles {
		for _, s := range o.find(text) {
			if s[0] <= secret[0] && s[1] >= secret[1] {
				return true
			}
		}
	}
	return false
}
