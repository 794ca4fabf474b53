package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// shared is a buffer that two goroutines may use.
type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestProgressIsForTerminalsOnly(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, c := range []struct {
		name string
		tty  bool
		run  time.Duration
		want string
	}{
		{"pipe", false, 10 * time.Second, ""},
		{"short", true, 900 * time.Millisecond, ""},
		{"long", true, 1100 * time.Millisecond, "\r\x1b[K50 % of 2.0 MB, 1.0 MB/s, 1s left\r\x1b[K"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := &shared{}
				p := startProgress(&terminal{err: out, errTTY: c.tty}, 2_000_000)
				p.add(1_000_000)
				time.Sleep(c.run)
				synctest.Wait()
				p.stop()
				if out.String() != c.want {
					t.Errorf("got %q, want %q", out.String(), c.want)
				}
			})
		})
	}
}

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		read, total int64
		took        time.Duration
		unit, want  string
	}{
		{0, 0, time.Second, "", "0 B, 0 B/s"},
		{1500, 0, time.Second, "", "1.5 KB, 1.5 KB/s"},
		{12_000_000_000, 0, 100 * time.Second, "", "12 GB, 120 MB/s"},
		{250, 1000, time.Second, "", "25 % of 1.0 KB, 250 B/s, 3s left"},
		{2000, 1000, time.Second, "", "2.0 KB, 2.0 KB/s"}, // it grew meanwhile
		{250, 1000, time.Second, "entries", "25 % of 1000 entries, 250 entries/s, 3s left"},
	} {
		if got := progressLine(c.read, c.total, c.took, c.unit); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestInput(t *testing.T) {
	defer goleak.VerifyNone(t)
	text := strings.Repeat("0123456789", 100_000)
	p := startProgress(&terminal{}, 0)
	defer p.stop()
	got, err := io.ReadAll(newInput(t.Context(), iotest.HalfReader(strings.NewReader(text)), p))
	if err != nil || string(got) != text || p.read.Load() != int64(len(text)) {
		t.Fatalf("%d bytes, %d counted, %v", len(got), p.read.Load(), err)
	}
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken))
	if got, err := io.ReadAll(newInput(t.Context(), r, p)); string(got) != "abc" || !errors.Is(err, broken) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

func TestInputStopsWhileWaiting(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := startProgress(&terminal{}, 0)
	defer p.stop()
	in := newInput(ctx, r, p)
	go cancel()
	if _, err := in.Read(make([]byte, 10)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if err := w.Close(); err != nil { // lets the reading goroutine end
		t.Fatal(err)
	}
}

func TestColour(t *testing.T) {
	none := func(string) string { return "" }
	for _, c := range []struct {
		name string
		t    terminal
		want string
	}{
		{"pipe", terminal{getenv: none}, "x"},
		{"terminal", terminal{getenv: none, outTTY: true}, "\x1b[31mx\x1b[0m"},
		{"NO_COLOR", terminal{outTTY: true, getenv: func(name string) string {
			if name == "NO_COLOR" {
				return "1"
			}
			return ""
		}}, "x"},
	} {
		if got := c.t.colour("31", "x"); got != c.want {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}
