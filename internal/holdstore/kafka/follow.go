package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/pause"
)

const (
	// followWait is how long a fetch waits at the end of a partition.
	followWait = 2 * time.Second
	// emptyAnswers is how many answers in a row must be empty, without a quota
	// being the reason, before a partition of the index is believed to have
	// nothing where it says there is something.
	emptyAnswers = 10
)

// Follow reads the index and the log: first what they had when it was called,
// all partitions at the same time, then what is added. It ends with an error
// that wraps holdstore.ErrCorrupt if entries of the log are missing, because
// retention or somebody else has removed what was not read yet: all that was
// told until then must be forgotten.
func (s *Store) Follow(ctx context.Context, fn func(holdstore.Event) error) error {
	ctx, end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	lanes, err := s.lanes(ctx)
	if err != nil {
		return s.ended(err)
	}
	batches := make(chan batch)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := teller{fn: fn}
	for _, l := range lanes {
		t.total += l.end - l.pos
		if l.pos < l.end {
			t.behind++
		}
		wg.Go(func() { l.run(ctx, batches) })
	}
	if err := t.caughtUp(); err != nil {
		return err
	}
	for {
		select {
		case b := <-batches:
			if err := t.tell(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return s.ended(ctx.Err())
		}
	}
}

// lanes captures where all partitions begin and end. It tries until ctx ends.
func (s *Store) lanes(ctx context.Context) ([]*lane, error) {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		lanes, err := s.tryLanes(ctx)
		if err == nil {
			return lanes, nil
		}
		if errors.Is(err, errWrongTopic) {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.complain("the index and the log cannot be read", err)
		s.cluster.refresh()
		if err := pause.For(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (s *Store) tryLanes(ctx context.Context) ([]*lane, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var lanes []*lane
	for _, topic := range []string{indexTopic, decisionsTopic} {
		spans, err := s.cluster.spans(ctx, s.cfg.topic(topic), s.cfg.Topics.Partitions)
		if err != nil {
			return nil, err
		}
		for p, sp := range spans {
			lanes = append(lanes, &lane{
				s: s, topic: topic, name: s.cfg.topic(topic), partition: int32(p), //nolint:gosec // G115: a partition
				first: sp.first, pos: sp.first, end: sp.end,
			})
		}
	}
	return lanes, nil
}

// batch is what a lane has read.
type batch struct {
	events []holdstore.Event
	// passed is how many offsets of the replay it covers, and done whether it
	// is the last of the replay of its lane.
	passed int64
	done   bool
	err    error // the lane has ended
}

// teller calls a follower's function, from the goroutine that called Follow.
type teller struct {
	fn          func(holdstore.Event) error
	done, total int64
	behind      int // lanes that have not reached their captured end
}

func (t *teller) tell(b batch) error {
	if b.err != nil {
		return b.err
	}
	before := t.done
	t.done += b.passed
	for i, e := range b.events {
		if b.passed > 0 {
			e.Done = min(t.done, before+int64(i)+1)
			e.Total = t.total
		}
		if err := t.fn(e); err != nil {
			return err
		}
	}
	if b.passed > 0 {
		if err := t.fn(holdstore.Event{Done: t.done, Total: t.total}); err != nil {
			return err
		}
	}
	if b.done {
		t.behind--
		return t.caughtUp()
	}
	return nil
}

func (t *teller) caughtUp() error {
	if t.behind > 0 {
		return nil
	}
	t.behind = 1 << 30 // tell it once
	return t.fn(holdstore.Event{CaughtUp: true, Done: t.total, Total: t.total})
}

// lane reads one partition of the index or of the log.
type lane struct {
	s         *Store
	topic     string // indexTopic or decisionsTopic
	name      string
	partition int32
	first     int64 // where it began
	pos       int64 // what is read next
	end       int64 // where the replay ends
	empty     int   // answers in a row that said nothing
}

func (l *lane) run(ctx context.Context, batches chan<- batch) {
	wait := retryFirst
	for {
		b, err := l.read(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case errors.Is(err, holdstore.ErrCorrupt):
			b = batch{err: err}
		case err != nil:
			l.s.complain("the index or the log cannot be read", err)
			l.s.cluster.refresh()
			if pause.For(ctx, wait) != nil {
				return
			}
			wait = min(2*wait, retryMost)
			continue
		}
		if len(b.events) > 0 || b.passed > 0 || b.done || b.err != nil {
			select {
			case batches <- b:
			case <-ctx.Done():
				return
			}
		}
		if b.err != nil {
			return
		}
		wait = retryFirst
		if l.empty > 0 && pause.For(ctx, wait*time.Duration(l.empty)) != nil {
			return
		}
	}
}

func (l *lane) read(ctx context.Context) (batch, error) {
	f, err := l.s.cluster.fetch(ctx, l.name, l.partition, l.pos, fetchBytes, min(followWait, l.s.cfg.Timeout/2))
	switch {
	case errors.Is(err, errOutOfRange):
		return l.outOfRange(ctx)
	case err != nil:
		return batch{}, err
	}
	return l.take(f)
}

// take turns an answer into events and moves on.
func (l *lane) take(f fetched) (batch, error) {
	next := f.next
	if next <= l.pos {
		if f.end <= l.pos {
			l.empty = 0
			return batch{}, nil // at the end
		}
		if f.throttled {
			l.empty = 1
			return batch{}, nil
		}
		if l.empty++; l.empty < emptyAnswers || l.topic != indexTopic {
			return batch{}, nil
		}
		l.s.log.Warn("the brokers have no records in a part of the index",
			zap.Int32("partition", l.partition), zap.Int64("from", l.pos), zap.Int64("to", f.end))
		next = f.end
	}
	l.empty = 0
	var b batch
	for _, r := range f.records {
		if err := l.gap(r.offset); err != nil {
			return batch{}, err
		}
		if e, ok := l.event(r); ok {
			b.events = append(b.events, e)
		}
		l.advance(&b, r.offset+1)
	}
	if err := l.gap(next); err != nil {
		return batch{}, err
	}
	l.advance(&b, next)
	return b, nil
}

// advance notes how much of the replay was passed.
func (l *lane) advance(b *batch, next int64) {
	if next <= l.pos {
		return
	}
	if l.pos < l.end {
		b.passed += min(next, l.end) - l.pos
		b.done = b.done || next >= l.end
	}
	l.pos = next
}

// gap finds entries missing in the log. Every offset of it has an entry: it is
// not compacted, and nobody may write it in a transaction.
func (l *lane) gap(next int64) error {
	if l.topic != decisionsTopic || next <= l.pos {
		return nil
	}
	return fmt.Errorf("topic %s, partition %d: entries %d to %d are missing: %w", l.name, l.partition, l.pos, next-1, holdstore.ErrCorrupt)
}

// outOfRange compares where the lane is with what the partition has.
func (l *lane) outOfRange(ctx context.Context) (batch, error) {
	has, err := l.s.bounds(ctx, l.name, l.partition)
	switch {
	case err != nil:
	case l.pos > has.end:
		err = fmt.Errorf("topic %s, partition %d ends at %d, before offset %d that was there: %w", l.name, l.partition, has.end, l.pos, holdstore.ErrCorrupt)
	case l.pos >= has.first:
		err = errors.New("the brokers do not agree on the bounds of a partition")
	case l.pos > l.first || l.pos >= l.end:
		err = fmt.Errorf("topic %s, partition %d begins at %d, after offset %d that was not read yet: %w", l.name, l.partition, has.first, l.pos, holdstore.ErrCorrupt)
	default: // retention has removed the beginning before anything was read
		var b batch
		l.first = has.first
		l.advance(&b, has.first)
		return b, nil
	}
	return batch{}, err
}

// event makes an event of a record. What is not in the format, or not where it
// must be, is left out: whoever may write to the topics could put it there.
func (l *lane) event(r record) (holdstore.Event, bool) {
	bad := func() (holdstore.Event, bool) {
		l.s.complain("a record is not in the format", errors.New("it is left out"),
			zap.String("topic", l.name), zap.Int32("partition", l.partition), zap.Int64("offset", r.offset))
		return holdstore.Event{}, false
	}
	if l.topic == decisionsTopic {
		entry, err := parseLogEntry(r.value)
		if err != nil || l.s.partition(entry.Item, entry.Trace) != l.partition {
			return bad()
		}
		return holdstore.Event{Record: &entry, At: holdstore.Position{Partition: l.partition, Offset: r.offset}}, true
	}
	if string(r.key) == rollKey {
		return holdstore.Event{}, false
	}
	if len(r.key) != len(envelope.ID{}) {
		return bad()
	}
	id := envelope.ID(r.key)
	if r.value == nil {
		l.s.tombstone(id, r.offset)
		return holdstore.Event{Gone: &id}, true
	}
	e, err := parseEntry(r.value)
	if err != nil || !bytes.Equal(e.meta.ID[:], r.key) || l.s.partition(id, e.meta.Trace) != l.partition {
		return bad()
	}
	l.s.entered(id, r.offset)
	ref := holdstore.Ref{Partition: l.partition, Index: r.offset, View: int32(len(e.view)), Restore: int32(len(e.restore))} //nolint:gosec // G115: below maxChunks
	if len(e.view) > 0 {
		ref.Items = e.view[0].offset
	}
	return holdstore.Event{Held: &e.meta, Ref: ref}, true
}
