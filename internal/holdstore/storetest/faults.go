package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// testFaults breaks every write. Afterwards, and after the store was opened
// again, all that was acknowledged is there, and a retry brings the rest.
func testFaults(t *testing.T, h Harness) {
	require.NotEmpty(t, h.Faults, "no way to make writes fail")
	s := open(t, h)
	f := follow(t, s)
	f.untilCaughtUp(t)
	var all, shredded []*holdstore.Item
	for i, fault := range h.Faults {
		t.Log(fault.Name)
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		first, second, doomed := Item(uint64(3*i), 2000, 200), Item(uint64(3*i+1), 2000, 200), Item(uint64(3*i+2), 2000, 200)
		put(t, s, doomed)
		f.untilHeld(t, doomed)

		undo := fault.Inject(t)
		failed := s.Put(ctx, first)
		undo()
		undo = fault.Inject(t)
		_, notAppended := s.Append(ctx, record(doomed, "maybe"))
		undo()
		undo = fault.Inject(t)
		notShredded := s.Shred(ctx, doomed.ID, doomed.Trace)
		undo()
		t.Logf("put: %v; append: %v; shred: %v", failed, notAppended, notShredded)

		put(t, s, first, second)
		_, err := s.Append(ctx, record(doomed, "surely"))
		require.NoError(t, err)
		require.NoError(t, s.Shred(ctx, doomed.ID, doomed.Trace))
		f.untilHeld(t, first, second)
		f.until(t, "it is gone", func(s *seen) bool { return s.gone[doomed.ID] })
		f.until(t, "a record", func(s *seen) bool {
			l := s.of(doomed.ID)
			return len(l) > 0 && string(l[len(l)-1].Data) == "surely"
		})
		if notAppended == nil {
			require.Equal(t, "maybe", string(f.snapshot().of(doomed.ID)[0].Data), "an acknowledged entry is lost")
		}
		all, shredded = append(all, first, second), append(shredded, doomed)
		requireAll(t, h, s, f.snapshot(), all, shredded)
		cancel()
	}
	require.NoError(t, s.Close())
	s = open(t, h)
	requireAll(t, h, s, replay(t, s), all, shredded)
}

func requireAll(t *testing.T, h Harness, s holdstore.Store, told *seen, all, shredded []*holdstore.Item) {
	t.Helper()
	for _, it := range all {
		requireMeta(t, it.Meta, told.held[it.ID])
		requireItem(t, s, told.refs[it.ID], it)
	}
	for _, it := range shredded {
		requireGone(t, s, it.ID, told.refs[it.ID])
		requireShredded(t, h, s, it.ID, told.refs[it.ID])
	}
}
