package releasereceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/confighash"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/keeper"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/notify"
)

// core is what the receivers of all signals with one configuration share.
type core struct {
	cfg *Config
	set receiver.Settings

	// The next consumers; nil where the receiver is in no such pipeline. They
	// are set before Start.
	traces  consumer.Traces
	logs    consumer.Logs
	metrics consumer.Metrics

	// mu guards what follows.
	mu      sync.Mutex
	users   int
	started int
	stopped bool
	running *running
}

// cores are the cores in use, by configuration: the Collector gives all
// instances of one id the same *Config.
var cores = struct {
	mu sync.Mutex
	m  map[*Config]*core
}{m: map[*Config]*core{}}

// signal is the receiver of one signal.
type signal struct {
	core *core
	once sync.Once
}

func acquire(set receiver.Settings, cfg *Config, join func(*core)) (*signal, error) {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	c := cores.m[cfg]
	if c == nil || c.ended() {
		c = &core{cfg: cfg, set: set}
		cores.m[cfg] = c
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users++
	join(c)
	return &signal{core: c}, nil
}

func (c *core) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

// Start implements component.Component. The work begins with the last of the
// signals: what is released may need the pipelines of all of them.
func (s *signal) Start(ctx context.Context, host component.Host) error {
	c := s.core
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started++; c.started < c.users || c.stopped {
		return nil
	}
	if c.logs == nil {
		return errors.New("release_gate is in no logs pipeline, so what it does could not be recorded: add it to the receivers of one")
	}
	r, err := c.start(ctx, host)
	if err != nil {
		return fmt.Errorf("release_gate: %w", err)
	}
	c.running = r
	return nil
}

// Shutdown implements component.Component. The work ends with the first of
// the signals: the pipelines of the others may end any moment.
func (s *signal) Shutdown(ctx context.Context) error {
	c := s.core
	c.mu.Lock()
	r := c.running
	c.running, c.stopped = nil, true
	c.mu.Unlock()
	var err error
	if r != nil {
		err = r.end(ctx)
	}
	s.once.Do(func() {
		cores.mu.Lock()
		defer cores.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.users--; c.users == 0 && cores.m[c.cfg] == c {
			delete(cores.m, c.cfg)
		}
	})
	return err
}

// running is what has to be ended, in this order.
type running struct {
	server   *server
	keeper   *keeper.Keeper
	notifier *notify.Notifier
	tel      *telemetry
	store    holdstore.Store
}

// endTime bounds how long what is under way may take to end, below the time
// that systems give a process to stop.
const endTime = 8 * time.Second

func (r *running) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	var errs []error
	if r.server != nil {
		errs = append(errs, r.server.end(ctx))
	}
	if r.keeper != nil {
		r.keeper.Shutdown(ctx)
	}
	if r.notifier != nil {
		r.notifier.Shutdown()
	}
	if r.tel != nil {
		errs = append(errs, r.tel.end())
	}
	if r.store != nil {
		errs = append(errs, r.store.Close())
	}
	return errors.Join(errs...)
}

func (c *core) start(ctx context.Context, host component.Host) (r *running, err error) {
	r = &running{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.end(ctx))
		}
	}()
	k, err := readKeys(c.cfg, c.set.Logger)
	if err != nil {
		return r, err
	}
	if r.store, err = backend.Open(ctx, c.cfg.Store, c.set.Logger); err != nil {
		return r, fmt.Errorf("store: %w", err)
	}
	if r.tel, err = newTelemetry(c.set.TelemetrySettings); err != nil {
		return r, fmt.Errorf("making metrics: %w", err)
	}
	settings := c.settings(k, r)
	if settings.Rules, settings.News, settings.Told, err = c.rules(k); err != nil {
		return r, err
	}
	if c.cfg.Notify.HasValue() {
		cfg := *c.cfg.Notify.Get()
		r.notifier = notify.New(cfg, r.tel.notified)
		settings.Tell, settings.RemindAhead = r.notifier.Tell, cfg.RemindBefore
	}
	r.keeper = keeper.New(settings)
	if err := r.tel.watch(r.keeper); err != nil {
		return r, fmt.Errorf("making metrics: %w", err)
	}
	if r.server, err = c.serve(ctx, host, r.keeper); err != nil {
		return r, err
	}
	if r.notifier != nil {
		r.notifier.Start() //nolint:contextcheck // the context of Start ends with it, what is started goes on
	}
	r.keeper.Start() //nolint:contextcheck // the context of Start ends with it, what is started goes on
	return r, nil
}

// settings are those of the keeper.
func (c *core) settings(k *keys, r *running) keeper.Settings {
	return keeper.Settings{
		Store: r.store, Contents: &content.Vault{Store: r.store, Keys: k.ring}, Key: k.mac, Fingerprint: k.fingerprint,
		Required: c.cfg.required, ExpireAfter: c.cfg.ExpireAfter, MinReason: c.cfg.Justification.MinLength,
		Lease: c.cfg.Release.Lease, Workers: c.cfg.Release.Workers, Exclusive: c.cfg.Store.Local.HasValue(),
		Emit: c.emitter(k.mac), Send: c.send, Keys: k, Admit: k.admit, Secret: secretIn(c.set.Logger), Config: confighash.Get(),
		Now: time.Now, Log: c.set.Logger, Observer: r.tel,
	}
}

// emitter sends events the way of all logs: verdict knows them by the context.
// All gates on a store have the same mac, so they tell the same events.
func (c *core) emitter(mac []byte) func(ctx context.Context, events ...event.Event) error {
	source := event.Source{Resource: c.set.Resource, Component: c.set.ID.String(), Version: c.set.BuildInfo.Version, Secret: mac}
	return func(ctx context.Context, events ...event.Event) error {
		return c.logs.ConsumeLogs(release.WithEvent(ctx), source.Logs(events...))
	}
}

// send sends what is released the way it came. secret_mask looks at it again.
func (c *core) send(ctx context.Context, r *release.Release, t *content.Telemetry) error {
	ctx = release.With(ctx, r)
	switch {
	case t.Signal == "traces" && c.traces != nil:
		return c.traces.ConsumeTraces(ctx, t.Traces)
	case t.Signal == "logs":
		return c.logs.ConsumeLogs(ctx, t.Logs)
	case t.Signal == "metrics" && c.metrics != nil:
		return c.metrics.ConsumeMetrics(ctx, t.Metrics)
	}
	c.set.Logger.Error("an approved item cannot be released: release_gate is in no pipeline of its signal", zap.String("signal", t.Signal))
	return errors.New("release_gate is in no pipeline of the signal")
}

var _ gate.Gate = (*keeper.Keeper)(nil)
