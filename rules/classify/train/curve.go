package main

import (
	"fmt"
	"strings"

	"github.com/tracescrub/tracescrub/rules/classify"
	"github.com/tracescrub/tracescrub/rules/classify/samples"
)

// tally counts decisions at one threshold.
type tally struct{ found, missed, wrong, right int }

func (t tally) precision() float64 { return float64(t.found) / float64(max(t.found+t.wrong, 1)) }
func (t tally) recall() float64    { return float64(t.found) / float64(max(t.found+t.missed, 1)) }

// judge scores held-out values at thresholds, and counts by style what is
// decided wrongly at 0.5.
func judge(m *classify.Model, q classify.Question, thresholds []float64) (at []tally, styles map[string]tally) {
	at, styles = make([]tally, len(thresholds)), map[string]tally{}
	for _, s := range draw(q, samples.Words(true), heldSeed, heldValues) {
		score := m.Score(q, s.Value, s.Context)
		for i, p := range thresholds {
			at[i] = at[i].add(s.Secret, score >= classify.ScoreOf(p))
		}
		styles[s.Style] = styles[s.Style].add(s.Secret, score >= 0)
	}
	return at, styles
}

func (t tally) add(secret, said bool) tally {
	switch {
	case secret && said:
		t.found++
	case secret:
		t.missed++
	case said:
		t.wrong++
	default:
		t.right++
	}
	return t
}

var thresholds = []float64{0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99}

// curvePage writes the page.
func curvePage(m *classify.Model) string {
	var b strings.Builder
	b.WriteString(curveHead)
	for _, q := range questions {
		name := map[classify.Question]string{classify.Token: "Tokens and keys", classify.Password: "Passwords"}[q]
		fmt.Fprintf(&b, "\n## %s\n\n| threshold | precision | recall | found | missed | wrong | right |\n|---|---|---|---|---|---|---|\n", name)
		at, _ := judge(m, q, thresholds)
		for i, t := range at {
			fmt.Fprintf(&b, "| %.2f | %.4f | %.4f | %d | %d | %d | %d |\n", thresholds[i], t.precision(), t.recall(), t.found, t.missed, t.wrong, t.right)
		}
	}
	return b.String()
}

const curveHead = `# The threshold of the classifier, and what it does

Written by ` + "`go run ./rules/classify/train -curve`" + `; do not edit.

A value under the name of a credential is a secret if the classifier
(` + "`rules/classify`" + `) gives it at least the probability ` + "`detection::threshold`" + `,
0.5 by default. Lower finds more weak and odd passwords and masks more words,
identifiers and placeholders; higher does the opposite. Formats of providers,
checksums, URLs with a password and the like do not ask the classifier.

Counted on values drawn by ` + "`rules/classify/samples`" + ` with another seed and
from words that the training never saw. Half of them are secrets, which is far
more than in real text: the figures compare thresholds, they do not promise
what a real text gives.
`
