package decode

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	hexenc "encoding/hex"
	"strings"
	"testing"
)

var allViews = map[string]View{"join": Join, "quoted-printable": QuotedPrintable, "percent": Percent, "entities": Entities, "invisible": Invisible, "utf16": UTF16}

func TestViews(t *testing.T) {
	for _, tt := range []struct{ view, name, src, want string }{
		{"percent", "mixed", "a%3D%22b%2520c%zz%4", "a=\"b%20c%zz%4"},
		{"percent", "none", "100% sure", ""},
		{"entities", "named", "&lt;a&gt; &quot;x&quot; &amp;lt;", "<a> \"x\" &lt;"},
		{"entities", "numbered", "&#65;&#x42;&#x1F600;&#;&#xzz;", "AB😀&#;&#xzz;"},
		{"entities", "none", "a & b &c;", ""},
		{"invisible", "colours", "\x1b[1;31mred\x1b[0m\x1b", "red\x1b"},
		{"invisible", "zero width", "a\u200bb\u00adc\ufeffd\u2060e–", "abcde–"},
		{"join", "wrapped", "a line that is long enough to be wrapped: abcdef\nghi", "a line that is long enough to be wrapped: abcdefghi"},
		{"join", "wrapped, numbered", "     1→a line that is long enough to be wrapped: abcdef\n     2→+  ghi", "     1→a line that is long enough to be wrapped: abcdefghi"},
		{"join", "short line", "abc\ndef", ""},
		{"join", "continuation", "abc\\\n    def", "abcdef"},
		{"join", "concatenation", "x = \"abc\" + \"def\" . \"ghi\"", "x = \"abcdefghi\""},
		{"join", "concatenation over lines", "x = (\"abc\"\n     \"def\")", "x = (\"abcdef\")"},
		{"join", "list", "[\"abc\", \"def\"]", ""},
		{"quoted-printable", "mail", "token=3Dab=\r\ncd=2Eef=\n=xx=", "token=abcd.ef=xx="},
		{"quoted-printable", "none", "a=b&c=d&e=", ""},
		{"utf16", "little endian", "p\x00a\x00s\x00s\x00=\x001\x00", "pass=1"},
		{"utf16", "byte order mark, big endian", "\xfe\xff\x00p\x00a\x00s\x00s\x00\xe9", "pass\xe9"},
		{"utf16", "none", "plain text", ""},
	} {
		t.Run(tt.view+" "+tt.name, func(t *testing.T) {
			var m Map
			got, changed := allViews[tt.view](nil, []byte(tt.src), &m)
			if changed != (tt.want != "") || changed && string(got) != tt.want {
				t.Errorf("got %q (changed %v), want %q", got, changed, tt.want)
			}
		})
	}
}

func FuzzViewsLeadBack(f *testing.F) {
	f.Add("a%3Db&quot;c\x1b[0m\u200bd")
	f.Add("p\x00a\x00s\x00s\x00w\x00")
	f.Fuzz(func(t *testing.T, s string) {
		for name, v := range allViews {
			var m Map
			dec, changed := v(nil, []byte(s), &m)
			if !changed {
				continue
			}
			last := 0
			for i := range dec {
				from, to := m.Source(i, i+1)
				if from < last || to <= from || to > len(s) {
					t.Fatalf("%s: byte %d maps to [%d, %d) after %d", name, i, from, to, last)
				}
				last = from
			}
		}
	})
}

// decodeAll returns what the runs in text decode to.
func decodeAll(text string) (out []string, spans []Span, limited bool) {
	var r Runs
	for at := 0; ; {
		run, ok := NextRun([]byte(text), at)
		if !ok {
			return out, spans, limited
		}
		at = run.End
		if d, whole, ok, lim := r.Decode([]byte(text), run, maxInflated); ok {
			out, spans, at = append(out, string(d)), append(spans, whole), whole.End
			limited = limited || lim
		}
	}
}

func zip(b []byte) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	_, _ = z.Write(b) // into memory
	_ = z.Close()
	return buf.Bytes()
}

func TestRuns(t *testing.T) {
	const plain = "user:some text that is long enough, ends here?>"
	std := base64.StdEncoding.EncodeToString([]byte(plain))
	long := strings.Repeat(plain, 5)
	wrap := func(s, sep string) (out string) {
		for len(s) > 76 {
			out, s = out+s[:76]+sep, s[76:]
		}
		return out + s
	}
	for _, tt := range []struct{ name, run, want string }{
		{"base64", std, plain},
		{"base64 without padding", strings.TrimRight(std, "="), plain},
		{"base64url", base64.URLEncoding.EncodeToString([]byte(plain)), plain},
		{"hex", hexenc.EncodeToString([]byte(plain)), plain},
		{"upper hex", strings.ToUpper(hexenc.EncodeToString([]byte(plain))), plain},
		{"wrapped", wrap(base64.StdEncoding.EncodeToString([]byte(long)), "\n"), long},
		{"wrapped and indented", wrap(base64.StdEncoding.EncodeToString([]byte(long)), "\r\n    "), long},
		{"gzip", base64.StdEncoding.EncodeToString(zip([]byte(long))), long},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for pad := range 40 {
				before := strings.Repeat(".", pad)
				got, spans, _ := decodeAll(before + tt.run + ", and more text")
				if len(got) != 1 || got[0] != tt.want || spans[0] != (Span{pad, pad + len(tt.run)}) {
					t.Fatalf("after %d bytes: %d runs, spans %v", pad, len(got), spans)
				}
			}
		})
	}
}

func TestRunsLeaveTheRestAlone(t *testing.T) {
	for _, text := range []string{
		"ordinary words, none_of_which_is_encoded/at-all/or/so/it/seems and_a_very_long_identifier_in_snake_case",
		"sha256:" + strings.Repeat("9fe3a1c07b5d", 6),
		"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
	} {
		if got, _, _ := decodeAll(text); len(got) != 0 {
			t.Errorf("%d runs decoded in %.20q...", len(got), text)
		}
	}
}

// TestRunsEndWithTheirLine: without padding nothing but the next line itself
// says that a run is over.
func TestRunsEndWithTheirLine(t *testing.T) {
	full := strings.Repeat("many words, in threes of three. ", 15) // 480 bytes: no padding
	short := full[:96]
	for name, text := range map[string]struct{ run, next string }{
		"an assignment after one long line": {base64.StdEncoding.EncodeToString([]byte(full)), "\nWORKERS=3"},
		"a name in another alphabet":        {base64.StdEncoding.EncodeToString([]byte(short)), "\nWORKER_CONCURRENCY=3"},
	} {
		t.Run(name, func(t *testing.T) {
			_, spans, _ := decodeAll(text.run + text.next)
			if len(spans) != 1 || spans[0] != (Span{0, len(text.run)}) {
				t.Errorf("spans %v, want the first %d bytes", spans, len(text.run))
			}
		})
	}
}

func TestInflationIsBounded(t *testing.T) {
	bomb := base64.StdEncoding.EncodeToString(zip(make([]byte, 64<<20)))
	got, _, limited := decodeAll(bomb)
	if !limited || len(got) != 1 || len(got[0]) != maxInflated {
		t.Errorf("limited %v, %d texts", limited, len(got))
	}
}

func FuzzRuns(f *testing.F) {
	f.Add([]byte("a " + base64.StdEncoding.EncodeToString([]byte("some text that is long enough")) + " b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Runs
		for at := 0; ; {
			run, ok := NextRun(text, at)
			if !ok {
				return
			}
			if run.Start < at || run.End-run.Start < MinRun || run.End > len(text) {
				t.Fatalf("run [%d, %d) after %d", run.Start, run.End, at)
			}
			at = run.End
			if _, whole, ok, _ := r.Decode(text, run, maxInflated); ok {
				if whole.Start != run.Start || whole.End < run.End || whole.End > len(text) {
					t.Fatalf("run [%d, %d) became [%d, %d)", run.Start, run.End, whole.Start, whole.End)
				}
				at = whole.End
			}
		}
	})
}
