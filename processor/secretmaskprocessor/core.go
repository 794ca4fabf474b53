package secretmaskprocessor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/processor"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/rules"
)

// state is what a reload replaces. It is immutable.
type state struct {
	masker *mask.Masker
	policy string // the stamp's hash
	key    []byte // the fingerprint key
}

// core is what all signals and pipelines of one configuration share: the
// rules are compiled and reloaded once.
type core struct {
	cfg *Config
	log *zap.Logger
	tel *telemetry
	now func() time.Time

	state atomic.Pointer[state] // nil until Start
	store *memory.Store
	scans sync.Pool // of *scan

	// users is guarded by cores.mu.
	users int

	// mu guards what follows.
	mu      sync.Mutex
	engine  *rules.Engine
	sources string // the hash of the pack files that engine is made of
	key     []byte
	started int
	cancel  context.CancelFunc
	done    chan struct{} // closed when the reloader has ended
}

// cores are the cores in use, by configuration: the Collector gives all
// instances of one id the same *Config.
var cores = struct {
	mu sync.Mutex
	m  map[*Config]*core
}{m: map[*Config]*core{}}

// acquire returns the core of cfg, made at the first call; release must follow.
func acquire(set processor.Settings, cfg *Config) (*core, error) {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	c := cores.m[cfg]
	if c == nil {
		var err error
		if c, err = newCore(set, cfg); err != nil {
			return nil, err
		}
		cores.m[cfg] = c
	}
	c.users++
	return c, nil
}

func (c *core) release() {
	cores.mu.Lock()
	defer cores.mu.Unlock()
	if c.users--; c.users == 0 {
		delete(cores.m, c.cfg)
	}
}

// newCore compiles the rules, so that mistakes in them show before anything
// starts. The key waits for Start: making one writes to the disk.
func newCore(set processor.Settings, cfg *Config) (*core, error) {
	_, err := cfg.entries()
	sources, readErr := cfg.readPacks()
	var engine *rules.Engine
	if readErr == nil {
		var compileErr error
		engine, compileErr = cfg.compile(sources)
		err = errors.Join(err, compileErr)
	}
	if err = errors.Join(err, readErr); err != nil {
		return nil, err
	}
	tel, err := newTelemetry(set.TelemetrySettings)
	if err != nil {
		return nil, fmt.Errorf("making metrics: %w", err)
	}
	c := &core{cfg: cfg, log: set.Logger, tel: tel, now: time.Now, engine: engine, sources: hashSources(sources)}
	c.store = memory.NewStore(cfg.Memory.limits(), func() time.Time { return c.now() })
	c.scans.New = func() any { return newScan(c.cfg, c.now, c.store) }
	return c, nil
}

// start makes the masker at the first call.
func (c *core) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.started == 0 {
		key, err := c.cfg.key(c.log)
		if err != nil {
			return err
		}
		c.key = key
		if err := c.use(c.engine); err != nil {
			return err
		}
		if c.cfg.Rules.ReloadInterval > 0 && len(c.cfg.Rules.Packs) > 0 {
			ctx, cancel := context.WithCancel(context.Background())
			c.cancel, c.done = cancel, make(chan struct{})
			go c.reloader(ctx, c.done)
		}
	}
	c.started++
	return nil
}

// stop ends the reloader at the last call. Batches may still be under way:
// the masker stays.
func (c *core) stop() {
	c.mu.Lock()
	c.started--
	last, cancel, done := c.started == 0, c.cancel, c.done
	if last {
		c.cancel, c.done = nil, nil
	}
	c.mu.Unlock()
	if last && cancel != nil {
		cancel()
		<-done
	}
}

// use makes batches from now on go through engine. mu must be held.
func (c *core) use(engine *rules.Engine) error {
	options, err := c.cfg.options(engine, c.key)
	if err != nil {
		return err
	}
	masker, err := mask.New(options)
	if err != nil {
		return err
	}
	c.engine = engine
	c.state.Store(&state{masker: masker, policy: c.cfg.policyHash(engine), key: c.key})
	c.tel.rules.Record(context.Background(), int64(len(engine.Rules())))
	return nil
}

// reloader looks for changed packs until ctx ends.
func (c *core) reloader(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	ticker := time.NewTicker(c.cfg.Rules.ReloadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.reload(ctx)
		}
	}
}

// reload compiles the packs again if they changed: all of them or, if there
// is any mistake, none.
func (c *core) reload(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, err := c.tryReload() //nolint:contextcheck // short, and a half reload is none
	if changed || err != nil {
		c.tel.reloaded(ctx, err)
	}
	if err != nil {
		c.tel.log.warn("cannot reload rule packs, the old rules stay in use", 1, zap.Error(err))
	} else if changed {
		c.log.Info("reloaded rule packs", zap.Int("rules", len(c.engine.Rules())))
	}
}

func (c *core) tryReload() (changed bool, err error) {
	sources, err := c.cfg.readPacks()
	if err != nil {
		return false, err
	}
	hash := hashSources(sources)
	if hash == c.sources {
		return false, nil
	}
	engine, err := c.cfg.compile(sources)
	if err != nil {
		return false, err
	}
	if err := c.use(engine); err != nil {
		return false, err
	}
	c.sources = hash
	return true, nil
}
