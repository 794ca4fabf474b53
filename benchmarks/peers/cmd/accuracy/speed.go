package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/peers/internal/cputime"
	"github.com/tracescrub/tracescrub/internal/corpus"
	"github.com/tracescrub/tracescrub/internal/walk"
)

const (
	speedTable = "accuracy speed"
	// each is how much processor time a contender is measured for in a round, at
	// least, unless that takes very many passes.
	each       = 300 * time.Millisecond
	mostPasses = 100
)

// load is one fill of the corpus in memory.
type load struct {
	traces []ptrace.Traces
	logs   []plog.Logs
	bytes  int // of all texts
}

func newLoad(cases []corpus.Case) (*load, error) {
	l := &load{}
	w := walk.New(sizes{&l.bytes}, walk.Options{})
	for _, c := range cases {
		if c.Signal == "logs" {
			ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(c.Payload)
			if err != nil {
				return nil, err
			}
			w.Logs(ld)
			l.logs = append(l.logs, ld)
			continue
		}
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(c.Payload)
		if err != nil {
			return nil, err
		}
		w.Traces(td)
		l.traces = append(l.traces, td)
	}
	return l, nil
}

// sizes adds up the lengths of texts.
type sizes struct{ n *int }

func (sizes) Attributes(*walk.Place, pcommon.Map) {}

func (sizes) Done(*walk.Place, pcommon.Map) bool { return true }

func (s sizes) Text(_ *walk.Place, text []byte) []byte {
	*s.n += len(text)
	return nil
}

// copied is the same again, for a pass to change.
func (l *load) copied() *load {
	out := &load{}
	for _, td := range l.traces {
		c := ptrace.NewTraces()
		td.CopyTo(c)
		out.traces = append(out.traces, c)
	}
	for _, ld := range l.logs {
		c := plog.NewLogs()
		ld.CopyTo(c)
		out.logs = append(out.logs, c)
	}
	return out
}

// pass masks all of it in place.
func (l *load) pass(ctx context.Context, c *contender) (err error) {
	for i := range l.traces {
		if l.traces[i], err = c.traces(ctx, l.traces[i]); err != nil {
			return err
		}
	}
	for i := range l.logs {
		if l.logs[i], err = c.logs(ctx, l.logs[i]); err != nil {
			return err
		}
	}
	return nil
}

// changed counts the batches that are not what they were.
func (l *load) changed(was *load) (n int, err error) {
	traces, logs := &ptrace.ProtoMarshaler{}, &plog.ProtoMarshaler{}
	for i := range l.traces {
		a, err := traces.MarshalTraces(was.traces[i])
		if err != nil {
			return 0, err
		}
		b, err := traces.MarshalTraces(l.traces[i])
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(a, b) {
			n++
		}
	}
	for i := range l.logs {
		a, err := logs.MarshalLogs(was.logs[i])
		if err != nil {
			return 0, err
		}
		b, err := logs.MarshalLogs(l.logs[i])
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(a, b) {
			n++
		}
	}
	return n, nil
}

// measure takes the contenders in turn, round after round. Each has to change
// as many batches in every round.
func measure(ctx context.Context, w *written, dir string, loaded *corpus.Corpus, o options) (out []figure.Figure, err error) {
	all, err := contenders(ctx, w, dir, true)
	if err != nil {
		return nil, err
	}
	cases, err := loaded.Fill(o.seed)
	if err != nil {
		return nil, err
	}
	l, err := newLoad(cases)
	if err != nil {
		return nil, err
	}
	before := make([]int, len(all))
	for round := range o.rounds {
		for i, c := range all {
			rate, changed, err := l.rate(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			if changed == 0 || round > 0 && changed != before[i] {
				return nil, fmt.Errorf("%s has changed %d of %d batches, and %d in the round before", c.name, changed, len(cases), before[i])
			}
			before[i] = changed
			out = append(out, figure.Figure{Table: speedTable, Row: c.name, Col: "speed", Unit: "MB/s", Value: rate})
		}
		fmt.Fprintf(os.Stderr, "accuracy: round %d of %d\n", round+1, o.rounds)
	}
	return out, nil
}

// rate is how many MB of text a contender masks in a second of processor time,
// in one round, and how many batches it has changed in the last pass.
func (l *load) rate(ctx context.Context, c *contender) (rate float64, changed int, err error) {
	var used time.Duration
	var work *load
	passes := 0
	for ; used < each && passes < mostPasses; passes++ {
		work = l.copied()
		runtime.GC()
		from := cputime.Used()
		err := work.pass(ctx, c)
		used += cputime.Used() - from
		if err != nil {
			return 0, 0, err
		}
	}
	changed, err = work.changed(l)
	return float64(l.bytes) * float64(passes) / 1e6 / used.Seconds(), changed, err
}
