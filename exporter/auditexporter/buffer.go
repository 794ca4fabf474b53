package auditexporter

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/auditlog"
)

var errBufferFull = errors.New("the buffer is full")

// buffer are events whose entries come later.
type buffer struct {
	limit int
	most  int64 // bytes, as they arrived

	// mu guards what follows.
	mu     sync.Mutex
	events []auditlog.Event
	sizes  []int64         // of the events
	bytes  int64           // of all of them
	ids    map[string]bool // of them: a retry waits once
	closed bool
}

// add takes all events, which have so many bytes together, or none.
func (b *buffer) add(events []auditlog.Event, size int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	var fresh []auditlog.Event
	for i := range events {
		if !b.ids[events[i].ID] {
			fresh = append(fresh, events[i])
		}
	}
	each := size/int64(len(events)) + 1
	more := each * int64(len(fresh))
	if b.closed || len(b.events)+len(fresh) > b.limit || b.bytes+more > b.most {
		return false
	}
	for i := range fresh {
		b.ids[fresh[i].ID] = true
		b.sizes = append(b.sizes, each)
	}
	b.bytes += more
	b.events = append(b.events, fresh...)
	return true
}

func (b *buffer) len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.events)
}

// first returns the oldest events, at most n.
func (b *buffer) first(n int) []auditlog.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.events[:min(n, len(b.events))]
}

// drop forgets the oldest n. Only who calls first may.
func (b *buffer) drop(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.events[:n] {
		delete(b.ids, b.events[i].ID)
		b.bytes -= b.sizes[i]
	}
	clear(b.events[:n])
	b.events, b.sizes = b.events[n:], b.sizes[n:]
	if len(b.events) == 0 {
		b.events, b.sizes = nil, nil
	}
}

// close makes add refuse.
func (b *buffer) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
}

const (
	flushEvery = time.Second
	flushAtOne = 500 // events
)

// flush writes what waits. One goroutine at a time calls it.
func (w *working) flush(ctx context.Context) {
	for {
		batch := w.buffer.first(flushAtOne)
		if len(batch) == 0 {
			return
		}
		_, err := w.writer.Append(ctx, batch...)
		if errors.Is(err, auditlog.Invalid) && len(batch) > 1 {
			batch = batch[:1] // find out which one
			_, err = w.writer.Append(ctx, batch...)
		}
		switch {
		case errors.Is(err, auditlog.Invalid):
			w.tel.lost.Add(ctx, 1)
			w.log.Error("an event that waited cannot be an entry and is lost", zap.String("kind", batch[0].Kind))
		case err != nil:
			return
		default:
			w.tel.written(ctx, batch)
		}
		w.buffer.drop(len(batch))
	}
}
