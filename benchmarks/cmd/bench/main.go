// Command bench measures what benchmarks/README.md says, checks the answers,
// and writes the tables between the markers of that page and the raw figures
// under benchmarks/records.
//
//	go run ./benchmarks/cmd/bench            # all of it, six to twelve minutes
//	go run ./benchmarks/cmd/bench -dry       # only print
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "benchmarks", "the directory of README.md and records")
	flag.IntVar(&o.rounds, "rounds", 7, "how many runs of each case the median is taken of")
	flag.DurationVar(&o.each, "each", 150*time.Millisecond, "how long a run lasts at least")
	flag.IntVar(&o.heavy, "quarantine", 5, "how many runs of what concerns held items and the audit log")
	flag.BoolVar(&o.dry, "dry", false, "print the tables and write nothing")
	flag.Parse()
	if err := run(context.Background(), o, time.Now()); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	dir    string
	rounds int
	heavy  int
	each   time.Duration
	dry    bool
}

// run measures every case and writes page and record.
func run(ctx context.Context, o options, now time.Time) error {
	cases, err := allCases(ctx)
	if err != nil {
		return err
	}
	if err := measure(cases, o.rounds, o.each); err != nil {
		return err
	}
	figures, err := quarantineFigures(ctx, o.heavy)
	if err != nil {
		return err
	}
	audit, err := auditFigures(ctx, o.heavy)
	if err != nil {
		return err
	}
	held := gather(append(figures, audit...))
	where := describe(now)
	tables := tables(where, cases) + quarantineHead(o.heavy) + quarantineTables(held) + auditTables(held)
	if o.dry {
		_, err := fmt.Print(tables)
		return err
	}
	page := filepath.Join(o.dir, "README.md")
	old, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	fresh, err := between(string(old), tables)
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	record := filepath.Join(o.dir, "records", now.Format("2006-01-02")+".txt")
	if err := os.WriteFile(record, []byte(raw(where, cases)+rawFigures(held)), 0o644); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	_, err = fmt.Printf("%s\nwrote %s and %s\n", tables, page, record)
	return err
}
