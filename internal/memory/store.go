package memory

import (
	"container/list"
	"slices"
	"sync"
	"time"
)

// Limits bound a Store. Without Traces it remembers nothing.
type Limits struct {
	// Traces is the most traces that are remembered; the one that was not
	// asked for the longest is forgotten first.
	Traces int
	// Values is the most values of one trace; more are not remembered.
	Values int
	// Age is how long a trace is remembered after a value of it was found.
	Age time.Duration
	// Distinct is the most secrets of one trace that are counted apart.
	Distinct int
	// Bytes is the most memory for values; 0 means 64 MiB.
	Bytes int
}

// Trace is the id of a trace.
type Trace [16]byte

// Store remembers values by trace. It is safe for concurrent use.
type Store struct {
	limits Limits
	now    func() time.Time

	// mu guards what follows.
	mu     sync.Mutex
	traces map[Trace]*list.Element // of *known
	order  *list.List              // the one used last in front
	bytes  int
}

// known is what is remembered of a trace.
type known struct {
	trace   Trace
	values  []*Value
	counted []uint64 // digests, sorted
	held    bool
	until   time.Time
	bytes   int
}

const defaultBytes = 64 << 20

// NewStore returns an empty store that reads the time from now.
func NewStore(l Limits, now func() time.Time) *Store {
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	return &Store{limits: l, now: now, traces: map[Trace]*list.Element{}, order: list.New()}
}

// Add remembers that v was found in a trace. The zero trace is none.
func (s *Store) Add(t Trace, v *Value) {
	if t == (Trace{}) || s.limits.Traces < 1 || s.limits.Values < 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.touch(t)
	if !k.holds(v) && len(k.values) < s.limits.Values {
		k.values = append(k.values, v)
		k.bytes += v.cost
		s.bytes += v.cost
	}
	s.trim()
}

// Count adds secrets, by their digests, to those that are counted of a trace
// and returns how many distinct ones there were. digests are sorted, each once.
func (s *Store) Count(t Trace, digests []uint64) int {
	if t == (Trace{}) || s.limits.Traces < 1 || len(digests) == 0 {
		return len(digests)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.touch(t)
	more := 0
	for _, d := range digests {
		switch i, have := slices.BinarySearch(k.counted, d); {
		case have:
		case len(k.counted) < s.limits.Distinct:
			k.counted = slices.Insert(k.counted, i, d)
			k.bytes += 8
			s.bytes += 8
		default:
			more++
		}
	}
	n := len(k.counted) + more
	s.trim()
	return n
}

// Hold remembers that something of a trace is held.
func (s *Store) Hold(t Trace) {
	if t == (Trace{}) || s.limits.Traces < 1 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch(t).held = true
	s.trim()
}

// touch returns what is remembered of a trace, for longer from now on. mu must be held.
func (s *Store) touch(t Trace) *known {
	now := s.now()
	e := s.live(t, now)
	if e == nil {
		e = s.order.PushFront(&known{trace: t})
		s.traces[t] = e
	} else {
		s.order.MoveToFront(e)
	}
	k := e.Value.(*known)
	k.until = now.Add(s.limits.Age)
	return k
}

// trim forgets what is too old or too much. mu must be held.
func (s *Store) trim() {
	now := s.now()
	for e := s.order.Back(); e != nil && !now.Before(e.Value.(*known).until); e = s.order.Back() {
		s.forget(e)
	}
	for s.order.Len() > s.limits.Traces || s.bytes > s.limits.Bytes && s.order.Len() > 0 {
		s.forget(s.order.Back())
	}
}

func (k *known) holds(v *Value) bool {
	for _, have := range k.values {
		if have.Digest == v.Digest && have.size == v.size {
			return true
		}
	}
	return false
}

// Values appends what is remembered of a trace to dst, and reports whether
// something of it is held.
func (s *Store) Values(dst []*Value, t Trace) (values []*Value, held bool) {
	if t == (Trace{}) {
		return dst, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.traces[t] == nil {
		return dst, false // without a look at the clock
	}
	if e := s.live(t, s.now()); e != nil {
		s.order.MoveToFront(e)
		k := e.Value.(*known)
		return append(dst, k.values...), k.held
	}
	return dst, false
}

// Len returns how many traces are remembered.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.order.Len()
}

// live returns the trace's entry unless it is too old. mu must be held.
func (s *Store) live(t Trace, now time.Time) *list.Element {
	e := s.traces[t]
	if e == nil || now.Before(e.Value.(*known).until) {
		return e
	}
	s.forget(e)
	return nil
}

// forget removes an entry. mu must be held.
func (s *Store) forget(e *list.Element) {
	k := s.order.Remove(e).(*known)
	delete(s.traces, k.trace)
	s.bytes -= k.bytes
}
