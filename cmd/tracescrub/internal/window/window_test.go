package window

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
)

// angles finds <...>, over lines; one that does not end is found to the end of the text.
func angles(dst []mask.Hit, text []byte) []mask.Hit {
	for i := 0; i < len(text); i++ {
		if text[i] != '<' {
			continue
		}
		end := len(text)
		if n := bytes.IndexByte(text[i:], '>'); n >= 0 {
			end = i + n + 1
		}
		dst = append(dst, mask.Hit{Finding: rules.Finding{Start: i, End: end}})
		i = end - 1
	}
	return dst
}

// collect runs Each and returns the text and the hits by stream offset.
func collect(t *testing.T, r io.Reader, o Options) ([]byte, []string) {
	t.Helper()
	var out []byte
	var hits []string
	err := Each(r, o, angles, func(s Segment) error {
		if s.Offset != int64(len(out)) {
			t.Fatalf("a segment says it begins at %d, %d bytes came before", s.Offset, len(out))
		}
		for _, h := range s.Hits {
			from := s.Offset - int64(s.Start)
			hits = append(hits, fmt.Sprint(from+int64(h.Start), from+int64(h.End)))
		}
		out = append(out, s.Text[s.Start:s.End]...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, hits
}

func whole(text []byte) []string {
	var hits []string
	for _, h := range angles(nil, text) {
		hits = append(hits, fmt.Sprint(h.Start, h.End))
	}
	return hits
}

// TestSameAsWhole: whatever the sizes, all bytes come out once and in order,
// and the hits are those of the whole text.
func TestSameAsWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := 0
	for round := range 400 {
		text := make([]byte, 0, 4096)
		for range rng.IntN(300) {
			switch rng.IntN(8) {
			case 0:
				text = append(text, '\n')
			case 1:
				text = append(append(text, '<'), strings.Repeat("s\n", rng.IntN(12))...)
				text = append(text, '>')
			case 2:
				text = append(text, "wörd "...)
			default:
				text = append(text, strings.Repeat("x", rng.IntN(20))...)
			}
		}
		o := Options{Chunk: 1 + rng.IntN(64), Carry: 32 + rng.IntN(32), Before: 1 + rng.IntN(32), Max: 1 << 20}
		r := io.Reader(bytes.NewReader(text))
		if round%2 == 0 {
			r = iotest.OneByteReader(r)
		}
		out, hits := collect(t, r, o)
		if !bytes.Equal(out, text) {
			t.Fatalf("round %d: other bytes came out", round)
		}
		want := whole(text)
		if strings.Join(hits, ";") != strings.Join(want, ";") {
			t.Fatalf("round %d, %+v: hits %v, want %v", round, o, hits, want)
		}
		seen += len(hits)
	}
	if seen == 0 {
		t.Fatal("no text had a hit")
	}
}

func TestFindingLongerThanAWindow(t *testing.T) {
	text := []byte("line\n<" + strings.Repeat("long ", 3000) + ">\nline\n")
	out, hits := collect(t, bytes.NewReader(text), Options{Chunk: 64, Carry: 64, Before: 16, Max: 1 << 20})
	if !bytes.Equal(out, text) || strings.Join(hits, ";") != strings.Join(whole(text), ";") {
		t.Fatalf("hits %v, want %v", hits, whole(text))
	}
	err := Each(bytes.NewReader(text), Options{Chunk: 64, Carry: 64, Before: 16, Max: 4096}, angles,
		func(s Segment) error {
			if bytes.IndexByte(s.Text[s.Start:s.End], '<') >= 0 {
				t.Error("a finding that is too long was given out")
			}
			return nil
		})
	if !errors.Is(err, ErrTooLong) {
		t.Fatalf("got %v", err)
	}
}

// TestContextStays: what was given out in front of a border is still seen.
func TestContextStays(t *testing.T) {
	const keyed = "key\n"
	find := func(dst []mask.Hit, text []byte) []mask.Hit {
		for i := range text {
			if text[i] == '#' && i >= len(keyed) && string(text[i-len(keyed):i]) == keyed {
				dst = append(dst, mask.Hit{Finding: rules.Finding{Start: i, End: i + 1}})
			}
		}
		return dst
	}
	text := strings.Repeat("key\n#\n", 500)
	n := 0
	err := Each(strings.NewReader(text), Options{Chunk: 5, Carry: 3, Before: 8, Max: 1 << 10}, find, func(s Segment) error {
		n += len(s.Hits)
		return nil
	})
	if err != nil || n != 500 {
		t.Fatalf("%d hits, %v; want 500", n, err)
	}
}

func TestErrorsStopAtALineEnd(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader(strings.Repeat("0123456789\n", 100)), iotest.ErrReader(broken))
	var out []byte
	err := Each(r, Options{Chunk: 50, Carry: 20, Before: 10}, angles, func(s Segment) error {
		out = append(out, s.Text[s.Start:s.End]...)
		return nil
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	if len(out) == 0 || out[len(out)-1] != '\n' {
		t.Fatal("the output does not stop at the end of a line")
	}
}

// TestBorderInsideCharacter: without lines and spaces a border stands between characters.
func TestBorderInsideCharacter(t *testing.T) {
	text := []byte(strings.Repeat("ü€😀", 200))
	n := 0
	err := Each(bytes.NewReader(text), Options{Chunk: 31, Carry: 17, Before: 7, Max: 1 << 10}, angles, func(s Segment) error {
		n++
		if strings.ToValidUTF8(string(s.Text[s.Start:s.End]), "?") != string(s.Text[s.Start:s.End]) {
			t.Error("a border stands inside a character")
		}
		return nil
	})
	if err != nil || n < 10 {
		t.Fatalf("%d segments, %v", n, err)
	}
}
