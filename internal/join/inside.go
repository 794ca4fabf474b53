package join

import "bytes"

// Finder finds what belongs together within one text: the values of the same
// member in neighbouring objects of a JSON array, the elements of an array of
// strings, and the deltas of server-sent events and JSON lines. It reads the
// text as it stands, at whatever depth of escaping the JSON is in it, so that
// places need no mapping back. The zero value is ready; it keeps its memory
// and is not safe for concurrent use.
type Finder struct {
	progress
	chains [maxChains]member
	none   Chain // an empty one
	inList bool  // what is read are chunks of a list
	spans  []span
	text   []byte
	sink   func(*Text)
	emit   func(*Text) // give, made once: a method value is an allocation
	budget int         // joins left for this text
	reach  int         // more than the offset of any byte that was looked at
	mark   *Mark       // nil if there is none to make
	stay   bool        // it must not be moved
}

// progress is what is known between one object of a text and the next, but for the chains.
type progress struct {
	used int // chains
	next int // the chain that is taken for the next name
	past int // before this offset, events and arrays have been read
	// chunked is the offset before which lists of chunks have been read, chunk
	// where the object behind the last border of such a list begins.
	chunked, chunk int
	left           [maxMembers]field
	// known members of left are those of the object that ends at knownEnd.
	known, knownEnd int
}

const (
	maxChains   = 8
	maxMembers  = 4        // members of an object at a border that are looked at
	maxShort    = 64       // bytes of a value that are skipped on the way back
	maxValue    = 64 << 10 // bytes of a value at a border that is read
	maxElements = 1 << 12  // elements of one array that are looked at
	maxJoins    = 1 << 12  // joined texts per text
	maxChunk    = 512      // bytes of a chunk in a list
)

type span struct{ start, end int }

// field is a member with a string as its value.
type field struct{ key, value span }

// member is a chain of the values of one name.
type member struct {
	key   span
	last  span // the value added last
	chain Chain
}

// Inside gives the joined texts of text to emit, each with 0 for its source
// and offsets into text. If mark is not nil it goes on from there and moves
// the mark on, as far as a text can be read that may yet grow.
func (f *Finder) Inside(text []byte, mark *Mark, emit func(*Text)) {
	if bytes.IndexByte(text, '"') < 0 {
		return
	}
	f.text, f.sink, f.budget = text, emit, maxJoins
	if f.emit == nil {
		f.emit = f.give
	}
	f.objects(f.resume(mark))
	f.arrays()
	f.flush()
	f.text, f.sink, f.mark = nil, nil, nil
	clear(f.spans)
	f.spans = f.spans[:0]
}

// give passes a joined text on, unless there were too many.
func (f *Finder) give(t *Text) {
	if f.budget--; f.budget >= 0 {
		f.sink(t)
	}
}

func (f *Finder) flush() {
	for i := range f.used {
		f.chains[i].chain.Flush(f.emit)
		f.chains[i].key, f.chains[i].last = span{}, span{}
	}
	f.used, f.next = 0, 0
}

// objects looks at each place where an object ends and another begins, from offset i on.
func (f *Finder) objects(i int) {
	for {
		f.note(i)
		n := bytes.IndexByte(f.text[i:], '}')
		if n < 0 {
			return
		}
		end := i + n
		i = end + 1
		next, kind := f.border(i)
		switch kind {
		case listBorder:
			f.neighbours(end, next)
			f.chunks(end, next, false)
		case streamBorder:
			i = f.events(end, next)
		case outerBorder:
			f.chunks(end, next, true)
		case noBorder:
		}
	}
}

type borderKind uint8

const (
	noBorder     borderKind = iota
	listBorder              // , between
	outerBorder             // the same, and the end of what the first object is in
	streamBorder            // a line end, or "data:", between
)

// border reports what stands between an object's end before offset at and the
// next object's "{", whose offset it returns.
func (f *Finder) border(at int) (next int, kind borderKind) {
	t, i := f.text, at
	comma, line, outer := false, false, false
read:
	for i < len(t) && i-at < 256 {
		switch c := t[i]; {
		case c == '{':
			switch {
			case comma && outer:
				kind = outerBorder
			case comma:
				kind = listBorder
			case line:
				kind = streamBorder
			}
			break read
		case c == ',' && !comma && !line:
			comma = true
			i++
		case c == ' ' || c == '\t':
			i++
		case !line && !comma && (c == '}' || c == ']'):
			outer = true
			i++
		case c == '\n' || c == '\r':
			line = true
			i++
		case c == '\\':
			for i < len(t) && t[i] == '\\' {
				i++
			}
			if i >= len(t) || t[i] != 'n' && t[i] != 'r' && t[i] != 't' {
				break read
			}
			line = line || t[i] != 't'
			i++
		case line && !comma && bytes.HasPrefix(t[i:], []byte("data:")):
			i += len("data:")
		case line && !comma && (bytes.HasPrefix(t[i:], []byte("event:")) || bytes.HasPrefix(t[i:], []byte("id:"))):
			for i < len(t) && t[i] != '\n' && t[i] != '\\' {
				i++
			}
		default:
			break read
		}
	}
	f.saw(i + len("event:"))
	if kind == noBorder {
		return 0, noBorder
	}
	return i, kind
}

// chainOf returns the chain of a member's name, at the expense of the oldest
// one if there are too many.
func (f *Finder) chainOf(key span) *member {
	name := f.text[key.start:key.end]
	for i := range f.used {
		if k := f.chains[i].key; bytes.Equal(f.text[k.start:k.end], name) {
			return &f.chains[i]
		}
	}
	m := &f.chains[f.next%maxChains]
	f.next++
	if f.used < maxChains {
		f.used++
	} else {
		m.chain.Flush(f.emit)
	}
	m.key, m.last = key, span{}
	m.chain.Reset(false)
	return m
}

// neighbours joins the values of same members of the object that ends at
// offset end and the one that begins at offset next.
func (f *Finder) neighbours(end, next int) {
	// In a row of objects the one before was read on the way forward.
	n := f.known
	if end != f.knownEnd {
		n = f.before(end)
	}
	f.known, f.knownEnd = 0, -1
	right, k := [maxMembers]field{}, 0
	for pos := next + 1; ; {
		m, after, ok := f.forward(pos)
		pos = after
		f.saw(pos)
		if ok {
			right[k] = m
			k++
		}
		if pos < len(f.text) && f.text[pos] == '}' {
			f.known, f.knownEnd = k, pos
			break
		}
		if !ok || k == maxMembers {
			break
		}
	}
	for j, r := range right[:k] {
		for i := range n {
			l := f.left[(i+j)%n] // most likely the one in the same place
			if !f.same(l.key, r.key) {
				continue
			}
			f.glue(l, r)
			break
		}
	}
	f.left = right
}

func (f *Finder) same(a, b span) bool {
	return a.end-a.start == b.end-b.start && string(f.text[a.start:a.end]) == string(f.text[b.start:b.end])
}

// chainAfter returns the chain that a member's value was added to last, nil
// if there is none.
func (f *Finder) chainAfter(m field) *member {
	for i := range f.used {
		if f.chains[i].last == m.value {
			return &f.chains[i]
		}
	}
	return nil
}

// glue joins two values if the border between them can be within a token.
func (f *Finder) glue(left, right field) {
	a, b := f.text[left.value.start:left.value.end], f.text[right.value.start:right.value.end]
	m := f.chainAfter(left)
	if m == nil {
		if len(a) == 0 || len(b) > 0 && !tokenByte(b[0]) && !bytes.Contains(a, beginKey) || !f.none.Wants(a) || bytes.Equal(a, b) {
			return
		}
		m = f.chainOf(right.key)
		m.chain.Flush(f.emit)
		from := max(0, len(a)-maxKey)
		m.chain.Add(0, a[from:], left.value.start+from, f.emit)
	}
	m.chain.Add(0, b, right.value.start, f.emit)
	m.last = right.value
}

// arrays joins the elements of arrays of strings. It looks at nothing behind their ends.
func (f *Finder) arrays() {
	i := 0
	f.past, f.stay = 0, false
	if f.mark != nil {
		i, f.past = f.mark.array, f.mark.arrays
	}
	for {
		f.noteArray(i)
		n := bytes.IndexByte(f.text[i:], ']')
		if n < 0 {
			return
		}
		end := i + n
		i = end + 1
		if k := f.spaceBefore(end); k > 0 && f.text[k-1] == '"' {
			f.elements(k)
			f.past = end
		}
	}
}

// elements joins the elements of the array whose last string ends at offset end.
func (f *Finder) elements(end int) {
	f.spans = f.spans[:0]
	t := f.text
	for len(f.spans) < maxElements {
		s, start, ok := f.stringBefore(end, maxValue)
		if !ok || start < f.past {
			break
		}
		f.spans = append(f.spans, s)
		i := f.spaceBefore(start)
		if i == 0 || t[i-1] != ',' {
			break
		}
		if i = f.spaceBefore(i - 1); i == 0 || t[i-1] != '"' {
			break
		}
		end = i
	}
	if len(f.spans) < 2 {
		return
	}
	m := f.chainOf(span{})
	m.chain.Flush(f.emit)
	for i := len(f.spans) - 1; i >= 0; i-- {
		s := f.spans[i]
		m.chain.Add(0, t[s.start:s.end], s.start, f.emit)
	}
	m.chain.Flush(f.emit)
}
