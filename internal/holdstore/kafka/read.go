package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/pause"
)

const (
	// fetchBytes is how much of a topic is read at once.
	fetchBytes = 1 << 20
	// fetchChunks is the same for the chunks of an item.
	fetchChunks = 4 << 20
	readWait    = 100 * time.Millisecond
)

// Capsule reads the capsule of an item.
func (s *Store) Capsule(ctx context.Context, id envelope.ID, ref holdstore.Ref) (envelope.Capsule, error) {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return envelope.Capsule{}, err
	}
	defer end()
	e, err := s.entry(ctx, id, ref)
	if err != nil {
		return envelope.Capsule{}, s.ended(err)
	}
	return e.capsule, nil
}

// Chunks reads the sealed chunks of a part, each compared with the sum in the
// index entry.
func (s *Store) Chunks(ctx context.Context, id envelope.ID, ref holdstore.Ref, part envelope.Part) ([][]byte, error) {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	e, err := s.entry(ctx, id, ref)
	if err != nil {
		return nil, s.ended(err)
	}
	places := e.view
	if part == envelope.Restore {
		places = e.restore
	}
	chunks := make([][]byte, len(places))
	for i := 0; i < len(places); {
		n, err := s.chunks(ctx, ref.Partition, places[i:], chunks[i:])
		if err != nil {
			return nil, s.ended(fmt.Errorf("item %s: chunk %d: %w", id, i, err))
		}
		i += n
	}
	return chunks, nil
}

// chunks reads the chunk at the first place, and as many of the next ones as come with it.
func (s *Store) chunks(ctx context.Context, p int32, places []place, chunks [][]byte) (int, error) {
	size := 0
	for _, pl := range places {
		size += pl.size + 1024
	}
	records, err := s.at(ctx, itemsTopic, p, places[0].offset, min(size, fetchChunks))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range records {
		if n == len(places) || r.offset < places[n].offset {
			continue
		}
		if r.offset > places[n].offset {
			break
		}
		if len(r.value) != places[n].size || sumOf(r.value) != places[n].sum {
			return 0, holdstore.ErrCorrupt
		}
		chunks[n] = r.value
		n++
	}
	switch {
	case n > 0:
		return n, nil
	case len(records) > 0: // a hole: retention removes from the beginning only
		return 0, holdstore.ErrCorrupt
	}
	return 0, holdstore.ErrGone
}

// entry reads the index entry of an item.
func (s *Store) entry(ctx context.Context, id envelope.ID, ref holdstore.Ref) (*entry, error) {
	s.mu.Lock()
	gone := s.gone.has(id)
	s.mu.Unlock()
	if gone {
		return nil, holdstore.ErrGone
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	records, err := s.at(ctx, indexTopic, ref.Partition, ref.Index, fetchBytes)
	if err != nil {
		return nil, fmt.Errorf("item %s: %w", id, err)
	}
	if len(records) == 0 || records[0].offset != ref.Index {
		return nil, fmt.Errorf("item %s: %w", id, holdstore.ErrGone)
	}
	if !bytes.Equal(records[0].key, id[:]) {
		return nil, fmt.Errorf("item %s: its place in the index has another: %w", id, holdstore.ErrCorrupt)
	}
	e, err := parseEntry(records[0].value)
	if err != nil || e.meta.ID != id {
		return nil, fmt.Errorf("item %s: its entry cannot be read: %w", id, holdstore.ErrCorrupt)
	}
	return e, nil
}

// at reads from an offset on. If the first record is not the one at the
// offset, or there is none, then there is no record at that offset any more.
func (s *Store) at(ctx context.Context, topic string, p int32, offset int64, maxBytes int) ([]record, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	name := s.cfg.topic(topic)
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		f, err := s.cluster.fetch(ctx, name, p, offset, maxBytes, readWait)
		switch {
		case errors.Is(err, errDamaged):
			return nil, fmt.Errorf("%w: %w", holdstore.ErrCorrupt, err)
		case errors.Is(err, errOutOfRange):
			has, bounds := s.bounds(ctx, name, p)
			if bounds == nil && offset < has.first {
				return nil, nil
			}
			if bounds == nil && offset >= has.end {
				return nil, fmt.Errorf("topic %s, partition %d ends at %d, before offset %d: %w", name, p, has.end, offset, holdstore.ErrCorrupt)
			}
			err = errors.Join(err, bounds)
		case err == nil && (len(f.records) > 0 || f.next > offset):
			return f.records, nil
		case err == nil:
			err = fmt.Errorf("topic %s, partition %d: no answer about offset %d", name, p, offset)
		}
		if errors.Is(err, errRefused) {
			return nil, err
		}
		s.cluster.refresh()
		if pause.For(ctx, wait) != nil {
			return nil, err
		}
	}
}

func (s *Store) bounds(ctx context.Context, topic string, p int32) (span, error) {
	all, err := s.cluster.spans(ctx, topic, s.cfg.Topics.Partitions)
	if err != nil {
		return span{}, err
	}
	if p < 0 || int(p) >= len(all) {
		return span{}, fmt.Errorf("topic %s has no partition %d", topic, p)
	}
	return all[p], nil
}

// Shredded looks whether the index still has a record where the item's entry
// was. It asks the leader of the partition; other replicas compact on their
// own, within the same time. ref must be the last that was told of the item.
func (s *Store) Shredded(ctx context.Context, id envelope.ID, ref holdstore.Ref) (bool, error) {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return false, err
	}
	defer end()
	if err := s.ready(ctx); err != nil {
		return false, s.ended(err)
	}
	records, err := s.at(ctx, indexTopic, ref.Partition, ref.Index, fetchBytes)
	if err != nil {
		return false, s.ended(fmt.Errorf("item %s: %w", id, err))
	}
	if len(records) == 0 || records[0].offset != ref.Index {
		return true, nil
	}
	return false, s.ended(s.roll(ctx, ref.Partition))
}

// rollEvery is how often something is written so that a segment ends: the
// segment.ms that the index is made with.
const rollEvery = 10 * time.Minute

// roll writes a record that says nothing, now and then, while somebody waits
// for a capsule to be compacted away: see rollKey.
func (s *Store) roll(ctx context.Context, p int32) error {
	s.mu.Lock()
	due := time.Since(s.rolled[p]) >= rollEvery
	s.mu.Unlock()
	if !due {
		return nil
	}
	if _, err := s.write(ctx, indexTopic, p, []record{{key: []byte(rollKey)}}); err != nil {
		return err
	}
	s.mu.Lock()
	s.rolled[p] = time.Now()
	s.mu.Unlock()
	return nil
}
