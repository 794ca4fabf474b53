package jsonlines

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// stars is a mask that finds runs of "*" and replaces each by "#".
func stars(dst []mask.Hit, text []byte) ([]byte, []mask.Hit) {
	var out []byte
	from := 0
	for i := 0; i < len(text); i++ {
		start := i
		for i < len(text) && text[i] == '*' {
			i++
		}
		if i == start {
			continue
		}
		dst = append(dst, mask.Hit{
			Finding: rules.Finding{Start: start, End: i, Severity: pack.High}, RuleID: "stars",
		})
		out = append(append(out, text[from:start]...), '#')
		from = i
	}
	if from == 0 {
		return nil, dst
	}
	return append(out, text[from:]...), dst
}

func TestEach(t *testing.T) {
	found := func(start, end string) string {
		return `{"rule":"stars","severity":"high","start":` + start + `,"end":` + end + `}`
	}
	for _, c := range []struct{ name, in, want string }{
		{"nothing", `{"id":1,"text":"abc"}` + "\n", `{"id":1,"text":"abc","findings":[]}` + "\n"},
		{"one", `{"id":1,"text":"a**b"}` + "\n", `{"id":1,"text":"a#b","findings":[` + found("1", "3") + `]}` + "\n"},
		{"no line end", `{"text":"*"}`, `{"text":"#","findings":[` + found("0", "1") + `]}`},
		{"crlf", `{"text":"*"}` + "\r\n", `{"text":"#","findings":[` + found("0", "1") + `]}` + "\r\n"},
		{"empty lines", "\n" + `{"text":""}` + "\n \n", "\n" + `{"text":"","findings":[]}` + "\n \n"},
		{
			"others keep their bytes", `{ "x" : [1.0,{"a":"\u0041"}], "text" : "*", "y":null }` + "\n",
			`{ "x" : [1.0,{"a":"\u0041"}], "text" : "#", "y":null ,"findings":[` + found("0", "1") + `]}` + "\n",
		},
		{
			"offsets of decoded bytes", `{"text":"\u00e4\n\ud83d\ude00*"}` + "\n",
			`{"text":"ä\n😀#","findings":[` + found("7", "8") + `]}` + "\n",
		},
		{"unchanged text keeps its escapes", `{"text":"\u00e4\/"}` + "\n", `{"text":"\u00e4\/","findings":[]}` + "\n"},
		{
			"old findings go", `{"findings":[1,2],"text":"*"}` + "\n",
			`{"findings":[` + found("0", "1") + `],"text":"#"}` + "\n",
		},
		{"half a surrogate", `{"text":"\ud83d*"}` + "\n", "{\"text\":\"\ufffd#\",\"findings\":[" + found("3", "4") + "]}\n"},
		{
			"escapes again", `{"text":"\"\\\u0001*\u2028"}` + "\n",
			`{"text":"\"\\\u0001#\u2028","findings":[` + found("3", "4") + `]}` + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Each(strings.NewReader(c.in), &out, 0, stars); err != nil {
				t.Fatal(err)
			}
			if out.String() != c.want {
				t.Errorf("\n got %q\nwant %q", out.String(), c.want)
			}
		})
	}
}

func TestBadLines(t *testing.T) {
	const good = `{"text":"*"}` + "\n"
	for _, c := range []struct {
		name, line string
		column     int64
	}{
		{"no JSON", `hello`, 1},
		{"an array", `["text"]`, 1},
		{"syntax", `{"text":"b" x}`, 13},
		{"ends early", `{"text":"b"`, 12},
		{"ends in a string", `{"text":"b`, 11},
		{"something behind", `{"text":"b"} {}`, 14},
		{"no text", `{"id":1}`, 1},
		{"text is a number", `{"text":17}`, 9},
		{"text is null", `{"text":null}`, 9},
		{"text twice", `{"text":"a","text":"b"}`, 19},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := Each(strings.NewReader(good+c.line+"\n"+good), &out, 0, stars)
			var bad *LineError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if bad.Line != 2 || bad.Column != c.column || bad.Byte != int64(len(good))+c.column-1 {
				t.Errorf("line %d, column %d, byte %d; want column %d", bad.Line, bad.Column, bad.Byte, c.column)
			}
			if n := strings.Count(out.String(), "\n"); n != 1 || !strings.HasSuffix(out.String(), "}\n") {
				t.Errorf("%d lines were written, want the one in front of the bad one", n)
			}
		})
	}
}

func TestLongLine(t *testing.T) {
	line := `{"text":"` + strings.Repeat("a", 1<<20) + `*"}` + "\n"
	var out bytes.Buffer
	if err := Each(strings.NewReader(line), &out, 0, stars); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"start":1048576,"end":1048577}`) {
		t.Error("the finding at the end of a long line is missing")
	}
	out.Reset()
	var bad *LineError
	if err := Each(strings.NewReader(line), &out, 1<<10, stars); !errors.As(err, &bad) || out.Len() > 0 {
		t.Errorf("a line over the limit: %v, %d bytes written", err, out.Len())
	}
}

// FuzzEach: whatever is accepted comes out as valid JSON with every other
// member as it was; and the masked text is what the mask made of the decoded text.
func FuzzEach(f *testing.F) {
	for _, s := range []string{`{"text":"a*b","x":1}`, `{"text":"\ud83d\ude00"}`, `{"findings":1,"text":"\\*"}`, "{\"text\":\"\xff*\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if bytes.ContainsAny(in, "\n\r") {
			return
		}
		var out bytes.Buffer
		if err := Each(bytes.NewReader(in), &out, 0, stars); err != nil || len(bytes.TrimSpace(in)) == 0 {
			return
		}
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(in, &before); err != nil {
			t.Fatal("accepted what is no JSON")
		}
		if err := json.Unmarshal(out.Bytes(), &after); err != nil {
			t.Fatal("wrote what is no JSON")
		}
		for name, value := range before {
			if name != "text" && name != "findings" && !bytes.Equal(value, after[name]) {
				t.Fatal("another member changed")
			}
		}
		var was, is string
		if json.Unmarshal(before["text"], &was) != nil || json.Unmarshal(after["text"], &is) != nil {
			t.Fatal("text is no string")
		}
		if utf8.Valid(in) {
			if masked, _ := stars(nil, []byte(was)); masked != nil && string(masked) != is || masked == nil && was != is {
				t.Fatal("the text is not what the mask made of it")
			}
		}
	})
}
