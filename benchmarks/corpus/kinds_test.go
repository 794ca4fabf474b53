package corpus

import (
	"bytes"
	"testing"

	"github.com/tracescrub/tracescrub/rules"
)

// count scans values, and says how many findings there are and how many of
// them say that a text was not scanned.
func count(e *rules.Engine, values ...[]byte) (found, withheld int) {
	for _, v := range values {
		for _, f := range e.Scan(nil, v, rules.Context{}) {
			found++
			if f.Withheld != rules.None {
				withheld++
			}
		}
	}
	return found, withheld
}

// TestKinds: a text of one kind is one, of the size that was asked for, without secrets.
func TestKinds(t *testing.T) {
	e := engine(t)
	if len(Kinds()) < 8 {
		t.Fatalf("only %d kinds", len(Kinds()))
	}
	for _, kind := range Kinds() {
		for _, size := range []int{64, 1 << 10} {
			values := Of(kind, 1, size, 50)
			if len(values) != 50 || len(values[49]) != size {
				t.Fatalf("%s: %d values of %d bytes", kind, len(values), size)
			}
			if found, _ := count(e, values...); found != 0 {
				t.Errorf("%s: %d findings", kind, found)
			}
		}
	}
	if Of("something else", 1, 64, 1) != nil {
		t.Error("a kind that does not exist has texts")
	}
	if bytes.Equal(Of("prose", 1, 64, 1)[0], Of("hashes", 1, 64, 1)[0]) {
		t.Error("two kinds have the same text")
	}
}

// TestDense: the secrets that a dense text is said to have are found, and no more.
func TestDense(t *testing.T) {
	e := engine(t)
	if len(DenseKinds()) < 3 {
		t.Fatalf("only %d kinds", len(DenseKinds()))
	}
	for _, kind := range DenseKinds() {
		for _, size := range []int{1 << 10, 16 << 10} {
			values, secrets, err := Dense(kind, 1, size, 20)
			if err != nil {
				t.Fatal(err)
			}
			if len(values) != 20 || len(values[0]) != size || secrets < 20*size/300 {
				t.Errorf("%s: %d values of %d bytes with %d secrets", kind, len(values), len(values[0]), secrets)
			}
			if found, withheld := count(e, values...); found != secrets || withheld != 0 {
				t.Errorf("%s, %d B: found %d, %d of them withheld, planted %d", kind, size, found, withheld, secrets)
			}
		}
	}
	if _, _, err := Dense("something else", 1, 64, 1); err == nil {
		t.Error("a kind that does not exist has texts")
	}
}

// TestHostile: hostile texts have no secret, and all of each is scanned.
func TestHostile(t *testing.T) {
	e := engine(t)
	if len(HostileKinds()) < 12 {
		t.Fatalf("only %d kinds", len(HostileKinds()))
	}
	for _, kind := range HostileKinds() {
		v := Hostile(kind, 64<<10)
		if len(v) != 64<<10 {
			t.Fatalf("%s: %d bytes", kind, len(v))
		}
		if found, withheld := count(e, v); found != 0 {
			t.Errorf("%s: %d findings, %d of them withheld", kind, found, withheld)
		}
	}
	if Hostile("something else", 64) != nil {
		t.Error("a kind that does not exist has a text")
	}
}
