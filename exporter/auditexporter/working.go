package auditexporter

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/exporter/auditexporter/internal/publish"
	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/control"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
)

// working is the exporter at work.
type working struct {
	cfg     *Config
	log     *zap.Logger
	now     func() time.Time
	host    component.Host
	tel     *telemetry
	records *records.Store
	buffer  *buffer
	buffers bool // policy says that what was masked may wait

	writer    *auditlog.Writer
	publisher *publish.Publisher
	control   *control.Server
	server    *server
	key       string // the public key that signed at the start
	settle    time.Duration

	waiting     atomic.Int64 // bytes of events
	recordsFail atomic.Bool  // the last record was not kept
	damaged     atomic.Bool  // the last check of the whole log found something

	// upkeep keeps what changes files that are there from a check of them.
	upkeep sync.Mutex

	// mu guards trouble: what note has told last.
	mu      sync.Mutex
	trouble string

	stop context.CancelFunc
	done sync.WaitGroup
}

// Start opens the log. Whatever is wrong with it then stops the Collector: a
// log that cannot be written at the start needs somebody.
func (a *audit) Start(ctx context.Context, host component.Host) (err error) {
	w := &working{
		settle: a.settle, cfg: a.cfg, log: a.log, now: a.now, host: host, records: records.Open(a.cfg.Directory),
		buffer:  &buffer{limit: a.cfg.OnTrouble.BufferEvents, most: a.maxWaiting, ids: map[string]bool{}},
		buffers: a.cfg.OnTrouble.Masked == troubleBuffer,
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.end(ctx))
		}
	}()
	if w.tel, err = newTelemetry(a.set); err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	if reflect.DeepEqual(a.cfg.Publish, publish.NewDefaultConfig()) {
		a.log.Warn("checkpoints of the audit log are copied nowhere: who holds its key could rewrite it unnoticed (publish)")
	}
	if w.publisher, err = publish.New(a.cfg.Publish, a.cfg.Directory, a.set, w.tel.published); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if w.writer, err = a.open(a.logConfig(w.publisher.Checkpointed)); err != nil {
		return fmt.Errorf("directory: %s: %w", a.cfg.Directory, err)
	}
	keys, err := files.PublicKeys(a.cfg.Directory)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	w.key = keys[len(keys)-1]
	if err := w.tel.watch(w); err != nil {
		return fmt.Errorf("making metrics: %w", err)
	}
	if err := w.publisher.Start(ctx, host); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if w.control, err = control.Serve(a.cfg.Directory, exclusive{w}); err != nil {
		// The log is no worse for it.
		a.log.Warn("commands cannot reach the audit log while it is written", zap.Error(err))
	}
	if err := w.serve(ctx, host, a.set); err != nil {
		return err
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the context of Start ends with it
	w.stop = cancel
	w.done.Go(func() { w.watch(work) })
	began, wall := time.Now(), w.now().Round(0)
	w.done.Go(func() { w.keep(work, began, wall) })
	a.mu.Lock()
	defer a.mu.Unlock()
	a.working = w
	return nil
}

func (a *audit) logConfig(checkpointed func([]byte)) auditlog.Config {
	heartbeat := a.cfg.Heartbeat
	if heartbeat == 0 {
		heartbeat = -1
	}
	return auditlog.Config{
		Directory: a.cfg.Directory, KeyFile: a.cfg.KeyFile, Origin: a.cfg.Origin, SegmentBytes: a.cfg.SegmentBytes,
		Heartbeat: heartbeat, Interval: a.cfg.CheckpointInterval, Checkpointed: checkpointed, Now: a.now,
	}
}

// endTime bounds how long what is under way may take to end, below the time
// that systems give a process to stop.
const endTime = 8 * time.Second

// Shutdown may come without Start, and more than once.
func (a *audit) Shutdown(ctx context.Context) error {
	a.mu.Lock()
	w := a.working
	a.working = nil
	a.mu.Unlock()
	if w == nil {
		return nil
	}
	return w.end(ctx)
}

// end ends what there is, in this order.
func (w *working) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.end(ctx))
	}
	if w.control != nil {
		errs = append(errs, w.control.Close(ctx))
	}
	if w.stop != nil {
		w.stop()
		w.done.Wait()
	}
	w.buffer.close()
	if w.writer != nil {
		w.flush(ctx)
		if n := w.buffer.len(); n > 0 {
			w.tel.lost.Add(ctx, int64(n))
			w.log.Error("events that waited for the audit log are lost", zap.Int("count", n))
		}
		errs = append(errs, w.writer.Close())
	}
	if w.publisher != nil {
		errs = append(errs, w.publisher.Shutdown(ctx)) // after the last checkpoint
	}
	if w.tel != nil {
		errs = append(errs, w.tel.close())
	}
	return errors.Join(errs...)
}
