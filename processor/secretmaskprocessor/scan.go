package secretmaskprocessor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
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

// countKey is what findings are counted by.
type countKey struct{ rule, severity, field, action, evidence string }

// scan is the visitor of one batch. It is owned by the goroutine that has the batch.
type scan struct {
	cfg    *Config
	now    func() time.Time
	walker *walk.Walker
	units  *walk.Walker // visits no text

	// set for each batch
	state   *state
	signal  attribute.Set
	sealer  sealer           // nil: nothing is held
	release *release.Release // nil unless the batch was held before
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
	hits     []mask.Hit // since the last Done
	stamps   []verdict.Finding
	texts    int
	bytes    int
	found    int
	forged   int
	expired  bool
	refused  error
	counts   map[countKey]int
	reasons  [reasons]int

	pass     pass
	unit     int // how many times Done was called in this pass
	recall   *recall
	streams  *streams
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
	complete             // masks what the first pass could not know
	survey               // looks for what is in something that is held
	finish               // empties what is dropped, and seals
)

// newScan makes a visitor; leave says that something is left of what is dropped.
func newScan(cfg *Config, now func() time.Time, store *memory.Store, leave bool) *scan {
	s := &scan{
		cfg: cfg, now: now, counts: map[countKey]int{},
		outcomes: map[walk.Unit]*result{}, heldTraces: map[pcommon.TraceID]bool{}, containers: map[walk.Unit]bool{},
		dropped: map[walk.Unit]bool{},
	}
	s.recall = &recall{store: store}
	s.streams = newStreams(s)
	o := walk.Options{Depth: cfg.Limits.MaxDepth, SkipSchemaURLs: !cfg.Scan.SchemaURLs, SkipNames: !cfg.Scan.Keys}
	if cfg.Seal.on() {
		o.Record = func(_ *walk.Place, e walk.Edit) { s.edits = append(s.edits, e) }
	}
	s.walker = walk.New(s, o)
	s.units = walk.New(s, walk.Options{UnitsOnly: true, Empty: leave})
	// Once: a closure per text is an allocation.
	s.where.Field = func() string { return s.place.Field() }
	s.where.Digest = s.digest
	return s
}

// begin prepares for a batch that arrived at start.
func (s *scan) begin(st *state, signal attribute.Set, start time.Time) {
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
	*s = scan{
		cfg: s.cfg, now: s.now, walker: s.walker, units: s.units, counts: s.counts, hits: s.hits[:0], stamps: s.stamps[:0],
		where:  mask.Where{Field: s.where.Field, Digest: s.where.Digest},
		recall: s.recall, streams: s.streams, edits: s.edits[:0], outcomes: s.outcomes,
		heldTraces: s.heldTraces, containers: s.containers, dropped: s.dropped,
	}
}

// Attributes implements walk.Visitor: it removes forged stamps.
func (s *scan) Attributes(at *walk.Place, attrs pcommon.Map) {
	if at.Spot == resourceSpot && s.release != nil {
		s.released(attrs)
	}
	if stamps := verdict.Strip(attrs); s.pass == search && s.release == nil { // otherwise they are our own
		s.forged += stamps
	}
	if at.Spot == resourceSpot {
		s.resource = attrs
		s.where.Resource = s.resourceAttribute
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
	v, ok := s.resource.Get(name)
	if !ok {
		return "", false
	}
	return v.AsString(), true
}

// Text implements walk.Visitor.
func (s *scan) Text(at *walk.Place, text []byte) (out []byte) {
	s.place = at
	s.where.Key, s.where.Prev, s.where.Name, s.where.Number = at.Key, at.Prev, at.Name, at.Number
	if at.Spot == stringsSpot || at.Spot == valuesSpot {
		s.where.Resource = nil // what stands there belongs to no resource
	}
	from := len(s.hits)
	if s.pass == complete {
		out = s.complete(text)
	} else {
		out = s.first(text)
	}
	for i := range s.hits[from:] {
		h := &s.hits[from+i]
		if h.Withheld != rules.None && s.fail(h.Withheld) == failHold {
			h.Action = mask.Hold
		}
		if h.Action == mask.Hold && s.sealer == nil { // profiles cannot be held
			h.Action = mask.Mask
		}
		s.count(h)
	}
	return out
}

// first scans a text in the first pass.
func (s *scan) first(text []byte) (out []byte) {
	s.texts++
	s.bytes += len(text)
	at, from := s.place, len(s.hits)
	if at.TooDeep && s.approved(s.state.masker.Fingerprint(text)) {
		return text
	}
	if why := s.beyond(at, len(text)); why != rules.None {
		out, s.hits = s.state.masker.Withhold(s.hits, text, s.where, why)
	} else {
		out, s.hits = s.state.masker.Text(s.hits, text, s.where)
	}
	if s.recall.trace(at.Trace) && s.sealer != nil && s.release == nil {
		s.heldTraces[at.Trace] = true
	}
	for i := from; i < len(s.hits); i++ {
		s.learn(s.hits[i].Finding, s.hits[i].Action)
	}
	s.recall.batch.Forget()
	if series := at.Series(); series != 0 {
		s.streams.add(series, text, out, s.hits[from:])
	}
	return out
}

// The clock is read once in so many texts or bytes.
const (
	clockTexts = 32
	clockBytes = 16 << 10
)

// beyond returns the limit that is exceeded before the text is looked at.
func (s *scan) beyond(at *walk.Place, size int) rules.Reason {
	if !s.expired && (s.texts%clockTexts == 0 || size > clockBytes) {
		s.expired = !s.now().Before(s.deadline)
	}
	switch {
	case s.expired:
		return rules.Time
	case at.TooDeep:
		return rules.Depth
	case s.found > s.cfg.Limits.MaxFindings:
		return rules.Findings
	}
	return rules.None
}

// count adds a hit to the batch's figures.
func (s *scan) count(h *mask.Hit) {
	if h.Withheld == rules.None {
		s.found++
		s.counts[countKey{h.RuleID, h.Severity.String(), s.place.Spot.String(), h.Action.String(), evidence(h.Evidence)}]++
		return
	}
	s.reasons[h.Withheld]++
	switch {
	case s.refused != nil || s.fail(h.Withheld) != failRefuse:
	case h.Withheld == rules.Time:
		s.refused = errTime
	default:
		s.refused = consumererror.NewPermanent(
			fmt.Errorf("a text of the batch could not be scanned: limit %s", h.Withheld))
	}
}

// fail says what becomes of what could not be scanned.
func (s *scan) fail(why rules.Reason) string {
	if why == rules.Time {
		return s.cfg.Fail.Time
	}
	return s.cfg.Fail.Limits
}

// evidence is the word of metrics for how a secret was found.
func evidence(e rules.Evidence) string {
	switch {
	case e&rules.Remembered != 0:
		return "memory"
	case e&rules.Joined != 0:
		return "joined"
	}
	return "direct"
}

// Done implements walk.Visitor: it stamps what the texts since the last call came to.
func (s *scan) Done(at *walk.Place, attrs pcommon.Map) (keep bool) {
	switch s.pass {
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
