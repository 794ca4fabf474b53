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

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/instances"
	"github.com/tracescrub/tracescrub/internal/judged"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/gitleaks"
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

	state atomic.Pointer[state]  // nil until Start
	seal  atomic.Pointer[sealer] // nil without public keys
	store *memory.Store
	scans sync.Pool // of *scan

	// mu guards what follows.
	mu      sync.Mutex
	engine  *rules.Engine // without known secrets
	known   *dictionary   // nil if none is configured
	sources string        // the hash of the pack files that engine is made of
	sealKey envelope.KeyID
	key     []byte
	started int
	cancel  context.CancelFunc
	done    chan struct{} // closed when the reloader has ended
}

// cores are the cores in use.
var cores instances.Table[*Config, *core]

// acquire returns the core of cfg; release must follow.
func acquire(set processor.Settings, cfg *Config) (*core, error) {
	return cores.Acquire(cfg, func() (*core, error) { return newCore(set, cfg) })
}

// release has nothing to end: what runs ends with the last stop.
func (c *core) release() error {
	return cores.Release(c.cfg, func(*core) error { return nil })
}

// newCore compiles the rules, so that mistakes in them show before anything
// starts. The key waits for Start: making one writes to the disk.
func newCore(set processor.Settings, cfg *Config) (*core, error) {
	_, err := cfg.entries(nil)
	sources, readErr := cfg.readPacks()
	var engine *rules.Engine
	if readErr == nil {
		var compileErr error
		engine, compileErr = cfg.compile(sources, differs(set.Logger), nil)
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
	c.store = memory.NewStore(cfg.memoryLimits(), func() time.Time { return c.now() })
	// What is dropped must leave something behind that audit events can be made
	// of, where anybody makes them: verdict refuses what has no stamp at all.
	leave := cfg.annotates() && judged.Get()
	c.scans.New = func() any { return newScan(c.cfg, c.now, c.store, &c.scans, leave) }
	return c, nil
}

// differs logs what an imported rule pack has otherwise than its file.
func differs(log *zap.Logger) func(gitleaks.Difference) {
	return func(d gitleaks.Difference) {
		log.Warn("an imported rule pack differs from its file", zap.Stringer("difference", d))
	}
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
		if c.cfg.Known.on() {
			if c.known, err = c.cfg.Known.read(context.Background(), c.log); err != nil {
				return err
			}
		}
		if err := c.readSealer(); err != nil {
			return err
		}
		if err := c.use(c.engine); err != nil {
			return err
		}
		c.background()
	}
	c.started++
	return nil
}

// background starts what reads files again. mu must be held.
func (c *core) background() {
	var work []func(context.Context)
	if c.cfg.Rules.ReloadInterval > 0 && len(c.cfg.Rules.Packs) > 0 {
		work = append(work, func(ctx context.Context) { every(ctx, c.cfg.Rules.ReloadInterval, c.reload) })
	}
	if c.cfg.Known.Refresh > 0 && c.known != nil {
		work = append(work, func(ctx context.Context) { every(ctx, c.cfg.Known.Refresh, c.refresh) })
	}
	if c.cfg.Seal.ReloadInterval > 0 && c.cfg.Seal.on() {
		work = append(work, func(ctx context.Context) { every(ctx, c.cfg.Seal.ReloadInterval, c.rekey) })
	}
	if len(work) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	c.cancel, c.done = cancel, done
	var all sync.WaitGroup
	for _, f := range work {
		all.Go(func() { f(ctx) })
	}
	go func() {
		all.Wait()
		close(done)
	}()
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
	all := engine
	if c.known != nil {
		var err error
		if all, err = engine.WithKnown(c.known.secrets); err != nil {
			return err
		}
		c.tel.known.Record(context.Background(), int64(len(c.known.secrets)))
	}
	options, err := c.cfg.options(all, c.key)
	if err != nil {
		return err
	}
	masker, err := mask.New(options)
	if err != nil {
		return err
	}
	c.engine = engine
	c.state.Store(&state{masker: masker, policy: c.cfg.policyHash(all), key: c.key})
	c.tel.rules.Record(context.Background(), int64(len(all.Rules())))
	return nil
}

// every calls fn at an interval until ctx ends.
func every(ctx context.Context, interval time.Duration, fn func(context.Context)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			fn(ctx)
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
		c.tel.log.Warn("cannot reload rule packs, the old rules stay in use", 1, zap.Error(err))
	} else if changed {
		c.log.Info("reloaded rule packs", zap.Int("rules", len(c.engine.Rules())))
	}
}

// aside returns a pause that leaves three quarters of a core to the batches that
// come in while rules are compiled.
func aside() (pause func()) {
	const most = time.Millisecond // at a time
	began := time.Now()
	return func() {
		if worked := time.Since(began); worked > most {
			time.Sleep(3 * worked)
			began = time.Now()
		}
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
	engine, err := c.cfg.compile(sources, differs(c.log), aside())
	if err != nil {
		return false, err
	}
	if err := c.use(engine); err != nil {
		return false, err
	}
	c.sources = hash
	return true, nil
}
