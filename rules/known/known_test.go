package known

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func TestParse(t *testing.T) {
	const a, b = "value-number-one", "value number two"
	got, err := Parse(strings.NewReader(a + "\n\nstripe-prod\t" + b + "\r\nNot An Id\tthird\tvalue\n" + a + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Secret{{"", a}, {"stripe-prod", b}, {"", "third\tvalue"}}
	if len(got) != len(want) {
		t.Fatalf("%d entries, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Name != want[i].Name || got[i].value != want[i].value {
			t.Errorf("entry %d is another one", i)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s", got[0], got[0], got[0], got); strings.Contains(s, a) {
		t.Error("an entry prints its value")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"short", "long enough\nabcdefg\n", "line 2: a value of 7 bytes, at least 8 are needed"},
		{"short behind a name", "name\tabcdefg", "line 1: a value of 7 bytes"},
		{"all at once", "abc\nlong enough\nabcd\n", "line 3: a value of 4 bytes"},
		{"space", " leading1", "line 1: a value that begins or ends with white space"},
		{"long", strings.Repeat("x", maxLength+1), "line 1: a value of more than"},
		{"very long", "abcdefgh\n" + strings.Repeat("x", 3*maxLength), "line 2: a line of more than"},
		{"empty", "\n\n", "there is no value"},
		{"many", strings.Repeat("abc\n", 100), "and 80 more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(c.in))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			} else if strings.Contains(err.Error(), "abc") {
				t.Error("the error quotes a value")
			}
		})
	}
	if _, err := Parse(iotest.ErrReader(errors.New("disk on fire"))); err == nil {
		t.Error("no error of the reader")
	}
}

// TestAt: through its literals a set finds exactly what a search for each
// value finds, with the matcher of small dictionaries and without.
func TestAt(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abc"[rng.IntN(3)] // few letters: values overlap and hold each other
		}
		return string(b)
	}
	for round := range 200 {
		var secrets []Secret
		for range 1 + rng.IntN(20) {
			secrets = append(secrets, Secret{value: word(MinLength + rng.IntN(8))})
		}
		s := New(secrets)
		if round%2 == 1 {
			s.matcher = nil
		}
		var text []byte
		for range 20 {
			text = append(text, word(rng.IntN(6))...)
			text = append(text, secrets[rng.IntN(len(secrets))].value...)
		}
		want, got := map[[2]int]bool{}, map[[2]int]bool{}
		for i, sec := range secrets {
			for o := 0; o+len(sec.value) <= len(text); o++ {
				if string(text[o:o+len(sec.value)]) == sec.value {
					want[[2]int{i, o}] = true
				}
			}
		}
		var memo Memo
		for pos := range text {
			for _, l := range s.Literals() {
				if bytes.HasPrefix(text[pos:], []byte(l.Text)) {
					s.At(&memo, text, l.Group, pos, func(v, start, _ int) { got[[2]int{v, start}] = true })
				}
			}
		}
		for k := range want {
			if !got[k] {
				t.Fatalf("round %d: value %d at %d of %d is missed", round, k[0], k[1], len(text))
			}
		}
		if len(got) != len(want) {
			t.Fatalf("round %d: %d places, want %d", round, len(got), len(want))
		}
	}
}
