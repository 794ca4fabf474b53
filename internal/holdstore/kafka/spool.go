package kafka

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tracescrub/tracescrub/internal/durable"
	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// spool is a directory with a file for each item that waits for the brokers.
// A file is written under a temporary name, synced, renamed, and the directory
// synced, before the item is acknowledged; it is removed once the item is in
// Kafka. The file has the capsule in it: no database is used, which would keep
// its bytes in pages that are free.
//
//	magic 8 | length of entry, uint32 | entry | SHA-256 of all before | chunks
type spool struct {
	dir  string
	most int64
	fs   files
	lock io.Closer // gives the directory free

	mu    sync.Mutex
	queue []waiting                // under mu: by seq
	ids   map[envelope.ID]struct{} // under mu: of the queue
	bytes int64                    // under mu: of the queue and of what is being written
	seq   uint64                   // under mu: the last that was given out
}

// waiting is an item in the spool.
type waiting struct {
	seq  uint64
	id   envelope.ID
	size int64
}

const (
	spoolMagic    = "tsspool\x01"
	spoolExt      = ".item"
	spoolTmp      = ".tmp"
	spoolDamaged  = ".damaged"
	spoolLockName = "lock"
)

func (w waiting) name() string { return fmt.Sprintf("%016x-%s%s", w.seq, w.id, spoolExt) }

// parseWaiting reads what name wrote.
func parseWaiting(name string) (w waiting, ok bool) {
	base, ok := strings.CutSuffix(name, spoolExt)
	seq, id, found := strings.Cut(base, "-")
	if !ok || !found || len(seq) != 16 {
		return waiting{}, false
	}
	if _, err := fmt.Sscanf(seq, "%016x", &w.seq); err != nil {
		return waiting{}, false
	}
	var err error
	w.id, err = envelope.ParseID(id)
	return w, err == nil && w.name() == name
}

// openSpool opens the directory, for this process alone, and finds what is in
// it. damaged are files that were put aside.
func openSpool(cfg SpoolConfig, sys files) (_ *spool, damaged []string, err error) {
	s := &spool{dir: cfg.Directory, most: cfg.MaxBytes, fs: sys, ids: map[envelope.ID]struct{}{}}
	if err := sys.mkdir(s.dir); err != nil {
		return nil, nil, fmt.Errorf("spool::directory: %w", err)
	}
	s.lock, err = durable.Lock(filepath.Join(s.dir, spoolLockName))
	if err != nil {
		return nil, nil, fmt.Errorf("spool::directory: %s: %w", s.dir, err)
	}
	found, err := sys.list(s.dir)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("spool::directory: %w", err), s.lock.Close())
	}
	for name, size := range found {
		w, ok := parseWaiting(name)
		switch {
		case strings.HasSuffix(name, spoolTmp): // of a crash: it was never acknowledged
			if err := sys.remove(s.path(name)); err != nil {
				return nil, nil, errors.Join(fmt.Errorf("spool::directory: %w", err), s.lock.Close())
			}
		case strings.HasSuffix(name, spoolDamaged):
			damaged = append(damaged, name)
		case ok:
			w.size = size
			s.queue = append(s.queue, w)
			s.ids[w.id] = struct{}{}
			s.bytes += size
			s.seq = max(s.seq, w.seq)
		}
	}
	slices.SortFunc(s.queue, func(a, b waiting) int { return cmp.Compare(a.seq, b.seq) })
	slices.Sort(damaged)
	return s, damaged, nil
}

func (s *spool) close() error { return s.lock.Close() }

func (s *spool) path(name string) string { return filepath.Join(s.dir, name) }

func (s *spool) has(id envelope.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.ids[id]
	return ok
}

func (s *spool) size() (items int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue), s.bytes
}

// waiting is what is to be shipped, in order.
func (s *spool) waiting() []waiting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queue)
}

// add stores an item; nil means that it is durable. The caller sees to it that
// an id is not added twice at the same time.
func (s *spool) add(e *entry, it *holdstore.Item) error {
	pieces := append(append([][]byte{spoolHead(e)}, it.View...), it.Restore...)
	w := waiting{id: it.ID}
	for _, p := range pieces {
		w.size += int64(len(p))
	}
	var err error
	if w.seq, err = s.reserve(w.size); err != nil {
		return err
	}
	if err := s.write(w.name(), pieces); err != nil {
		s.mu.Lock()
		s.bytes -= w.size
		s.mu.Unlock()
		if diskFull(err) {
			err = fmt.Errorf("%w: %w", holdstore.ErrFull, err)
		}
		return fmt.Errorf("writing to the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, _ := slices.BinarySearchFunc(s.queue, w, func(a, b waiting) int { return cmp.Compare(a.seq, b.seq) })
	s.queue = slices.Insert(s.queue, at, w)
	s.ids[w.id] = struct{}{}
	return nil
}

// reserve makes room for what is going to be written, and gives it its number.
func (s *spool) reserve(size int64) (seq uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+size > s.most {
		return 0, fmt.Errorf("%w: the spool has %d of %d bytes", holdstore.ErrFull, s.bytes, s.most)
	}
	s.bytes += size
	s.seq++
	return s.seq, nil
}

// write makes a file durable: create, write, fsync, rename, fsync of the
// directory. After an error there is none, or one that was not acknowledged,
// which is shipped after the next start, like an item that was sent twice.
func (s *spool) write(name string, pieces [][]byte) error {
	tmp := s.path(name + spoolTmp)
	err := s.fs.write(tmp, pieces)
	if err == nil {
		err = s.fs.rename(tmp, s.path(name))
	}
	if err == nil {
		err = s.fs.syncDir(s.dir)
	}
	if err != nil {
		for _, path := range []string{tmp, s.path(name)} {
			if gone := s.fs.remove(path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	return err
}

// spoolHead is what comes before the chunks.
func spoolHead(e *entry) []byte {
	body := e.encode()
	head := binary.BigEndian.AppendUint32([]byte(spoolMagic), uint32(len(body))) //nolint:gosec // G115: at most maxEntry
	head = append(head, body...)
	sum := sha256.Sum256(head)
	return append(head, sum[:]...)
}

// load reads an item. The error wraps holdstore.ErrCorrupt if the file is not what was written.
func (s *spool) load(w waiting) (*entry, *holdstore.Item, error) {
	b, err := s.fs.read(s.path(w.name()))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the spool: %w", err)
	}
	e, rest := parseSpoolHead(b)
	if e == nil || e.meta.ID != w.id {
		return nil, nil, fmt.Errorf("reading the spool: %s: %w", w.name(), holdstore.ErrCorrupt)
	}
	it := &holdstore.Item{Meta: e.meta, Capsule: e.capsule}
	for _, part := range []struct {
		places []place
		chunks *[][]byte
	}{{e.view, &it.View}, {e.restore, &it.Restore}} {
		for _, p := range part.places {
			if p.size > len(rest) || sumOf(rest[:p.size]) != p.sum {
				return nil, nil, fmt.Errorf("reading the spool: %s: %w", w.name(), holdstore.ErrCorrupt)
			}
			*part.chunks = append(*part.chunks, rest[:p.size:p.size])
			rest = rest[p.size:]
		}
	}
	return e, it, nil
}

func parseSpoolHead(b []byte) (e *entry, rest []byte) {
	const before = len(spoolMagic) + 4
	if len(b) < before || !bytes.HasPrefix(b, []byte(spoolMagic)) {
		return nil, nil
	}
	end := before + int(binary.BigEndian.Uint32(b[len(spoolMagic):])&0xffffff)
	if len(b) < end+sha256.Size || sha256.Sum256(b[:end]) != [32]byte(b[end:end+sha256.Size]) {
		return nil, nil
	}
	e, err := parseEntry(b[before:end])
	if err != nil {
		return nil, nil
	}
	return e, b[end+sha256.Size:]
}

// remove forgets an item that is in Kafka. If that fails it is shipped again.
func (s *spool) remove(w waiting) error {
	return s.drop(w, s.fs.remove(s.path(w.name())))
}

// setAside keeps a damaged file out of the way, for somebody to look at.
func (s *spool) setAside(w waiting) error {
	path := s.path(w.name())
	return s.drop(w, s.fs.rename(path, path+spoolDamaged))
}

func (s *spool) drop(w waiting, err error) error {
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = s.fs.syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("removing from the spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = slices.DeleteFunc(s.queue, func(other waiting) bool { return other.seq == w.seq })
	delete(s.ids, w.id)
	s.bytes -= w.size
	return nil
}
