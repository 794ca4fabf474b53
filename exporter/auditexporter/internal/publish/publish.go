// Package publish copies checkpoints of the audit log to where whoever owns
// this machine cannot change them. docs/format/checkpoints.md says what
// arrives there.
package publish

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
)

// checkpoint is one to be sent.
type checkpoint struct {
	proof.Checkpoint
	signed []byte
	id     string // 32 hex digits, derived from signed: the same in every attempt
}

func newCheckpoint(signed []byte) (*checkpoint, error) {
	c, err := proof.Read(signed)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(signed)
	return &checkpoint{Checkpoint: c, signed: signed, id: hex.EncodeToString(sum[:16])}, nil
}

// sink is a place that checkpoints are copied to. Only its worker uses it.
type sink interface {
	// start gets ready. last is what the sink has, as far as is known.
	start(ctx context.Context, host component.Host, last source.Published) error
	// send copies a checkpoint. Its error names no address and no credential.
	send(ctx context.Context, c *checkpoint) error
	close()
}

// Publisher copies checkpoints. One goroutine for each sink sends the newest
// one; what a slow sink missed it does not get, since the next covers it.
// It is safe for concurrent use.
type Publisher struct {
	dir     string
	log     *zap.Logger
	observe Observer
	now     func() time.Time
	workers []*worker
	status  *status

	mu     sync.Mutex
	latest []byte // under mu

	stopping chan struct{}
	once     sync.Once
	cancel   context.CancelFunc
	wg       sync.WaitGroup
}

// Observer is told of each attempt, for metrics.
type Observer func(ctx context.Context, sink string, size int64, err error)

// lastChance is how long Shutdown goes on sending.
const lastChance = 10 * time.Second

// New makes a publisher for the log in a directory.
func New(cfg Config, dir string, set component.TelemetrySettings, observe Observer) (*Publisher, error) {
	p := &Publisher{dir: dir, log: set.Logger, observe: observe, now: time.Now, stopping: make(chan struct{})}
	var err error
	if p.workers, err = newWorkers(cfg, dir, set); err != nil {
		return nil, err
	}
	var names []string
	for _, w := range p.workers {
		names = append(names, w.name)
	}
	p.status = newStatus(dir, names)
	return p, nil
}

// Start begins to send: the last checkpoint that is there, even if the log
// cannot be written now, then each new one.
func (p *Publisher) Start(ctx context.Context, host component.Host) error {
	if len(p.workers) == 0 {
		return nil
	}
	p.status.load()
	for _, w := range p.workers {
		if err := w.sink.start(ctx, host, p.status.get(w.name)); err != nil {
			p.closeSinks()
			return fmt.Errorf("%s: %w", strings.Replace(w.name, "/", "::", 1), err)
		}
	}
	p.mu.Lock()
	if p.latest == nil {
		p.latest, _ = os.ReadFile(filepath.Join(p.dir, files.Checkpoint)) // if there is none yet, the log says so later
	}
	p.mu.Unlock()
	running, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the context of Start ends with it
	p.cancel = cancel
	for _, w := range p.workers {
		p.wg.Go(func() { p.run(running, w) })
	}
	return nil
}

// Checkpointed takes a new checkpoint. It does not wait.
func (p *Publisher) Checkpointed(signed []byte) {
	p.mu.Lock()
	p.latest = signed
	p.mu.Unlock()
	for _, w := range p.workers {
		select {
		case w.more <- struct{}{}:
		default: // it will look anyway
		}
	}
}

func (p *Publisher) newest() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.latest
}

// Status is what was sent where.
func (p *Publisher) Status() []source.Published { return p.status.all() }

// Shutdown sends the last checkpoint, as long as ctx lasts, at most ten
// seconds, and ends. That a sink did not take it is no error: it is told as
// any other failure, and sent with the next start.
func (p *Publisher) Shutdown(ctx context.Context) error {
	if p.cancel == nil {
		return nil
	}
	p.once.Do(func() {
		ctx, stop := context.WithTimeout(ctx, lastChance)
		defer stop()
		defer context.AfterFunc(ctx, p.cancel)()
		close(p.stopping)
		p.wg.Wait()
		p.cancel()
		p.closeSinks()
	})
	return nil
}

func (p *Publisher) closeSinks() {
	for _, w := range p.workers {
		w.sink.close()
	}
}

var errNotOne = errors.New("the checkpoint is not one")
