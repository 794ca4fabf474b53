package memory

import (
	"testing"
	"time"
)

// TestCountAndHold: secrets of a trace are counted over batches, each once, as
// long as the trace is remembered, and so is that it is held.
func TestCountAndHold(t *testing.T) {
	now := time.Unix(0, 0)
	s := NewStore(Limits{Traces: 2, Values: 1, Age: time.Minute, Distinct: 3}, func() time.Time { return now })
	held := func(trace byte) bool { _, is := s.Values(nil, Trace{trace}); return is }
	equal(t, 2, s.Count(Trace{1}, []uint64{5, 9}))
	equal(t, 3, s.Count(Trace{1}, []uint64{1, 9}))
	equal(t, 3, s.Count(Trace{1}, []uint64{1, 5, 9}))
	equal(t, 5, s.Count(Trace{1}, []uint64{6, 7, 9}), "more than are remembered are counted within a batch")
	equal(t, 3, s.Count(Trace{1}, []uint64{9}))
	equal(t, 1, s.Count(Trace{2}, []uint64{9}), "another trace")
	equal(t, 2, s.Count(Trace{}, []uint64{1, 2}), "no trace")
	equal(t, 0, s.Count(Trace{3}, nil))
	equal(t, 2, s.Len())

	equal(t, false, held(1))
	s.Hold(Trace{1})
	s.Hold(Trace{})
	equal(t, true, held(1))
	equal(t, false, held(2))
	equal(t, false, held(0))
	now = now.Add(59 * time.Second)
	equal(t, true, held(1), "a look makes it no younger")
	now = now.Add(time.Second)
	equal(t, false, held(1))
	equal(t, 1, s.Count(Trace{1}, []uint64{9}), "it is forgotten")
	s.Hold(Trace{4})
	s.Hold(Trace{5})
	equal(t, true, held(5))
	equal(t, 2, s.Len())
	equal(t, true, s.bytes <= 8)

	s = NewStore(Limits{Distinct: 3}, time.Now)
	equal(t, 2, s.Count(Trace{1}, []uint64{5, 9}))
	equal(t, 1, s.Count(Trace{1}, []uint64{1}), "nothing is remembered")
	s.Hold(Trace{1})
	equal(t, 0, s.Len())
}

func equal[T comparable](t *testing.T, want, got T, why ...string) {
	t.Helper()
	if want != got {
		t.Errorf("%v, want %v %v", got, want, why)
	}
}
