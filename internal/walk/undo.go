package walk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Errors of a walk that takes back. They never hold a text.
var (
	errNoPlace = errors.New("there is no such place")
	errNoFit   = errors.New("the text is not what was masked")
)

// undo takes back the edits of one unit after the other: the visitor of a walk with Options.Undo.
type undo struct {
	edits func(at *Place, attrs pcommon.Map) []Edit

	places map[string][]Edit // of the unit at hand
	steps  int               // the most steps to one
	err    error
	key    []byte
}

// Err returns what was wrong with the edits of the last walk that took back:
// the batch must not be used then.
func (w *Walker) Err() error { return w.err }

// done says that nothing is left to be taken back in the unit at hand.
func (u *undo) done() bool { return u != nil && len(u.places) == 0 }

func (u *undo) enter(at *Place, attrs pcommon.Map) {
	clear(u.places)
	u.steps = 0
	for _, e := range u.edits(at, attrs) {
		if int(e.Spot) >= len(table) {
			u.fail(at, errNoPlace)
			continue
		}
		u.steps = max(u.steps, len(e.Steps))
		u.key = appendPlace(u.key[:0], e.Spot, e.Index, e.Kind == InKey)
		for _, s := range e.Steps {
			u.key = binary.AppendUvarint(u.key, uint64(s)) //nolint:gosec // negative ones meet no place
		}
		if u.places == nil {
			u.places = map[string][]Edit{}
		}
		u.places[string(u.key)] = append(u.places[string(u.key)], e)
	}
}

// Attributes implements Visitor.
func (u *undo) Attributes(*Place, pcommon.Map) {}

// Done implements Visitor.
func (u *undo) Done(at *Place, _ pcommon.Map) bool {
	if len(u.places) > 0 {
		u.fail(at, errNoPlace)
	}
	return true
}

func (u *undo) fail(at *Place, why error) {
	if u.err == nil {
		u.err = fmt.Errorf("taking back edits of %s: %w", at.Unit, why)
	}
}

// String names the unit by its positions.
func (u Unit) String() string {
	switch u.Level {
	case Resource:
		return fmt.Sprintf("resource %d", u.Resource)
	case Scope:
		return fmt.Sprintf("resource %d, scope %d", u.Resource, u.Scope)
	case Metric:
		return fmt.Sprintf("resource %d, scope %d, metric %d", u.Resource, u.Scope, u.Metric)
	}
	return fmt.Sprintf("resource %d, scope %d, metric %d, item %d", u.Resource, u.Scope, u.Metric, u.Item)
}

// appendPlace writes a place without its steps.
func appendPlace(b []byte, spot Spot, index [2]int, isKey bool) []byte {
	b = append(b, byte(spot), 0)
	if isKey {
		b[len(b)-1] = 1
	}
	for n := range indices[spot] {
		b = binary.AppendUvarint(b, uint64(index[n])) //nolint:gosec // as above
	}
	return b
}

// take returns the edits at a place.
func (u *undo) take(at *Place) []Edit {
	if len(u.places) == 0 {
		return nil
	}
	n := len(at.steps)
	u.key = appendPlace(u.key[:0], at.Spot, at.index, n > 0 && at.steps[n-1].kind == key)
	for i := range at.steps {
		u.key = binary.AppendUvarint(u.key, uint64(at.steps[i].index)) //nolint:gosec // a position
	}
	edits := u.places[string(u.key)]
	if edits != nil {
		delete(u.places, string(u.key))
	}
	return edits
}

// Text implements Visitor: it takes back the edits of a field or key, the last one first.
func (u *undo) Text(at *Place, text []byte) []byte {
	edits := u.take(at)
	if len(edits) == 0 {
		return nil
	}
	s := string(text)
	for i := len(edits) - 1; i >= 0; i-- {
		e := &edits[i]
		if e.Kind != InText && e.Kind != InKey || !e.fits(s) {
			u.fail(at, errNoFit)
			return nil
		}
		s = s[:e.Offset] + e.Original + s[e.Offset+e.Length:]
	}
	return []byte(s)
}

// fits says that s is what the edit made.
func (e *Edit) fits(s string) bool {
	return e.Offset >= 0 && e.Length >= 0 && e.Offset <= len(s) && e.Length <= len(s)-e.Offset && sum(s) == e.Sum
}

// undoValue takes back the edits of a value, then of what is in it.
func (w *Walker) undoValue(v pcommon.Value, depth int) {
	edits := w.undo.take(&w.at)
	for i := len(edits) - 1; i >= 0; i-- {
		if !edits[i].undo(v) {
			w.undo.fail(&w.at, errNoFit)
			return
		}
	}
	if len(w.at.steps) >= w.undo.steps {
		return
	}
	switch v.Type() {
	case pcommon.ValueTypeMap:
		w.entries(v.Map(), depth)
	case pcommon.ValueTypeSlice:
		w.elements(v.Slice(), depth)
	}
}

// undo takes back one edit of a value.
func (e *Edit) undo(v pcommon.Value) bool {
	if e.Kind == InBytes {
		if v.Type() != pcommon.ValueTypeBytes {
			return false
		}
		s := string(v.Bytes().AsRaw())
		if !e.fits(s) {
			return false
		}
		v.Bytes().FromRaw([]byte(s[:e.Offset] + e.Original + s[e.Offset+e.Length:]))
		return true
	}
	if v.Type() != pcommon.ValueTypeStr || !e.fits(v.Str()) {
		return false
	}
	switch e.Kind {
	case InText:
		s := v.Str()
		v.SetStr(s[:e.Offset] + e.Original + s[e.Offset+e.Length:])
	case WasInt, WasDouble:
		if len(e.Original) != 8 {
			return false
		}
		bits := binary.BigEndian.Uint64([]byte(e.Original))
		if e.Kind == WasInt {
			v.SetInt(int64(bits)) //nolint:gosec // the same bits
		} else {
			v.SetDouble(math.Float64frombits(bits))
		}
	case WasNested:
		return unmarshalValue(e.Original, v)
	default:
		return false
	}
	return true
}
