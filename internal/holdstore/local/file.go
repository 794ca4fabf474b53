package local

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// file is a database of the store that can be replaced while others use it.
type file struct {
	path string
	// writer is held for every change, so that a rewrite sees all of them.
	// It is taken before mu.
	writer sync.Mutex
	// mu guards db and closed; whoever uses db holds it for reading.
	mu     sync.RWMutex
	db     *bolt.DB // nil: to be opened on the next use
	closed bool

	size atomic.Int64 // bytes in use or free within
	free atomic.Int64 // bytes that can be used again
}

// tmpSuffix marks a file that is not complete; such files are removed at the start.
const tmpSuffix = ".tmp"

func boltOptions() *bolt.Options {
	return &bolt.Options{Timeout: 5 * time.Second, FreelistType: bolt.FreelistMapType}
}

// createFile makes a database with its buckets. It has its name only once it
// is complete: a crash leaves nothing, or all.
func createFile(path string, buckets ...[]byte) (*file, error) {
	tmp := path + tmpSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	err := guard(path, func() error {
		db, err := bolt.Open(tmp, 0o600, boltOptions())
		if err != nil {
			return err
		}
		err = db.Update(func(tx *bolt.Tx) error {
			for _, name := range buckets {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return nil
		})
		return errors.Join(err, db.Close())
	})
	if err != nil {
		return nil, err
	}
	if err := os.Rename(tmp, path); err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return openFile(path)
}

// openFile opens a database that is there.
func openFile(path string) (*file, error) {
	f := &file{path: path}
	if err := f.reopen(); err != nil {
		return nil, err
	}
	return f, nil
}

// reopen opens the database; the caller holds mu, or is alone.
func (f *file) reopen() error {
	if err := checkMode(f.path); err != nil {
		return err
	}
	return guard(f.path, func() error {
		if err := checkHeaders(f.path); err != nil {
			return err
		}
		db, err := bolt.Open(f.path, 0o600, boltOptions())
		switch {
		case errors.Is(err, fs.ErrPermission), errors.Is(err, bolterrors.ErrTimeout):
			return err
		case err != nil:
			return fmt.Errorf("%w: %w", holdstore.ErrCorrupt, err)
		}
		f.db = db
		return f.measure()
	})
}

// guard runs what reads mapped memory. A damaged file makes bbolt panic, and
// one that was cut off makes the machine fault: both become ErrCorrupt.
func guard(path string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", holdstore.ErrCorrupt, p)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
	}()
	return fn()
}

// use calls fn with the database, which stays what it is meanwhile.
func (f *file) use(fn func(*bolt.DB) error) error {
	f.mu.RLock()
	for f.db == nil {
		closed := f.closed
		f.mu.RUnlock()
		if closed {
			return errClosed
		}
		if err := f.recover(); err != nil {
			return err
		}
		f.mu.RLock()
	}
	defer f.mu.RUnlock()
	return fn(f.db)
}

// recover opens the database after a rewrite that could not.
func (f *file) recover() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.db != nil || f.closed {
		return nil
	}
	return f.reopen()
}

func (f *file) view(fn func(*bolt.Tx) error) error {
	return f.use(func(db *bolt.DB) error {
		return guard(f.path, func() error { return db.View(fn) })
	})
}

// update changes the database: when it returns nil the change is on the disk.
func (f *file) update(fn func(*bolt.Tx) error) error {
	f.writer.Lock()
	defer f.writer.Unlock()
	return f.use(func(db *bolt.DB) error {
		return guard(f.path, func() error {
			err := db.Update(fn)
			return errors.Join(full(err), f.measure())
		})
	})
}

// measure notes how large the database is.
func (f *file) measure() error {
	return f.db.View(func(tx *bolt.Tx) error {
		st := f.db.Stats()
		f.size.Store(tx.Size())
		f.free.Store(int64(st.FreePageN+st.PendingPageN) * int64(f.db.Info().PageSize))
		return nil
	})
}

// rewriteTx is how many bytes a rewrite copies at a time.
const rewriteTx = 8 << 20

// rewrite replaces the database by a copy without the keys that keep denies.
// Nothing of them, nor of what was deleted before, is in the new file. step
// is told how far it is.
func (f *file) rewrite(keep func(bucket, key []byte) bool, step func(string) error) error {
	f.writer.Lock()
	defer f.writer.Unlock()
	tmp := f.path + tmpSuffix
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := f.use(func(db *bolt.DB) error {
		return guard(f.path, func() error { return copyTo(tmp, db, keep) })
	})
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	if err := step("copied"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return errClosed
	}
	if err := f.closeDB(); err != nil {
		return err
	}
	if err := os.Rename(tmp, f.path); err != nil {
		return err
	}
	if err := step("renamed"); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(f.path)); err != nil {
		return err
	}
	return f.reopen()
}

// copyTo writes a new database with what keep allows.
func copyTo(path string, src *bolt.DB, keep func(bucket, key []byte) bool) (err error) {
	dst, err := bolt.Open(path, 0o600, boltOptions())
	if err != nil {
		return full(err)
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	return src.View(func(from *bolt.Tx) error {
		return from.ForEach(func(name []byte, b *bolt.Bucket) error {
			return copyBucket(dst, name, b, keep)
		})
	})
}

func copyBucket(dst *bolt.DB, name []byte, src *bolt.Bucket, keep func(bucket, key []byte) bool) error {
	c := src.Cursor()
	k, v := c.First()
	for first := true; first || k != nil; first = false {
		err := dst.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			b.FillPercent = 1
			for n := 0; k != nil && n < rewriteTx; k, v = c.Next() {
				if !keep(name, k) {
					continue
				}
				n += len(k) + len(v)
				if err := b.Put(k, v); err != nil {
					return err
				}
			}
			return b.SetSequence(src.Sequence())
		})
		if err != nil {
			return full(err)
		}
	}
	return nil
}

// closeDB closes the database; the caller holds mu.
func (f *file) closeDB() error {
	db := f.db
	f.db = nil
	if db == nil {
		return nil
	}
	return guard(f.path, db.Close)
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return f.closeDB()
}

// remove deletes the database.
func (f *file) remove() error {
	f.writer.Lock()
	defer f.writer.Unlock()
	if err := f.close(); err != nil {
		return err
	}
	if err := os.Remove(f.path); err != nil {
		return err
	}
	f.size.Store(0)
	f.free.Store(0)
	return syncDir(filepath.Dir(f.path))
}
