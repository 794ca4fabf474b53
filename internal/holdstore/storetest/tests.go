package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

func testFollow(t *testing.T, h Harness) {
	s := open(t, h)
	require.Empty(t, replay(t, s).held)

	before := []*holdstore.Item{Item(1, 1000, 500), Item(2, 2*maxChunk+1, 0), Item(3, 1024, maxChunk)}
	put(t, s, before...)
	at, err := s.Append(t.Context(), record(before[0], "approve"))
	require.NoError(t, err)

	got := replay(t, s)
	require.Len(t, got.held, len(before))
	require.Equal(t, []entry{{record(before[0], "approve"), at}}, got.log)
	for _, it := range before {
		requireMeta(t, it.Meta, got.held[it.ID])
		requireItem(t, s, got.refs[it.ID], it)
	}

	f, g := follow(t, s), follow(t, s)
	f.untilCaughtUp(t)
	after := []*holdstore.Item{Item(4, 100, 100), Item(5, 100, 0)}
	put(t, s, after...)
	for _, f := range []*follower{f, g} {
		f.untilHeld(t, append(before, after...)...)
		for _, it := range after {
			requireItem(t, s, f.ref(it.ID), it)
		}
	}
	_, err = s.Append(t.Context(), record(after[0], "deny"))
	require.NoError(t, err)
	for _, f := range []*follower{f, g} {
		f.until(t, "a record", func(s *seen) bool { return len(s.log) == 2 })
	}
}

func testMeta(t *testing.T, h Harness) {
	s := open(t, h)
	bare := Item(1, 1, 0)
	bare.Meta = holdstore.Meta{ID: bare.ID, Signal: "logs", Severity: "low", HeldAt: bare.HeldAt, Sum: bare.Sum}
	full := Item(2, 1, 1)
	full.Service = strings.Repeat("ä", 64)
	full.Rules = nil
	for i := range 32 {
		full.Rules = append(full.Rules, fmt.Sprintf("rule-with-a-rather-long-name-%02d", i))
	}
	full.Findings, full.Secrets, full.Spans, full.Bytes = 1<<31-1, 1<<31-1, 1<<31-1, 1<<62
	full.HeldAt = time.Date(2031, 5, 6, 7, 8, 9, 123_000_000, time.UTC)
	put(t, s, bare, full)
	got := replay(t, s)
	requireMeta(t, bare.Meta, got.held[bare.ID])
	requireMeta(t, full.Meta, got.held[full.ID])
}

func testPutTwice(t *testing.T, h Harness) {
	s := open(t, h)
	it := Item(1, 3000, 100)
	put(t, s, it, it)
	// A retry is sealed anew and at another time.
	again := Item(2, 2000, 200)
	again.ID, again.Trace = it.ID, it.Trace
	put(t, s, again)
	got := replay(t, s)
	require.Len(t, got.held, 1)
	requireMeta(t, it.Meta, got.held[it.ID])
	requireItem(t, s, got.refs[it.ID], it)
}

func testConcurrentPuts(t *testing.T, h Harness) {
	s := open(t, h)
	f := follow(t, s)
	const callers, each = 16, 8
	var items []*holdstore.Item
	for i := range callers * each {
		items = append(items, Item(uint64(i), 500+i, i%3*100))
	}
	same := Item(1<<32, 700, 70)
	items = append(items, same)
	errs := make(chan error, callers*(each+1))
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			errs <- s.Put(t.Context(), same)
			for i := range each {
				errs <- s.Put(t.Context(), items[c*each+i])
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	f.untilHeld(t, items...)
	got := replay(t, s)
	require.Len(t, got.held, len(items))
	for _, it := range items {
		requireMeta(t, it.Meta, got.held[it.ID])
		requireItem(t, s, got.refs[it.ID], it)
	}
}

func testAppend(t *testing.T, h Harness) {
	s := open(t, h)
	f := follow(t, s)
	const callers, each = 8, 12
	type answer struct {
		data string
		at   holdstore.Position
	}
	answers := make([][]answer, callers)
	errs := make(chan error, callers*each)
	var wg sync.WaitGroup
	for c := range callers {
		it := Item(uint64(c), 1, 0) // not in the store: the log is its own thing
		wg.Go(func() {
			for i := range each {
				data := fmt.Sprintf("%d of caller %d", i, c)
				at, err := s.Append(t.Context(), record(it, data))
				errs <- err
				answers[c] = append(answers[c], answer{data, at})
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	f.until(t, "the whole log", func(s *seen) bool { return len(s.log) == callers*each })
	for _, got := range []*seen{replay(t, s), f.snapshot()} {
		require.Len(t, got.log, callers*each)
		for c := range callers {
			var told []answer
			for _, e := range got.of(Item(uint64(c), 1, 0).ID) {
				told = append(told, answer{string(e.Data), e.at})
			}
			require.Equal(t, answers[c], told)
		}
	}
}

// testAppendWithin is what a fold does that writes for what it was told.
func testAppendWithin(t *testing.T, h Harness) {
	s := open(t, h)
	items := []*holdstore.Item{Item(1, 100, 0), Item(2, 100, 0), Item(3, 100, 0)}
	put(t, s, items...)
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	n := 0
	err := s.Follow(ctx, func(e holdstore.Event) error {
		if e.Held != nil {
			_, err := s.Append(ctx, holdstore.Record{Item: e.Held.ID, Trace: e.Held.Trace, Data: []byte("x")})
			return err
		}
		if e.Record != nil {
			n++
		}
		if n == len(items) {
			return errEnough
		}
		return nil
	})
	require.ErrorIs(t, err, errEnough)
}

func testShred(t *testing.T, h Harness) {
	s := open(t, h)
	f := follow(t, s)
	it, other := Item(1, 1000, 100), Item(2, 1000, 100)
	put(t, s, it, other)
	f.untilHeld(t, it, other)
	ref := f.ref(it.ID)
	done, err := s.Shredded(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.False(t, done, "shredded before it was")

	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	requireGone(t, s, it.ID, ref)
	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace), "doing it again is no error")
	put(t, s, it)
	requireGone(t, s, it.ID, ref)
	f.until(t, "it is gone", func(s *seen) bool { return s.gone[it.ID] })
	requireShredded(t, h, s, it.ID, ref)
	put(t, s, it)
	requireGone(t, s, it.ID, ref)

	require.NoError(t, s.Close())
	s = open(t, h)
	put(t, s, it)
	requireGone(t, s, it.ID, ref)
	requireShredded(t, h, s, it.ID, ref)
	got := replay(t, s)
	_, held := got.held[it.ID]
	require.True(t, got.gone[it.ID] || !held, "a destroyed item is told as if it were there")
	require.False(t, got.gone[other.ID])
	requireItem(t, s, got.refs[other.ID], other)
}

func requireGone(t *testing.T, s holdstore.Store, id envelope.ID, ref holdstore.Ref) {
	t.Helper()
	c, err := s.Capsule(t.Context(), id, ref)
	require.ErrorIs(t, err, holdstore.ErrGone)
	require.Empty(t, c.Enc)
}

func requireShredded(t *testing.T, h Harness, s holdstore.Store, id envelope.ID, ref holdstore.Ref) {
	t.Helper()
	late := time.Now().Add(wait)
	for {
		done, err := s.Shredded(t.Context(), id, ref)
		require.NoError(t, err)
		if done {
			return
		}
		require.True(t, time.Now().Before(late), "the capsule is never destroyed")
		if h.Settle != nil {
			h.Settle(t)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func testLarge(t *testing.T, h Harness) {
	s := open(t, h)
	it := Item(1, 50_000_000, 2_000_000)
	put(t, s, it)
	got := replay(t, s)
	requireMeta(t, it.Meta, got.held[it.ID])
	requireItem(t, s, got.refs[it.ID], it)
}

func testCorrupt(t *testing.T, h Harness) {
	s := open(t, h)
	it, other := Item(1, 100_000, 50_000), Item(2, 100_000, 50_000)
	put(t, s, it, other)
	require.NoError(t, s.Close())
	h.Corrupt(t, it)
	s = open(t, h)
	got := replay(t, s)
	var bad []error
	for _, part := range parts {
		if _, err := s.Chunks(t.Context(), it.ID, got.refs[it.ID], part); err != nil {
			bad = append(bad, err)
		}
	}
	require.NotEmpty(t, bad, "damaged chunks were read as if they were whole")
	for _, err := range bad {
		require.ErrorIs(t, err, holdstore.ErrCorrupt)
	}
	requireItem(t, s, got.refs[other.ID], other)
}

func testReopen(t *testing.T, h Harness) {
	s := open(t, h)
	var items []*holdstore.Item
	for i := range 20 {
		it := Item(uint64(i), 500*i+1, 100*i)
		items = append(items, it)
		put(t, s, it)
		_, err := s.Append(t.Context(), record(it, fmt.Sprint("decision ", i)))
		require.NoError(t, err)
	}
	require.NoError(t, s.Shred(t.Context(), items[7].ID, items[7].Trace))
	before := replay(t, s)
	for range 2 {
		require.NoError(t, s.Close())
		s = open(t, h)
		after := replay(t, s)
		for _, it := range items {
			require.Equal(t, before.of(it.ID), after.of(it.ID))
			if it == items[7] {
				continue
			}
			requireMeta(t, it.Meta, after.held[it.ID])
			requireItem(t, s, after.refs[it.ID], it)
			require.Equal(t, before.refs[it.ID], after.refs[it.ID])
		}
		requireGone(t, s, items[7].ID, before.refs[items[7].ID])
		put(t, s, items[0])
	}
}

func testFollowEnds(t *testing.T, h Harness) {
	s := open(t, h)
	put(t, s, Item(1, 1, 0))
	err := s.Follow(t.Context(), func(holdstore.Event) error { return errEnough })
	require.ErrorIs(t, err, errEnough)

	f := follow(t, s)
	f.untilCaughtUp(t)
	f.stop()
	f.ended(t)
	require.ErrorIs(t, f.err, context.Canceled)

	f = follow(t, s)
	f.untilCaughtUp(t)
	require.NoError(t, s.Close())
	f.ended(t)
	require.Error(t, f.err)
}

func (f *follower) ended(t *testing.T) {
	t.Helper()
	select {
	case <-f.done:
	case <-time.After(wait):
		t.Fatal("follow does not end")
	}
}

func testClose(t *testing.T, h Harness) {
	s := open(t, h)
	it := Item(1, 1, 0)
	put(t, s, it)
	ref := replay(t, s).refs[it.ID]
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "closing again is no error")
	ctx := t.Context()
	_, capsule := s.Capsule(ctx, it.ID, ref)
	_, chunk := s.Chunks(ctx, it.ID, ref, envelope.View)
	_, appended := s.Append(ctx, record(it, "x"))
	_, shredded := s.Shredded(ctx, it.ID, ref)
	for name, err := range map[string]error{
		"put": s.Put(ctx, Item(2, 1, 0)), "capsule": capsule, "chunks": chunk, "append": appended, "shredded": shredded,
		"shred": s.Shred(ctx, it.ID, it.Trace), "prune": s.Prune(ctx, time.Now()),
		"follow": s.Follow(ctx, func(holdstore.Event) error { return nil }),
	} {
		require.Error(t, err, "%s on a closed store", name)
		require.False(t, errors.Is(err, holdstore.ErrGone) || errors.Is(err, holdstore.ErrCorrupt), "%s: a closed store says nothing of items", name)
	}
}

func testPrune(t *testing.T, h Harness) {
	s := open(t, h)
	recent := Item(1, 1000, 100)
	put(t, s, recent)
	_, err := s.Append(t.Context(), record(recent, "vote"))
	require.NoError(t, err)
	require.NoError(t, s.Prune(t.Context(), time.Now().Add(-24*time.Hour)))
	got := replay(t, s)
	requireItem(t, s, got.refs[recent.ID], recent)
	require.Len(t, got.of(recent.ID), 1)
}

func testCancelled(t *testing.T, h Harness) {
	s := open(t, h)
	f := follow(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	it := Item(1, 1000, 100)
	if err := s.Put(ctx, it); err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}
	put(t, s, it)
	f.untilHeld(t, it)
	requireItem(t, s, f.ref(it.ID), it)
}
