package secretmaskprocessor

import (
	"hash/maphash"
	"strings"

	"github.com/tracescrub/tracescrub/internal/join"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/rules"
)

// streams joins neighbouring texts of a batch and keeps, for the second pass,
// what stands of a secret in each. It is owned by the goroutine that has the batch.
type streams struct {
	scan  *scan
	lanes [maxLanes]lane
	next  int // the lane that is given up next
	open  int // lanes with a series
	lane  *lane
	emit  func(*join.Text) // once: a closure per text is an allocation

	parts map[sourceID][]rules.Finding // offsets of the masked texts
	units map[int]bool                 // those with parts
	count int
}

// maxLanes is how many series are followed at a time.
const maxLanes = 32

// lane is a series of neighbours.
type lane struct {
	series uint64
	chain  join.Chain
	refs   []origin
}

// sourceID names a text in both passes: by its unit and what the first pass made of it.
type sourceID struct {
	unit int
	sum  uint64
}

// origin is a text that waits for its neighbour.
type origin struct {
	id    sourceID
	moved []move
}

// move says where a mask of the first pass stands.
type move struct{ start, end, at, to int }

func newStreams(s *scan) *streams {
	t := &streams{scan: s, parts: map[sourceID][]rules.Finding{}, units: map[int]bool{}}
	t.emit = t.joined
	return t
}

// end forgets the batch.
func (t *streams) end() {
	for i := range t.lanes {
		l := &t.lanes[i]
		l.chain.Reset(false)
		clear(l.refs)
		l.series, l.refs = 0, l.refs[:0]
	}
	clear(t.parts)
	clear(t.units)
	t.next, t.open, t.lane, t.count = 0, 0, nil, 0
}

// add gives a text of the first pass to its series. out is what became of it, nil if it stays.
func (t *streams) add(series uint64, text, out []byte, hits []mask.Hit) {
	l := t.find(series)
	if l == nil {
		if !(&join.Chain{}).Wants(text) && !isStream(t.scan.place.Key) {
			return
		}
		l = t.take(series)
	}
	t.lane = l
	if !l.chain.Wants(text) {
		l.chain.Flush(t.emit)
		return
	}
	if ref, ok := l.chain.Settle(); ok {
		l.refs[0] = l.refs[ref]
		l.refs = l.refs[:1]
	} else if l.chain.Empty() {
		l.refs = l.refs[:0]
	}
	if out == nil {
		out = text
	}
	src := origin{id: sourceID{t.scan.unit, sum(out)}}
	for i := range hits {
		src.moved = append(src.moved, move{hits[i].Start, hits[i].End, hits[i].At, hits[i].To})
	}
	l.refs = append(l.refs, src)
	l.chain.Add(len(l.refs)-1, text, 0, t.emit)
}

func (t *streams) find(series uint64) *lane {
	if t.open == 0 {
		return nil
	}
	for i := range t.lanes {
		if t.lanes[i].series == series {
			return &t.lanes[i]
		}
	}
	return nil
}

// take returns a lane for a series, at the expense of the oldest one.
func (t *streams) take(series uint64) *lane {
	l := &t.lanes[t.next]
	if l.series == 0 {
		t.open++
	}
	t.next = (t.next + 1) % maxLanes
	t.lane = l
	l.chain.Flush(t.emit)
	l.chain.Reset(isStream(t.scan.place.Key))
	l.series, l.refs = series, l.refs[:0]
	return l
}

// isStream says that values under a key, one after the other, are one text.
func isStream(key string) bool {
	for _, w := range [...]string{"chunk", "delta", "partial"} {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}

// done ends the series that do not go on behind the level that was visited:
// only those of log records do.
func (t *streams) done(level walk.Level) {
	if level == walk.Item && t.scan.signal.Equals(&logsSignal) {
		return
	}
	t.flush()
}

// flush ends all series.
func (t *streams) flush() {
	if t.open == 0 {
		return
	}
	for i := range t.lanes {
		l := &t.lanes[i]
		if l.series == 0 {
			continue
		}
		t.lane = l
		l.chain.Flush(t.emit)
		l.series, l.refs = 0, l.refs[:0]
	}
	t.next, t.open = 0, 0
}

// joined looks at neighbours that were put together.
func (t *streams) joined(text *join.Text) {
	s := t.scan
	if t.count > s.cfg.Limits.MaxFindings {
		return
	}
	var last rules.Finding
	at := mask.Where{Deadline: s.where.Deadline, Digest: s.where.Digest}
	s.state.masker.Crossing(text, &at, func(ref int, f rules.Finding) {
		if s.pass == scouting {
			s.scout.dirty = true
			return
		}
		src := &t.lane.refs[ref]
		if s.approved(f.Digest) {
			return
		}
		if f.Start, f.End = src.place(f.Start, f.End); f.Start < f.End {
			t.parts[src.id] = append(t.parts[src.id], f)
			t.units[src.id.unit] = true
			t.count++
		}
		if f.Digest != last.Digest {
			last = f
			s.learn(f, mask.Mask)
		}
	})
	s.recall.batch.Forget()
}

// place returns where [start, end) of the text stands in the masked text; a
// mask that it touches belongs to it.
func (s *origin) place(start, end int) (from, to int) {
	from, to = start, end
	for _, m := range s.moved {
		switch {
		case m.end <= start:
			from = m.to + start - m.end
		case m.start < start:
			from = m.at
		}
		switch {
		case m.end <= end:
			to = m.to + end - m.end
		case m.start < end:
			to = m.to
		}
	}
	return from, to
}

func (t *streams) patched() bool { return len(t.parts) > 0 }

// patches returns what stands in a text of the second pass.
func (t *streams) patches(text []byte) []rules.Finding {
	if len(t.parts) == 0 || !t.units[t.scan.unit] || t.scan.place.Name {
		return nil
	}
	return t.parts[sourceID{t.scan.unit, sum(text)}]
}

var sumSeed = maphash.MakeSeed()

// sum names a text well enough within its unit.
func sum(text []byte) uint64 {
	const ends = 1 << 10
	if len(text) <= 2*ends {
		return maphash.Bytes(sumSeed, text)
	}
	h := maphash.Bytes(sumSeed, text[:ends])*31 + maphash.Bytes(sumSeed, text[len(text)-ends:])
	return h*31 + uint64(len(text))
}
