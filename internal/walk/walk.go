// Package walk visits every text of a batch of telemetry: one walker for all
// signals, one table of the places where text can be (Places).
//
// The walker knows where texts are and under which name they stand; what
// becomes of a text is the Visitor's business. Changes are written back in
// place with the types and the order kept: a string in a slice stays a string
// in that slice, bytes stay bytes, a renamed map key keeps its position. A
// batch in which the visitor changes nothing is not written to and costs no
// allocation. Texts come in document order, so that a visitor can look at
// neighbours together.
package walk

import (
	"strconv"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Visitor decides about texts. The walker calls it from one goroutine.
type Visitor interface {
	// Attributes is called with each map of attributes before its entries are
	// visited. It may remove entries.
	Attributes(at *Place, attrs pcommon.Map)
	// Text returns what replaces text, nil if it stays. text is valid during
	// the call only and must not be written to. With at.TooDeep set there is
	// no text: what it returns replaces the whole value, nil empties it.
	Text(at *Place, text []byte) []byte
	// Done is called when the own texts of a resource, scope, metric or item
	// have been visited (a resource's before those of its scopes and items).
	// It may add attributes. What it answers false to is removed from the
	// batch with all that is in it.
	Done(level Level, attrs pcommon.Map) (keep bool)
}

// Level is what Visitor.Done is called for.
type Level uint8

// The levels, outermost first.
const (
	Resource Level = iota // attrs are the resource's
	Scope                 // attrs are the scope's
	Metric                // attrs are the metric's metadata
	Item                  // a span, log record, data point or profile; attrs are its attributes (a profile has none that stay)
)

// Options bound and narrow a walk.
type Options struct {
	// Depth is how deeply slices and maps may be nested in one value; what
	// is nested deeper is given to the visitor as TooDeep. 0 means 64.
	Depth int
	// SkipSchemaURLs leaves schema URLs unvisited.
	SkipSchemaURLs bool
	// SkipNames leaves attribute and map keys unvisited.
	SkipNames bool
}

// Place says where a text stands. It belongs to the walker and is valid
// during the call only.
type Place struct {
	// Spot is the place's line in the table.
	Spot Spot
	// Key is the name the text stands under: the innermost attribute or map
	// key, the last part of a header attribute's key, or the sibling `name`
	// of a `value`. Already masked if the key itself was masked.
	Key string
	// Prev is the previous element of the slice the text is an element of,
	// if that is a string.
	Prev string
	// Name: the text is itself an attribute or map key.
	Name bool
	// Number: the text is the decimal form of a number. The value becomes a
	// string if the visitor replaces it.
	Number bool
	// TooDeep: no text, but a slice or map nested too deeply to look into.
	TooDeep bool
	// Trace and Span are those of the span or log record that the text is
	// part of; zero elsewhere, and where a record has none.
	Trace pcommon.TraceID
	Span  pcommon.SpanID

	index [2]int // what the "[]" in the spot's name stand for
	steps []step // the way from the spot down to the text
}

// Walker walks batches with one visitor. It keeps buffers between walks and
// is not safe for concurrent use.
type Walker struct {
	visitor Visitor
	options Options
	at      Place
	buf     []byte // the text of a bytes value or number
	dropped int
	none    pcommon.Map // the attributes of what has none
}

// maxKeptBuffer is how much of a walker's buffer outlives a walk, in bytes.
const maxKeptBuffer = 1 << 20

// New returns a walker that hands what it finds to v.
func New(v Visitor, o Options) *Walker {
	if o.Depth <= 0 {
		o.Depth = 64
	}
	return &Walker{visitor: v, options: o, none: pcommon.NewMap()}
}

// end forgets the batch and returns how many items were dropped from it.
func (w *Walker) end() int {
	n := w.dropped
	w.dropped = 0
	w.at = Place{steps: w.at.steps[:0]}
	clear(w.at.steps[:cap(w.at.steps)])
	if cap(w.buf) > maxKeptBuffer {
		w.buf = nil
	}
	return n
}

// field visits a text that is no attribute.
func (w *Walker) field(spot Spot, s string) (string, bool) {
	w.start(spot)
	return w.text(s)
}

// schema visits a schema URL.
func (w *Walker) schema(spot Spot, s string) (string, bool) {
	if w.options.SkipSchemaURLs {
		return "", false
	}
	return w.field(spot, s)
}

// attributes visits a map of attributes.
func (w *Walker) attributes(spot Spot, m pcommon.Map) {
	w.start(spot)
	w.visitor.Attributes(&w.at, m)
	w.entries(m, 0)
}

// body visits a value that has no key.
func (w *Walker) body(spot Spot, v pcommon.Value) {
	w.start(spot)
	w.value(v, 1)
}

func (w *Walker) start(spot Spot) {
	w.at.Spot = spot
	w.at.Key, w.at.Prev = "", ""
	w.at.steps = w.at.steps[:0]
}

// text visits a string; false: it stays.
func (w *Walker) text(s string) (string, bool) {
	if s == "" {
		return "", false
	}
	out := w.visitor.Text(&w.at, unsafe.Slice(unsafe.StringData(s), len(s)))
	if out == nil {
		return "", false
	}
	return string(out), true
}

// value visits all texts of a value. depth counts the slices and maps around it.
func (w *Walker) value(v pcommon.Value, depth int) {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		if out, changed := w.text(v.Str()); changed {
			v.SetStr(out)
		}
	case pcommon.ValueTypeBytes:
		w.bytes(v.Bytes())
	case pcommon.ValueTypeInt:
		w.buf = strconv.AppendInt(w.buf[:0], v.Int(), 10)
		w.number(v)
	case pcommon.ValueTypeDouble:
		w.buf = strconv.AppendFloat(w.buf[:0], v.Double(), 'f', -1, 64)
		w.number(v)
	case pcommon.ValueTypeMap:
		if m := v.Map(); m.Len() > 0 && !w.tooDeep(v, depth) {
			w.entries(m, depth)
		}
	case pcommon.ValueTypeSlice:
		if s := v.Slice(); s.Len() > 0 && !w.tooDeep(v, depth) {
			w.elements(s, depth)
		}
	case pcommon.ValueTypeEmpty, pcommon.ValueTypeBool:
		// no text
	}
}

// bytes visits a value of bytes. The copy is needed because pdata gives no
// view of them; the buffer is reused.
func (w *Walker) bytes(b pcommon.ByteSlice) {
	n := b.Len()
	if n == 0 {
		return
	}
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	for i := range n {
		w.buf[i] = b.At(i)
	}
	if out := w.visitor.Text(&w.at, w.buf); out != nil {
		b.FromRaw(out)
	}
}

// number visits a number whose decimal form is in the buffer.
func (w *Walker) number(v pcommon.Value) {
	w.at.Number = true
	out := w.visitor.Text(&w.at, w.buf)
	w.at.Number = false
	if out != nil {
		v.SetStr(string(out))
	}
}

// tooDeep lets the visitor replace a value that is nested too deeply.
func (w *Walker) tooDeep(v pcommon.Value, depth int) bool {
	if depth < w.options.Depth {
		return false
	}
	w.at.TooDeep = true
	out := w.visitor.Text(&w.at, nil)
	w.at.TooDeep = false
	v.SetStr(string(out))
	return true
}

// entries visits a map: each key, then its value.
func (w *Walker) entries(m pcommon.Map, depth int) {
	var renamed map[int]string
	outer, sibling := w.at.Key, siblingName(m)
	w.push(step{})
	i := 0
	for k, v := range m.All() {
		name := k
		if out, changed := w.name(k, i); changed {
			if renamed == nil {
				renamed = make(map[int]string)
			}
			renamed[i], name = out, out
		}
		kind := member
		if depth == 0 {
			kind = attribute
		}
		w.top(step{kind: kind, name: name})
		w.at.Key, w.at.Prev = contextKey(name, outer, sibling), ""
		w.value(v, depth+1)
		i++
	}
	w.pop()
	w.at.Key = outer
	if renamed != nil {
		rename(m, renamed)
	}
}

// name visits the i-th key of a map.
func (w *Walker) name(k string, i int) (string, bool) {
	if w.options.SkipNames {
		return "", false
	}
	w.top(step{kind: key, index: i})
	w.at.Key, w.at.Prev, w.at.Name = "", "", true
	out, changed := w.text(k)
	w.at.Name = false
	return out, changed
}

// elements visits a slice.
func (w *Walker) elements(s pcommon.Slice, depth int) {
	prev := ""
	w.push(step{})
	for i := range s.Len() {
		w.top(step{kind: element, index: i})
		w.at.Prev = prev
		v := s.At(i)
		w.value(v, depth+1)
		prev = ""
		if v.Type() == pcommon.ValueTypeStr {
			prev = v.Str()
		}
	}
	w.at.Prev = ""
	w.pop()
}

func (w *Walker) push(s step) { w.at.steps = append(w.at.steps, s) }
func (w *Walker) top(s step)  { w.at.steps[len(w.at.steps)-1] = s }
func (w *Walker) pop()        { w.at.steps = w.at.steps[:len(w.at.steps)-1] }
