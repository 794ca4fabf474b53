package local

import (
	"context"
	"errors"
	"fmt"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// request is one change that somebody waits for. The committer owns it until
// it closes done.
type request struct {
	item  *holdstore.Item
	rec   *holdstore.Record
	shred *envelope.ID
	job   func() error // runs between batches

	// The rest is the committer's.
	place    place
	known    bool     // there is nothing to do
	twin     *request // an earlier put of the same item in the batch
	finished bool
	at       holdstore.Position
	err      error
	done     chan struct{}
}

// A batch takes what is waiting, up to these.
const (
	maxBatch      = 512
	maxBatchBytes = 64 << 20
)

func (s *store) put(ctx context.Context, it *holdstore.Item) error {
	return s.do(ctx, &request{item: it})
}

func (s *store) append(ctx context.Context, r holdstore.Record) (holdstore.Position, error) {
	q := &request{rec: &r}
	if err := s.do(ctx, q); err != nil {
		return holdstore.Position{}, err
	}
	return q.at, nil
}

func (s *store) shred(ctx context.Context, id envelope.ID) error {
	return s.do(ctx, &request{shred: &id})
}

// do has a request done. Once the committer has it, it may be done even if ctx ends.
func (s *store) do(ctx context.Context, q *request) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.done = make(chan struct{})
	select {
	case s.requests <- q:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return errClosed
	}
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the committer: the only goroutine that adds to the store.
func (s *store) run() {
	defer close(s.committed)
	for {
		select {
		case <-s.done:
			return
		case q := <-s.requests:
			s.commit(s.gather(q))
		}
	}
}

// gather takes what is waiting beside the first request.
func (s *store) gather(first *request) []*request {
	batch, n := []*request{first}, size(first.item)
	for len(batch) < maxBatch && n < maxBatchBytes {
		select {
		case q := <-s.requests:
			batch, n = append(batch, q), n+size(q.item)
		default:
			return batch
		}
	}
	return batch
}

// size is about what an item takes on the disk.
func size(it *holdstore.Item) int64 {
	const page = 4096
	if it == nil {
		return 0
	}
	n := int64(page)
	for _, part := range [][][]byte{it.View, it.Restore} {
		for _, c := range part {
			n += (int64(len(c)) + page - 1) / page * page
		}
	}
	return n
}

func (s *store) commit(batch []*request) {
	defer func() {
		for _, q := range batch {
			q.finish(nil)
		}
	}()
	if err := s.findKnown(batch); err != nil {
		failAll(batch, err)
		return
	}
	s.cleanUp(batch)
	puts := s.admit(batch)
	if len(puts) > 0 {
		s.writePuts(puts)
	}
	for _, q := range batch {
		if q.twin != nil && q.twin.finished {
			q.finish(q.twin.err)
		}
	}
	s.writeIndex(batch)
	for _, q := range batch {
		if q.job != nil {
			q.finish(q.job())
		}
	}
}

// finish answers a request, once.
func (q *request) finish(err error) {
	if !q.finished {
		q.finished, q.err = true, err
		close(q.done)
	}
}

func failAll(batch []*request, err error) {
	for _, q := range batch {
		q.finish(err)
	}
}

// findKnown marks the puts of items that the store has, or had, already.
func (s *store) findKnown(batch []*request) error {
	return s.state.view(func(tx *bolt.Tx) error {
		for _, q := range batch {
			if q.item == nil {
				continue
			}
			var err error
			if _, q.known, err = find(tx, q.item.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// admit returns the puts to write: of new items, each once, for which there is room.
func (s *store) admit(batch []*request) []*request {
	var puts []*request
	first := map[envelope.ID]*request{}
	var need int64
	for _, q := range batch {
		if q.item == nil || q.known || q.finished {
			continue
		}
		if q.twin = first[q.item.ID]; q.twin != nil {
			continue
		}
		if err := s.room(need + size(q.item)); err != nil {
			q.finish(err)
			continue
		}
		need += size(q.item)
		first[q.item.ID] = q
		q.place.day = dayOf(q.item.HeldAt)
		puts = append(puts, q)
	}
	return puts
}

// writePuts makes payload and capsules durable; only then they may be indexed.
func (s *store) writePuts(puts []*request) {
	byDay := map[day][]*request{}
	for _, q := range puts {
		byDay[q.place.day] = append(byDay[q.place.day], q)
	}
	ids := make([]envelope.ID, 0, len(puts))
	for _, q := range puts {
		ids = append(ids, q.item.ID)
	}
	failed := map[day]error{}
	var wg sync.WaitGroup
	var capsules error
	wg.Go(func() { capsules = s.writeCapsules(puts, ids) })
	for d, qs := range byDay {
		failed[d] = s.writePayload(d, qs, ids)
	}
	wg.Wait()
	for _, q := range puts {
		if err := errors.Join(capsules, failed[q.place.day]); err != nil {
			s.orphans[q.item.ID] = q.place
			q.finish(fmt.Errorf("storing an item: %w", err))
		}
	}
}

func (s *store) writePayload(d day, qs []*request, ids []envelope.ID) error {
	f, err := s.dayFile(d, true)
	if err != nil {
		return err
	}
	if err := s.step("payload"); err != nil {
		return err
	}
	err = f.update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketChunks)
		for _, q := range qs {
			for part, chunks := range map[envelope.Part][][]byte{envelope.View: q.item.View, envelope.Restore: q.item.Restore} {
				for i, c := range chunks {
					key := chunkKey(q.item.ID, part, i)
					if err := b.Put(key, withSum(key, c)); err != nil {
						return err
					}
				}
			}
		}
		return noteLast(tx, ids)
	})
	if err != nil {
		return err
	}
	return s.step("payload done")
}

func (s *store) writeCapsules(qs []*request, ids []envelope.ID) error {
	n, f, err := s.newestKeys()
	if err != nil {
		return err
	}
	if err := s.step("capsule"); err != nil {
		return err
	}
	err = f.update(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketCapsules)
		for _, q := range qs {
			q.place.keys = n
			c := q.item.Capsule
			if err := b.Put(q.item.ID[:], withSum(q.item.ID[:], append(c.Key[:], c.Enc...))); err != nil {
				return err
			}
		}
		return noteLast(tx, ids)
	})
	if err != nil {
		return err
	}
	return s.step("capsule done")
}
