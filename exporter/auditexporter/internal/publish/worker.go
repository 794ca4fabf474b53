package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/auditlog/witness"
)

// worker sends to one sink.
type worker struct {
	name    string // kind and name, such as webhook/siem
	sink    sink
	every   time.Duration
	timeout time.Duration
	more    chan struct{} // has room for one

	// Only the worker's goroutine uses these.
	failing bool
	sent    []byte
}

// The time between attempts after a failure.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

func newWorkers(cfg Config, dir string, set component.TelemetrySettings) ([]*worker, error) {
	var all []*worker
	add := func(kind, name string, s sink, every, timeout time.Duration) {
		all = append(all, &worker{name: kind + "/" + name, sink: s, every: every, timeout: timeout, more: make(chan struct{}, 1)})
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.File)) {
		c := cfg.File[name]
		s, err := newFile(c, dir)
		if err != nil {
			return nil, fmt.Errorf("file::%s: %w", name, err)
		}
		add("file", name, s, c.MinInterval, c.Timeout)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Webhook)) {
		c := cfg.Webhook[name]
		add("webhook", name, &hook{hook: webhookOf(c)}, c.MinInterval, c.Timeout)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Kafka)) {
		c := cfg.Kafka[name]
		add("kafka", name, &kafkaSink{cfg: c}, c.MinInterval, c.Timeout)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.OTLP)) {
		c := cfg.OTLP[name]
		add("otlp", name, &otlp{cfg: c, set: set}, c.MinInterval, c.HTTP.Timeout)
	}
	files := &witnessed{dir: dir}
	for _, name := range slices.Sorted(maps.Keys(cfg.Witness)) {
		c := cfg.Witness[name]
		add("witness", name, &witnessSink{cfg: c, set: set, dir: dir, file: files}, c.MinInterval, c.HTTP.Timeout)
	}
	return all, nil
}

// run sends the newest checkpoint, until Shutdown.
func (p *Publisher) run(ctx context.Context, w *worker) {
	retry := firstRetry
	for {
		if c := p.newest(); c == nil || bytes.Equal(c, w.sent) {
			select {
			case <-w.more:
				continue
			case <-p.stopping:
				p.last(ctx, w)
				return
			}
		}
		pause := w.every
		if p.attempt(ctx, w) {
			retry = firstRetry
		} else {
			pause = max(pause, retry)
			retry = min(2*retry, lastRetry)
		}
		if !p.sleep(pause) {
			p.last(ctx, w)
			return
		}
	}
}

// last is the attempt of Shutdown.
func (p *Publisher) last(ctx context.Context, w *worker) {
	if c := p.newest(); c != nil && !bytes.Equal(c, w.sent) {
		p.attempt(ctx, w)
	}
}

// attempt sends the newest checkpoint once.
func (p *Publisher) attempt(ctx context.Context, w *worker) (ok bool) {
	signed := p.newest()
	c, err := newCheckpoint(signed)
	if err != nil {
		c, err = &checkpoint{signed: signed}, errNotOne
	} else {
		limited, cancel := context.WithTimeout(ctx, w.timeout)
		err = w.sink.send(limited, c)
		cancel()
	}
	if p.observe != nil {
		p.observe(ctx, w.name, c.Size, err)
	}
	if saved := p.status.note(w.name, c.Size, p.now(), err); saved != nil {
		p.log.Warn("what was published where cannot be written down", zap.Error(saved))
	}
	p.tell(w, c, err)
	if err == nil {
		w.sent = signed
	}
	return err == nil
}

// tell logs when a sink begins to fail and when it takes checkpoints again.
func (p *Publisher) tell(w *worker, c *checkpoint, err error) {
	name := zap.String("sink", w.name)
	began := err != nil && !w.failing
	switch {
	case began && (errors.Is(err, witness.ErrRolledBack) || errors.Is(err, witness.ErrForked)):
		p.log.Error("a witness refuses to cosign the audit log", name, zap.Error(err))
	case began:
		p.log.Warn("checkpoints of the audit log do not leave this machine", name, zap.Error(err))
	case err == nil && w.failing:
		p.log.Info("checkpoints of the audit log leave this machine again", name, zap.Int64("size", c.Size))
	}
	w.failing = err != nil
}

// sleep says whether it is not time to stop.
func (p *Publisher) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.stopping:
		return false
	}
	select {
	case <-p.stopping:
		return false
	default:
		return true
	}
}
