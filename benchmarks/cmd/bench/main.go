// Command bench measures what benchmarks/README.md says, checks the answers,
// keeps the figures under benchmarks/records, compares them with the last ones,
// and makes the tables between the markers of that page of the records.
//
//	go run ./benchmarks/cmd/bench                      # all of it
//	go run ./benchmarks/cmd/bench -only engine,texts   # these parts; the page keeps the others
//	go run ./benchmarks/cmd/bench -dry -only engine    # only print
//	go run ./benchmarks/cmd/bench -page                # measure nothing, make the page again
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/record"
)

func main() {
	var o options
	var only string
	flag.StringVar(&o.dir, "dir", "benchmarks", "the directory of README.md and records")
	flag.StringVar(&only, "only", "", "parts to measure, with commas: "+strings.Join(partNames(), ", ")+" (default all but soak)")
	flag.IntVar(&o.rounds, "rounds", 7, "how many runs of each case the median is taken of")
	flag.IntVar(&o.heavy, "heavy", 3, "how many runs of what concerns waiting, held items, the audit log, peers and the whole Collector")
	flag.DurationVar(&o.soak, "soak", time.Hour, "how long the part soak takes")
	flag.DurationVar(&o.each, "each", 150*time.Millisecond, "how much CPU time a run takes at least")
	flag.StringVar(&o.benchstat, "benchstat", "", "the command that compares two records; without one nothing is compared")
	flag.BoolVar(&o.dry, "dry", false, "print the tables and write nothing")
	flag.BoolVar(&o.page, "page", false, "measure nothing, make the page of the records again")
	flag.Parse()
	err := o.choose(only)
	if err == nil {
		err = run(context.Background(), o, time.Now())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	dir, benchstat string
	parts          []part
	rounds, heavy  int
	each, soak     time.Duration
	dry, page      bool
}

// choose takes the parts that are named, in the order of the page.
func (o *options) choose(only string) error {
	if only == "" {
		o.parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.asked })
		return nil
	}
	named := strings.Split(only, ",")
	for _, n := range named {
		if !slices.Contains(partNames(), n) {
			return fmt.Errorf("no part %q; there are %s", n, strings.Join(partNames(), ", "))
		}
	}
	for _, p := range parts {
		if slices.Contains(named, p.name) {
			o.parts = append(o.parts, p)
		}
	}
	return nil
}

func (o *options) records() string { return filepath.Join(o.dir, "records") }

// run measures part after part, keeps each as soon as it is there, and makes the page.
func run(ctx context.Context, o options, now time.Time) error {
	if o.page {
		return makePage(o)
	}
	for _, p := range o.parts {
		began := time.Now()
		figures, profiles, err := p.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r := &record.Record{Part: p.name, Place: describe(now), Series: record.Gather(figures)}
		fmt.Fprintf(os.Stderr, "%s: done in %.0f s\n", p.name, time.Since(began).Seconds())
		if p.ratios != nil {
			fmt.Print(p.ratios(r.Series))
		}
		fmt.Print(section(p, r, r.Place))
		if o.dry {
			continue
		}
		if err := keep(ctx, o, r, profiles); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if o.dry {
		return nil
	}
	return makePage(o)
}

// keep saves the record and its profiles, and what became better or worse.
func keep(ctx context.Context, o options, r *record.Record, profiles string) error {
	last, err := lastRecord(ctx, o.records(), r.Part)
	if err != nil {
		return err
	}
	file, err := r.Save(o.records())
	if err != nil {
		return err
	}
	fmt.Printf("wrote %s\n", file)
	if profiles != "" {
		if err := o.write(r.Part, "profiles.txt", profiles); err != nil {
			return err
		}
	}
	if last == nil || o.benchstat == "" {
		return nil
	}
	text, err := compare(ctx, o.benchstat, last, r)
	if err != nil {
		return err
	}
	fmt.Printf("\n%s", text)
	return o.write(r.Part, "compared.txt", text)
}

// write writes a file beside the records of a part.
func (o *options) write(part, name, text string) error {
	return os.WriteFile(filepath.Join(o.records(), part, name), []byte(text), 0o644) //nolint:gosec // G306: a file of the repository
}

// makePage makes the tables of the last record of each part.
func makePage(o options) error {
	text, err := tables(o.records())
	if err != nil {
		return err
	}
	page := filepath.Join(o.dir, "README.md")
	old, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	fresh, err := between(string(old), text)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(fresh), 0o644) //nolint:gosec // G306: a file of the repository
}
