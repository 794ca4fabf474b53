package corpus

import (
	"bytes"
	"testing"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/packs"
)

func engine(t *testing.T) *rules.Engine {
	t.Helper()
	all, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := rules.Compile(rules.Limits{}, all...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestAnswers: clean texts have no finding, planted ones one each.
func TestAnswers(t *testing.T) {
	e := engine(t)
	for _, size := range []int{64, 1 << 10, 16 << 10} {
		values := Values(1, size, 400)
		for i, v := range values {
			if len(v) != size {
				t.Fatalf("value %d has %d bytes", i, len(v))
			}
			for _, f := range e.Scan(nil, v, rules.Context{}) {
				t.Errorf("size %d, value %d: rule %s at %d to %d of a clean text", size, i, e.Rules()[f.Rule].ID, f.Start, f.End)
			}
		}
		planted, err := Plant(2, values, 20)
		if err != nil || planted != 20 {
			t.Fatalf("%d planted, %v", planted, err)
		}
		found := 0
		for _, v := range values {
			found += len(e.Scan(nil, v, rules.Context{}))
		}
		if found != planted {
			t.Errorf("size %d: %d found, %d planted", size, found, planted)
		}
	}
}

// TestKeywords: the texts are not clean because nothing in them looks like anything.
func TestKeywords(t *testing.T) {
	all := bytes.Join(Values(1, 1<<10, 1000), nil)
	for _, word := range []string{"token", "key", "auth", "password", "secret", "api", "access", "base64,", "sha256:"} {
		if n := bytes.Count(all, []byte(word)); n < 50 {
			t.Errorf("%q stands %d times in a megabyte", word, n)
		}
	}
}

func TestSameSeedSameTexts(t *testing.T) {
	a, b := Values(7, 512, 50), Values(7, 512, 50)
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			t.Fatal("the same seed made other texts")
		}
	}
}
