package verdictconnector

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// heldTraces remembers traces of which something was held, a bounded number
// for a limited time. It is safe for concurrent use.
type heldTraces struct {
	bound    int
	duration time.Duration

	// n is the length of traces, so that nobody waits for mu while it is empty.
	n atomic.Int64

	// mu guards what follows.
	mu     sync.RWMutex
	traces map[pcommon.TraceID]*list.Element
	order  *list.List // of *heldTrace, the one that was held longest ago in front
}

type heldTrace struct {
	id    pcommon.TraceID
	until time.Time
}

func newHeldTraces(bound int, duration time.Duration) *heldTraces {
	return &heldTraces{bound: bound, duration: duration, traces: map[pcommon.TraceID]*list.Element{}, order: list.New()}
}

// has reports whether id is remembered.
func (h *heldTraces) has(id pcommon.TraceID, now time.Time) bool {
	if h.n.Load() == 0 {
		return false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	e := h.traces[id]
	return e != nil && now.Before(e.Value.(*heldTrace).until)
}

// hold remembers ids from now on, and forgets what is too old or too much.
func (h *heldTraces) hold(ids map[pcommon.TraceID]struct{}, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	until := now.Add(h.duration)
	for id := range ids {
		if e := h.traces[id]; e != nil {
			e.Value.(*heldTrace).until = until
			h.order.MoveToBack(e)
		} else {
			h.traces[id] = h.order.PushBack(&heldTrace{id: id, until: until})
		}
	}
	for e := h.order.Front(); e != nil; e = h.order.Front() {
		t := e.Value.(*heldTrace)
		if now.Before(t.until) && h.order.Len() <= h.bound {
			break
		}
		h.order.Remove(e)
		delete(h.traces, t.id)
	}
	h.n.Store(int64(h.order.Len()))
}

// count is how many are remembered.
func (h *heldTraces) count() int64 { return h.n.Load() }
