// Package join puts together texts that a sender may have cut out of one:
// chunks of a stream, elements of an array, parts of a message, events or log
// lines that follow each other. A secret that was cut stands in none of them
// whole, so each is clean by itself.
//
// Most neighbours have nothing to do with each other. Unless they are known to
// be a stream, two are joined only where the one ends and the other begins
// within what could be one token, and then only the token and a little of what
// stands beside it: the cost of a clean border is the look at two bytes.
package join

import "bytes"

const (
	context   = 64        // bytes beside a token that are joined with it
	maxToken  = 4 << 10   // longest run at a border that is joined, in bytes
	maxStream = 256 << 10 // bytes of a stream that are joined before they are given out
	overlap   = 8 << 10   // bytes of a stream that are given out a second time
	maxKey    = 16 << 10  // longest private key block that is put together, in bytes
	minJoined = 12        // bytes of a token that is worth a look
	maxStarts = 16        // pieces up to which each is tried as the first
)

// Piece says where bytes of a joined text come from: from At on they are those
// of the source Ref from Start on, to the next piece.
type Piece struct {
	Ref       int
	At, Start int
}

// Text is a joined text. It is valid during the call that it is given to.
type Text struct {
	Bytes  []byte
	Pieces []Piece
	// Stream: the pieces are known to belong together, so that also what only
	// its name gives away can be believed.
	Stream bool
}

// Crosses reports whether [start, end) reaches over a border.
func (t *Text) Crosses(start, end int) bool {
	for _, p := range t.Pieces[1:] {
		if start < p.At && p.At < end {
			return true
		}
	}
	return false
}

// Border returns where the piece ends that offset at stands in.
func (t *Text) Border(at int) int {
	for _, p := range t.Pieces[1:] {
		if at < p.At {
			return p.At
		}
	}
	return len(t.Bytes)
}

// Each calls cut for each part of [start, end) with its source and its place there.
func (t *Text) Each(start, end int, cut func(ref, start, end int)) {
	for i, p := range t.Pieces {
		to := len(t.Bytes)
		if i+1 < len(t.Pieces) {
			to = t.Pieces[i+1].At
		}
		from := max(start, p.At)
		to = min(end, to)
		if from < to {
			cut(p.Ref, p.Start+from-p.At, p.Start+to-p.At)
		}
	}
}

// Chain joins the texts of one series in their order. The zero value is an
// empty chain; it keeps its memory.
type Chain struct {
	stream bool
	inKey  bool // a private key block has begun and not ended
	buf    []byte
	pieces []Piece
	out    Text    // what emit is given: kept, since it would be an allocation
	rest   []Piece // of out, without the first ones
}

// Reset empties the chain, zeroes what it held, and says what comes next.
func (c *Chain) Reset(stream bool) {
	clear(c.buf)
	c.stream, c.inKey, c.buf, c.pieces = stream, false, c.buf[:0], c.pieces[:0]
}

// Wants reports whether text could be part of something cut. Of what it does
// not want, Add needs no source.
func (c *Chain) Wants(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	return c.stream || c.inKey || tokenByte(text[len(text)-1]) || len(c.buf) > 0 && tokenByte(text[0]) ||
		len(text) > len(beginKey) && bytes.Contains(text, beginKey)
}

// Settle renumbers the sources so that the one that the chain may still need
// is 0, and returns its old number; ok is false if none is needed or more than one.
func (c *Chain) Settle() (ref int, ok bool) {
	if len(c.pieces) != 1 {
		return 0, false
	}
	ref, c.pieces[0].Ref = c.pieces[0].Ref, 0
	return ref, true
}

// Empty reports whether nothing waits for a neighbour.
func (c *Chain) Empty() bool { return len(c.pieces) == 0 }

// Add appends the next text of the series, which stands in source ref from
// offset base on. What is complete by that is given to emit.
func (c *Chain) Add(ref int, text []byte, base int, emit func(*Text)) {
	if len(text) == 0 {
		return
	}
	if c.stream {
		c.addStream(ref, text, base, emit)
		return
	}
	if len(c.buf) > 0 {
		head := 0
		if tokenByte(text[0]) {
			head = headRun(text)
		}
		switch {
		case c.inKey:
			head = len(text)
			if i := bytes.Index(text, endKey); i >= 0 {
				head = min(len(text), i+context)
			}
		case head > 0 && head < len(text):
			head = min(len(text), head+context)
		}
		if head > 0 {
			whole := head == len(text)
			c.piece(ref, text[:head], base)
			if c.inKey && bytes.Contains(c.buf[max(0, len(c.buf)-len(text)-len(endKey)):], endKey) {
				c.inKey = false
			}
			if whole && len(c.buf) < c.limit() {
				return // it may go on
			}
		}
		c.Flush(emit)
	}
	c.begin(ref, text, base)
}

func (c *Chain) limit() int {
	if c.inKey {
		return maxKey
	}
	return maxToken
}

// begin starts a chain with the end of text, if that can be part of a token.
func (c *Chain) begin(ref int, text []byte, base int) {
	if len(text) > len(beginKey) {
		if i := lastIndex(text, beginKey); i >= 0 && len(text)-i < maxKey && !bytes.Contains(text[i:], endKey) {
			c.inKey = true
			c.piece(ref, text[i:], base+i)
			return
		}
	}
	if !tokenByte(text[len(text)-1]) {
		return
	}
	from := max(0, len(text)-tailRun(text)-context)
	c.piece(ref, text[from:], base+from)
}

var (
	beginKey = []byte("-----BEGIN")
	endKey   = []byte("-----END")
)

func (c *Chain) piece(ref int, part []byte, start int) {
	c.pieces = append(c.pieces, Piece{ref, len(c.buf), start})
	c.buf = append(c.buf, part...)
}

func (c *Chain) addStream(ref int, text []byte, base int, emit func(*Text)) {
	for len(text) > 0 {
		n := min(len(text), maxStream)
		c.piece(ref, text[:n], base)
		text, base = text[n:], base+n
		if len(c.buf) >= maxStream {
			c.give(c.buf, c.pieces, emit)
			c.keep(overlap)
		}
	}
}

// keep drops all but the last n bytes of a stream.
func (c *Chain) keep(n int) {
	from := len(c.buf) - n
	first := 0
	for first+1 < len(c.pieces) && c.pieces[first+1].At <= from {
		first++
	}
	kept := c.pieces[:0]
	for _, p := range c.pieces[first:] {
		if p.At < from {
			p.Start += from - p.At
			p.At = from
		}
		p.At -= from
		kept = append(kept, p)
	}
	c.pieces = kept
	k := copy(c.buf, c.buf[from:])
	clear(c.buf[k:])
	c.buf = c.buf[:k]
}

// Flush gives out what has been joined and empties the chain.
func (c *Chain) Flush(emit func(*Text)) {
	if len(c.pieces) > 1 && (c.stream || len(c.buf) >= minJoined && worth(c.buf)) {
		c.give(c.buf, c.pieces, emit)
		if n := len(c.pieces); !c.stream && n > 2 && n <= maxStarts {
			for i := range c.pieces[1 : n-1] {
				c.from(i+1, emit)
			}
		}
	}
	c.Reset(c.stream)
}

func (c *Chain) give(text []byte, pieces []Piece, emit func(*Text)) {
	c.out = Text{text, pieces, c.stream}
	emit(&c.out)
	c.out = Text{}
}

// from gives out what begins with a later piece: a token may begin with it,
// which cannot be seen behind a word such as the flag that the token belongs to.
func (c *Chain) from(piece int, emit func(*Text)) {
	at := c.pieces[piece].At
	c.rest = c.rest[:0]
	for _, p := range c.pieces[piece:] {
		p.At -= at
		c.rest = append(c.rest, p)
	}
	c.give(c.buf[at:], c.rest, emit)
}

// worth says that a joined text holds more than words: tokens have digits, key
// blocks dashes.
func worth(text []byte) bool {
	for _, b := range text {
		if b-'0' < 10 || b == '-' {
			return true
		}
	}
	return false
}

// headRun and tailRun return the length of the run of token bytes at the
// beginning and the end of text.
func headRun(text []byte) int {
	n := 0
	for n < len(text) && n < maxToken && tokenByte(text[n]) {
		n++
	}
	return n
}

func tailRun(text []byte) int {
	n := 0
	for n < len(text) && n < maxToken && tokenByte(text[len(text)-1-n]) {
		n++
	}
	return n
}

// tokenByte says that b can stand within a token: letters, digits and the
// punctuation of base64, identifiers and URLs.
func tokenByte(b byte) bool { return tokenBytes[b] }

var tokenBytes = func() (t [256]bool) {
	for b := range t {
		c := byte(b)
		t[b] = c-'0' < 10 || (c|0x20)-'a' < 26 && c < 0x80
	}
	for _, c := range []byte("_-+/=.~:@%$!#") {
		t[c] = true
	}
	return t
}()
