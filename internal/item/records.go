package item

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// maxRecords is how many bytes of records one batch may come to: each record
// has its own copy of what its resource says of itself, so many traces with
// one large resource would come to much more than the batch.
const maxRecords = 32 << 20

// place is where a unit is in a batch; a unit of -1 stands for the scope alone.
type place struct{ resource, scope, unit int }

// Found is what was found in a trace, or in a resource, of a batch.
type Found struct {
	Summary
	// record copies its telemetry; isClear as Summary.Clear, of all that is there.
	record func() (raw []byte, isClear bool, err error)
}

// collect gives each set the units that it is about: a trace its own, a
// resource the rest of its units, those of traces in which nothing was found
// as well.
func collect[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, traces map[pcommon.TraceID]*set, resources map[int]*set) {
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		resource := resources[i]
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			alone := resource != nil
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				of := resource
				if t := traces[sh.Trace(u)]; t != nil {
					of = t
				}
				if of == nil {
					continue
				}
				alone = alone && of != resource
				of.places = append(of.places, place{i, j, k})
				of.converse(sh.Attrs(u))
			}
			if _, stamped := sh.ScopeAttrs(s).Get(verdict.Findings); stamped && alone {
				resource.places = append(resource.places, place{i, j, -1})
			}
		}
	}
}

// Records are the records of one batch: its masked telemetry, as OTLP
// protobuf without patches, in the parts that its audit events are about.
// The zero value is ready.
type Records struct {
	// Made and Clear count parts: those that became records, and those that did
	// not because a secret may stand there in the clear; Large are those for
	// which there was no room.
	Made, Clear, Large int

	bytes int
}

// Held returns the record of an item, nil if there is none.
func (r *Records) Held(it *Item) []byte { return r.room(it.View, it.Clear) }

// Found returns the record of what was found, nil if there is none.
func (r *Records) Found(f *Found) ([]byte, error) {
	if f.Clear || r.bytes >= maxRecords {
		return r.room(nil, f.Clear), nil
	}
	raw, isClear, err := f.record()
	if err != nil {
		return nil, err
	}
	return r.room(raw, isClear), nil
}

// record copies the units of a set. What their resources say is not among the
// findings of a trace, but is in its record.
func record[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, s *set) (raw []byte, isClear bool, err error) {
	d := &draft[B, R, S, U]{sh: sh, batch: sh.New(), from: [2]int{-1, -1}, at: [4]int{-1, -1, -1}}
	if s.resource >= 0 {
		d.enterResource(sh.Resource(batch, s.resource), s.resource)
	}
	for _, p := range s.places {
		from := sh.Resource(batch, p.resource)
		scope := sh.Scope(from, p.scope)
		d.enter(from, p.resource, scope, p.scope)
		if p.unit >= 0 {
			d.unit(sh.Unit(scope, p.unit))
		}
	}
	if raw, err = sh.Marshal(d.batch); err != nil {
		return nil, false, fmt.Errorf("encoding masked telemetry: %w", err)
	}
	return raw, d.Clear, nil
}

// room counts a part, and returns it if it may be a record.
func (r *Records) room(raw []byte, isClear bool) []byte {
	switch {
	case isClear:
		r.Clear++
		return nil
	case r.bytes+len(raw) > maxRecords || r.bytes >= maxRecords:
		r.Large++
		r.bytes = maxRecords // as good as full: the next would not be there by chance of its size
		return nil
	}
	r.Made++
	r.bytes += len(raw)
	return raw
}
