package packs

import (
	"bufio"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// wantFormats is how many self-identifying formats testdata/formats.tsv has
// and how many of them may be exempt.
const (
	wantFormats = 348
	maxExempt   = 1
	// wantRules is the least number of rules that go by form.
	wantRules = 300
)

// format is a line of testdata/formats.tsv.
type format struct{ provider, prefix, template string }

func formats(t *testing.T) (list []format) {
	t.Helper()
	f, err := os.Open("testdata/formats.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		c := strings.Split(s.Text(), "\t")
		if len(c) < 6 {
			t.Fatalf("formats.tsv has a line of %d columns", len(c))
		}
		list = append(list, format{c[0], c[1], c[5]})
	}
	return list
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
	list, exempt := formats(t), 0
	if len(list) != wantFormats {
		t.Errorf("formats.tsv has %d formats, want %d", len(list), wantFormats)
	}
	for _, f := range list {
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
