package join

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// inside returns the joined texts of a text, with | at the borders.
func inside(f *Finder, text string) (out []string) {
	f.Inside([]byte(text), nil, func(t *Text) { out = append(out, bordered(t)) })
	return out
}

func bordered(t *Text) string {
	var b strings.Builder
	for i, p := range t.Pieces {
		to := len(t.Bytes)
		if i+1 < len(t.Pieces) {
			to = t.Pieces[i+1].At
		}
		if i > 0 {
			b.WriteByte('|')
		}
		b.Write(t.Bytes[p.At:to])
	}
	return b.String()
}

func TestInside(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"parts", `[{"type":"text","content":"is tok_12ab"},{"type":"text","content":"cd34ef ok"}]`, []string{"is tok_12ab|cd34ef ok"}},
		{"other order", `[{"content":"is tok_12ab","type":"text"},{"content":"cd34ef ok","type":"text"}]`, []string{"is tok_12ab|cd34ef ok"}},
		{"numbers between", `[{"content":"is tok_12ab","index":0},{"content":"cd34ef ok","index":1}]`, []string{"is tok_12ab|cd34ef ok"}},
		{"spaces", "[{\"text\": \"tok_12ab\"},\n  {\"text\": \"cd34ef\"}]", []string{"tok_12ab|cd34ef"}},
		{"three", `[{"t":"tok_12ab"},{"t":"cd34ef"},{"t":"gh56 ok"}]`, []string{"tok_12ab|cd34ef|gh56 ok", "cd34ef|gh56 ok"}},
		{"escaped", `{"a":"[{\"t\":\"tok_12ab\"},{\"t\":\"cd34ef\"}]"}`, []string{"tok_12ab|cd34ef"}},
		{"escaped twice", `"{\"a\":\"[{\\\"t\\\":\\\"tok_12ab\\\"},{\\\"t\\\":\\\"cd34ef\\\"}]\"}"`, []string{"tok_12ab|cd34ef"}},
		{"elements", `{"args":["--key","tok_12ab","cd34ef"]}`, []string{"--key|tok_12ab|cd34ef", "tok_12ab|cd34ef"}},
		{"a sentence ends", `[{"t":"tok_12ab,"},{"t":"cd34ef"}]`, nil},
		{"a sentence begins", `[{"t":"tok_12ab"},{"t":" cd34ef"}]`, nil},
		{"words", `[{"type":"function"},{"type":"text"}]`, nil},
		{"same", `[{"id":"tok_12ab34"},{"id":"tok_12ab34"}]`, nil},
		{"other members", `[{"a":"tok_12ab"},{"b":"cd34ef"}]`, nil},
		{"events", "data: {\"d\":{\"text\":\"gh\"}}\n\ndata: {\"d\":{\"text\":\"p_\"}}\n\n", []string{"gh|p_"}},
		{"lines", "{\"content\":\"a b\"}\n{\"content\":\" c\"}\n", []string{"a b| c"}},
		{"first event after a prefix", "12:01 got {\"text\":\"gh\", \"of\":{\"n\":[1,2]} }\n12:01 got\n{\"text\":\"p_\"}\n{\"text\":\"ab\"}\n", []string{"p_|ab"}},
		{"members after the text", "{\"text\":\"gh\",\"of\":{\"n\":[\"a}\",2]} }\n{\"text\":\"p_\"}\n", []string{"gh|p_"}},
		{"escaped events", `{"log":"start {} data: {\"text\":\"gh\"}\ndata: {\"text\":\"p_\"}\n"}`, []string{"gh|p_"}},
		{"log lines", "{\"msg\":\"is tok_12ab\"}\n{\"msg\":\"cd34ef\"}\n{\"msg\":\"done now\"}\n", []string{"is tok_12ab|cd34ef|done now", "cd34ef|done now"}},
		{"chunks in a list", `[{"d":{"text":"is tok_12"}},{"d":{"text":"ab34"}},{"d":{"text":"cd ok"}}]`, []string{"is tok_12|ab34|cd ok", "ab34|cd ok"}},
		{"choices", `[{"id":"x1","choices":[{"delta":{"content":"tok_12ab"}}],"n":1},{"id":"x1","choices":[{"delta":{"content":"cd34ef"}}],"n":1}]`, []string{"tok_12ab|cd34ef"}},
		{"chunks over lines", "[\n {\"d\": {\"text\": \"tok_12ab\"}},\n {\"d\": {\"text\": \"cd34ef\"}}\n]", []string{"tok_12ab|cd34ef"}},
		{"escaped chunks", `{"a":"[{\"d\":{\"text\":\"tok_12ab\"}},{\"d\":{\"text\":\"cd34ef\"}}]"}`, []string{"tok_12ab|cd34ef"}},
		{"messages are no stream", `[{"role":"a","parts":[{"text":"my password is"}]},{"role":"b","parts":[{"text":" 12ab34"}]}]`, nil},
		{"no JSON", `he said "tok_12ab" and "cd34ef"`, nil},
		{"unclosed", `[{"t":"tok_12ab"},{"t":"cd34ef`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := inside(new(Finder), c.text); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzInside: every piece stands in the text where it says, the same finder
// answers the same again, and pieces are in order and do not overlap.
func FuzzInside(f *testing.F) {
	for _, s := range []string{
		`[{"a":"x1","b":2},{"a":"y","b":3}]`, `["x1","y2"]`, "data: {\"text\":\"a\"}\n\ndata: {\"text\":\"b\"}\n\n",
		"{\"msg\":\"a1\"}\n{\"msg\":\"b\"}", `"{\"a\":\"[{\\\"t\\\":\\\"tok\\\"},{\\\"t\\\":\\\"c1\\\"}]\"}"`, `"]"]"},{"},{\"`,
		`{"a":"-----BEGIN"},{"a":"xx"},{"a":"-----END"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var finder Finder
		n := 0
		finder.Inside(text, nil, func(j *Text) {
			n++
			end := 0
			j.Each(0, len(j.Bytes), func(ref, from, to int) {
				if ref != 0 || from < end && !j.Stream || to > len(text) || from >= to {
					t.Fatalf("piece [%d, %d) of source %d behind %d", from, to, ref, end)
				}
				end = to
			})
			for i, p := range j.Pieces {
				to := len(j.Bytes)
				if i+1 < len(j.Pieces) {
					to = j.Pieces[i+1].At
				}
				if !bytes.Equal(j.Bytes[p.At:to], text[p.Start:p.Start+to-p.At]) {
					t.Fatal("a piece is not what stands there")
				}
			}
		})
		again := 0
		finder.Inside(text, nil, func(*Text) { again++ })
		if n != again {
			t.Fatalf("%d texts, then %d", n, again)
		}
	})
}

// TestLongStream: a stream that is longer than the buffer is given out in
// pieces that overlap, so that no token is lost at their borders.
func TestLongStream(t *testing.T) {
	var c Chain
	c.Reset(true)
	token := "tok_" + strings.Repeat("7", 60)
	found, total := 0, 0
	emit := func(j *Text) {
		total += len(j.Bytes)
		if len(j.Bytes) > maxStream+overlap+10 {
			t.Errorf("%d bytes at once", len(j.Bytes))
		}
		j.Each(0, len(j.Bytes), func(ref, from, to int) {
			if from < 0 || to > 3 {
				t.Errorf("piece [%d, %d) of three bytes", from, to)
			}
		})
		found += bytes.Count(j.Bytes, []byte(token))
	}
	text := strings.Repeat(strings.Repeat("word ", 1000)+token+" ", 200)
	for i := 0; i < len(text); i += 3 {
		c.Add(i, []byte(text[i:min(len(text), i+3)]), 0, emit)
	}
	c.Flush(emit)
	if found < 200 || total > 2*len(text) {
		t.Errorf("%d tokens of 200 in %d bytes of %d", found, total, len(text))
	}
}

// TestHostileTextIsLinear counts what is joined of texts that are all borders.
func TestHostileTextIsLinear(t *testing.T) {
	for _, unit := range []string{
		`"},{"`, `"]`, `","`, `{"a":"1x"},`, "{}\n", "{\"a\":\"1x\"}\n", `["1","2"]`, `\"},{\"`, "}\n{\"text\":\"1\"", `-----BEGIN"},{"a":"`, `}},{`, `{"a":{"text":"1x"}},`, `{"a":[{"text":"1x"}]},`,
	} {
		joined := func(n int) (bytes int) {
			new(Finder).Inside([]byte(strings.Repeat(unit, n/len(unit))), nil, func(j *Text) { bytes += len(j.Bytes) })
			return bytes
		}
		if one, two := joined(1<<18), joined(1<<19); two > 3*one+1<<20 || one > 64<<18 {
			t.Errorf("%q: %d bytes joined of 256 KiB, %d of 512 KiB", unit, one, two)
		}
	}
}

func TestCleanTextCostsNothing(t *testing.T) {
	type message struct {
		ID, Role, Content string
		Tags              []string
	}
	var list []message
	for i := range 100 {
		list = append(list, message{fmt.Sprintf("call_%08x", i*7919), "user", "Please look at it. Thank you!", []string{"eu-1", "v2", "x86"}})
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var f Finder
	emit := func(*Text) {}
	f.Inside(text, nil, emit)
	if n := testing.AllocsPerRun(50, func() { f.Inside(text, nil, emit) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkInside(b *testing.B) {
	texts := map[string]string{
		"prose": strings.Repeat("An ordinary sentence, nothing else. ", 300),
		"chat":  `[` + strings.Repeat(`{"role":"user","parts":[{"type":"text","content":"`+strings.Repeat("Words in a row. ", 20)+`"}]},`, 30) + `{}]`,
		"rows":  `[` + strings.Repeat(`{"id":"call_Ab12Cd34","type":"function","name":"read_file","n":12},`, 150) + `{}]`,
	}
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			var f Finder
			bytes := []byte(text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			joined := 0
			for b.Loop() {
				f.Inside(bytes, nil, func(j *Text) { joined += len(j.Bytes) })
			}
			b.ReportMetric(float64(joined)/float64(b.N)/float64(len(text)), "joined/B")
		})
	}
}
