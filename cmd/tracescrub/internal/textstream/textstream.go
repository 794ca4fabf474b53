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

// Render appends to dst what stands in the place of a hit in text.
type Render func(dst, text []byte, h mask.Hit) []byte

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
	var buf []byte
	return window.Each(r, window.Options{}, find, func(s window.Segment) error {
		from := s.Start
		for _, h := range s.Hits {
			buf = render(append(buf[:0], s.Text[from:h.Start]...), s.Text, h)
			if _, err := w.Write(buf); err != nil {
				return err
			}
			from = h.End
		}
		_, err := w.Write(s.Text[from:s.End])
		return err
	})
}
