package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/durable"
)

// Writer writes a log. It may be used by many goroutines at once.
type Writer struct {
	cfg      Config
	lock     io.Closer
	requests chan *request
	quit     chan struct{}
	done     chan struct{}
	once     sync.Once
	closed   error

	mu    sync.Mutex
	state State
}

// State is how a log is.
type State struct {
	Size   int64     // entries
	Signed int64     // those that the last checkpoint covers
	Logged time.Time // when the last entry was written
	Gaps   int64     // told since the writer was opened
	// Err is why the log cannot be written, if it cannot: a Trouble. It is
	// tried again with the next event.
	Err error
}

// request is what a caller wants: to append entries, or anything else.
type request struct {
	ctx context.Context
	// entries are nil when somebody has taken them, or who asked has gone:
	// while a disk does not answer their senders try again and again.
	entries atomic.Pointer[[]*entry.Entry]
	do      func(*store) error
	seqs    []int64
	result  chan error
}

const (
	maxRequests = 4096    // of one batch
	maxBatch    = 4 << 20 // bytes of lines, about
)

// Open opens a log to write it, and makes one if there is none. The error is a
// Trouble, by errors.Is.
func Open(cfg Config) (*Writer, error) {
	cfg = cfg.withDefaults()
	if err := durable.MkdirAll(cfg.Directory, 0o700); err != nil {
		return nil, trouble(err)
	}
	s := &store{cfg: cfg}
	lock, err := durable.Lock(s.path(files.Lock))
	if held := (*durable.HeldError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("audit log: %w: %s", Locked, held.Holder)
	}
	if err != nil {
		return nil, trouble(err)
	}
	err = s.load()
	if err == nil {
		err = s.tell(entry.Opened, map[string]any{"version": int64(entry.Version), "origin": s.origin(), "key": s.public})
	}
	if err == nil {
		err = s.sign(true)
	}
	if err != nil {
		_ = s.close()
		return nil, errors.Join(err, lock.Close())
	}
	w := &Writer{
		cfg: cfg, lock: lock, requests: make(chan *request, maxRequests),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	w.note(s)
	go w.run(s)
	return w, nil
}

// Append adds events to the log and returns their places in it, when they are
// durable. An event whose id is there already gets the place of the first.
// After an error none, some or all of them may be there: the same events can be
// appended again without being logged twice.
func (w *Writer) Append(ctx context.Context, events ...Event) ([]int64, error) {
	entries, err := prepare(events)
	if err != nil {
		return nil, err
	}
	r := &request{ctx: ctx, result: make(chan error, 1)}
	r.entries.Store(&entries)
	if err := w.ask(ctx, r); err != nil {
		return nil, err
	}
	return r.seqs, nil
}

func (w *Writer) do(ctx context.Context, f func(*store) error) error {
	return w.ask(ctx, &request{ctx: ctx, do: f, result: make(chan error, 1)})
}

func (w *Writer) ask(ctx context.Context, r *request) error {
	select {
	case <-w.quit:
		return Closed
	default:
	}
	select {
	case w.requests <- r:
	case <-w.quit:
		return Closed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.result:
		return err
	case <-ctx.Done():
		r.entries.Store(nil)
		return ctx.Err()
	case <-w.done:
		select {
		case err := <-r.result:
			return err
		default:
			return Closed
		}
	}
}

// run is the one goroutine that writes.
func (w *Writer) run(s *store) {
	defer close(w.done)
	heartbeat, stop := every(w.cfg.Heartbeat)
	defer stop()
	interval, stop := every(w.cfg.Interval)
	defer stop()
	for {
		select {
		case r := <-w.requests:
			w.serve(s, r)
		case <-heartbeat:
			_ = s.tell(entry.Heartbeat, nil) // State says what went wrong
		case <-interval:
			_ = s.sign(false)
		case <-w.quit:
			w.closed = w.end(s)
			return
		}
		w.note(s)
	}
}

func every(d time.Duration) (<-chan time.Time, func()) {
	if d < 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// serve does one request, or with it all further ones that append.
func (w *Writer) serve(s *store, r *request) {
	for r != nil {
		if r.do != nil {
			err := r.do(s)
			w.note(s) // before the caller can ask
			r.result <- err
			return
		}
		r = w.append(s, r)
	}
}

// append makes r and those that wait behind it durable with one sync. It
// returns the first that wants something else.
func (w *Writer) append(s *store, r *request) (other *request) {
	b, err := s.begin()
	if err != nil {
		w.note(s)
		return w.refuse(r, err)
	}
	var group []*request
	for n := 0; ; n++ {
		if entries := r.entries.Swap(nil); entries == nil {
			r.result <- r.ctx.Err()
		} else if err := r.ctx.Err(); err != nil {
			r.result <- err
		} else if r.seqs, err = s.add(b, *entries); err != nil {
			r.result <- err
		} else {
			group = append(group, r)
		}
		if n == maxRequests || len(b.lines) >= maxBatch {
			break
		}
		select {
		case r = <-w.requests:
			if r.do == nil {
				continue
			}
			other = r
		default:
		}
		break
	}
	err = s.commit(b)
	w.note(s)
	for _, r := range group {
		r.result <- err
	}
	return other
}

// refuse answers r and those that wait behind it to append: each attempt to
// recover reads files, which would take too long for all of them in turn. Who
// asks after the first answer gets an attempt of their own.
func (w *Writer) refuse(r *request, why error) (other *request) {
	waiting := []*request{r}
	for len(waiting) <= maxRequests {
		select {
		case r = <-w.requests:
			if r.do == nil {
				waiting = append(waiting, r)
				continue
			}
			other = r
		default:
		}
		break
	}
	for _, r := range waiting {
		r.result <- why
	}
	return other
}

func (w *Writer) end(s *store) error {
	for {
		select {
		case r := <-w.requests:
			r.result <- Closed
			continue
		default:
		}
		break
	}
	err := s.tell(entry.Closed, nil)
	if err == nil {
		err = s.sign(false)
	}
	err = errors.Join(err, s.close())
	w.note(s)
	return errors.Join(err, w.lock.Close())
}

// Close tells that the log ends here, signs it and closes it.
func (w *Writer) Close() error {
	w.once.Do(func() { close(w.quit) })
	<-w.done
	return w.closed
}

// State returns how the log is.
func (w *Writer) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// note tells how the log is. Only one goroutine calls it.
func (w *Writer) note(s *store) {
	now := State{Size: s.tree.Size(), Signed: s.signed.Size, Logged: s.logged, Gaps: s.gaps, Err: s.broken}
	w.mu.Lock()
	changed := now != w.state
	w.state = now
	w.mu.Unlock()
	if changed && w.cfg.Changed != nil {
		w.cfg.Changed(now)
	}
}

// Receipt returns the proof that the entry with an id is in the log, as
// C2SP tlog-proof. The checkpoint in it is made if there is none yet that covers it.
func (w *Writer) Receipt(ctx context.Context, id string) ([]byte, error) {
	seq := int64(-1)
	err := w.do(ctx, func(s *store) error {
		if n, ok := s.ids.find(id); ok {
			seq = n
		}
		return s.sign(false)
	})
	if err != nil {
		return nil, err
	}
	l, err := read.Open(w.cfg.Directory)
	if err != nil {
		return nil, trouble(err)
	}
	if seq < 0 {
		if seq, err = l.Find(ctx, id); err != nil {
			return nil, fmt.Errorf("audit log: %w", err)
		}
	}
	r, err := l.Receipt(ctx, seq)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return r.Marshal(), nil
}
