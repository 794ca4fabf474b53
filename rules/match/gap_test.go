package match

import "testing"

func TestMayFollow(t *testing.T) {
	for _, c := range []struct {
		name, pattern, text string
		literal             int // length of the literal that text begins with
		want                bool
	}{
		{"enough of the class", "ghp_[a-z]{3}", "ghp_abc", 4, true},
		{"too few of the class", "ghp_[a-z]{3}", "ghp_ab ", 4, false},
		{"the text ends", "ghp_[a-z]{3}", "ghp_ab", 4, true},
		{"an escape may hide it", "ghp_[a-z]{3}", `ghp_ab\u0063`, 4, true},
		{"a break may hide it", "ghp_[a-z]{3}", "ghp_ab\nc", 4, true},
		{"what follows the class", `password\s{0,4}=`, "password  =", 8, true},
		{"neither class nor what follows", `password\s{0,4}=`, "password is", 8, false},
		{"more of the class than it takes", `password\s{0,2}=`, "password   =", 8, false},
		{"what follows is in the class too", `key_[a-z0-9]{0,80}[0-9]x`, "key_abc1x", 4, true},
		{"characters of several bytes count as one", "key_[^ ]{2}=", "key_\u00e9\u00e9=", 4, true},
		{"no gap is known", "key_(?:ab|cd)", "key_zz", 4, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Compile(c.pattern, 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.MayFollow([]byte(c.text), c.literal); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// FuzzMayFollow: where a pattern matches, the cheap look never says that it cannot.
func FuzzMayFollow(f *testing.F) {
	var patterns []*Pattern
	for _, expr := range []string{`ab_[a-f0-9]{4}`, `ab_\s{0,3}=\s?[a-z]+`, `ab_[a-z.]{0,5}[0-9][a-z]`, `ab_[^x]{1,4}x?y`, `ab_`, `ab_(?:=|: )z`} {
		p, err := Compile(expr, 0)
		if err != nil {
			f.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	f.Add([]byte("0a1f  = zxy"))
	f.Add([]byte("a.b7c: z\u00e9y"))
	f.Fuzz(func(t *testing.T, rest []byte) {
		text := append([]byte("ab_"), rest...)
		for i, p := range patterns {
			s := State{Limit: 1 << 20}
			if _, _, _, ok := p.At(&s, text, 0); ok && !p.MayFollow(text, 3) {
				t.Errorf("pattern %d matches, and is said not to", i)
			}
		}
	})
}
