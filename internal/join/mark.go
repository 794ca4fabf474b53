package join

// Mark is a place in a text up to which a Finder has read it. A text that begins with
// the same bytes, such as a document that has grown, can be read from there on: all
// that would be joined before was given to emit when the mark was made, but for what is still open
// at it. It holds offsets, no bytes. The zero value is the beginning of any text.
type Mark struct {
	at    int // objects before this offset have been read
	reach int // and this is behind all bytes that were looked at for it
	progress
	open   []openChain
	pieces []Piece // of the open chains, one behind the other

	array  int // arrays before this offset have been read
	arrays int // progress.past for them
}

// openChain is a member without the bytes that it has joined.
type openChain struct {
	key, last     span
	stream, inKey bool
	pieces, size  int
}

const (
	markEvery = 2 << 10 // bytes from one mark to the next
	maxMarked = 1 << 10 // pieces that a mark remembers
)

// Fits reports whether a text can be read from m on that begins with the same bytes as
// the one that m was made in, so many of them.
func (m *Mark) Fits(same int) bool { return m.at > 0 && m.reach <= same }

// Copy makes m the same as from.
func (m *Mark) Copy(from *Mark) {
	open, pieces := append(m.open[:0], from.open...), append(m.pieces[:0], from.pieces...)
	*m = *from
	m.open, m.pieces = open, pieces
}

// saw says that the byte at offset i was looked at, or that the text ends there. Whoever looks
// ahead says so, also where another look goes further today.
func (f *Finder) saw(i int) { f.reach = max(f.reach, i+1) }

// Stay leaves the mark where it is, for what was given to emit must be given again.
func (f *Finder) Stay() { f.stay = true }

// note moves the mark to offset i, from which on objects will be read, if it is worth it and
// nothing depends on the last byte of the text, behind which it may go on.
func (f *Finder) note(i int) {
	m := f.mark
	if m == nil || f.stay || i-m.at < markEvery {
		return
	}
	f.saw(i - 1)
	n := 0
	for k := range f.used {
		n += len(f.chains[k].chain.pieces)
	}
	if f.reach >= len(f.text) || n > maxMarked {
		return
	}
	m.at, m.reach, m.progress = i, f.reach, f.progress
	m.open, m.pieces = m.open[:0], m.pieces[:0]
	for k := range f.used {
		c := &f.chains[k]
		m.open = append(m.open, openChain{c.key, c.last, c.chain.stream, c.chain.inKey, len(c.chain.pieces), len(c.chain.buf)})
		m.pieces = append(m.pieces, c.chain.pieces...)
	}
}

// resume makes f what it was at the mark, and returns from where objects have to be read.
func (f *Finder) resume(m *Mark) (at int) {
	f.mark, f.stay = m, false
	if m == nil {
		f.progress, f.reach = progress{}, 0
		return 0
	}
	f.progress, f.reach = m.progress, m.reach
	pieces := m.pieces
	for k, o := range m.open {
		c := &f.chains[k]
		c.key, c.last = o.key, o.last
		c.chain.Reset(o.stream)
		c.chain.inKey = o.inKey
		for i, p := range pieces[:o.pieces] {
			end := o.size
			if i+1 < o.pieces {
				end = pieces[i+1].At
			}
			c.chain.piece(p.Ref, f.text[p.Start:p.Start+end-p.At], p.Start)
		}
		pieces = pieces[o.pieces:]
	}
	return m.at
}

// noteArray moves the mark behind the array that ends before offset i.
func (f *Finder) noteArray(i int) {
	if m := f.mark; m != nil && !f.stay && i <= m.reach {
		m.array, m.arrays = i, f.past
	}
}
