// Package textstream masks a text of any size.
package textstream

import (
	"bufio"
	"errors"
	"io"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/window"
	"github.com/tracescrub/tracescrub/internal/mask"
)

// Render returns text with masks in place of the hits, whose offsets are into text.
type Render func(text []byte, hits []mask.Hit) []byte

// Mask writes r to w with masks in place of the hits. UTF-16 with a byte order
// mark is masked as text and written as UTF-16 again; all other bytes outside
// of hits are written as they are. It ends with the first error, after the
// last piece in front of it.
func Mask(r io.Reader, w io.Writer, find window.Find, render Render) error {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	order, wide := byteOrder(head)
	if !wide {
		return each(in, w, find, render)
	}
	code := unicode.UTF16(order, unicode.ExpectBOM)
	out := transform.NewWriter(w, code.NewEncoder())
	return errors.Join(each(code.NewDecoder().Reader(in), out, find, render), out.Close())
}

// byteOrder tells UTF-16 by its mark; that of UTF-32 begins alike.
func byteOrder(head []byte) (unicode.Endianness, bool) {
	switch {
	case len(head) >= 4 && string(head) == "\xff\xfe\x00\x00":
		return unicode.LittleEndian, false
	case len(head) >= 2 && head[0] == 0xff && head[1] == 0xfe:
		return unicode.LittleEndian, true
	case len(head) >= 2 && head[0] == 0xfe && head[1] == 0xff:
		return unicode.BigEndian, true
	}
	return unicode.BigEndian, false
}

func each(r io.Reader, w io.Writer, find window.Find, render Render) error {
	return window.Each(r, window.Options{}, find, func(s window.Segment) error {
		text := s.Text[s.Start:s.End]
		if len(s.Hits) > 0 {
			for i := range s.Hits {
				s.Hits[i].Start -= s.Start
				s.Hits[i].End -= s.Start
			}
			text = render(text, s.Hits)
		}
		_, err := w.Write(text)
		return err
	})
}
