// Package classify decides whether a value that stands under the name of a
// credential is one: a random token, or a password that someone chose.
//
// It is a sum of small integers. A value is read once; each of about two dozen
// features (its length, its kinds of characters, how much it reads like words,
// which of its words are those of program code, its shape, where it stands)
// puts it into a bucket, and each bucket has a weight. The sum is the log-odds
// that the value is a secret, so every decision can be explained by its parts,
// and nothing is allocated. Weights, vocabulary and letter statistics are in
// model.bin, which rules/classify/train makes, in a reproducible way, from
// what rules/classify/samples draws: no text of others is in it.
package classify

import "math"

// Question is what is asked about a value.
type Question uint8

const (
	// Token asks whether a value is random enough for a token or key.
	Token Question = iota
	// Password asks whether a value is a password rather than an identifier,
	// a word of the program, a placeholder, a sentence or an expression.
	Password
	questions
)

// Context is what is known about the place of a value.
type Context struct {
	// Quoted: it stands in quotes, or in an element of its own.
	Quoted bool
	// Tight: NAME=value without spaces.
	Tight bool
	// Line: the name begins its line, or is a flag.
	Line bool
	// Op is the operator between name and value: '=', ':', '>', ',' or a space; 0 if unknown.
	Op byte
	// Next is the first byte behind the value and its spaces: '\n' where the
	// line ends or a comment begins, ' ' where words follow, 0 at the end of the text.
	Next byte
}

// Part is what one feature says about a value: Weight is in the units of Score.
type Part struct {
	Feature string
	Bucket  int
	Weight  int
}

// unit is how many steps of a score make one natural unit of log-odds.
const unit = 64

// Score returns the log-odds that value is a secret in steps of 1/64:
// positive is rather a secret.
func (m *Model) Score(q Question, value []byte, ctx Context) int {
	var b [Features]uint8
	m.Buckets(&b, q, value, ctx)
	return m.sum(&b, q)
}

// Scores returns the scores for both questions, in little more time than one takes.
func (m *Model) Scores(value []byte, ctx Context) (token, password int) {
	var t traits
	var b [Features]uint8
	t.read(m, value)
	t.buckets(&b, len(value), ctx)
	t.likelihood(&b, Token)
	token = m.sum(&b, Token)
	t.likelihood(&b, Password)
	return token, m.sum(&b, Password)
}

func (m *Model) sum(buckets *[Features]uint8, q Question) (sum int) {
	w := &m.Weights[q]
	for f, bucket := range buckets {
		sum += int(w[f][bucket%Width])
	}
	return sum
}

// Explain returns the parts of a score: their weights add up to it.
func (m *Model) Explain(q Question, value []byte, ctx Context) []Part {
	var b [Features]uint8
	m.Buckets(&b, q, value, ctx)
	parts := make([]Part, Features)
	for f, bucket := range b {
		parts[f] = Part{featureNames[f], int(bucket), int(m.Weights[q][f][bucket%Width])}
	}
	return parts
}

// ScoreOf returns the score that stands for a probability; 0.5 is 0.
func ScoreOf(probability float64) int {
	p := min(max(probability, 1e-6), 1-1e-6)
	return int(math.Round(unit * math.Log(p/(1-p))))
}
