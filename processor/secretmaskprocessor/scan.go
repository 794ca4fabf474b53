package secretmaskprocessor

import (
	"errors"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/rules"
)

// errTime is what a refused sender may retry.
var errTime = errors.New("the batch could not be scanned within limits::max_batch_time")

const reasons = int(rules.Panic) + 1

func reasonName(why int) string { return rules.Reason(why).String() }

// scan is the visitor of one batch. It is owned by the goroutine that has the batch.
type scan struct {
	cfg    *Config
	now    func() time.Time
	walker *walk.Walker
	units  *walk.Walker // visits no text

	// set for each batch
	state   *state
	last    *state // that of names
	signal  attribute.Set
	sealer  sealer           // nil: nothing is held
	release *release.Release // nil unless the batch was held before
	gone    <-chan struct{}  // closed when nobody waits for the batch any more
	total   int              // items of the batch
	visit   func(*walk.Walker) int
	// anew: something is held in what was approved as original. Then nothing
	// counts as approved: what was would stand in the clear in the new item,
	// which people see before they decide, and be held again, as the new
	// item's approval would not name it.
	anew     bool
	producer string
	deadline time.Time

	// of the batch
	where    mask.Where
	place    *walk.Place
	resource pcommon.Map
	// resourceAttribute, once: a method value is an allocation.
	inResource func(name string) (string, bool)
	hits       []mask.Hit // since the last Done
	stamps     []verdict.Finding
	trace      pcommon.TraceID // of the text at hand, that recall knows
	unlooked   int             // bytes since the clock was read
	bytes      int
	found      int
	forged     int
	expired    bool
	left       bool // gone was closed
	refused    error
	counts     map[countKey]int
	reasons    [reasons]int

	pass    pass
	unit    int // how many times Done was called in this pass
	recall  *recall
	streams *streams
	// Names and short values that are clean, as scanned by state. Names stay
	// from batch to batch: they are a sender's schema. Values do not.
	names, values *memo
	asked         bool // the place or the resource was asked for, so an answer is not about the text alone

	peers *sync.Pool // of *scan
	ahead *ahead
	scout scout
	items int  // that were entered in this pass
	known bool // the texts of the item at hand are clean

	edits    []walk.Edit // since the last Done
	outcomes map[walk.Unit]*result

	containers map[walk.Unit]bool // held resources, scopes and metrics
	dropped    map[walk.Unit]bool // dropped ones
	heldTraces map[pcommon.TraceID]bool
	alone      bool // an item without a trace is held
	closer     *seal.Closer
	failed     error // sealing did
	held       [walk.Item + 1]int
}

// pass is what the walker goes through a batch for.
type pass uint8

const (
	search   pass = iota // finds and masks
	scouting             // looks ahead for another scan
	complete             // masks what the first pass could not know
	survey               // looks for what is in something that is held
	finish               // empties what is dropped, and seals
)

// newScan makes a visitor of which peers has more; leave says that something is left of what is dropped.
func newScan(cfg *Config, now func() time.Time, store *memory.Store, peers *sync.Pool, leave bool) *scan {
	s := &scan{
		cfg: cfg, now: now, peers: peers, counts: map[countKey]int{},
		outcomes: map[walk.Unit]*result{}, heldTraces: map[pcommon.TraceID]bool{}, containers: map[walk.Unit]bool{},
		dropped: map[walk.Unit]bool{},
	}
	s.recall = &recall{store: store}
	s.streams = newStreams(s)
	o := walk.Options{Depth: cfg.Limits.MaxDepth, SkipSchemaURLs: !cfg.Scan.SchemaURLs, SkipNames: !cfg.Scan.Keys, Skip: s.skip}
	if cfg.Seal.on() {
		o.Record = func(_ *walk.Place, e walk.Edit) { s.edits = append(s.edits, e) }
	}
	s.walker = walk.New(s, o)
	s.units = walk.New(s, walk.Options{UnitsOnly: true, Empty: leave})
	// Once: a closure per text is an allocation.
	s.where.Field = func() string {
		s.asked = true
		return s.place.Field()
	}
	s.where.Digest = s.digest
	s.inResource = s.resourceAttribute
	s.names, s.values, s.ahead = &memo{}, &memo{}, &ahead{}
	return s
}

// begin prepares for a batch that arrived at start.
func (s *scan) begin(st *state, signal attribute.Set, start time.Time) {
	if s.last != st {
		s.names.wipe()
		s.last = st
	}
	s.state, s.signal = st, signal
	s.deadline = start.Add(s.cfg.Limits.MaxBatchTime)
	s.where.Deadline = s.deadline
}

// sentBy names the authenticated sender.
func (s *scan) sentBy(producer string) { s.producer, s.where.Producer = producer, producer }

// end forgets the batch, so that nothing of it outlives it.
func (s *scan) end() {
	clear(s.counts)
	clear(s.hits[:cap(s.hits)])
	clear(s.stamps[:cap(s.stamps)])
	clear(s.edits[:cap(s.edits)])
	clear(s.outcomes)
	clear(s.heldTraces)
	clear(s.containers)
	clear(s.dropped)
	s.recall.end()
	s.streams.end()
	s.values.wipe()
	s.ahead.forget()
	*s = scan{
		cfg: s.cfg, now: s.now, walker: s.walker, units: s.units, counts: s.counts, hits: s.hits[:0], stamps: s.stamps[:0],
		where:  mask.Where{Field: s.where.Field, Digest: s.where.Digest},
		recall: s.recall, streams: s.streams, edits: s.edits[:0], outcomes: s.outcomes,
		heldTraces: s.heldTraces, containers: s.containers, dropped: s.dropped,
		peers: s.peers, ahead: s.ahead, names: s.names, values: s.values, last: s.last, inResource: s.inResource,
	}
}

// Attributes implements walk.Visitor: it removes forged stamps.
func (s *scan) Attributes(at *walk.Place, attrs pcommon.Map) {
	if s.pass == scouting {
		s.scoutedAttributes(attrs)
		return
	}
	if at.Spot == resourceSpot && s.release != nil {
		s.released(attrs)
	}
	if stamps := verdict.Strip(attrs); s.pass == search && s.release == nil { // otherwise they are our own
		s.forged += stamps
	}
	if at.Spot == resourceSpot {
		s.resource = attrs
		s.where.Resource = s.inResource
	}
}

// Places of the walker's table that the processor must know apart.
var (
	resourceSpot = spot("resource.attributes")
	stringsSpot  = spot("profiles.dictionary.string_table[]")
	valuesSpot   = spot("profiles.dictionary.attribute_table[].value")
)

func spot(name string) walk.Spot {
	for i, p := range walk.Places() {
		if p.Name == name {
			return walk.Spot(i)
		}
	}
	panic("the table of places has no " + name)
}

func (s *scan) resourceAttribute(name string) (string, bool) {
	s.asked = true
	if s.pass == scouting { // which sees no resources: what one may allow is looked at in its turn
		return "", false
	}
	v, ok := s.resource.Get(name)
	if !ok {
		return "", false
	}
	return v.AsString(), true
}

// Done implements walk.Visitor: it stamps what the texts since the last call came to.
func (s *scan) Done(at *walk.Place, attrs pcommon.Map) (keep bool) {
	switch s.pass {
	case scouting:
		if at.Unit.Level == walk.Item {
			s.scoutedItem()
		}
		return true
	case survey:
		s.surveyed(at)
		return true
	case finish:
		return s.finished(at, attrs)
	case search:
		s.streams.done(at.Unit.Level)
	case complete:
	}
	s.unit++
	if at.Unit.Level == walk.Resource {
		s.mark(attrs)
	}
	fresh := len(s.hits) > 0 || len(s.edits) > 0
	if !fresh && s.pass == search {
		return true
	}
	o := s.outcomes[at.Unit]
	if o == nil {
		if !fresh {
			return true
		}
		o = &result{trace: at.Trace}
		s.outcomes[at.Unit] = o
	}
	o.add(s.hits, s.edits)
	s.hits, s.edits = s.hits[:0], s.edits[:0]
	if o.action != mask.Drop {
		s.stamp(attrs, o)
	}
	// Nothing is dropped before all is known: positions name units.
	return true
}

// mark writes what every resource carries.
func (s *scan) mark(attrs pcommon.Map) {
	if s.cfg.annotates() {
		attrs.PutStr(verdict.Policy, s.state.policy)
		if s.producer != "" {
			attrs.PutStr(verdict.Producer, s.producer)
		}
	}
	if r := s.release; r != nil {
		attrs.PutStr(release.AttrItem, r.Item)
		attrs.PutStr(release.AttrMode, r.Mode)
		attrs.PutInt(release.AttrAttempt, int64(r.Attempt))
	}
}

// stamp writes the outcome of a unit.
func (s *scan) stamp(attrs pcommon.Map, o *result) {
	if !s.cfg.annotates() {
		return
	}
	word := ""
	switch o.action {
	case mask.Mask:
		word = verdict.Masked
	case mask.Hold:
		word = verdict.Held
	case mask.Pass, mask.Drop:
	}
	verdict.Stamp(attrs, word, s.listed(o), s.cfg.Annotate == annotateSummary && !s.cfg.Seal.on())
}

// listed are the findings of a unit. They are there until the next call.
func (s *scan) listed(o *result) []verdict.Finding {
	s.stamps = s.stamps[:0]
	for i := range o.found {
		s.stamps = append(s.stamps, o.found[i].Finding)
	}
	return s.stamps
}

// subject names the authenticated sender by the attribute that the
// Collector's authenticators use for it.
func subject(get func(string) any) string {
	for _, name := range [...]string{"subject", "username"} {
		if s, ok := get(name).(string); ok && strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}
