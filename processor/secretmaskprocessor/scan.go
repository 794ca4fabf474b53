package secretmaskprocessor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
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

	// set for each batch
	state    *state
	signal   attribute.Set
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

	again    bool // the second pass
	unit     int  // how many times Done was called in this pass
	recall   *recall
	streams  *streams
	outcomes map[int]outcomeOf // by unit, of those with findings
	drops    bool              // the second pass has to drop something
}

// outcomeOf is what the first pass came to in one unit.
type outcomeOf struct {
	stamps    []verdict.Finding
	strongest mask.Action
}

func newScan(cfg *Config, now func() time.Time, store *memory.Store) *scan {
	s := &scan{cfg: cfg, now: now, counts: map[countKey]int{}, outcomes: map[int]outcomeOf{}}
	s.recall = &recall{store: store}
	s.streams = newStreams(s)
	s.walker = walk.New(s, walk.Options{
		Depth: cfg.Limits.MaxDepth, SkipSchemaURLs: !cfg.Scan.SchemaURLs, SkipNames: !cfg.Scan.Keys,
	})
	// Once: a closure per text is an allocation.
	s.where.Field = func() string { return s.place.Field() }
	s.where.Digest = s.digest
	return s
}

// begin prepares for a batch that arrived at start.
func (s *scan) begin(st *state, signal attribute.Set, producer string, start time.Time) {
	s.state, s.signal, s.producer = st, signal, producer
	s.deadline = start.Add(s.cfg.Limits.MaxBatchTime)
	s.where.Deadline = s.deadline
}

// end forgets the batch, so that nothing of it outlives it.
func (s *scan) end() {
	clear(s.counts)
	clear(s.hits[:cap(s.hits)])
	clear(s.stamps[:cap(s.stamps)])
	clear(s.outcomes)
	s.recall.end()
	s.streams.end()
	*s = scan{
		cfg: s.cfg, now: s.now, walker: s.walker, counts: s.counts, hits: s.hits[:0], stamps: s.stamps[:0],
		where:  mask.Where{Field: s.where.Field, Digest: s.where.Digest},
		recall: s.recall, streams: s.streams, outcomes: s.outcomes,
	}
}

// Attributes implements walk.Visitor: it removes forged stamps.
func (s *scan) Attributes(at *walk.Place, attrs pcommon.Map) {
	if stamps := verdict.Strip(attrs); !s.again { // those of the first pass are our own
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
	if s.again {
		out = s.complete(text)
	} else {
		out = s.first(text)
	}
	for i := range s.hits[from:] {
		s.count(&s.hits[from+i])
	}
	return out
}

// first scans a text in the first pass.
func (s *scan) first(text []byte) (out []byte) {
	s.texts++
	s.bytes += len(text)
	at, from := s.place, len(s.hits)
	if why := s.beyond(at, len(text)); why != rules.None {
		out, s.hits = s.state.masker.Withhold(s.hits, text, s.where, why)
	} else {
		out, s.hits = s.state.masker.Text(s.hits, text, s.where)
	}
	s.recall.trace(at.Trace)
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
	case s.refused != nil:
	case h.Withheld == rules.Time && s.cfg.Fail.Time == failRefuse:
		s.refused = errTime
	case h.Withheld != rules.Time && s.cfg.Fail.Limits == failRefuse:
		s.refused = consumererror.NewPermanent(
			fmt.Errorf("a text of the batch could not be scanned: limit %s", h.Withheld))
	}
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
	level := at.Unit.Level
	unit := s.unit
	s.unit++
	if level == walk.Resource && s.cfg.Annotate != annotateNone {
		attrs.PutStr(verdict.Policy, s.state.policy)
		if s.producer != "" {
			attrs.PutStr(verdict.Producer, s.producer)
		}
	}
	if !s.again {
		s.streams.done(level)
	}
	before := s.outcomes[unit]
	if len(s.hits) == 0 && (!s.again || before.stamps == nil) {
		return true
	}
	strongest := before.strongest
	for i := range s.hits {
		strongest = max(strongest, s.hits[i].Action)
	}
	s.stamps = append(s.stamps[:0], before.stamps...)
	for i := range s.hits {
		h := &s.hits[i]
		s.stamps = append(s.stamps, verdict.Finding{
			Rule: h.RuleID, Severity: h.Severity.String(), Field: h.Field,
			Fingerprint: h.Fingerprint, Action: h.Action.String(), Length: h.End - h.Start,
		})
	}
	s.hits = s.hits[:0]
	if !s.again {
		// What is dropped now would be missing from the places of the second pass.
		s.outcomes[unit] = outcomeOf{slices.Clone(s.stamps), strongest}
		s.drops = s.drops || strongest == mask.Drop
	}
	if strongest != mask.Drop && s.cfg.Annotate != annotateNone {
		s.stamp(attrs, strongest)
	}
	return !s.again || strongest != mask.Drop
}

func (s *scan) stamp(attrs pcommon.Map, strongest mask.Action) {
	word := ""
	if strongest == mask.Mask {
		word = verdict.Masked
	}
	verdict.Stamp(attrs, word, s.stamps, s.cfg.Annotate == annotateSummary)
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
