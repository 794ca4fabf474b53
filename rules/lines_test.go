package rules

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/classify/samples"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// line is one of testdata/lines.
type line struct {
	number             int
	language, template string
	secret             bool
}

func readLines(t *testing.T, file string, secret bool) (lines []line) {
	t.Helper()
	f, err := os.Open("testdata/lines/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for n := 1; in.Scan(); n++ {
		if text := in.Text(); text != "" && text[0] != '#' {
			language, template, ok := strings.Cut(text, "\t")
			if !ok {
				t.Fatalf("%s:%d: no tab", file, n)
			}
			lines = append(lines, line{n, language, template, secret})
		}
	}
	return lines
}

var styleMark = regexp.MustCompile(`\{\{(word|human|strong|letters|phrase|token)\}\}`)

// fill draws the secret of a line.
func (l line) fill(t *testing.T, seed uint64) (text string, secret [2]int) {
	t.Helper()
	if !l.secret { // braces are text here
		text, _, err := pack.Expand(strings.ReplaceAll(l.template, "{{", "{<>{"), rand.New(rand.NewPCG(seed, uint64(l.number))))
		if err != nil {
			t.Fatal(l.number, err)
		}
		return text, secret
	}
	rng := rand.New(rand.NewPCG(seed, uint64(l.number)))
	template := styleMark.ReplaceAllStringFunc(l.template, func(m string) string {
		return "{{" + samples.Weak(rng, samples.Words(seed%2 == 1), m[2:len(m)-2]) + "}}"
	})
	text, secret, err := pack.Expand(template, rng)
	if err != nil {
		t.Fatal(l.number, err)
	}
	return text, secret
}

// TestLines measures the whole engine on lines as they stand in repositories.
// Every second filling has words that the classifier was never shown.
func TestLines(t *testing.T) {
	e := builtin(t)
	lines := append(readLines(t, "secret.txt", true), readLines(t, "clean.txt", false)...)
	if len(lines) < 400 {
		t.Fatalf("only %d lines", len(lines))
	}
	const seeds = 4
	found, missed, wrong := 0, 0, 0
	bad := map[string]int{}
	for _, l := range lines {
		for seed := range uint64(seeds) {
			text, secret := l.fill(t, seed)
			hit, extra := false, false
			for _, f := range e.Scan(nil, []byte(text), Context{}) {
				if l.secret && f.Start < secret[1] && f.End > secret[0] {
					hit = true
				} else {
					extra = true
				}
			}
			what := ""
			switch {
			case extra:
				wrong++
				what = "wrong"
			case l.secret && !hit:
				missed++
				what = "missed"
			}
			if hit {
				found++
			}
			if what != "" {
				bad[fmt.Sprintf("%s %s:%d %s", what, map[bool]string{true: "secret.txt", false: "clean.txt"}[l.secret], l.number, l.template)]++
			}
		}
	}
	for what, n := range bad {
		t.Logf("%d of %d: %s", n, seeds, what)
	}
	precision := float64(found) / float64(found+wrong)
	recall := float64(found) / float64(found+missed)
	t.Logf("%d lines, %d fillings each: precision %.3f, recall %.3f (found %d, missed %d, wrong %d)", len(lines), seeds, precision, recall, found, missed, wrong)
	if precision < 0.92 || recall < 0.80 {
		t.Errorf("precision %.3f, recall %.3f; want 0.92 and 0.80", precision, recall)
	}
}
