package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/internal/corpus"
)

// masked is the payload of a case as a contender leaves it, and how many lists
// and maps in it have become strings.
func (c *contender) masked(ctx context.Context, x corpus.Case) (out []byte, flat int, err error) {
	if x.Signal == "logs" {
		was, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(x.Payload)
		if err != nil {
			return nil, 0, err
		}
		in := plog.NewLogs()
		was.CopyTo(in)
		is, err := c.logs(ctx, in)
		if err != nil {
			return nil, 0, err
		}
		flat = restoredLogs(was, is)
		out, err = (&plog.JSONMarshaler{}).MarshalLogs(is)
		return out, flat, err
	}
	was, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(x.Payload)
	if err != nil {
		return nil, 0, err
	}
	in := ptrace.NewTraces()
	was.CopyTo(in)
	is, err := c.traces(ctx, in)
	if err != nil {
		return nil, 0, err
	}
	flat = restoredTraces(was, is)
	out, err = (&ptrace.JSONMarshaler{}).MarshalTraces(is)
	return out, flat, err
}

// score masks all cases of one fill.
func (c *contender) score(ctx context.Context, cases []corpus.Case) (corpus.Result, error) {
	var total corpus.Result
	for _, x := range cases {
		out, flat, err := c.masked(ctx, x)
		if err != nil {
			return total, fmt.Errorf("%s, masking %s: %w", c.name, x.Name, err)
		}
		r := corpus.Score(x, out)
		r.Types += flat
		total.Add(r)
	}
	return total, nil
}

// results adds up what each contender makes of the fills of all seeds. Ours has
// to keep its promise in each of them.
func results(ctx context.Context, all []*contender, loaded *corpus.Corpus, seeds []uint64) ([]corpus.Result, error) {
	out := make([]corpus.Result, len(all))
	for _, seed := range seeds {
		cases, err := loaded.Fill(seed)
		if err != nil {
			return nil, err
		}
		for i, c := range all {
			r, err := c.score(ctx, cases)
			if err != nil {
				return nil, err
			}
			if faults := r.Faults(); c.name == oursName && len(faults) > 0 {
				return nil, fmt.Errorf("%s, seed %d: %s", c.name, seed, strings.Join(faults, "; "))
			}
			out[i].Add(r)
		}
	}
	return out, sameQuestions(all, out)
}

// sameQuestions says whether all were asked the same, and about enough.
func sameQuestions(all []*contender, out []corpus.Result) error {
	if len(out) < 2 {
		return errors.New("nobody to compare with")
	}
	for i, r := range out {
		a, b := asked(r), asked(out[0])
		if a != b || r.Unreadable > 0 {
			return fmt.Errorf("%s was asked about %v and %s about %v, %d payloads unreadable", all[i].name, a, all[0].name, b, r.Unreadable)
		}
	}
	return nil
}

// asked are the totals of a result.
func asked(r corpus.Result) [4]int { return [4]int{r.Cases, r.Rows(), r.Decoys, r.By["easy"].Rows} }

// The tables of the corpus, a row for each contender: how many, and of how many.
const (
	leakedTable  = "accuracy leaked"
	damagedTable = "accuracy damaged"
	ofSuffix     = " of"
)

// counted is a figure and what it is a part of.
func counted(table, row, col string, n, of int) []figure.Figure {
	return []figure.Figure{
		{Table: table, Row: row, Col: col, Unit: "count", Value: float64(n)},
		{Table: table + ofSuffix, Row: row, Col: col, Unit: "count", Value: float64(of)},
	}
}

// figures are those of one contender. What a finder would have damaged is not
// known: it does not mask.
func (c *contender) figures(r corpus.Result) (all []figure.Figure) {
	for _, d := range []string{"easy", "medium", "hard"} {
		all = append(all, counted(leakedTable, c.name, d, r.By[d].Leaked, r.By[d].Rows)...)
	}
	all = append(all, counted(leakedTable, c.name, "all", r.Leaked(), r.Rows())...)
	all = append(all, counted(damagedTable, c.name, "look-alikes", r.DecoysDestroyed, r.Decoys)...)
	if c.finder {
		return all
	}
	all = append(all, counted(damagedTable, c.name, "words", r.WordsLost, r.Words)...)
	all = append(all, counted(damagedTable, c.name, "JSON", r.JSONBroken, r.JSONDocs)...)
	return append(all, counted(damagedTable, c.name, "types", r.Types, r.Values)...)
}
