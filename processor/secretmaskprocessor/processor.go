package secretmaskprocessor

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
)

// errNotStarted: data before Start are refused, since nothing could be masked.
var errNotStarted = errors.New("secret_mask has not been started")

// errDefect is what a sender hears when we have a bug. A retry would not help.
var errDefect = consumererror.NewPermanent(errors.New("the batch could not be scanned: internal error"))

// instance is the processor of one signal in one pipeline.
type instance struct {
	core *core
	// started and released belong to the Collector's lifecycle calls, which do not overlap.
	started, released bool
}

func newInstance(set processor.Settings, cfg component.Config) (*instance, error) {
	c, err := acquire(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	return &instance{core: c}, nil
}

// start is component.StartFunc.
func (p *instance) start(context.Context, component.Host) error {
	if err := p.core.start(); err != nil { //nolint:contextcheck // the context of Start ends with it, what is started goes on
		return err
	}
	p.started = true
	return nil
}

// shutdown is component.ShutdownFunc. It may be called without start, and twice.
func (p *instance) shutdown(context.Context) error {
	if p.started {
		p.core.stop()
		p.started = false
	}
	if p.released {
		return nil
	}
	p.released = true
	return p.core.release()
}

var (
	tracesSignal   = attribute.NewSet(attribute.String("signal", "traces"))
	logsSignal     = attribute.NewSet(attribute.String("signal", "logs"))
	metricsSignal  = attribute.NewSet(attribute.String("signal", "metrics"))
	profilesSignal = attribute.NewSet(attribute.String("signal", "profiles"))
)

func (p *instance) traces(ctx context.Context, td ptrace.Traces) (ptrace.Traces, error) {
	n := td.SpanCount()
	dropped, err := p.core.run(ctx, tracesSignal, n, batch{
		visit: func(w *walk.Walker) int { return w.Traces(td) },
		keep: func() (back func()) {
			kept := ptrace.NewTraces()
			td.CopyTo(kept)
			return func() { kept.CopyTo(td) }
		},
	})
	return td, outcome(err, dropped > 0 && td.ResourceSpans().Len() == 0)
}

func (p *instance) logs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	n := ld.LogRecordCount()
	dropped, err := p.core.run(ctx, logsSignal, n, batch{
		visit: func(w *walk.Walker) int { return w.Logs(ld) },
		keep: func() (back func()) {
			kept := plog.NewLogs()
			ld.CopyTo(kept)
			return func() { kept.CopyTo(ld) }
		},
	})
	return ld, outcome(err, dropped > 0 && ld.ResourceLogs().Len() == 0)
}

func (p *instance) metrics(ctx context.Context, md pmetric.Metrics) (pmetric.Metrics, error) {
	n := md.DataPointCount()
	dropped, err := p.core.run(ctx, metricsSignal, n, batch{
		visit: func(w *walk.Walker) int { return w.Metrics(md) },
		keep: func() (back func()) {
			kept := pmetric.NewMetrics()
			md.CopyTo(kept)
			return func() { kept.CopyTo(md) }
		},
	})
	return md, outcome(err, dropped > 0 && md.ResourceMetrics().Len() == 0)
}

func (p *instance) profiles(ctx context.Context, pd pprofile.Profiles) (pprofile.Profiles, error) {
	n := 0
	for _, rp := range pd.ResourceProfiles().All() {
		for _, sp := range rp.ScopeProfiles().All() {
			n += sp.Profiles().Len()
		}
	}
	dropped, err := p.core.run(ctx, profilesSignal, n, batch{visit: func(w *walk.Walker) int { return w.Profiles(pd) }})
	return pd, outcome(err, dropped > 0 && pd.ResourceProfiles().Len() == 0)
}

// outcome ends the way of a batch of which nothing is left.
func outcome(err error, empty bool) error {
	if err == nil && empty {
		return processorhelper.ErrSkipProcessingData
	}
	return err
}

// batch is telemetry of any signal.
type batch struct {
	visit func(*walk.Walker) int
	// keep copies it; back puts the copy in its place. Profiles have none.
	keep func() (back func())
}

// run masks one batch in place. With an error the batch must not be used:
// parts of it may not have been scanned.
func (c *core) run(ctx context.Context, signal attribute.Set, items int, b batch) (dropped int, err error) {
	if release.IsEvent(ctx) { // our own audit events, which have nothing of telemetry
		return 0, nil
	}
	st := c.state.Load()
	if st == nil {
		return 0, errNotStarted
	}
	scanning.Add(1)
	defer scanning.Add(-1)
	start := c.now()
	s := c.scans.Get().(*scan)
	defer func() {
		if r := recover(); r != nil { // s may be in any state: it is not used again
			f, ok := r.(*fault)
			if !ok {
				f = &fault{fmt.Sprintf("%T", r), debug.Stack()} // the value may hold data
			}
			c.log.Error("scanning a batch panicked, the batch is refused", zap.String("type", f.kind), zap.ByteString("stack", f.stack))
			c.refuse(ctx, "panic")
			dropped, err = 0, errDefect
		}
	}()
	r := release.From(ctx)
	begin := func() {
		s.begin(st, signal, start)
		s.gone, s.total = ctx.Done(), items
		s.sentBy(c.producer(ctx, st))
		s.again(r)
		if b.keep != nil { // profiles cannot be held
			s.sealer = c.sealing()
		}
	}
	dropped = s.whole(b, begin)
	c.tel.record(ctx, s, items, dropped, c.now().Sub(start))
	if err = c.refusal(ctx, s); err == nil && s.release != nil {
		s.release.SetScanned()
	}
	s.end()
	c.scans.Put(s)
	return dropped, err
}

// whole goes through a batch, and once more, as if nothing of it were
// approved, if something of it is held anew.
func (s *scan) whole(b batch, begin func()) (dropped int) {
	begin()
	if b.keep == nil || len(s.where.Approved) == 0 {
		return s.through(b.visit)
	}
	back := b.keep()
	if dropped = s.through(b.visit); !s.anew {
		return dropped
	}
	s.end()
	back()
	begin()
	s.where.Approved = nil
	return s.through(b.visit)
}

// through scans a batch and carries out what was decided.
func (s *scan) through(visit func(*walk.Walker) int) (dropped int) {
	if !s.signal.Equals(&profilesSignal) { // nearly all of their texts belong to no item
		s.visit = visit
	}
	visit(s.walker)
	s.streams.flush()
	if s.unfinished() && !s.left {
		s.resume()
		visit(s.walker)
	}
	if s.refused != nil || s.left {
		return 0
	}
	return s.carryOut(visit)
}

// refusal returns why a batch must not go on, nil if it may.
func (c *core) refusal(ctx context.Context, s *scan) error {
	switch {
	case s.left:
		c.refuse(ctx, "cancelled")
		return ctx.Err()
	case errors.Is(s.refused, errTime):
		c.refuse(ctx, "time")
	case s.refused != nil:
		c.refuse(ctx, "limits")
	case s.failed != nil:
		c.refuse(ctx, "seal")
		c.tel.log.Warn("cannot seal what is to be held, batches are refused", 1, zap.Error(s.failed))
		return s.failed
	}
	return s.refused
}

func (c *core) refuse(ctx context.Context, reason string) {
	c.tel.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// producer returns what stands for the authenticated sender, empty without one.
func (c *core) producer(ctx context.Context, st *state) string {
	auth := client.FromContext(ctx).Auth
	if auth == nil {
		return ""
	}
	if who := subject(auth.GetAttribute); who != "" {
		return verdict.Commit(st.key, who)
	}
	return ""
}
