package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// Store is a holdstore.Store on Kafka.
type Store struct {
	cfg     *Config
	log     *zap.Logger
	cluster cluster
	spool   *spool // nil: none

	// ctx ends with Close, and with it all that is under way.
	ctx    context.Context
	cancel context.CancelFunc
	// slots bounds how many items are on their way to the brokers at once.
	slots chan struct{}
	// spooled has room for one: something is in the spool.
	spooled chan struct{}
	// away: the last attempt to reach the brokers has failed. Only the spool's
	// shipper tries until it succeeds.
	away atomic.Bool
	// checked: the topics are what they must be.
	checked atomic.Bool
	// checking is held, by sending to it, by who looks at the topics.
	checking chan struct{}
	failed   error     // held by checking: how the last look ended
	failedAt time.Time // held by checking

	mu      sync.Mutex
	closed  bool                          // under mu
	running sync.WaitGroup                // added to under mu, unless closed
	putting map[envelope.ID]chan struct{} // under mu: closed when the Put of an id ends
	stored  *idSet                        // under mu: ids that were put, or told to followers, lately
	gone    *idSet                        // under mu: ids that were shredded lately
	quiet   map[string]time.Time          // under mu: when a complaint was last logged
	rolled  map[int32]time.Time           // under mu: when a partition of the index was last made to roll
}

const (
	maxUnderWay  = 32
	recheckAfter = time.Second
	quietFor     = 10 * time.Second
)

var errClosed = errors.New("the store is closed")

var _ holdstore.Store = (*Store)(nil)

// Open opens the store. Topics that are wrong are an error; brokers that do
// not answer are none: the topics are looked at before anything is done with
// them, whenever that is.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cl, err := newClient(&cfg)
	if err != nil {
		return nil, err
	}
	return open(ctx, &cfg, log, cl)
}

func open(ctx context.Context, cfg *Config, log *zap.Logger, cl cluster) (*Store, error) {
	s := &Store{
		cfg: cfg, log: log, cluster: cl,
		slots: make(chan struct{}, maxUnderWay), spooled: make(chan struct{}, 1), checking: make(chan struct{}, 1),
		putting: map[envelope.ID]chan struct{}{}, stored: newIDSet(keepStored, maxIDs), gone: newIDSet(keepGone, maxIDs), quiet: map[string]time.Time{}, rolled: map[int32]time.Time{},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	fail := func(err error) (*Store, error) {
		s.cancel()
		cl.close()
		return nil, err
	}
	if cfg.Spool.Directory != "" {
		sp, damaged, err := openSpool(cfg.Spool, disk)
		if err != nil {
			return fail(err)
		}
		s.spool = sp
		for _, name := range damaged {
			log.Error("a file in the spool is not what was written there; it is kept under another name", zap.String("file", name))
		}
	}
	if err := s.ready(ctx); err != nil {
		if errors.Is(err, errWrongTopic) {
			if s.spool != nil {
				s.spool.close()
			}
			return fail(err)
		}
		log.Warn("the brokers do not answer; trying again when they are needed", zap.Error(err))
	}
	if s.spool != nil {
		s.running.Go(s.shipSpool)
	}
	return s, nil
}

// begin starts an operation: its context ends with the store, too.
func (s *Store) begin(ctx context.Context) (context.Context, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	s.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
		s.running.Done()
	}, nil
}

// Close ends the store and what is under way. What is in the spool is shipped
// when it is opened again.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.cluster.close()
	s.running.Wait()
	s.cluster.close() // what was under way may have connected again
	if s.spool != nil {
		return s.spool.close()
	}
	return nil
}

// ready sees that the topics are what they must be, once.
func (s *Store) ready(ctx context.Context) error {
	if s.checked.Load() {
		return nil
	}
	select {
	case s.checking <- struct{}{}:
		defer func() { <-s.checking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.checked.Load() {
		return nil
	}
	// Those who waited for a look that failed do not each look again.
	if s.failed != nil && time.Since(s.failedAt) < recheckAfter {
		return s.failed
	}
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err := check(limited, s.cluster, s.cfg)
	switch {
	case err == nil:
		s.checked.Store(true)
	case ctx.Err() == nil:
		s.failed, s.failedAt = err, time.Now()
	}
	return err
}

// complain logs an error, but the same complaint not all the time.
func (s *Store) complain(what string, err error, fields ...zap.Field) {
	s.mu.Lock()
	now := time.Now()
	silent := now.Sub(s.quiet[what]) < quietFor
	if !silent {
		s.quiet[what] = now
	}
	s.mu.Unlock()
	if !silent {
		s.log.Error(what, append(fields, zap.Error(err))...)
	}
}

// partition is where everything about an item is.
func (s *Store) partition(id envelope.ID, trace [16]byte) int32 {
	return partition(id, trace, s.cfg.Topics.Partitions)
}

// ended says why an operation could not go on: a closed store is the reason
// for whatever else went wrong.
func (s *Store) ended(err error) error {
	if err != nil && s.ctx.Err() != nil {
		return fmt.Errorf("%w: %w", errClosed, err)
	}
	return err
}

// Spooled is how much waits in the spool.
func (s *Store) Spooled() (items int, bytes int64) {
	if s.spool == nil {
		return 0, 0
	}
	return s.spool.size()
}
