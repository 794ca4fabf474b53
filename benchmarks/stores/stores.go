// Package stores measures how fast a store takes items, and checks that each
// can be read again.
package stores

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// Table is that of the figures.
const Table = "store"

// Load is what a store is given.
type Load struct {
	Name    string
	Size    int // bytes of an item's sealed chunks; a fifth of it is the restore part
	Callers int
	Items   int
}

// Loads are those of the page: one caller waits for the disk each time, many share the waiting.
var Loads = []Load{
	{"10 KB, 1 caller", 10_000, 1, 300},
	{"10 KB, 64 callers", 10_000, 64, 6000},
	{"1 MB, 1 caller", 1_000_000, 1, 60},
	{"1 MB, 64 callers", 1_000_000, 64, 256},
}

// make makes the items of one run.
func (l Load) make(seed uint64) []*holdstore.Item {
	items := make([]*holdstore.Item, l.Items)
	for i := range items {
		items[i] = storetest.Item(seed<<32+uint64(i), l.Size*4/5, l.Size/5)
	}
	return items
}

// Put puts items that no other seed makes into a store that has no others,
// and checks that it has all of them then.
func Put(ctx context.Context, name string, store holdstore.Store, l Load, seed uint64) ([]figure.Figure, error) {
	items := l.make(seed)
	waited := make([]time.Duration, len(items))
	began := time.Now()
	err := Each(l.Callers, len(items), func(i int) error {
		at := time.Now()
		err := store.Put(ctx, items[i])
		waited[i] = time.Since(at)
		return err
	})
	took := time.Since(began).Seconds()
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", name, l.Name, err)
	}
	if err := check(ctx, store, items); err != nil {
		return nil, fmt.Errorf("%s, %s: %w", name, l.Name, err)
	}
	row, n := name+", "+l.Name, float64(len(items))
	return append([]figure.Figure{
		{Table: Table, Row: row, Col: "items", Unit: "items/s", Value: n / took},
		{Table: Table, Row: row, Col: "bytes", Unit: "MB/s", Value: n * float64(l.Size) / 1e6 / took},
	}, figure.Waits(Table, row, waited)...), nil
}

// Each calls do for 0 to n-1 from many goroutines. A goroutine ends with its first error.
func Each(callers, n int, do func(int) error) error {
	var next atomic.Int64
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[c] == nil; i = int(next.Add(1)) - 1 {
				errs[c] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// errEnough ends a follower.
var errEnough = errors.New("enough")

// check sees that the store tells of every item, and has its bytes.
func check(ctx context.Context, store holdstore.Store, items []*holdstore.Item) error {
	refs := make(map[envelope.ID]holdstore.Ref, len(items))
	err := store.Follow(ctx, func(e holdstore.Event) error {
		if e.Held != nil {
			refs[e.Held.ID] = e.Ref
		}
		if e.CaughtUp {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		return fmt.Errorf("following the store: %w", err)
	}
	if len(refs) != len(items) {
		return fmt.Errorf("the store tells of %d items, want %d", len(refs), len(items))
	}
	return Each(8, len(items), func(i int) error {
		it := items[i]
		ref, ok := refs[it.ID]
		if !ok {
			return fmt.Errorf("item %v is not there", it.ID)
		}
		c, err := store.Capsule(ctx, it.ID, ref)
		if err != nil {
			return err
		}
		view, err := store.Chunks(ctx, it.ID, ref, envelope.View)
		if err != nil {
			return err
		}
		restore, err := store.Chunks(ctx, it.ID, ref, envelope.Restore)
		if err != nil {
			return err
		}
		if c.Key != it.Capsule.Key || !bytes.Equal(c.Enc, it.Capsule.Enc) ||
			!slices.EqualFunc(view, it.View, bytes.Equal) || !slices.EqualFunc(restore, it.Restore, bytes.Equal) {
			return fmt.Errorf("item %v is not what was put", it.ID)
		}
		return nil
	})
}
