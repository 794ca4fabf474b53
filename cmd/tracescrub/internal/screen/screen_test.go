package screen

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		lines    bool
		want     string
	}{
		{"nothing to do", "checkout-agent äöü 漢字", false, "checkout-agent äöü 漢字"},
		{"colour", "\x1b[31mred", false, `\u001b[31mred`},
		{"one-byte control sequence", "\u009b31m", false, `\u009b31m`},
		{"right-to-left override", "a\u202egpj.exe", false, `a\u202egpj.exe`},
		{"zero width", "a\u200bb\u2060c\u00add", false, `a\u200bb\u2060c\u00add`},
		{"tag characters", "a\U000e0041", false, `a\udb40\udc41`},
		{"fillers that are letters by the book", "a\u3164b\u115f", false, `a\u3164b\u115f`},
		{"newline in a cell", "a\nb\tc", false, `a\u000ab\u0009c`},
		{"newline in a block", "a\nb\tc\rd", true, "a\nb\tc\\u000dd"},
		{"odd spaces", "a\u00a0b\u2028c", true, `a\u00a0b\u2028c`},
		{"broken", "a\xffb", false, "a\uFFFDb"},
		{"one byte of an old terminal", "a\x9b31mb", false, "a\uFFFD31mb"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Plain(tt.in, tt.lines); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestWidthAndCut(t *testing.T) {
	for _, tt := range []struct {
		in   string
		cols int
		n    int
		want string
	}{
		{"checkout", 8, 8, "checkout"},
		{"checkout", 8, 7, "checko…"},
		{"漢字テスト", 10, 7, "漢字テ…"},
		{"漢字テスト", 10, 6, "漢字…"},
		{"e\u0301e\u0301e\u0301", 3, 2, "e\u0301…"},
		{"abc", 3, 0, ""},
		{"", 0, 0, ""},
	} {
		if got := Width(tt.in); got != tt.cols {
			t.Errorf("%q: width %d, want %d", tt.in, got, tt.cols)
		}
		got := Cut(tt.in, tt.n)
		if got != tt.want {
			t.Errorf("%q cut to %d: %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestTableFits(t *testing.T) {
	columns := []Column{{Name: "ID", Least: 8}, {Name: "STATE"}, {Name: "SERVICE", Least: 6}, {Name: "RULES", Least: 6}}
	rows := [][]string{
		{strings.Repeat("a", 32), "pending", "サービスの名前がとても長い", "github-token,aws-access-key"},
		{strings.Repeat("b", 32), "released", "short", "jwt"},
	}
	for width := 1; width < 120; width++ {
		var out strings.Builder
		if err := Table(&out, width, columns, rows); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := Width(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns: a line of %d", width, n)
			}
		}
	}
	var whole strings.Builder
	if err := Table(&whole, 0, columns, rows); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(whole.String(), "…") || !strings.Contains(whole.String(), rows[0][0]) {
		t.Error("without a bound a cell is cut")
	}
}

// FuzzPlain: what comes out steers no terminal, and JSON means the same.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b]0;x\x07", "\u202e\u2066", "\U000e0041\xff", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(Plain(s, false)) {
			t.Error("bytes that are no text are left")
		}
		if !utf8.ValidString(s) {
			return
		}
		for _, r := range Plain(s, true) {
			if hidden(r) && r != '\n' && r != '\t' {
				t.Errorf("%U is left", r)
			}
		}
		if again := Plain(Plain(s, false), false); again != Plain(s, false) {
			t.Error("twice is not once")
		}
		doc, err := json.Marshal([]string{s})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := json.Unmarshal(JSON(doc), &got); err != nil || !reflect.DeepEqual(got, []string{s}) {
			t.Errorf("the JSON means something else: %v", err)
		}
	})
}
