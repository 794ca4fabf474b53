// Package filescan scans files and directories: it walks, reads several files
// at a time, and hands out what it found in the order of the walk, as line and
// column and never as text.
package filescan

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/window"
	"github.com/tracescrub/tracescrub/internal/mask"
)

// Options say what is scanned and how.
type Options struct {
	// Find gives what finds the hits in the texts of a file. It is called by
	// several goroutines at once.
	Find func(path string) window.Find
	// Exclude are patterns in the syntax of .gitignore.
	Exclude []string
	// NoGitIgnore scans what .gitignore leaves out, too.
	NoGitIgnore bool
	// Workers is how many files are read at a time; at least one.
	Workers int
	// Read, if not nil, is called with the size of each piece that was read,
	// by several goroutines at once.
	Read func(n int)
}

// Finding is the place of one secret. Lines count from 1, columns count
// characters from 1; the end is the first column behind the secret.
type Finding struct {
	Line, Column, EndLine, EndColumn int
	// Hit is what was found; its offsets mean nothing here.
	Hit mask.Hit
}

// File is the outcome of one file.
type File struct {
	// Path is the path that the user gave, joined with the way below it.
	Path string
	// Findings by position.
	Findings []Finding
	// Binary: the file holds no text and was not scanned.
	Binary bool
	// Err: the file could not be read; Findings are those before that.
	Err error
}

// Scan scans every path and calls emit for each file, in the order of the
// walk, on the goroutine of the caller. It ends early with an error of emit or
// of ctx; files that cannot be read are no error of Scan.
func Scan(ctx context.Context, paths []string, o Options, emit func(File) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type job struct {
		path string
		done chan File
	}
	jobs := make(chan job)
	order := make(chan chan File, 4*max(1, o.Workers)) // bounds how far the walk runs ahead
	var workers sync.WaitGroup
	for range max(1, o.Workers) {
		workers.Go(func() {
			for j := range jobs {
				j.done <- one(ctx, j.path, o)
			}
		})
	}
	var walked error
	go func() {
		defer close(order)
		defer close(jobs)
		walked = walk(ctx, paths, o, func(name string, err error) error {
			done := make(chan File, 1)
			select {
			case order <- done:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err != nil {
				done <- File{Path: name, Err: err}
				return nil
			}
			jobs <- job{name, done}
			return nil
		})
	}()
	var failed error
	for done := range order {
		f := <-done
		if failed == nil {
			if failed = emit(f); failed != nil {
				cancel()
			}
		}
	}
	workers.Wait()
	if failed != nil {
		return failed
	}
	return walked
}

// one opens and scans a file.
func one(ctx context.Context, name string, o Options) File {
	f, err := os.Open(name)
	if err != nil {
		return File{Path: name, Err: err}
	}
	out := Stream(ctx, name, f, o)
	if err := f.Close(); err != nil && out.Err == nil {
		out.Err = err
	}
	return out
}

// Stream scans one stream under the given name.
func Stream(ctx context.Context, name string, r io.Reader, o Options) File {
	out := File{Path: name}
	text, err := openText(&reader{ctx: ctx, r: r, read: o.Read})
	if errors.Is(err, errBinary) {
		out.Binary = true
		return out
	}
	if err != nil {
		out.Err = err
		return out
	}
	at := place{line: 1, column: 1}
	out.Err = window.Each(text, window.Options{}, o.Find(name), func(s window.Segment) error {
		from := s.Start
		for _, h := range s.Hits {
			at.over(s.Text[from:h.Start])
			f := Finding{Line: at.line, Column: at.column, Hit: h}
			at.over(s.Text[h.Start:h.End])
			f.EndLine, f.EndColumn = at.line, at.column
			out.Findings = append(out.Findings, f)
			from = h.End
		}
		at.over(s.Text[from:s.End])
		return nil
	})
	return out
}

// reader stops when ctx does and counts what it reads.
type reader struct {
	ctx  context.Context
	r    io.Reader
	read func(int)
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if r.read != nil {
		r.read(n)
	}
	return n, err
}
