package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/pause"
)

const (
	retryFirst = 20 * time.Millisecond
	retryMost  = time.Second
)

// Put stores an item. Of one id only one Put is under way, and an id that was
// put lately is not put again; other processes, and this one after a restart,
// may put it again, and followers are told of it again.
func (s *Store) Put(ctx context.Context, it *holdstore.Item) (err error) {
	e, err := newEntry(it)
	if err != nil {
		return err
	}
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	for {
		s.mu.Lock()
		if s.stored.has(it.ID) || s.gone.has(it.ID) {
			s.mu.Unlock()
			return nil
		}
		other := s.putting[it.ID]
		if other == nil {
			break // with the lock
		}
		s.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return s.ended(ctx.Err())
		}
	}
	mine := make(chan struct{})
	s.putting[it.ID] = mine
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.putting, it.ID)
		if err == nil {
			s.stored.add(it.ID, 0)
		}
		close(mine)
	}()
	return s.ended(s.put(ctx, e, it))
}

// put writes to the brokers, or else to the spool.
func (s *Store) put(ctx context.Context, e *entry, it *holdstore.Item) error {
	if s.spool == nil {
		return s.ship(ctx, e, it)
	}
	if s.spool.has(it.ID) {
		return nil
	}
	var away error
	if !s.away.Load() {
		// The spool must come before the sender's patience ends.
		attempt, cancel := ctx, context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok {
			attempt, cancel = context.WithTimeout(ctx, time.Until(deadline)/2)
		}
		away = s.ship(attempt, e, it)
		cancel()
		if away == nil {
			return nil
		}
		if ctx.Err() != nil {
			return away
		}
		s.complain("an item could not be written to Kafka; it goes to the spool", away)
	}
	if err := s.spool.add(e, it); err != nil {
		if away != nil {
			err = fmt.Errorf("%w; the brokers: %w", err, away)
		}
		return err
	}
	if away != nil {
		s.away.Store(true)
	}
	select {
	case s.spooled <- struct{}{}:
	default:
	}
	return nil
}

// ship writes an item to the brokers: its chunks, then its entry.
func (s *Store) ship(ctx context.Context, e *entry, it *holdstore.Item) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	p := s.partition(it.ID, it.Trace)
	var offsets []int64
	for _, group := range groups(chunkRecords(it)) {
		first, err := s.write(ctx, itemsTopic, p, group)
		if err != nil {
			return err
		}
		for i := range group {
			offsets = append(offsets, first+int64(i))
		}
	}
	e.placed(offsets)
	_, err := s.write(ctx, indexTopic, p, []record{{key: it.ID[:], value: e.encode()}})
	return err
}

// write writes records until they are acknowledged, which may leave them
// twice. That harms nobody: what matters is the offset that is answered, and
// of entries with the same key the last counts.
func (s *Store) write(ctx context.Context, topic string, p int32, records []record) (int64, error) {
	return s.produce(ctx, topic, p, records, func(err error) bool { return !errors.Is(err, errRefused) })
}

// produce writes records, again as long as the error allows it.
func (s *Store) produce(ctx context.Context, topic string, p int32, records []record, again func(error) bool) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		first, err := s.cluster.produce(ctx, s.cfg.topic(topic), p, records)
		if err == nil {
			return first, nil
		}
		s.cluster.refresh()
		if !again(err) || pause.For(ctx, wait) != nil {
			return 0, err
		}
	}
}

// Append adds an entry to the log. It tries again only after errors that say
// that nothing was written.
func (s *Store) Append(ctx context.Context, r holdstore.Record) (holdstore.Position, error) {
	value := encodeLogEntry(r)
	if len(value) > maxEntry {
		return holdstore.Position{}, fmt.Errorf("an entry of the log of %d bytes, more than %d", len(value), maxEntry)
	}
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return holdstore.Position{}, err
	}
	defer end()
	if err := s.ready(ctx); err != nil {
		return holdstore.Position{}, s.ended(err)
	}
	key := route(r.Item, r.Trace)
	p := s.partition(r.Item, r.Trace)
	at, err := s.produce(ctx, decisionsTopic, p, []record{{key: key[:], value: value}},
		func(err error) bool { return errors.Is(err, errUnavailable) })
	if err != nil {
		return holdstore.Position{}, s.ended(err)
	}
	return holdstore.Position{Partition: p, Offset: at}, nil
}

// Shred writes a tombstone over the item's index entry, unless it is known that
// there is one and no later entry. The brokers remove the entry's bytes when
// they compact the topic: see Shredded.
func (s *Store) Shred(ctx context.Context, id envelope.ID, trace [16]byte) error {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	s.mu.Lock()
	gone := s.gone.has(id)
	s.mu.Unlock()
	if gone {
		return nil
	}
	if err := s.ready(ctx); err != nil {
		return s.ended(err)
	}
	at, err := s.write(ctx, indexTopic, s.partition(id, trace), []record{{key: id[:]}})
	if err != nil {
		return s.ended(err)
	}
	s.tombstone(id, at)
	return nil
}

// tombstone notes that there is one.
func (s *Store) tombstone(id envelope.ID, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone.add(id, at)
}

// entered notes that there is an entry: the item is not gone if its tombstone is before that.
func (s *Store) entered(id envelope.ID, at int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored.add(id, at)
	if gone, ok := s.gone.get(id); ok && gone < at {
		s.gone.remove(id)
	}
}

// Prune does nothing: the retention of the topics does it.
func (s *Store) Prune(ctx context.Context, _ time.Time) error {
	_, end, err := s.begin(ctx)
	if err == nil {
		end()
	}
	return err
}

const (
	shipAgainFirst = 50 * time.Millisecond
	shipAgainMost  = 5 * time.Second
)

// shipSpool brings what is in the spool to the brokers, in its order.
func (s *Store) shipSpool() {
	wait := shipAgainFirst
	for s.ctx.Err() == nil {
		shipped := s.shipAll()
		left, _ := s.spool.size()
		if left == 0 {
			wait = shipAgainFirst
			select {
			case <-s.spooled:
			case <-s.ctx.Done():
			}
			continue
		}
		if shipped > 0 {
			wait = shipAgainFirst
		}
		_ = pause.For(s.ctx, wait)
		wait = min(2*wait, shipAgainMost)
	}
}

// shipAll ships until it is done or the brokers do not answer. An item that
// they refuse does not keep back those after it.
func (s *Store) shipAll() (shipped int) {
	for _, w := range s.spool.waiting() {
		err := s.shipOne(w)
		switch {
		case err == nil:
			shipped++
			s.away.Store(false)
		case s.ctx.Err() != nil:
			return shipped
		case errors.Is(err, errRefused):
			s.complain("the brokers refuse an item of the spool; it stays there", err)
		default:
			s.away.Store(true)
			s.complain("the spool cannot be brought to Kafka", err)
			return shipped
		}
	}
	if left, _ := s.spool.size(); shipped > 0 && left == 0 {
		s.log.Info("the spool has been brought to Kafka", zap.Int("items", shipped))
	}
	return shipped
}

func (s *Store) shipOne(w waiting) error {
	e, it, err := s.spool.load(w)
	if errors.Is(err, holdstore.ErrCorrupt) {
		s.log.Error("a file in the spool is not what was written there; it is kept under another name", zap.Stringer("item", w.id))
		return s.spool.setAside(w)
	}
	if err != nil {
		return err
	}
	if err := s.ship(s.ctx, e, it); err != nil {
		return err
	}
	return s.spool.remove(w)
}
