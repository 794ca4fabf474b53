package verdictconnector

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pipeline"

	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/pause"
	"github.com/tracescrub/tracescrub/internal/release"
)

// send hands log records that are events to the audit pipelines.
func (s *shared) send(ctx context.Context, to consumer.Logs, ld plog.Logs) error {
	began := s.now()
	err := to.ConsumeLogs(release.WithEvent(ctx), ld)
	s.tel.step(ctx, stepAudit, s.now().Sub(began))
	if err == nil {
		s.tel.events.Add(ctx, int64(ld.LogRecordCount()))
	}
	return err
}

// maxPolicies bounds the memory of policies. After as many reloads they are
// forgotten and told again.
const maxPolicies = 1000

// announced is what the audit log has to know before any data go on: that
// verdict has started, and by which rules and policies data are scanned.
type announced struct {
	// started and policies are what has been told; policies is never changed,
	// only replaced. Both are written by whoever has turn.
	started  atomic.Bool
	policies atomic.Pointer[map[string]struct{}]

	// turn has room for one: who has put something in tells, and guards since.
	turn chan struct{}
	// since is when what has not been told yet was first tried; "" is the start.
	// Told again it is the same event.
	since map[string]time.Time
}

func newAnnounced() announced {
	return announced{turn: make(chan struct{}, 1), since: map[string]time.Time{}}
}

// knows reports whether a policy has been told. It does not allocate.
func (a *announced) knows(policy string) bool {
	told := a.policies.Load()
	if told == nil {
		return false
	}
	_, ok := (*told)[policy]
	return ok
}

// announce tells what the audit pipelines do not know yet. Without an error
// they know it.
func (s *shared) announce(ctx context.Context, to consumer.Logs, policies []string) error {
	a := &s.told
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	var news []event.Event
	if !a.started.Load() {
		news = append(news, event.Event{Name: event.Started, At: s.first(""), Config: s.config})
	}
	policies = slices.DeleteFunc(slices.Clone(policies), a.knows)
	for _, p := range policies {
		news = append(news, event.Event{Name: event.PolicyLoaded, At: s.first(p), Policy: p})
	}
	if len(news) == 0 {
		return nil
	}
	if err := s.send(ctx, to, s.source.Logs(news...)); err != nil {
		return err
	}
	delete(a.since, "")
	told := map[string]struct{}{}
	if before := a.policies.Load(); before != nil && len(*before) < maxPolicies {
		maps.Copy(told, *before)
	}
	for _, p := range policies {
		told[p] = struct{}{}
		delete(a.since, p)
	}
	a.policies.Store(&told)
	a.started.Store(true)
	return nil
}

// first is when this was first tried.
func (s *shared) first(what string) time.Time {
	at, ok := s.told.since[what]
	if !ok {
		at = s.now()
		if len(s.told.since) < maxPolicies {
			s.told.since[what] = at
		}
	}
	return at
}

// The time between attempts to tell that verdict has started, and how long it
// tries to tell that it stops.
const (
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	stopTime   = 5 * time.Second
)

// begin tells in the background that verdict has started: whether any data
// come or not, an auditor sees that it ran. Only connectors to logs call it:
// what is behind the others starts in an order of its own.
func (s *shared) begin(signal pipeline.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancel != nil {
		return
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.ended = make(chan struct{})
	to, ended := s.audits[signal], s.ended
	go func() {
		defer close(ended)
		for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
			err := s.announce(ctx, to, nil)
			if err == nil || ctx.Err() != nil {
				return
			}
			s.tel.log.Warn("could not tell the audit pipelines that verdict has started: no data go on before", 1)
			if pause.For(ctx, wait) != nil {
				return
			}
		}
	}()
}

// end tells that verdict stops, unless nobody was told that it had started. It
// is called by the last of the connectors to logs, before what is behind it
// ends and after what is in front of all of them has.
func (s *shared) end(ctx context.Context, signal pipeline.Signal) {
	s.mu.Lock()
	cancel, ended := s.cancel, s.ended
	s.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	ctx, stop := context.WithTimeout(ctx, stopTime)
	defer stop()
	select {
	case <-ended:
	case <-ctx.Done():
		return
	}
	if !s.told.started.Load() {
		return
	}
	stopped := s.source.Logs(event.Event{Name: event.Stopped, At: s.now(), Config: s.config})
	if err := s.send(ctx, s.auditOf(signal), stopped); err != nil {
		s.tel.log.Warn("could not tell the audit pipelines that verdict stops", 1)
	}
}
