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
//
// A walk can be recorded (Options.Record): each change becomes an Edit with
// what was there before. Options.Undo makes the same walker take edits back,
// so that there is one table and one way of going through it. Taking back
// what any number of walks changed, in their order, gives the same bytes of
// protobuf as before, as long as nobody but the walker has changed texts in
// between or put anything in front of what was there.
package walk

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Visitor decides about texts. The walker calls it from one goroutine.
type Visitor interface {
	// Attributes is called with each map of attributes before its entries are
	// visited. It may remove entries.
	Attributes(at *Place, attrs pcommon.Map)
	// Text returns what replaces text, nil if it stays. text is valid during
	// the call only and must not be written to, nor may what is returned ever be. With at.TooDeep set text
	// is the whole value as protobuf: what it returns replaces the value, nil
	// empties it, text itself keeps it.
	Text(at *Place, text []byte) []byte
	// Done is called when the own texts of at.Unit have been visited (a
	// resource's before those of its scopes and items). It may add attributes
	// behind those that are there. What it answers false to is removed from
	// the batch with all that is in it, but not before its neighbours have
	// been visited: positions do not change during a walk. With Options.Empty it
	// stays, emptied; attrs are then the visitor's to empty.
	Done(at *Place, attrs pcommon.Map) (keep bool)
}

// Unit names by its position a part of a batch that has a Visitor.Done of its
// own. Positions that a unit of its level has not are zero.
type Unit struct {
	Level Level
	// Resource, Scope and Metric are positions in the slice around it.
	Resource, Scope, Metric int
	// Item is the position of a span, log record or profile in its scope, or
	// of a data point in its metric.
	Item int
}

// Level says which kind of unit it is.
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
	// UnitsOnly calls Visitor.Done for all units and nothing else.
	UnitsOnly bool
	// Skip is asked about each unit when it is entered, with its position and
	// ids; what it answers true to is not visited but for Done. It is about a
	// unit's own texts: those of a resource's scopes and items have units of
	// their own. May be nil.
	Skip func(at *Place) bool
	// Empty: what Visitor.Done answers false to stays where it is, without
	// content: a span or log record with its ids and times, a data point with its
	// times, anything else with nothing of its own but the attributes that Done
	// had. What is in a resource, scope or metric is visited all the same. It has
	// no effect on profiles, whose items have no attributes.
	Empty bool
	// Record is called with each change that the visitor made in the texts of
	// a unit, before Done is. Profiles are not recorded: most of their texts
	// belong to no unit. May be nil, and costs nothing where nothing changes.
	Record func(at *Place, e Edit)
	// Undo makes walks that take back what was recorded, without a visitor. It
	// is called when a unit is entered, with its attributes (those of
	// Visitor.Done), and returns the unit's edits in the order in which they
	// were recorded. Walker.Err tells whether all of them fitted.
	Undo func(at *Place, attrs pcommon.Map) []Edit
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
	// TooDeep: the text is a whole slice or map, nested too deeply to look into.
	TooDeep bool
	// Trace and Span are those of the span or log record that the text is
	// part of; zero elsewhere, and where a record has none.
	Trace pcommon.TraceID
	Span  pcommon.SpanID
	// Unit is what the text is part of.
	Unit Unit

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
	undo    *undo       // nil unless the walk takes back
	skip    bool        // no text of the unit at hand is visited
	err     error       // Err
}

// maxKeptBuffer is how much of a walker's buffer outlives a walk, in bytes.
const maxKeptBuffer = 1 << 20

// New returns a walker that hands what it finds to v.
func New(v Visitor, o Options) *Walker {
	if o.Depth <= 0 {
		o.Depth = 64
	}
	w := &Walker{visitor: v, options: o, none: pcommon.NewMap(), skip: o.UnitsOnly}
	if o.Undo != nil {
		w.undo = &undo{edits: o.Undo}
		w.visitor = w.undo
	}
	return w
}

// enter begins a unit.
func (w *Walker) enter(level Level, i int, attrs pcommon.Map) {
	switch u := &w.at.Unit; level {
	case Resource:
		*u = Unit{Resource: i}
	case Scope:
		*u = Unit{Level: Scope, Resource: u.Resource, Scope: i}
	case Metric:
		*u = Unit{Level: Metric, Resource: u.Resource, Scope: u.Scope, Metric: i}
	case Item:
		u.Level, u.Item = Item, i
	}
	if w.options.Skip != nil && !w.options.UnitsOnly {
		w.skip = w.options.Skip(&w.at)
	}
	if w.undo != nil {
		w.undo.enter(&w.at, attrs)
	}
}

// leave ends the own texts of a unit.
func (w *Walker) leave(attrs pcommon.Map) (keep bool) {
	return w.visitor.Done(&w.at, attrs)
}

// end forgets the batch and returns how many items were dropped from it.
func (w *Walker) end() int {
	n := w.dropped
	w.dropped = 0
	if w.undo != nil {
		w.err, w.undo.err = w.undo.err, nil
	}
	w.skip = w.options.UnitsOnly
	w.at = Place{steps: w.at.steps[:0]}
	clear(w.at.steps[:cap(w.at.steps)])
	if cap(w.buf) > maxKeptBuffer {
		w.buf = nil
	}
	return n
}

// field visits a text that is no attribute.
func (w *Walker) field(spot Spot, s string) (string, bool) {
	if w.skip {
		return "", false
	}
	w.start(spot)
	return w.change(s)
}

// schema visits a schema URL.
func (w *Walker) schema(spot Spot, s string) (string, bool) {
	if w.options.SkipSchemaURLs && w.undo == nil {
		return "", false
	}
	return w.field(spot, s)
}

// attributes visits a map of attributes.
func (w *Walker) attributes(spot Spot, m pcommon.Map) {
	if w.skip || w.undo.done() {
		return
	}
	w.start(spot)
	w.visitor.Attributes(&w.at, m)
	w.entries(m, 0)
}

// body visits a value that has no key.
func (w *Walker) body(spot Spot, v pcommon.Value) {
	if w.skip {
		return
	}
	w.start(spot)
	w.value(v, 1)
}

func (w *Walker) start(spot Spot) {
	w.at.Spot = spot
	w.at.Key, w.at.Prev = "", ""
	w.at.steps = w.at.steps[:0]
}
