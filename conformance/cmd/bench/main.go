// Command bench measures the audit log beside Tessera's POSIX driver: the same
// entries, on the same disk, in turn. It prints figures as lines of JSON;
// benchmarks/cmd/bench runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
	"github.com/tracescrub/tracescrub/benchmarks/stores"
)

func main() {
	dir := flag.String("dir", "", "a directory to make for the logs")
	seed := flag.Uint64("seed", 1, "what the entries are made of")
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := run(context.Background(), *dir, *seed); err != nil {
		s := err.Error() // Tessera's have whole tiles in them
		fmt.Fprintf(os.Stderr, "audit bench: %s\n", s[:min(len(s), 500)])
		os.Exit(1)
	}
}

// The tables of the figures.
const (
	writeTable = "audit"
	checkTable = "audit check"
)

// log is what is measured.
type log interface {
	// append adds entry i, and returns when it is durable.
	append(ctx context.Context, i int) error
	// close ends it, signed.
	close(ctx context.Context) error
	// check checks all of it, and that it has so many of the entries.
	check(ctx context.Context, n int) error
}

// load is what a log is given.
type load struct {
	name    string
	open    func(ctx context.Context, dir string, all *made) (log, error)
	writers int
	entries int
	checked string // under what name its check is measured, if it is
}

// loads are those of the page. One writer waits for the disk each time, many
// share the waiting. Tessera collects a batch for a time; there is one row for
// the shortest that is sensible with many, and one without any waiting.
var loads = []load{
	{"`audit_log`, 1 writer", openOurs, 1, 2000, ""},
	{"Tessera, 1 writer, batches of 1", batches(1, time.Millisecond), 1, 300, ""},
	{"Tessera, 1 writer, batches of 256 or 10 ms", batches(256, 10*time.Millisecond), 1, 100, ""},
	{"`audit_log`, 256 writers", openOurs, 256, 50_000, "`tracescrub audit verify`"},
	{"Tessera, 256 writers, batches of 256 or 10 ms", batches(256, 10*time.Millisecond), 256, 50_000, "Tessera's fsck"},
}

func run(ctx context.Context, dir string, seed uint64) error {
	all, err := makeEntries(seed, 50_000)
	if err != nil {
		return err
	}
	for i, l := range loads {
		some, err := l.measure(ctx, filepath.Join(dir, fmt.Sprint(i)), all)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if err := figure.Write(os.Stdout, some); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// measure gives the load to a new log, and checks what it has then.
func (l load) measure(ctx context.Context, dir string, all *made) ([]figure.Figure, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	log, err := l.open(ctx, dir, all)
	if err != nil {
		return nil, err
	}
	waited := make([]time.Duration, l.entries)
	began := time.Now()
	err = stores.Each(l.writers, l.entries, func(i int) error {
		at := time.Now()
		err := log.append(ctx, i)
		waited[i] = time.Since(at)
		return err
	})
	took := time.Since(began).Seconds()
	if err := errors.Join(err, log.close(ctx)); err != nil {
		return nil, err
	}
	began = time.Now()
	if err := log.check(ctx, l.entries); err != nil {
		return nil, fmt.Errorf("checking: %w", err)
	}
	checked := time.Since(began).Seconds()
	size, err := onDisk(dir)
	if err != nil {
		return nil, err
	}
	n := float64(l.entries)
	row := func(table, row, col, unit string, v float64) figure.Figure {
		return figure.Figure{Table: table, Row: row, Col: col, Unit: unit, Value: v}
	}
	figures := append(figure.Waits(writeTable, l.name, waited), row(writeTable, l.name, "entries", "entries/s", n/took))
	if l.checked != "" {
		figures = append(figures, row(checkTable, l.checked, "entries", "entries/s", n/checked),
			row(checkTable, l.checked, "entry", "bytes", all.mean()), row(checkTable, l.checked, "bytes", "bytes/entry", float64(size)/n))
	}
	return figures, nil
}

// onDisk is how many bytes all files have but parts of tiles that are whole
// now, which Tessera removes after a while.
func onDisk(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if whole, part := strings.CutSuffix(p, ".p"); part {
				if _, err := os.Stat(whole); err == nil {
					return fs.SkipDir
				}
			}
			return nil
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}
