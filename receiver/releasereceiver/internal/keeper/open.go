package keeper

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

const (
	// openBytes is how many bytes of views may be open at once for those who
	// ask: decoded they take several times as much, and what runs out of
	// memory here takes all telemetry with it. A larger item is opened alone.
	openBytes = 64 << 20
	// openWait is how long somebody waits for others to be done.
	openWait = 10 * time.Second
)

// errBusy: trying again has more luck.
var errBusy = errors.New("too many large items are open at the moment")

// budget is what those who open items share.
type budget struct {
	mu   sync.Mutex
	free int64         // guarded by mu
	more chan struct{} // closed when some is given back; guarded by mu
}

func newBudget() *budget { return &budget{free: openBytes, more: make(chan struct{})} }

// take waits until there is room for n bytes. Who has it gives it back.
func (b *budget) take(ctx context.Context, n int64) (give func(), err error) {
	n = min(max(n, 1), openBytes)
	late := time.NewTimer(openWait)
	defer late.Stop()
	for {
		b.mu.Lock()
		more, ok := b.more, b.free >= n
		if ok {
			b.free -= n
		}
		b.mu.Unlock()
		if ok {
			return func() { b.give(n) }, nil
		}
		select {
		case <-more:
		case <-late.C:
			return nil, errBusy
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free += n
	close(b.more)
	b.more = make(chan struct{})
}

// look opens the view of an item for as long as fn runs.
func (k *Keeper) look(ctx context.Context, e ledger.Entry, fn func(*content.Telemetry) error) error {
	give, err := k.open.take(ctx, e.Bytes)
	if err != nil {
		return err
	}
	defer give()
	t, err := k.Contents.View(ctx, e)
	if err != nil {
		return err
	}
	return fn(t)
}
