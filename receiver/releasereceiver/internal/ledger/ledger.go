package ledger

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// Rules are what this gate shows of items; they decide nothing in the fold,
// or two gates with different configurations would come to different states.
type Rules struct {
	// Required is how many approvals an item needs.
	Required    func(severity, service string) int
	ExpireAfter time.Duration
	// MaxUnknown bounds for how many items there may be records without the
	// item; 0 is a million.
	MaxUnknown int
}

// Outcome is what an event came to.
type Outcome struct {
	Item   envelope.ID
	Record *Record // nil unless the event was a record of a gate with our key
	// Applied: the record changed the item. Otherwise Why says why not.
	Applied     bool
	Why         string
	Invalid     bool // the event was a record that no gate with our key wrote
	Held        bool // the item was not known before
	From, State gate.State
	Version     uint64
}

// ErrUnknown: there are records about too many items that the store does not
// have. None may be forgotten, or a denied item could wait for approval again.
var ErrUnknown = errors.New("the log has records about too many items that are not in the store")

const (
	chunkBits = 12
	chunkRows = 1 << chunkBits
)

// Ledger is the state of all items. It may be read concurrently, but not while
// it changes.
type Ledger struct {
	key   []byte
	rules Rules
	texts *interner

	index  map[envelope.ID]uint32
	chunks []*[chunkRows]row
	used   uint32   // rows that were ever in use
	free   []uint32 // those that are not any more

	// order has the known rows by time and id, once sorted is set.
	order  []uint32
	sorted bool
	// oldest: no row before this place of order is pending.
	oldest int

	next    map[int32]int64          // where the log of a partition goes on
	active  map[envelope.ID]struct{} // items that need work
	unknown int                      // rows without metadata
	counts  [len(states)]int         // known rows
	bytes   int64                    // of pending ones
}

// New returns an empty ledger that takes records made with key.
func New(key []byte, rules Rules) *Ledger {
	if rules.MaxUnknown == 0 {
		rules.MaxUnknown = 1 << 20
	}
	return &Ledger{
		key: key, rules: rules, texts: newInterner(),
		index: map[envelope.ID]uint32{}, next: map[int32]int64{}, active: map[envelope.ID]struct{}{},
	}
}

func (l *Ledger) row(i uint32) *row { return &l.chunks[i>>chunkBits][i&(chunkRows-1)] }

func (l *Ledger) find(id envelope.ID) *row {
	if i, ok := l.index[id]; ok {
		return l.row(i)
	}
	return nil
}

// add makes a row for an item that nothing is known of.
func (l *Ledger) add(id envelope.ID) (uint32, *row) {
	var i uint32
	if n := len(l.free); n > 0 {
		i, l.free = l.free[n-1], l.free[:n-1]
	} else {
		i = l.used
		l.used++
		if int(i>>chunkBits) == len(l.chunks) {
			l.chunks = append(l.chunks, new([chunkRows]row))
		}
	}
	l.index[id] = i
	l.unknown++
	r := l.row(i)
	r.id, r.version = id, 1
	return i, r
}

// Apply folds one event.
func (l *Ledger) Apply(ev holdstore.Event) (Outcome, error) {
	switch {
	case ev.Held != nil:
		return l.held(ev.Held, ev.Ref), nil
	case ev.Gone != nil:
		return l.gone(*ev.Gone), nil
	case ev.Record != nil:
		if next, ok := l.next[ev.At.Partition]; ok && ev.At.Offset < next {
			return Outcome{Item: ev.Record.Item}, nil // told again
		}
		l.next[ev.At.Partition] = ev.At.Offset + 1
		return l.record(*ev.Record)
	case ev.CaughtUp:
		l.sort()
	}
	return Outcome{}, nil
}

func (l *Ledger) held(m *holdstore.Meta, ref holdstore.Ref) Outcome {
	i, ok := l.index[m.ID]
	if !ok {
		i, _ = l.add(m.ID)
	}
	r := l.row(i)
	if r.has(known) {
		// Held again: what is stored last is what can be opened.
		r.ref, r.sum = ref, m.Sum
		r.flags |= capsule
		l.track(r)
		return l.outcome(r)
	}
	l.fill(r, m, ref)
	l.unknown--
	l.tally(r, 1)
	l.track(r)
	l.insert(i)
	out := l.outcome(r)
	out.Held = true
	return out
}

func (l *Ledger) gone(id envelope.ID) Outcome {
	r := l.find(id)
	if r == nil {
		return Outcome{Item: id}
	}
	r.flags &^= capsule
	l.track(r)
	return l.outcome(r)
}

func (l *Ledger) outcome(r *row) Outcome {
	return Outcome{Item: r.id, From: states[r.state], State: states[r.state], Version: uint64(r.version)}
}

func (l *Ledger) record(entry holdstore.Record) (Outcome, error) {
	rec, err := Decode(l.key, entry)
	if err != nil {
		return Outcome{Item: entry.Item, Invalid: true}, nil //nolint:nilerr // it is no record: ignored and counted
	}
	r := l.find(rec.Item)
	if r == nil {
		if l.unknown >= l.rules.MaxUnknown && !l.evict() {
			return Outcome{}, ErrUnknown
		}
		_, r = l.add(rec.Item)
	}
	out := Outcome{Item: rec.Item, Record: rec, From: states[r.state]}
	l.tally(r, -1)
	out.Why = r.apply(rec)
	l.tally(r, 1)
	l.track(r)
	out.Applied = out.Why == ""
	out.State, out.Version = states[r.state], uint64(r.version)
	return out, nil
}

func (l *Ledger) tally(r *row, n int) {
	if !r.has(known) {
		return
	}
	l.counts[r.state] += n
	if r.state == pending {
		l.bytes += int64(n) * r.bytes
	}
}

func (l *Ledger) track(r *row) {
	if r.needsWork() {
		l.active[r.id] = struct{}{}
	} else {
		delete(l.active, r.id)
	}
}

func (l *Ledger) compare(a, b uint32) int { return compareRows(l.row(a), l.row(b)) }

// compareRows orders by time, then id.
func compareRows(x, y *row) int {
	if c := cmp.Compare(x.held, y.held); c != 0 {
		return c
	}
	return bytes.Compare(x.id[:], y.id[:])
}

func (l *Ledger) sort() {
	if !l.sorted {
		slices.SortFunc(l.order, l.compare)
		l.sorted = true
	}
}

// insert puts a row into the order. A replay brings rows in any order, so they
// are sorted once, at its end.
func (l *Ledger) insert(i uint32) {
	if !l.sorted {
		l.order = append(l.order, i)
		return
	}
	at, _ := slices.BinarySearchFunc(l.order, i, l.compare)
	l.order = slices.Insert(l.order, at, i)
	l.oldest = min(l.oldest, at)
}

// evict forgets items that are not in the store and that are over.
func (l *Ledger) evict() bool {
	return l.remove(func(r *row) bool { return !r.has(known) && r.over() }) > 0
}

// Prune forgets items that are over, and records about items that are not in
// the store, if nothing happened with them since before.
func (l *Ledger) Prune(before time.Time) int {
	return l.remove(func(r *row) bool {
		return r.more != nil && r.more.last.Before(before) && (r.over() || !r.has(known))
	})
}

func (l *Ledger) remove(which func(*row) bool) int {
	n := 0
	for id, i := range l.index {
		r := l.row(i)
		if !which(r) {
			continue
		}
		if !r.has(known) {
			l.unknown--
		}
		l.tally(r, -1)
		delete(l.index, id)
		delete(l.active, id)
		l.forget(r)
		l.free = append(l.free, i)
		n++
	}
	if n > 0 {
		l.order = slices.DeleteFunc(l.order, func(i uint32) bool { return !l.row(i).has(known) })
		l.oldest = 0
	}
	return n
}
