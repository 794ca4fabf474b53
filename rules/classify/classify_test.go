package classify_test

import (
	"math/rand/v2"
	"testing"

	"github.com/tracescrub/tracescrub/rules/classify"
	"github.com/tracescrub/tracescrub/rules/classify/samples"
)

var quoted = classify.Context{Quoted: true, Op: '=', Next: '"'}

// TestScore is a table of what must not change sides, whatever the training.
func TestScore(t *testing.T) {
	code := classify.Context{Op: '=', Next: ';'}
	yaml := classify.Context{Line: true, Op: ':', Next: '\n'}
	for _, tt := range []struct {
		name   string
		q      classify.Question
		value  string
		ctx    classify.Context
		secret bool
	}{
		{"a word in quotes", classify.Password, "sunshine", quoted, true},
		{"a word in YAML", classify.Password, "butterfly", yaml, true},
		{"words and figures", classify.Password, "Winter-Falcon-" + "7367!", quoted, true},
		{"letters", classify.Password, "xkqjvwzpt", quoted, true},
		{"an identifier", classify.Password, "userPassword", code, false},
		{"a member", classify.Password, "form.cleaned_data", code, false},
		{"the name of a field", classify.Password, "new_password", quoted, false},
		{"a path", classify.Password, "/home/app", yaml, false},
		{"a function", classify.Token, "getToken", code, false},
		{"a file", classify.Token, "path/to/key.pem", yaml, false},
		{"a Kubernetes secret", classify.Token, "orders-db-credentials", yaml, false},
		{"a reference", classify.Token, "valueFrom", yaml, false},
		{"a placeholder", classify.Token, "your-api-key-here", quoted, false},
		{"a sentence", classify.Password, "Please enter your new password", quoted, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if score := classify.Builtin().Score(tt.q, []byte(tt.value), tt.ctx); score > 0 != tt.secret {
				t.Errorf("score %d, secret %v", score, tt.secret)
			}
		})
	}
}

// TestExplain says that the parts add up, for every sample.
func TestExplain(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	x, m := samples.Words(false), classify.Builtin()
	for i := range 2000 {
		q := []classify.Question{classify.Token, classify.Password}[i%2]
		s := samples.Draw(rng, x, q)
		sum := 0
		for _, p := range m.Explain(q, s.Value, s.Context) {
			if p.Feature == "" {
				t.Fatal("a feature without a name")
			}
			sum += p.Weight
		}
		if want := m.Score(q, s.Value, s.Context); sum != want {
			t.Fatalf("sample %d (%s): parts add up to %d, the score is %d", i, s.Style, sum, want)
		}
	}
}

// TestBuckets says that no value leaves the table of weights.
func TestBuckets(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	m := classify.Builtin()
	for range 20000 {
		b := make([]byte, rng.IntN(80))
		for i := range b {
			b[i] = byte(rng.IntN(256))
			if rng.IntN(2) == 0 {
				b[i] = "aZ09-_./=@("[rng.IntN(11)]
			}
		}
		ctx := classify.Context{Quoted: rng.IntN(3) == 0, Tight: rng.IntN(2) == 0, Line: rng.IntN(2) == 0, Op: byte(rng.IntN(256)), Next: byte(rng.IntN(256))}
		var out [classify.Features]uint8
		m.Buckets(&out, classify.Question(rng.IntN(2)), b, ctx)
		for f, bucket := range out {
			if int(bucket) >= classify.Width {
				t.Fatalf("feature %d: bucket %d of %d, value of %d bytes", f, bucket, classify.Width, len(b))
			}
		}
	}
}

func TestScoreAllocatesNothing(t *testing.T) {
	m := classify.Builtin()
	value := []byte("OrdersService_internal-Value.of:some/Length42")
	if n := testing.AllocsPerRun(100, func() { m.Score(classify.Password, value, quoted) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUnmarshal(t *testing.T) {
	m := classify.Builtin()
	data, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 64<<10 {
		t.Errorf("the model has %d bytes", len(data))
	}
	var again classify.Model
	if err := again.UnmarshalBinary(data); err != nil || again != *m {
		t.Errorf("not the same after reading: %v", err)
	}
	if err := again.UnmarshalBinary(data[1:]); err == nil {
		t.Error("a short model is read")
	}
}

func TestScoreOf(t *testing.T) {
	for _, tt := range []struct {
		p    float64
		want int
	}{{0.5, 0}, {0.9, 141}, {0.1, -141}, {0, -884}, {1, 884}} {
		if got := classify.ScoreOf(tt.p); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.p, got, tt.want)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	m := classify.Builtin()
	rng := rand.New(rand.NewPCG(1, 1))
	random := []byte(samples.Weak(rng, samples.Words(false), "token") + "0123456789012345678901234567890123456789")[:40]
	for name, value := range map[string][]byte{"random": random, "identifier": []byte("ordersServiceInternalAccountPasswordName")} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m.Score(classify.Password, value, quoted)
			}
		})
	}
}
