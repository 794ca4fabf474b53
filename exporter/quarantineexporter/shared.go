package quarantineexporter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
	"github.com/tracescrub/tracescrub/internal/instances"
	"github.com/tracescrub/tracescrub/internal/seal"
)

// shared is what all signals of one component id have together.
type shared struct {
	cfg *Config
	set component.TelemetrySettings
	log *zap.Logger
	now func() time.Time
	// open is backend.Open but in tests.
	open func(context.Context, backend.Config, *zap.Logger) (holdstore.Store, error)

	// maxWaiting is the constant but in tests.
	maxWaiting int64

	// mu is held while opened is made.
	mu sync.Mutex
	// opened is what there is between the first Start and the last Shutdown.
	opened atomic.Pointer[opened]
}

// opened is the exporter at work.
type opened struct {
	store holdstore.Store
	tel   *telemetry
	// sealer is replaced when there is a newer key.
	sealer atomic.Pointer[seal.Sealer]
	// waiting is how many bytes of items wait for the store.
	waiting atomic.Int64
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// inUse are the instances in use.
var inUse instances.Table[*Config, *shared]

// acquire returns the instance of cfg; release must follow.
func acquire(set exporter.Settings, cfg *Config) (*shared, error) {
	return inUse.Acquire(cfg, func() (*shared, error) {
		return &shared{cfg: cfg, set: set.TelemetrySettings, log: set.Logger, now: time.Now, open: backend.Open, maxWaiting: maxWaiting}, nil
	})
}

// start opens the store for the first of the signals.
func (s *shared) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened.Load() != nil {
		return nil
	}
	o, err := s.makeOpened(ctx)
	if err == nil {
		s.opened.Store(o)
	}
	return err
}

func (s *shared) makeOpened(ctx context.Context) (*opened, error) {
	sealer, err := seal.New(s.cfg.Seal.PublicKeys)
	if err != nil {
		return nil, fmt.Errorf("seal::public_keys: %w", err)
	}
	store, err := s.open(ctx, s.cfg.Store, s.log)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	o := &opened{store: store}
	o.sealer.Store(sealer)
	if o.tel, err = newTelemetry(s.set, store); err != nil {
		return nil, errors.Join(fmt.Errorf("making metrics: %w", err), store.Close())
	}
	keys, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the context of Start ends with it
	o.stop = cancel
	if s.cfg.Seal.ReloadInterval > 0 {
		o.done.Go(func() { s.reload(keys, o) })
	}
	return o, nil
}

// release gives the instance back; with the last signal it is closed.
func (s *shared) release() error { return inUse.Release(s.cfg, (*shared).close) }

func (s *shared) close() error {
	o := s.opened.Swap(nil)
	if o == nil {
		return nil
	}
	o.stop()
	o.done.Wait()
	return errors.Join(o.tel.close(), o.store.Close())
}

// reload reads the public keys again from time to time. While it cannot, the
// old key stays in use: what is sealed for it can still be opened.
func (s *shared) reload(ctx context.Context, o *opened) {
	tick := time.NewTicker(s.cfg.Seal.ReloadInterval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		sealer, err := seal.New(s.cfg.Seal.PublicKeys)
		if err != nil {
			if !failing {
				s.log.Warn("the public keys cannot be read, the old one stays in use", zap.Error(err))
			}
			failing = true
			o.tel.reloaded(ctx, err)
			continue
		}
		failing = false
		if old := o.sealer.Swap(sealer); old.Key() != sealer.Key() {
			s.log.Info("sealing for a new key", zap.Stringer("key", sealer.Key()))
			o.tel.reloaded(ctx, nil)
		}
	}
}
