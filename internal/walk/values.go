package walk

import (
	"encoding/binary"
	"math"
	"strconv"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// change visits a string and records what becomes of it; false: it stays.
func (w *Walker) change(s string) (string, bool) {
	out, changed := w.text(s)
	if changed && w.options.Record != nil {
		w.record(InText, s, out)
	}
	return out, changed
}

// text visits a string; false: it stays.
func (w *Walker) text(s string) (string, bool) {
	if s == "" && w.undo == nil {
		return "", false
	}
	out := w.visitor.Text(&w.at, unsafe.Slice(unsafe.StringData(s), len(s)))
	if out == nil {
		return "", false
	}
	return unsafe.String(unsafe.SliceData(out), len(out)), true // nobody writes to it: see Visitor.Text
}

// value visits all texts of a value. depth counts the slices and maps around it.
func (w *Walker) value(v pcommon.Value, depth int) {
	if w.undo != nil {
		w.undoValue(v, depth)
		return
	}
	switch v.Type() {
	case pcommon.ValueTypeStr:
		if out, changed := w.text(v.Str()); changed {
			if w.options.Record != nil {
				w.record(InText, v.Str(), out)
			}
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
		if w.options.Record != nil {
			w.record(InBytes, string(w.buf), string(out))
		}
		b.FromRaw(out)
	}
}

// number visits a number whose decimal form is in the buffer.
func (w *Walker) number(v pcommon.Value) {
	w.at.Number = true
	out := w.visitor.Text(&w.at, w.buf)
	w.at.Number = false
	if out == nil {
		return
	}
	if w.options.Record != nil {
		kind := WasInt
		var bits uint64
		if v.Type() == pcommon.ValueTypeDouble {
			kind, bits = WasDouble, math.Float64bits(v.Double())
		} else {
			bits = uint64(v.Int()) //nolint:gosec // the same bits
		}
		w.record(kind, string(binary.BigEndian.AppendUint64(nil, bits)), string(out))
	}
	v.SetStr(string(out))
}

// tooDeep lets the visitor replace a value that is nested too deeply.
func (w *Walker) tooDeep(v pcommon.Value, depth int) bool {
	if depth < w.options.Depth {
		return false
	}
	whole := marshalValue(v)
	w.at.TooDeep = true
	out := w.visitor.Text(&w.at, whole)
	w.at.TooDeep = false
	if len(out) > 0 && &out[0] == &whole[0] {
		return true
	}
	if w.options.Record != nil {
		w.record(WasNested, string(whole), string(out))
	}
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
		w.top(step{kind: kind, index: i, name: name})
		w.at.Key, w.at.Prev = contextKey(name, outer, sibling), ""
		w.value(v, depth+1)
		i++
	}
	w.pop()
	w.at.Key = outer
	if renamed != nil {
		w.rename(m, renamed)
	}
}

// name visits the i-th key of a map.
func (w *Walker) name(k string, i int) (string, bool) {
	if w.options.SkipNames && w.undo == nil {
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
