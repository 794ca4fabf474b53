package decode

// Mark is where the reading of a document stands. The zero value is ready.
type Mark struct {
	pos   int
	state state
	stack []frame
}

// Pos is how many bytes of the document have been read.
func (m *Mark) Pos() int { return m.pos }

// Copy makes m what o is.
func (m *Mark) Copy(o *Mark) {
	m.pos, m.state, m.stack = o.pos, o.state, append(m.stack[:0], o.stack...)
}

// Pos is how many bytes have been read.
func (j *JSON) Pos() int { return j.pos }

// Mark notes where the reading stands.
func (j *JSON) Mark(m *Mark) {
	m.pos, m.state, m.stack = j.pos, j.state, append(m.stack[:0], j.stack...)
}

// Resume begins to read text at a mark of another text that does not differ
// from it before Pos, nor in the byte there.
func (j *JSON) Resume(text []byte, m *Mark) {
	j.Reset(text)
	j.pos, j.state, j.stack = m.pos, m.state, append(j.stack, m.stack...)
}
