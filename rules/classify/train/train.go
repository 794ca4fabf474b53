package main

import (
	"math"
	"math/rand/v2"

	"github.com/tracescrub/tracescrub/rules/classify"
	"github.com/tracescrub/tracescrub/rules/classify/samples"
)

const (
	perQuestion = 160_000 // values to learn from
	epochs      = 12
	trainSeed   = 1
	heldSeed    = 2
	heldValues  = 40_000
)

var questions = []classify.Question{classify.Token, classify.Password}

// trained learns a model: the vocabulary, how letters follow each other in its
// words, how characters do in secrets and others, and the weights.
func trained() (*classify.Model, error) {
	m := new(classify.Model)
	var err error
	var words []string
	samples.Vocabulary(func(w string, class classify.Class) {
		words = append(words, w)
		if e := m.Learn(w, class); e != nil {
			err = e
		}
	})
	if err != nil {
		return nil, err
	}
	trigrams(m, words)
	for _, q := range questions {
		set := draw(q, samples.Words(false), trainSeed, perQuestion)
		pairs(m, q, set)
		weigh(m, q, set)
	}
	return m, nil
}

func draw(q classify.Question, x *samples.Lexicon, seed uint64, n int) []samples.Sample {
	rng := rand.New(rand.NewPCG(seed, uint64(q)))
	set := make([]samples.Sample, n)
	for i := range set {
		set[i] = samples.Draw(rng, x, q)
	}
	return set
}

// scaled is a logarithm to base 2 in steps of 1/steps, within an int8. The
// tiny offset keeps the rounding the same where machines round the last bit
// of a logarithm differently.
func scaled(ratio, steps float64) int8 {
	return int8(min(max(math.Round(math.Log2(ratio)*steps+1e-9), -127), 127))
}

// trigrams counts the letters of words after the two before them. Unseen ones
// fall back to what is known of pairs.
func trigrams(m *classify.Model, words []string) {
	const n = 27
	var three [n * n * n]int
	var two [n * n]int
	var ctx3 [n * n]int
	var ctx2 [n]int
	for _, w := range words {
		a, b := 0, 0
		for i := 0; i <= len(w); i++ {
			c := 0
			if i < len(w) {
				c = int(w[i]|0x20) - 'a' + 1
			}
			three[(a*n+b)*n+c]++
			ctx3[a*n+b]++
			two[b*n+c]++
			ctx2[b]++
			a, b = b, c
		}
	}
	for ab := range n * n {
		for c := range n {
			b := ab % n
			back := (float64(two[b*n+c]) + 0.5) / (float64(ctx2[b]) + 0.5*n)
			const weight = 6
			p := (float64(three[ab*n+c]) + weight*back) / (float64(ctx3[ab]) + weight)
			m.Trigrams[ab*n+c] = scaled(p*n, 8)
		}
	}
}

// pairs compares how characters follow each other in secrets and in others.
func pairs(m *classify.Model, q classify.Question, set []samples.Sample) {
	const n = 64
	var count [2][n * n]int
	var total [2][n]int
	for _, s := range set {
		kind := 0
		if s.Secret {
			kind = 1
		}
		last := -1
		for i := 0; i <= len(s.Value); i++ {
			c := -1
			if i < len(s.Value) {
				c = int(s.Value[i])
			}
			p := classify.Symbol(last, c)
			count[kind][p]++
			total[kind][p/n]++
			last = c
		}
	}
	for p := range n * n {
		secret := (float64(count[1][p]) + 3) / (float64(total[1][p/n]) + 3*n)
		other := (float64(count[0][p]) + 3) / (float64(total[0][p/n]) + 3*n)
		m.Pairs[q][p] = scaled(secret/other, 16)
	}
}

// Fixed point: weights have 20 bits behind the point while they are learnt,
// probabilities 16.
const (
	weightBits = 20
	probBits   = 16
)

// sigmoid is the logistic function of x/64 in fixed point, for x in [-1024, 1024].
var sigmoid = func() (t [2049]int64) {
	for i := range t {
		t[i] = int64(math.Round((1<<probBits)/(1+math.Exp(-float64(i-1024)/64)) + 1e-9))
	}
	return t
}()

type example struct {
	buckets [classify.Features]uint8
	secret  bool
}

// weigh learns the weights of q by logistic regression: stochastic descent on
// integers with a small pull to zero, averaged over the last half.
func weigh(m *classify.Model, q classify.Question, set []samples.Sample) {
	examples := make([]example, len(set))
	for i, s := range set {
		examples[i].secret = s.Secret
		m.Buckets(&examples[i].buckets, q, s.Value, s.Context)
	}
	var w, sum [classify.Features][classify.Width]int64
	rng := rand.New(rand.NewPCG(trainSeed, 100+uint64(q)))
	rounds := int64(0)
	for epoch := range epochs {
		rng.Shuffle(len(examples), func(i, j int) { examples[i], examples[j] = examples[j], examples[i] })
		rate := int64(24)
		if epoch >= epochs/2 {
			rate = 8
		}
		for i := range examples {
			learn(&w, &examples[i], rate)
			if epoch >= epochs/2 && i%1000 == 0 {
				rounds++
				for f := range w {
					for b := range w[f] {
						sum[f][b] += w[f][b]
					}
				}
			}
		}
		for f := range w {
			for b := range w[f] {
				w[f][b] -= w[f][b] / 64
			}
		}
	}
	for f := range sum {
		for b := range sum[f] {
			mean := sum[f][b] / rounds
			m.Weights[q][f][b] = int16((mean*64 + 1<<(weightBits-1)) >> weightBits)
		}
	}
}

// learn takes one step towards an example.
func learn(w *[classify.Features][classify.Width]int64, e *example, rate int64) {
	sum := int64(0)
	for f, b := range e.buckets {
		sum += w[f][b]
	}
	x := min(max(sum>>(weightBits-6), -1024), 1024)
	miss := -sigmoid[x+1024]
	if e.secret {
		miss += 1 << probBits
	}
	step := miss * rate >> 6 // of about a hundredth of the error
	for f, b := range e.buckets {
		w[f][b] += step
	}
}
