package auditlog

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// fault is what becomes of a call.
type fault int

const (
	fine     fault = iota
	refused        // fails, and nothing was done
	halfDone       // a write fails in its middle
	doneBut        // fails, and was done
)

// faulty is the disk with faults, that remembers what was synced.
type faulty struct {
	what func(call string) fault
	err  error

	mu      sync.Mutex
	durable map[string][]byte // files by path, as a power cut would leave them
	names   map[string]bool   // whose names are durable
	pending map[string][]write
	unsure  map[string][]byte // replaced, and an error said that the name may not be durable
}

type write struct {
	at   int64
	data []byte // nil: the file was cut to at
}

func newFaulty(what func(string) fault) *faulty {
	return &faulty{what: what, err: syscall.ENOSPC, durable: map[string][]byte{}, names: map[string]bool{}, pending: map[string][]write{}, unsure: map[string][]byte{}}
}

// sync makes the names in a directory durable. The caller has the lock.
func (d *faulty) sync(dir string) {
	for p := range d.durable {
		if filepath.Dir(p) == dir {
			d.names[p] = true
			delete(d.unsure, p)
		}
	}
}

func (d *faulty) call(name string, do func() error) error {
	f := d.what(name)
	if f == refused || f == halfDone {
		return d.err
	}
	err := do()
	if f == doneBut && err == nil {
		err = d.err
	}
	return err
}

func (d *faulty) Open(path string, create bool) (f files.File, err error) {
	err = d.call("open", func() error {
		f, err = files.Disk.Open(path, create)
		return err
	})
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.durable[path]; !ok {
		d.durable[path] = nil
		if !create { // from before
			d.durable[path], err = os.ReadFile(path)
			d.names[path] = true
		}
	}
	return &faultyFile{f, d, path}, err
}

func (d *faulty) Replace(path string, data []byte, perm fs.FileMode) error {
	d.mu.Lock()
	old := d.durable[path]
	d.mu.Unlock()
	err := d.call("replace "+filepath.Base(path), func() error {
		err := files.Disk.Replace(path, data, perm)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.durable[path] = append([]byte(nil), data...)
		delete(d.pending, path)
		d.sync(filepath.Dir(path))
		return err
	})
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.unsure[path] = old
	}
	return err
}

func (d *faulty) Remove(path string) error {
	return d.call("remove", func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.durable, path)
		delete(d.names, path)
		return files.Disk.Remove(path)
	})
}

func (d *faulty) SyncDir(dir string) error {
	return d.call("syncdir", func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sync(dir)
		return files.Disk.SyncDir(dir)
	})
}

type faultyFile struct {
	files.File
	d    *faulty
	path string
}

func (f *faultyFile) pend(w write) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.pending[f.path] = append(f.d.pending[f.path], w)
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	what := f.d.what("write")
	if what == refused {
		return 0, f.d.err
	}
	if what == halfDone {
		b = b[:len(b)/2]
	}
	f.pend(write{at, append([]byte(nil), b...)})
	n, err := f.File.WriteAt(b, at)
	if what != fine {
		err = f.d.err
	}
	return n, err
}

func (f *faultyFile) Truncate(size int64) error {
	return f.d.call("truncate", func() error {
		f.pend(write{at: size})
		return f.File.Truncate(size)
	})
}

func (f *faultyFile) Sync() error {
	return f.d.call("sync", func() error {
		f.d.mu.Lock()
		defer f.d.mu.Unlock()
		for _, w := range f.d.pending[f.path] {
			f.d.durable[f.path] = w.apply(f.d.durable[f.path])
		}
		delete(f.d.pending, f.path)
		return nil
	})
}

func (w write) apply(b []byte) []byte {
	if w.data == nil {
		for int64(len(b)) < w.at {
			b = append(b, 0)
		}
		return b[:w.at:w.at]
	}
	if end := w.at + int64(len(w.data)); int64(len(b)) < end {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	b = append([]byte(nil), b...)
	copy(b[w.at:], w.data)
	return b
}

// cut writes what a power cut leaves into a directory: what was synced, and of
// the rest some sectors, and some names.
func (d *faulty) cut(t *testing.T, dir string, r *rand.Rand) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, b := range d.durable {
		if !d.names[path] && r.IntN(2) == 0 {
			continue
		}
		if old, ok := d.unsure[path]; ok && r.IntN(2) == 0 {
			if b = old; b == nil {
				continue
			}
		}
		for _, w := range d.pending[path] {
			if w.data == nil {
				if r.IntN(2) == 0 {
					b = w.apply(b)
				}
				continue
			}
			for at := 0; at < len(w.data); at += 512 {
				if r.IntN(3) > 0 {
					b = write{w.at + int64(at), w.data[at:min(at+512, len(w.data))]}.apply(b)
				}
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(path)), b, 0o600))
	}
}

// TestPowerCut stops the world at some call, keeps what was synced, and opens that.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			var mu sync.Mutex
			left := 25 + r.IntN(120)
			d := newFaulty(nil)
			d.what = func(string) fault {
				mu.Lock()
				defer mu.Unlock()
				if left--; left < 0 {
					return refused // the power is gone: nothing is done any more
				}
				return fine
			}
			cfg := config(t.TempDir())
			cfg.sys, cfg.SegmentBytes = d, 3000
			w, err := Open(cfg)
			require.NoError(t, err)
			var acked []int
			var signed []byte
			for i := 0; ; i++ {
				ev := masked(i)
				if i%5 == 0 {
					ev = voted(fmt.Sprint("user ", i), "reason")
				}
				if _, err := w.Append(context.Background(), ev); err != nil {
					break
				}
				acked = append(acked, i)
				if i%7 == 0 {
					if c, err := w.Checkpoint(context.Background()); err == nil {
						signed = c
					}
				}
			}
			_ = w.Close()
			dir := t.TempDir()
			d.cut(t, dir, r)
			reopen(t, dir, acked, signed)
		})
	}
}

// TestEveryCallFails lets each call of a writer's life fail once, in each way,
// and holds that the next attempt goes through and nothing is lost or doubled.
func TestEveryCallFails(t *testing.T) {
	for _, how := range []fault{refused, halfDone, doneBut} {
		for at := range 40 {
			t.Run(fmt.Sprintf("%d/%d", how, at), func(t *testing.T) {
				left := -1
				failed := ""
				d := newFaulty(func(call string) fault {
					if left--; left == -1 {
						failed = call
						return how
					}
					return fine
				})
				cfg := config(t.TempDir())
				cfg.sys, cfg.SegmentBytes = d, 2000
				w := open(t, cfg)
				ctx := context.Background()
				_, err := w.Append(ctx, masked(-1))
				require.NoError(t, err)
				require.NoError(t, w.do(ctx, func(*store) error { left = at; return nil }))
				var acked []int
				for i := range 20 {
					ev := masked(i)
					if i%5 == 0 {
						ev = voted(fmt.Sprint("user ", i), "reason")
					}
					if _, err := w.Append(ctx, ev); err != nil {
						require.ErrorIs(t, err, Full)
						_, err = w.Append(ctx, ev)
						require.NoError(t, err, "the second attempt, after %s failed", failed)
					}
					acked = append(acked, i)
					if i%4 != 3 {
						continue
					}
					if _, err := w.Checkpoint(ctx); err != nil {
						require.ErrorIs(t, err, Full)
					}
				}
				require.NoError(t, w.do(ctx, func(*store) error { left = -100; return nil }))
				require.NoError(t, w.Close())
				require.NotEmpty(t, failed)
				r := intact(t, cfg.Directory)
				holds(t, cfg.Directory, acked)
				require.LessOrEqual(t, len(r.Gaps), 1)
				reopen(t, cfg.Directory, acked, nil)
			})
		}
	}
}

func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Trouble
	}{
		"full":      {syscall.ENOSPC, Full},
		"quota":     {syscall.EDQUOT, Full},
		"read-only": {syscall.EROFS, ReadOnly},
		"broken":    {syscall.EIO, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			bad := false
			d := newFaulty(func(call string) fault {
				if bad && call == "write" {
					return refused
				}
				return fine
			})
			d.err = c.err
			cfg := config(t.TempDir())
			cfg.sys = d
			w := open(t, cfg)
			ctx := context.Background()
			set := func(b bool) { require.NoError(t, w.do(ctx, func(*store) error { bad = b; return nil })) }
			set(true)
			for range 3 {
				_, err := w.Append(ctx, masked(1))
				require.ErrorIs(t, err, c.want)
			}
			require.ErrorIs(t, w.State().Err, c.want)
			set(false)
			_, err := w.Append(ctx, masked(1))
			require.NoError(t, err)
			require.NoError(t, w.State().Err)
			require.NoError(t, w.Close())
			r := intact(t, cfg.Directory)
			require.Len(t, r.Gaps, 1)
			require.Equal(t, "write_failed", r.Gaps[0].Reason)
		})
	}
}
