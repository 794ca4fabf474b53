package local

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

var errClosed = errors.New("the store is closed")

// registry has the stores that are open in this process, by directory: an
// exporter and a receiver share one.
var registry = struct {
	mu     sync.Mutex
	stores map[string]*shared // under mu
}{stores: map[string]*shared{}}

// shared is a store and how many users it has, under registry.mu.
type shared struct {
	*store
	users int
}

// Open opens the store in a directory, or joins those in this process who
// have it open. Another process is refused.
func Open(cfg Config) (holdstore.Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return openWith(cfg, options{})
}

func openWith(cfg Config, opt options) (holdstore.Store, error) {
	dir, err := filepath.Abs(cfg.Directory)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if err := makeDirectory(dir); err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	registry.mu.Lock()
	defer registry.mu.Unlock()
	sh := registry.stores[dir]
	switch {
	case sh == nil:
		s, err := start(dir, cfg.maxBytes(), opt)
		if err != nil {
			return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
		}
		sh = &shared{store: s}
		registry.stores[dir] = sh
	case sh.maxBytes != cfg.maxBytes():
		return nil, fmt.Errorf("max_bytes: the store in %s is open with %d already, not %d: use one value everywhere", dir, sh.maxBytes, cfg.maxBytes())
	}
	sh.users++
	ctx, cancel := context.WithCancelCause(context.Background())
	return &handle{shared: sh, ctx: ctx, cancel: cancel}, nil
}

// handle is one user's store: closing it ends what this user does with it.
type handle struct {
	shared *shared
	ctx    context.Context // ends when the handle is closed
	cancel context.CancelCauseFunc
	closed atomic.Bool
}

var _ holdstore.Store = (*handle)(nil)

func (h *handle) Put(ctx context.Context, it *holdstore.Item) error {
	if h.closed.Load() {
		return errClosed
	}
	return h.shared.put(ctx, it)
}

func (h *handle) Follow(ctx context.Context, fn func(holdstore.Event) error) error {
	if h.closed.Load() {
		return errClosed
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.ctx, func() { cancel(errClosed) })() //nolint:contextcheck // the caller's context is in use; this one only ends it early
	return h.shared.follow(ctx, fn)
}

func (h *handle) Append(ctx context.Context, r holdstore.Record) (holdstore.Position, error) {
	if h.closed.Load() {
		return holdstore.Position{}, errClosed
	}
	return h.shared.append(ctx, r)
}

func (h *handle) Capsule(ctx context.Context, id envelope.ID, ref holdstore.Ref) (envelope.Capsule, error) {
	if err := h.err(ctx); err != nil {
		return envelope.Capsule{}, err
	}
	return h.shared.capsule(id)
}

func (h *handle) Chunks(ctx context.Context, id envelope.ID, ref holdstore.Ref, part envelope.Part) ([][]byte, error) {
	if err := h.err(ctx); err != nil {
		return nil, err
	}
	return h.shared.chunks(id, ref, part)
}

func (h *handle) Shred(ctx context.Context, id envelope.ID, _ [16]byte) error {
	if h.closed.Load() {
		return errClosed
	}
	return h.shared.shred(ctx, id)
}

func (h *handle) Shredded(ctx context.Context, id envelope.ID, _ holdstore.Ref) (bool, error) {
	if err := h.err(ctx); err != nil {
		return false, err
	}
	return h.shared.shredded(id)
}

func (h *handle) Prune(ctx context.Context, t time.Time) error {
	if err := h.err(ctx); err != nil {
		return err
	}
	return h.shared.prune(ctx, t)
}

// Size tells how many bytes the store has and may have.
func (h *handle) Size() (used, limit int64) { return h.shared.used(), h.shared.maxBytes }

func (h *handle) err(ctx context.Context) error {
	if h.closed.Load() {
		return errClosed
	}
	return ctx.Err()
}

// Close ends the store when its last user in this process closes it.
func (h *handle) Close() error {
	if h.closed.Swap(true) {
		return nil
	}
	h.cancel(errClosed)
	registry.mu.Lock()
	defer registry.mu.Unlock()
	if h.shared.users--; h.shared.users > 0 {
		return nil
	}
	delete(registry.stores, h.shared.dir)
	return h.shared.stop()
}
