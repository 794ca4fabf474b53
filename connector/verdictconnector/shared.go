package verdictconnector

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/tracescrub/tracescrub/internal/confighash"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/instances"
)

// shared is what all signals of one component id have together: the memory of
// held traces, the metrics, and the way to the audit pipelines.
type shared struct {
	cfg    *Config
	tel    *telemetry
	held   *heldTraces
	source event.Source
	config string // hash of the Collector's configuration; empty outside of one
	now    func() time.Time
	told   announced

	// mu guards what follows.
	mu sync.Mutex
	// tellers is how many connectors to logs there are.
	tellers int
	// audits are the audit pipelines as each signal's connector to logs reaches
	// them. They are all there before anything starts.
	audits map[pipeline.Signal]consumer.Logs
	// cancel stops what begin has begun, and ended is closed once it has.
	cancel context.CancelFunc
	ended  chan struct{}
}

// inUse are the instances in use.
var inUse instances.Table[*Config, *shared]

// acquire returns the instance of cfg; release must follow.
func acquire(set connector.Settings, cfg *Config) (*shared, error) {
	return inUse.Acquire(cfg, func() (*shared, error) { return newShared(set, cfg) })
}

func newShared(set connector.Settings, cfg *Config) (*shared, error) {
	s := &shared{cfg: cfg, now: time.Now, told: newAnnounced(), config: confighash.Get(), audits: map[pipeline.Signal]consumer.Logs{}}
	s.held = newHeldTraces(cfg.HeldTraces, cfg.HeldDuration)
	s.source = event.Source{Resource: set.Resource, Component: set.ID.String(), Version: set.BuildInfo.Version}
	if s.source.Resource == (pcommon.Resource{}) {
		s.source.Resource = pcommon.NewResource()
	}
	var err error
	if s.tel, err = newTelemetry(set.TelemetrySettings, s.held.count); err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	return s, nil
}

// release gives the instance back.
func (s *shared) release() error {
	return inUse.Release(s.cfg, func(s *shared) error { return s.tel.close() })
}

func (s *shared) setAudit(signal pipeline.Signal, to consumer.Logs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tellers++
	s.audits[signal] = to
}

// auditOf returns the way to the audit pipelines, nil if there is none.
func (s *shared) auditOf(signal pipeline.Signal) consumer.Logs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.audits[signal]
}

// lifecycle is one connector's use of the instance.
type lifecycle struct {
	*shared
	signal pipeline.Signal
	tells  bool      // it is a connector to logs
	once   sync.Once // of the release
}

// Start refuses to run without a way to the audit pipelines.
func (l *lifecycle) Start(context.Context, component.Host) error {
	if l.auditOf(l.signal) == nil {
		return fmt.Errorf("audit: the connector is no receiver of a logs pipeline, so events about %s would go nowhere", l.signal)
	}
	if l.tells {
		l.begin(l.signal) //nolint:contextcheck // the context of Start ends with it, what is begun goes on
	}
	return nil
}

// Shutdown may come without Start, and more than once.
func (l *lifecycle) Shutdown(ctx context.Context) error {
	var err error
	l.once.Do(func() {
		if l.tells && l.lastTeller() {
			l.end(ctx, l.signal)
		}
		err = l.release()
	})
	return err
}

func (s *shared) lastTeller() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tellers--
	return s.tellers == 0
}

// Capabilities: what has to be changed is copied.
func (l *lifecycle) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }
