package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
)

// The tables of the figures.
const (
	HoldTable    = "hold"
	ReleaseTable = "release"
	BesideTable  = "beside"
)

// Load is what senders do.
type Load struct {
	Name     string
	Size     int // bytes of text in a trace of ten spans
	Senders  int
	Requests int
	Clean    bool
}

// Loads are those of the page. The clean one is for comparison.
var Loads = []Load{
	{Name: "clean, 10 KB, 1 sender", Size: 10_000, Senders: 1, Requests: 500, Clean: true},
	{Name: "10 KB, 1 sender", Size: 10_000, Senders: 1, Requests: 300},
	{Name: "10 KB, 64 senders", Size: 10_000, Senders: 64, Requests: 2000},
	{Name: "1 MB, 1 sender", Size: 1_000_000, Senders: 1, Requests: 30},
}

// Hold measures how long senders wait for an answer, and checks what became
// of what they sent.
func (p *Pipeline) Hold(ctx context.Context, store string, l Load, seed uint64) ([]figure.Figure, error) {
	m := newMaker(seed, l.Size)
	all := make([]made, l.Requests)
	for i := range all {
		if all[i] = m.clean(); !l.Clean {
			all[i] = m.held()
		}
	}
	p.take()
	before, err := p.pending(ctx)
	if err != nil {
		return nil, err
	}
	waited := make([]time.Duration, len(all))
	began := time.Now()
	if err := p.sendAll(ctx, l.Senders, all, waited); err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	took := time.Since(began).Seconds()
	held, out := len(all), 0
	if l.Clean {
		held, out = 0, len(all)
	}
	if n := len(p.take()); n != out {
		return nil, fmt.Errorf("%s: %d traces went out, want %d", l.Name, n, out)
	}
	if err := p.await(ctx, before+held); err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	row, n := store+", "+l.Name, float64(len(all))
	return append(figure.Waits(HoldTable, row, waited),
		figure.Figure{Table: HoldTable, Row: row, Col: "requests", Unit: "requests/s", Value: n / took},
		figure.Figure{Table: HoldTable, Row: row, Col: "bytes", Unit: "MB/s", Value: n * float64(l.Size) / 1e6 / took}), nil
}

// sendAll sends requests from many senders, each of which waits for its answers.
func (p *Pipeline) sendAll(ctx context.Context, senders int, all []made, waited []time.Duration) error {
	return stores.Each(senders, len(all), func(i int) error {
		at := time.Now()
		err := p.In.ConsumeTraces(ctx, all[i].td)
		waited[i] = time.Since(at)
		return err
	})
}

// others is what happens besides clean traffic.
type others struct {
	name  string
	every time.Duration // a request that often; 0: 64 requests that wait for the quarantine
	held  bool
}

const window = 500 * time.Millisecond

// Alone is the row that the others are compared with.
const Alone = "alone"

// Beside measures one sender of clean traces, who sends as fast as it can:
// alone, then beside others, at once after it.
func (p *Pipeline) Beside(ctx context.Context, store string, seed uint64) ([]figure.Figure, error) {
	m := newMaker(seed, 10_000)
	held, err := p.pending(ctx)
	if err != nil {
		return nil, err
	}
	var all []figure.Figure
	for _, o := range []others{
		{"beside 50 clean requests/s", 20 * time.Millisecond, false},
		{"beside 50 held requests/s", 20 * time.Millisecond, true},
		{"beside 64 requests that a full store keeps waiting", 0, true},
	} {
		before, err := p.clean(ctx, m)
		if err != nil {
			return nil, err
		}
		stop := p.besides(ctx, newMaker(seed+1<<20, 10_000), o)
		with, err := p.clean(ctx, m)
		n, stopErr := stop()
		if err := errors.Join(err, stopErr); err != nil {
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		held += n
		if err := p.await(ctx, held); err != nil { // whoever counts next must not miss them
			return nil, fmt.Errorf("%s: %w", o.name, err)
		}
		row := func(name, col, unit string, v float64) {
			all = append(all, figure.Figure{Table: BesideTable, Row: store + ", " + name, Col: col, Unit: unit, Value: v})
		}
		row(o.name, "p50", "of alone", with.p50/before.p50)
		row(o.name, "p90", "of alone", with.p90/before.p90)
		row(Alone, "p50", "ms", before.p50)
		row(Alone, "p90", "ms", before.p90)
	}
	return all, nil
}

// speed is how long a sender waits, in milliseconds.
type speed struct{ p50, p90 float64 }

// clean sends clean traces for a while and sees that all go out.
func (p *Pipeline) clean(ctx context.Context, m *maker) (speed, error) {
	some := make([]made, 100)
	for i := range some {
		some[i] = m.clean()
	}
	var waited []time.Duration
	began := time.Now()
	for time.Since(began) < window {
		p.take()
		for i := range some {
			at := time.Now()
			if err := p.In.ConsumeTraces(ctx, some[i].td); err != nil {
				return speed{}, err
			}
			waited = append(waited, time.Since(at))
		}
		out := p.take()
		for i := range some {
			if _, ok := out[first(some[i].td).TraceID()]; !ok {
				return speed{}, errors.New("a clean trace did not go out")
			}
		}
	}
	ms := func(q float64) float64 { return float64(figure.Quantile(waited, q).Nanoseconds()) / 1e6 }
	return speed{ms(0.5), ms(0.9)}, nil
}

// besides starts other traffic; stop ends it, and says how many items it has
// held and if it was not what it should have been.
func (p *Pipeline) besides(ctx context.Context, m *maker, o others) (stop func() (held int, err error)) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	var errs [64]error
	if o.every == 0 {
		release := p.Stall()
		for i := range errs {
			one := m.held()
			wg.Go(func() { errs[i] = p.In.ConsumeTraces(ctx, one.td) })
		}
		return func() (int, error) {
			release()
			wg.Wait()
			return len(errs), errors.Join(errs[:]...)
		}
	}
	held := 0
	wg.Go(func() {
		tick := time.NewTicker(o.every)
		defer tick.Stop()
		for errs[0] == nil {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			one := m.clean()
			if o.held {
				one = m.held()
				held++
			}
			errs[0] = p.In.ConsumeTraces(ctx, one.td)
		}
	})
	return func() (int, error) {
		close(done)
		wg.Wait()
		return held, errs[0]
	}
}
