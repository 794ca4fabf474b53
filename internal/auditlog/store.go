package auditlog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// store is the log as the one goroutine that writes has it. All fields describe
// what is durable.
type store struct {
	cfg Config

	segment  files.File
	number   int       // of the segment
	first    int64     // seq of its first entry
	bytes    int64     // of it
	digest   hash.Hash // of it
	day      string    // of its first entry
	manifest map[string]any
	newName  bool // its name is not durable yet

	hashes files.File
	tree   *proof.Tree
	logged time.Time // of the last entry
	ids    *index

	subjects     files.File
	subjectBytes int64
	table        *subjects.Table
	forgot       bool // rows that no entry names have gone

	private, public string
	signed          proof.Checkpoint
	checkpoint      []byte

	gap    map[string]any // to be told first, if there was one
	gaps   int64          // that were told
	broken error          // why nothing can be written before a recovery
}

func (s *store) path(name string) string { return filepath.Join(s.cfg.Directory, name) }

// batch is what will be durable with one sync.
type batch struct {
	lines  []byte
	hashes []byte
	tree   *proof.Tree
	logged time.Time
	ids    map[string]int64
	order  []string
}

// ready recovers from a write that failed.
func (s *store) ready() error {
	if s.broken == nil {
		return nil
	}
	return s.recover()
}

// begin starts a batch with what the log itself has to say first.
func (s *store) begin() (*batch, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	now := s.now(s.logged)
	if s.manifest == nil && s.bytes > 0 && (s.bytes >= s.cfg.SegmentBytes || now.Format(time.DateOnly) != s.day) {
		if err := s.rotate(); err != nil {
			return nil, s.fail(err)
		}
	}
	b := &batch{tree: s.tree.Clone(), logged: s.logged, ids: map[string]int64{}}
	if s.manifest != nil {
		if err := s.own(b, entry.Segment, s.manifest); err != nil {
			return nil, err
		}
	}
	if s.gap != nil {
		if err := s.own(b, entry.Gap, s.gap); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// now is the time, but never before that of an earlier entry.
func (s *store) now(last time.Time) time.Time {
	if t := s.cfg.Now().UTC(); t.After(last) {
		return t
	}
	return last
}

// own adds an entry of the log itself.
func (s *store) own(b *batch, kind string, attributes map[string]any) error {
	now := s.now(b.logged)
	e := &entry.Entry{Kind: kind, Time: now, Logged: now, Attributes: attributes}
	// Two that look the same at the same time are two: the place tells them apart.
	x := *e
	x.Attributes = map[string]any{"at": b.tree.Size(), "of": attributes}
	x.ID = ""
	if err := x.DeriveID(); err != nil {
		return err
	}
	e.ID = x.ID
	_, err := s.put(b, e)
	return err
}

// put adds an entry to a batch.
func (s *store) put(b *batch, e *entry.Entry) (int64, error) {
	e.Seq, e.Logged = b.tree.Size(), s.now(b.logged)
	line, err := e.Line()
	if err != nil {
		return 0, fmt.Errorf("audit log: %w: %w", Invalid, err)
	}
	for _, h := range b.tree.Add(tlog.RecordHash(line)) {
		b.hashes = append(b.hashes, h[:]...)
	}
	b.lines = append(append(b.lines, line...), '\n')
	b.logged = e.Logged
	b.ids[e.ID] = e.Seq
	b.order = append(b.order, e.ID)
	return e.Seq, nil
}

// add adds the entries of one caller, all or none of them.
func (s *store) add(b *batch, entries []*entry.Entry) ([]int64, error) {
	undo := *b
	undo.tree = b.tree.Clone()
	seqs := make([]int64, len(entries))
	for i, e := range entries {
		var err error
		if seqs[i], err = s.addOne(b, e); err != nil {
			for _, id := range b.order[len(undo.order):] {
				delete(b.ids, id)
			}
			*b = undo
			return nil, err
		}
	}
	return seqs, nil
}

func (s *store) addOne(b *batch, e *entry.Entry) (int64, error) {
	if seq, ok := s.ids.find(e.ID); ok {
		return seq, nil
	}
	if seq, ok := b.ids[e.ID]; ok {
		return seq, nil
	}
	if err := commit(s.table, e.Attributes, ""); err != nil {
		return 0, err
	}
	return s.put(b, e)
}

// commit makes a batch durable: names first, then the entries, with one sync,
// then the hashes, which can be computed from them.
func (s *store) commit(b *batch) error {
	if len(b.lines) == 0 {
		return nil
	}
	if err := s.writeSubjects(); err != nil {
		return s.fail(err)
	}
	if _, err := s.segment.WriteAt(b.lines, s.bytes); err != nil {
		return s.fail(err)
	}
	if err := s.segment.Sync(); err != nil {
		return s.fail(err)
	}
	if s.newName {
		if err := s.cfg.sys.SyncDir(s.cfg.Directory); err != nil {
			return s.fail(err)
		}
	}
	if _, err := s.hashes.WriteAt(b.hashes, tlog.StoredHashCount(s.tree.Size())*tlog.HashSize); err != nil {
		return s.fail(err)
	}
	if s.bytes == 0 {
		s.day = b.logged.Format(time.DateOnly)
	}
	s.digest.Write(b.lines)
	s.bytes += int64(len(b.lines))
	s.tree, s.logged = b.tree, b.logged
	if s.gap != nil {
		s.gaps++
	}
	s.newName, s.manifest, s.gap = false, nil, nil
	for _, id := range b.order {
		s.ids.add(id, b.ids[id])
	}
	return nil
}

func (s *store) writeSubjects() error {
	fresh, err := s.table.Fresh()
	if err != nil || len(fresh) == 0 {
		return err
	}
	if _, err := s.subjects.WriteAt(fresh, s.subjectBytes); err != nil {
		return err
	}
	if err := s.subjects.Sync(); err != nil {
		return err
	}
	s.subjectBytes += int64(len(fresh))
	return nil
}

// rotate begins a segment. The current one is durable.
func (s *store) rotate() error {
	f, err := s.cfg.sys.Open(s.path(files.Segment(s.number+1)), true)
	if err != nil {
		return err
	}
	s.manifest = manifest(s.number, s.first, s.tree.Size()-1, s.bytes, s.digest)
	err = s.segment.Close()
	s.segment, s.number, s.first, s.bytes = f, s.number+1, s.tree.Size(), 0
	s.digest, s.newName = sha256.New(), true
	return err
}

func manifest(number int, first, last, bytes int64, digest hash.Hash) map[string]any {
	return map[string]any{
		"segment": int64(number), "first": first, "last": last, "bytes": bytes,
		"sha256": hex.EncodeToString(digest.Sum(nil)),
	}
}

// fail notes that what is on the disk is not known any more.
func (s *store) fail(err error) error {
	s.broken = trouble(err)
	return s.broken
}

// recover brings the files back to what is durable, and reads them again. What
// a failed write left, whole or in part, has not been acknowledged.
func (s *store) recover() error {
	size, since := s.tree.Size(), s.logged
	if err := s.cutBack(); err != nil {
		return s.fail(err)
	}
	if err := s.close(); err != nil {
		return s.fail(err)
	}
	fresh := &store{cfg: s.cfg}
	if err := fresh.load(); err != nil {
		_ = fresh.close()
		return s.fail(err)
	}
	if fresh.tree.Size() != size {
		_ = fresh.close()
		return s.fail(corrupt("%d entries were durable, %d are there", size, fresh.tree.Size()))
	}
	fresh.gaps, fresh.gap = s.gaps, gap("write_failed", since)
	*s = *fresh
	return nil
}

// cutBack cuts off what was not acknowledged.
func (s *store) cutBack() (err error) {
	if s.segment == nil { // an attempt before this one got no further
		if s.segment, err = s.cfg.sys.Open(s.path(files.Segment(s.number)), false); err != nil {
			return err
		}
	}
	if err := s.segment.Truncate(s.bytes); err != nil {
		return err
	}
	if err := s.segment.Sync(); err != nil {
		return err
	}
	if s.subjects == nil {
		if s.subjects, err = s.cfg.sys.Open(s.path(files.Subjects), false); err != nil {
			return err
		}
	}
	if s.subjectBytes < 0 {
		return nil
	}
	return s.subjects.Truncate(s.subjectBytes)
}

func gap(reason string, since time.Time) map[string]any {
	return map[string]any{"reason": reason, "since": since.UTC().Format("2006-01-02T15:04:05.000000000Z")}
}

func (s *store) close() error {
	var errs []error
	for _, f := range []*files.File{&s.segment, &s.hashes, &s.subjects} {
		if *f != nil {
			errs = append(errs, (*f).Close())
			*f = nil
		}
	}
	return errors.Join(errs...)
}
