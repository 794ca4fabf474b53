package keeper

import (
	"context"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// ringSize is how many changes are remembered for whoever was away for a moment.
const ringSize = 4096

// ring has the latest changes.
type ring struct {
	mu    sync.Mutex
	seq   uint64 // of the latest change; guarded by mu
	first uint64 // changes up to this one are not there; guarded by mu
	buf   [ringSize]gate.Notice
	more  chan struct{} // closed with the next change; guarded by mu
}

// newRing counts from the time on, so that numbers of an earlier run are too
// old; they stay below 2^53, which JavaScript can count to.
func newRing(now time.Time) *ring {
	seq := uint64(max(now.UnixMicro(), 0))
	return &ring{seq: seq, first: seq, more: make(chan struct{})}
}

func (r *ring) add(n gate.Notice) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	n.Seq = r.seq
	r.buf[r.seq%ringSize] = n
	if r.seq-r.first > ringSize {
		r.first = r.seq - ringSize
	}
	close(r.more)
	r.more = make(chan struct{})
}

// skip makes everybody look at the list again: changes were missed.
func (r *ring) skip() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	r.first = r.seq
	close(r.more)
	r.more = make(chan struct{})
}

// after returns the changes after seq, and what tells that there are more.
func (r *ring) after(seq uint64) (list []gate.Notice, more <-chan struct{}, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq < r.first || seq > r.seq {
		return nil, nil, false
	}
	for s := seq + 1; s <= r.seq; s++ {
		list = append(list, r.buf[s%ringSize])
	}
	return list, r.more, true
}

// changes is closed with the next change.
func (r *ring) changes() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.more
}

func (r *ring) now() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seq
}

// Subscribe implements gate.Gate.
func (k *Keeper) Subscribe(ctx context.Context, seq uint64, fn func(gate.Notice) error) (complete bool, err error) {
	if seq == gate.Now {
		seq = k.ring.now()
		if err := fn(gate.Notice{Seq: seq}); err != nil {
			return true, err
		}
	}
	for {
		list, more, ok := k.ring.after(seq)
		if !ok {
			return false, nil
		}
		for _, n := range list {
			if err := fn(n); err != nil {
				return true, err
			}
			seq = n.Seq
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
}
