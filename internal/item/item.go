// Package item makes items of held telemetry: one for each trace, or for each
// resource where records have no trace. verdict names them in its audit
// events and the quarantine exporter stores them; both come to the same ids,
// in whatever batches the telemetry arrives again.
//
// An item's id is the first 16 bytes of SHA-256 of "tracescrub item 1", a zero
// byte, the signal, a zero byte, the trace id (zeros if there is none) and the
// item's view. What else is in the batch, and in what order, does not count.
package item

import (
	"crypto/sha256"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// Summary is what an item's metadata and audit events say of its telemetry.
type Summary struct {
	ID       envelope.ID
	Signal   string // traces, logs or metrics
	Trace    [16]byte
	Service  string // masked, at most 128 bytes
	Severity string
	Rules    []string // sorted, each once, at most 32
	Findings int
	Secrets  int // different ones
	Spans    int // spans, log records or data points
	Policy   string
	Producer string
	List     []verdict.Finding // the first 100
	// Masked: at least one finding is not merely reported.
	Masked bool
	// Clear: a finding may be merely reported, so that its text stands in the
	// telemetry as it came.
	Clear bool
	// Conversation is the gen_ai.conversation.id of the first span or log record
	// that has one, masked, at most 128 bytes.
	Conversation string
}

// Item is one item.
type Item struct {
	Summary
	// View is its masked telemetry as OTLP protobuf, without patches.
	View []byte
	// Patches are what was taken out of the view, in its order.
	Patches []Patch
}

// Level says what a patch is for.
type Level uint8

// The levels.
const (
	Resource Level = iota + 1
	Scope
	Unit  // a span, log record or metric
	Point // a data point
)

// Patch is a sealed patch (seal.Closer.Packed) and its place in the view.
type Patch struct {
	Level Level
	// At are the positions of resource, scope, unit and data point; those
	// below Level are zero.
	At     [4]int
	Trace  pcommon.TraceID // of a span or log record
	Span   pcommon.SpanID
	Packed []byte
}

// IDOf returns the id of an item with this view. Whoever opened a view can so
// tell whether it is that of the item.
func IDOf(signal string, trace [16]byte, view []byte) (id envelope.ID) {
	h := sha256.New()
	h.Write([]byte("tracescrub item 1\x00" + signal + "\x00"))
	h.Write(trace[:])
	h.Write(view)
	copy(id[:], h.Sum(nil))
	return id
}

// key is what units of one item have in common: the trace, or the content of
// the resource.
type key struct {
	trace    pcommon.TraceID
	resource [32]byte
}

// maker makes the items of one batch.
type maker[B, R, S, U any] struct {
	sh    *shape.Shape[B, R, S, U]
	items []*draft[B, R, S, U] // in the order of their first units
	index map[key]*draft[B, R, S, U]
}

// draft is an item that grows.
type draft[B, R, S, U any] struct {
	tally
	sh       *shape.Shape[B, R, S, U]
	key      key
	batch    B
	resource R
	scope    S
	from     [2]int // the resource and scope of the source that resource and scope are copies of
	at       [4]int // of resource, scope and unit in batch
	patches  []Patch
}

// Of makes the items of a batch, all of which is held.
func Of[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B) ([]Item, error) {
	m := &maker[B, R, S, U]{sh: sh, index: map[key]*draft[B, R, S, U]{}}
	for i := range sh.Resources(batch) {
		if err := m.add(sh.Resource(batch, i), i); err != nil {
			return nil, err
		}
	}
	items := make([]Item, len(m.items))
	for i, d := range m.items {
		var err error
		if items[i], err = d.finish(); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (m *maker[B, R, S, U]) add(r R, i int) error {
	var bare *draft[B, R, S, U] // of the units without a trace
	of := func(trace pcommon.TraceID) (*draft[B, R, S, U], error) {
		if !trace.IsEmpty() {
			return m.draft(key{trace: trace}), nil
		}
		if bare == nil {
			sum, err := m.content(r)
			if err != nil {
				return nil, err
			}
			bare = m.draft(key{resource: sum})
		}
		return bare, nil
	}
	empty := true
	for j := range m.sh.Scopes(r) {
		s := m.sh.Scope(r, j)
		for k := range m.sh.Units(s) {
			u := m.sh.Unit(s, k)
			d, err := of(m.sh.Trace(u))
			if err != nil {
				return err
			}
			d.enter(r, i, s, j)
			d.unit(u)
			empty = false
		}
		if _, stamped := m.sh.ScopeAttrs(s).Get(verdict.Verdict); stamped && m.sh.Units(s) == 0 {
			d, err := of(pcommon.TraceID{})
			if err != nil {
				return err
			}
			d.enter(r, i, s, j)
			empty = false
		}
	}
	if !empty {
		return nil
	}
	d, err := of(pcommon.TraceID{})
	if err == nil {
		d.enterResource(r, i)
	}
	return err
}

// draft returns the draft for k.
func (m *maker[B, R, S, U]) draft(k key) *draft[B, R, S, U] {
	d := m.index[k]
	if d == nil {
		d = &draft[B, R, S, U]{sh: m.sh, key: k, batch: m.sh.New(), from: [2]int{-1, -1}, at: [4]int{-1, -1, -1}}
		m.index[k] = d
		m.items = append(m.items, d)
	}
	return d
}

// content is a hash of a resource without its patch.
func (m *maker[B, R, S, U]) content(r R) ([32]byte, error) {
	b := m.sh.New()
	to := m.sh.AddResource(b)
	m.sh.CopyResource(r, to)
	take(m.sh.ResourceAttrs(to))
	dropAttempt(m.sh.ResourceAttrs(to))
	raw, err := m.sh.Marshal(b)
	if err != nil {
		return [32]byte{}, fmt.Errorf("encoding a resource: %w", err)
	}
	return sha256.Sum256(raw), nil
}

// enter goes to the copy of scope s, number j, of resource r, number i.
func (d *draft[B, R, S, U]) enter(r R, i int, s S, j int) {
	d.enterResource(r, i)
	if d.from[1] == j {
		return
	}
	d.from[1] = j
	d.scope = d.sh.AddScope(d.resource)
	d.sh.CopyScope(s, d.scope)
	d.at[1], d.at[2] = d.at[1]+1, -1
	d.stamp(Scope, d.sh.ScopeAttrs(d.scope), Patch{})
}

func (d *draft[B, R, S, U]) enterResource(r R, i int) {
	if d.from[0] == i {
		return
	}
	d.from = [2]int{i, -1}
	d.resource = d.sh.AddResource(d.batch)
	d.sh.CopyResource(r, d.resource)
	d.at[0], d.at[1], d.at[2] = d.at[0]+1, -1, -1
	attrs := d.sh.ResourceAttrs(d.resource)
	dropAttempt(attrs)
	if d.at[0] == 0 {
		d.describe(attrs)
	}
	d.stamp(Resource, attrs, Patch{})
}

// unit copies a unit to where the draft is.
func (d *draft[B, R, S, U]) unit(u U) {
	to := d.sh.AddUnit(d.scope)
	d.sh.CopyUnit(u, to)
	d.converse(d.sh.Attrs(to))
	d.at[2]++
	d.Spans += max(1, d.sh.Points(to))
	p := Patch{Trace: d.sh.Trace(to), Span: d.sh.Span(to)}
	d.stamp(Unit, d.sh.Attrs(to), p)
	for i := range d.sh.Points(to) {
		d.at[3] = i
		d.stamp(Point, d.sh.Point(to, i), p)
	}
	d.at[3] = 0
}

// stamp counts the findings of a place and takes its patch.
func (d *draft[B, R, S, U]) stamp(level Level, attrs pcommon.Map, p Patch) {
	d.add(attrs)
	packed, ok := take(attrs)
	if !ok {
		return
	}
	p.Level = level
	copy(p.At[:level], d.at[:level])
	p.Packed = packed
	d.patches = append(d.patches, p)
}

// dropAttempt takes the number of the attempt out of what is held again while
// it is released: with it each attempt would make another item.
func dropAttempt(resource pcommon.Map) {
	resource.RemoveIf(func(k string, _ pcommon.Value) bool { return k == release.AttrAttempt })
}

// take takes the patch out of attrs. Patches know attributes by their numbers:
// those of the others must not change, as Map.Remove would do.
func take(attrs pcommon.Map) (packed []byte, ok bool) {
	v, ok := attrs.Get(verdict.Restore)
	if !ok {
		return nil, false
	}
	packed = v.Bytes().AsRaw()
	attrs.RemoveIf(func(k string, _ pcommon.Value) bool { return k == verdict.Restore })
	return packed, true
}

func (d *draft[B, R, S, U]) finish() (Item, error) {
	view, err := d.sh.Marshal(d.batch)
	if err != nil {
		return Item{}, fmt.Errorf("encoding an item: %w", err)
	}
	s := d.summary(d.sh.Signal, d.key.trace)
	s.ID = IDOf(d.sh.Signal, d.key.trace, view)
	return Item{Summary: s, View: view, Patches: d.patches}, nil
}
