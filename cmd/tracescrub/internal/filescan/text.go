package filescan

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
)

var errBinary = errors.New("no text")

// sniffBytes is how much of a file decides whether it is text, as in git.
const sniffBytes = 8000

// openText returns a reader of the text in r: UTF-16 becomes UTF-8, everything
// else stays as it is. errBinary means that there are NUL bytes and it is not UTF-16.
func openText(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(sniffBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	order, wide := sniffUTF16(head)
	if wide {
		return unicode.UTF16(order, unicode.UseBOM).NewDecoder().Reader(in), nil
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return nil, errBinary
	}
	return in, nil
}

// sniffUTF16 tells UTF-16 by its mark, or by NULs in every other byte only.
func sniffUTF16(head []byte) (order unicode.Endianness, wide bool) {
	if len(head) >= 4 && head[0] == 0xff && head[1] == 0xfe && head[2] == 0 && head[3] == 0 {
		return unicode.LittleEndian, false // UTF-32
	}
	if len(head) >= 2 && head[0] == 0xff && head[1] == 0xfe {
		return unicode.LittleEndian, true
	}
	if len(head) >= 2 && head[0] == 0xfe && head[1] == 0xff {
		return unicode.BigEndian, true
	}
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	units := len(head) / 2
	switch {
	case units < 4:
		return unicode.LittleEndian, false
	case zeros[0] == 0 && zeros[1]*10 >= units*7:
		return unicode.LittleEndian, true
	case zeros[1] == 0 && zeros[0]*10 >= units*7:
		return unicode.BigEndian, true
	}
	return unicode.LittleEndian, false
}

// place is a position in a text.
type place struct{ line, column int }

// over moves behind b. A byte that is no UTF-8 counts as a character.
func (p *place) over(b []byte) {
	if n := bytes.Count(b, []byte{'\n'}); n > 0 {
		p.line += n
		p.column = 1
		b = b[bytes.LastIndexByte(b, '\n')+1:]
	}
	p.column += utf8.RuneCount(b)
}
