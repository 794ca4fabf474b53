package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// progress shows on the terminal how far a long run has come. It writes to
// standard error, only if that is a terminal, and nothing in the first second.
type progress struct {
	t     *terminal
	unit  string       // of what is counted, if not bytes
	total atomic.Int64 // bytes ahead, 0 if unknown
	read  atomic.Int64
	end   chan struct{}
	done  sync.WaitGroup
}

const (
	progressAfter = time.Second
	progressEvery = 250 * time.Millisecond
)

// startProgress starts showing how many bytes were read; stop must be called.
func startProgress(t *terminal, total int64) *progress { return startCounting(t, total, "") }

// startCounting is startProgress for something else than bytes.
func startCounting(t *terminal, total int64, unit string) *progress {
	p := &progress{t: t, unit: unit, end: make(chan struct{})}
	p.total.Store(total)
	if t.errTTY {
		p.done.Go(p.show)
	}
	return p
}

func (p *progress) add(n int) { p.read.Add(int64(n)) }

// set is for who counts by itself.
func (p *progress) set(done, total int64) {
	p.read.Store(done)
	p.total.Store(total)
}

// stop clears the line.
func (p *progress) stop() {
	close(p.end)
	p.done.Wait()
}

func (p *progress) show() {
	start, shown := time.Now(), false
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.end:
			if shown {
				fmt.Fprint(p.t.err, "\r\x1b[K")
			}
			return
		case now := <-tick.C:
			if took := now.Sub(start); took >= progressAfter {
				fmt.Fprintf(p.t.err, "\r\x1b[K%s", progressLine(p.read.Load(), p.total.Load(), took, p.unit))
				shown = true
			}
		}
	}
}

// progressLine says how much was read, how fast, and how long the rest may
// take. Without a unit it was bytes.
func progressLine(read, total int64, took time.Duration, unit string) string {
	amount := size
	if unit != "" {
		amount = func(n float64) string { return fmt.Sprintf("%.0f %s", n, unit) }
	}
	rate := float64(read) / max(took.Seconds(), 1e-9)
	line := fmt.Sprintf("%s, %s/s", amount(float64(read)), amount(rate))
	if total > 0 && read <= total {
		line = fmt.Sprintf("%d %% of %s, %s/s", int64(float64(read)/float64(total)*100), amount(float64(total)), amount(rate))
		if rate > 0 {
			left := time.Duration(float64(total-read) / rate * float64(time.Second))
			line += fmt.Sprintf(", %s left", left.Round(time.Second))
		}
	}
	return line
}

// size writes a number of bytes with three digits or so.
func size(n float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 999.5 {
			if n < 9.95 && unit != "B" {
				return fmt.Sprintf("%.1f %s", n, unit)
			}
			return fmt.Sprintf("%.0f %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.1f TB", n)
}

// input is standard input that stops when ctx does, even while a read of it
// is waiting for someone to type, and that counts for the progress.
type input struct {
	ctx   context.Context
	p     *progress
	reads chan chunk
	free  chan []byte
	whole []byte // the buffer behind cur, to be given back
	cur   []byte
	err   error
}

type chunk struct {
	data []byte
	err  error
}

// newInput starts the goroutine that reads; it ends with the stream, or with
// the first read after ctx.
func newInput(ctx context.Context, r io.Reader, p *progress) *input {
	in := &input{ctx: ctx, p: p, reads: make(chan chunk, 1), free: make(chan []byte, 2)}
	in.free <- make([]byte, 256<<10)
	in.free <- make([]byte, 256<<10)
	go func() {
		for {
			var buf []byte
			select {
			case buf = <-in.free:
			case <-ctx.Done():
				return
			}
			n, err := r.Read(buf[:cap(buf)])
			select {
			case in.reads <- chunk{buf[:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return in
}

// Read implements io.Reader.
func (in *input) Read(b []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	for len(in.cur) == 0 {
		if in.err != nil {
			return 0, in.err
		}
		if in.whole != nil {
			in.free <- in.whole
			in.whole = nil
		}
		select {
		case c := <-in.reads:
			in.whole, in.cur, in.err = c.data, c.data, c.err
		case <-in.ctx.Done():
			return 0, in.ctx.Err()
		}
	}
	n := copy(b, in.cur)
	in.p.add(n)
	in.cur = in.cur[n:]
	return n, nil
}
