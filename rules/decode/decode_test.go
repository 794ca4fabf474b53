package decode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// read lists the tokens of text as kind:text@key<prev.
func read(text string) (toks []string, valid bool) {
	var j JSON
	j.Reset([]byte(text))
	for {
		tok, ok := j.Next()
		if !ok {
			return toks, j.Valid()
		}
		s := fmt.Sprintf("%d:%s", tok.Kind, text[tok.Start:tok.End])
		if tok.Key != (Span{}) {
			s += "@" + text[tok.Key.Start:tok.Key.End]
		}
		if tok.Prev != (Span{}) {
			s += "<" + text[tok.Prev.Start:tok.Prev.End]
		}
		toks = append(toks, s)
	}
}

func TestJSONTokens(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"object", `{"a":"b","c":1}`, []string{"0:a", "1:b@a", "0:c", "2:1@c"}},
		{"array under a key", `{"a":["x","y",-2.5e3]}`, []string{"0:a", "1:x@a", "1:y@a<x", "2:-2.5e3@a<y"}},
		{"name and value", `{"name":"Authorization","value":"v"}`, []string{"0:name", "1:Authorization@name", "0:value", "1:v@Authorization"}},
		{"nested", `[{"k":{"m":"v"}},true,null]`, []string{"0:k", "0:m", "1:v@m"}},
		{"alone", ` "x\"y" `, []string{`1:x\"y`}},
		{"empty", `{"a":{},"b":[]}`, []string{"0:a", "0:b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, valid := read(tt.text)
			if !valid || !slices.Equal(got, tt.want) {
				t.Errorf("got %q (valid %v), want %q", got, valid, tt.want)
			}
		})
	}
}

func FuzzJSONAgreesWithEncodingJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":"c\u00e9\n"}]}`, `[1,]`, `{"a"}`, `"\x"`, `{}`, `[`, `01`, `[1e5,-0.1]`, "[\"\x01\"]", `{"a":1}}`, ``, ` `, `tru`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, got := read(s)
		if want := json.Valid([]byte(s)); got != want {
			t.Errorf("valid %v, encoding/json says %v: %q", got, want, s)
		}
		if got && Looks([]byte(s)) && !Closes([]byte(s)) {
			t.Errorf("a document that is said not to close: %q", s)
		}
	})
}

func TestUnescape(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"json", `a\"b\\c\/d\n\t`, "a\"b\\c/d\n\t"},
		{"unicode", `\u0041\u00e9\ud83d\ude00`, "Aé😀"},
		{"python", `it\'s \x41 \U0001f600`, "it's A 😀"},
		{"rust", `\u{41}\u{1f600}`, "A😀"},
		{"no escape", `C:\Users\q \u12 \`, `C:\Users\q \u12 \`},
		{"lone surrogate", `\ud83d!`, "\ufffd!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m Map
			if got, changed := Unescape(nil, []byte(tt.src), &m); string(got) != tt.want || changed != (tt.src != tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzMapLeadsBack(f *testing.F) {
	f.Add(`plain \"quoted\" \\n \u0041x`)
	f.Add(`\\\\\"`)
	f.Fuzz(func(t *testing.T, s string) {
		var m, m2 Map
		dec, _ := Unescape(nil, []byte(s), &m)
		for i := range dec {
			from, to := m.Source(i, i+1)
			if from < 0 || to <= from || to > len(s) {
				t.Fatalf("byte %d maps to [%d, %d)", i, from, to)
			}
			again, _ := Unescape(nil, []byte(s[from:to]), &m2)
			if !bytes.Contains(again, dec[i:i+1]) {
				t.Fatalf("byte %d does not come from [%d, %d)", i, from, to)
			}
		}
		if from, to := m.Source(0, len(dec)); len(dec) > 0 && (from != 0 || to != len(s)) {
			t.Fatalf("the whole maps to [%d, %d) of %d", from, to, len(s))
		}
	})
}

func TestUnescapeIsInverseOfMarshal(t *testing.T) {
	for _, s := range []string{"", "a\nb", strings.Repeat("\"\\\u2028<>&", 50), "é😀\x7f"} {
		enc, _ := json.Marshal(s)
		var m Map
		if got, _ := Unescape(nil, enc[1:len(enc)-1], &m); string(got) != s {
			t.Errorf("got %q, want %q", got, s)
		}
	}
}
