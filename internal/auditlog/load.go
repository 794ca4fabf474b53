package auditlog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/handover"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
	"github.com/tracescrub/tracescrub/internal/durable"
)

// load reads what is there, cuts off a torn end, and computes the hashes that
// no checkpoint covers anew.
func (s *store) load() error {
	// Copies that a crash has left would outlive who is erased, and a key.
	for _, path := range []string{s.path(files.Subjects), s.path(files.Checkpoint)} {
		if err := durable.RemoveLeftovers(path); err != nil {
			return trouble(err)
		}
	}
	for _, path := range []string{s.cfg.KeyFile, s.next()} {
		_ = durable.RemoveLeftovers(path) // the directory may be one that only its owner changes
	}
	if err := s.loadKeys(); err != nil {
		return err
	}
	if err := s.loadSubjects(); err != nil {
		return trouble(err)
	}
	var err error
	if s.hashes, err = s.openOrCreate(files.Hashes); err != nil {
		return trouble(err)
	}
	if err := s.loadCheckpoint(); err != nil {
		return err
	}
	numbers, err := files.Segments(s.cfg.Directory)
	if err != nil {
		return trouble(err)
	}
	if len(numbers) == 0 {
		return s.start()
	}
	return s.scan(numbers)
}

func (s *store) openOrCreate(name string) (files.File, error) {
	f, err := s.cfg.sys.Open(s.path(name), false)
	if errors.Is(err, os.ErrNotExist) {
		if f, err = s.cfg.sys.Open(s.path(name), true); err == nil {
			err = s.cfg.sys.SyncDir(s.cfg.Directory)
		}
	}
	return f, err
}

// start begins the first segment of a new log.
func (s *store) start() error {
	if s.signed.Size > 0 {
		return corrupt("%d entries were signed, and there is no segment", s.signed.Size)
	}
	f, err := s.cfg.sys.Open(s.path(files.Segment(1)), true)
	if err != nil {
		return trouble(err)
	}
	s.segment, s.number, s.digest, s.newName = f, 1, sha256.New(), true
	s.tree, s.ids = &proof.Tree{}, newIndex()
	return nil
}

// loadCheckpoint reads the last checkpoint and holds the hashes against it.
func (s *store) loadCheckpoint() error {
	signed, err := regular.Small(s.path(files.Checkpoint))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return trouble(err)
	}
	// Not those of log.pub: who can write there could have forged the checkpoint.
	handovers, err := handover.Read(s.cfg.Directory, nil)
	if err != nil {
		return trouble(err)
	}
	c, _, err := proof.Open(signed, handover.Trust([]string{s.public}, handovers))
	if err != nil {
		return corrupt("%w", err)
	}
	size, err := s.hashes.Size()
	if err != nil {
		return trouble(err)
	}
	if size < tlog.StoredHashCount(c.Size)*tlog.HashSize {
		return corrupt("hashes: %d bytes are too few for the %d entries that were signed", size, c.Size)
	}
	root, err := proof.Root(c.Size, proof.Hashes(s.hashes))
	if err != nil {
		return trouble(err)
	}
	if root != c.Root {
		return corrupt("hashes: the root of %d entries is not the one that was signed", c.Size)
	}
	s.signed, s.checkpoint = c, signed
	return nil
}

// loadSubjects reads the side table. Rows that are none go: a crash leaves some
// that no entry names; verify misses those that one does.
func (s *store) loadSubjects() (err error) {
	if s.subjects, err = s.openOrCreate(files.Subjects); err != nil {
		return err
	}
	size, err := s.subjects.Size()
	if err != nil {
		return err
	}
	if s.table, err = subjects.Load(s.cfg.Directory, nil); err != nil {
		return err
	}
	b, err := s.table.Lines()
	if err != nil {
		return err
	}
	s.subjectBytes = int64(len(b))
	if s.subjectBytes == size { // rows have one form only: all are good
		return nil
	}
	return s.replaceTable(s.table)
}

// scanner reads the last segments of a log.
type scanner struct {
	s      *store
	next   int64  // the seq that has to come
	whole  int64  // bytes of whole entries in the segment
	last   string // kind of the last entry
	torn   bool
	events bool // there is an entry that is not of the log's own
	erased map[string]bool
	hashes []byte // those behind the checkpoint
}

// scan reads the segments that the checkpoint does not cover, and as many
// before as ids are to be remembered.
func (s *store) scan(numbers []int) error {
	end := len(numbers) - 1
	from := end
	firsts := make([]int64, len(numbers))
	for i := end; i >= 0; i-- {
		first, ok, err := firstSeq(s.path(files.Segment(numbers[i])))
		if err != nil {
			return trouble(err)
		}
		if !ok && i < end {
			return corrupt("%s has no first entry", files.Segment(numbers[i]))
		}
		if !ok {
			first = -1
		}
		firsts[i], from = first, i
		if ok && first <= s.signed.Size && s.signed.Size-first >= remembered || i > 0 && numbers[i-1] != numbers[i]-1 {
			break
		}
	}
	sc := &scanner{s: s, next: firsts[from], erased: map[string]bool{}}
	if sc.next < 0 {
		if from != 0 || numbers[0] != 1 {
			return corrupt("%s is empty, and the one before is missing", files.Segment(numbers[from]))
		}
		sc.next = 0
	}
	if sc.next > s.signed.Size {
		return corrupt("entry %d was signed, and the first segment begins with %d", s.signed.Size-1, sc.next)
	}
	var err error
	if s.tree, err = proof.Restore(sc.next, proof.Hashes(s.hashes)); err != nil {
		return trouble(err)
	}
	s.ids = newIndex()
	for i, n := range numbers[from:] {
		if err := sc.segment(n, from+i == end); err != nil {
			return err
		}
	}
	return sc.finish()
}

// firstSeq is the seq of the first entry of a segment, if it has one.
func firstSeq(path string) (seq int64, ok bool, err error) {
	e, err := read.First(path)
	if pe := (*os.PathError)(nil); errors.As(err, &pe) {
		return 0, false, err
	}
	if err != nil {
		return 0, false, nil
	}
	return e.Seq, true, nil
}

// segment reads one segment. Only the last may have a torn end.
func (sc *scanner) segment(number int, last bool) error {
	s := sc.s
	name := files.Segment(number)
	f, err := s.cfg.sys.Open(s.path(name), false)
	if err != nil {
		return trouble(err)
	}
	if last {
		s.segment = f
	} else {
		defer f.Close()
	}
	size, err := f.Size()
	if err != nil {
		return trouble(err)
	}
	if s.digest != nil {
		s.manifest = manifest(s.number, s.first, sc.next-1, sc.whole, s.digest)
	}
	s.number, s.first, s.digest, sc.whole = number, sc.next, sha256.New(), 0
	torn := errors.New("torn")
	err = files.Lines(io.NewSectionReader(f, 0, size), func(l files.Line) error {
		e, bad := sc.line(l)
		if bad == nil {
			s.manifest = nil
			if sc.whole == 0 {
				s.day = e.Logged.Format(time.DateOnly)
			}
			s.digest.Write(l.Text)
			s.digest.Write([]byte{'\n'})
			sc.whole += int64(len(l.Text)) + 1
			return nil
		}
		if sc.next < s.signed.Size || !last {
			return corrupt("%s: at byte %d: %w", name, l.Offset, bad)
		}
		return torn
	})
	if err != nil && !errors.Is(err, torn) {
		return trouble(err)
	}
	if sc.whole < size {
		return sc.cut(f, size)
	}
	return nil
}

// line takes one line, if it is the next entry.
func (sc *scanner) line(l files.Line) (*entry.Entry, error) {
	if !l.Whole || l.Long {
		return nil, errors.New("no whole line")
	}
	e, err := entry.Parse(l.Text)
	if err != nil {
		return nil, err
	}
	if e.Seq != sc.next {
		return nil, fmt.Errorf("entry %d follows where %d should", e.Seq, sc.next)
	}
	stored := sc.s.tree.Add(tlog.RecordHash(l.Text))
	if e.Seq < sc.s.signed.Size {
		var at []int64
		for level := range stored {
			at = append(at, tlog.StoredHashIndex(0, e.Seq)+int64(level))
		}
		want, err := proof.Hashes(sc.s.hashes).ReadHashes(at)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(want, stored) {
			return nil, fmt.Errorf("entry %d is not what was signed", e.Seq)
		}
	} else {
		for _, h := range stored {
			sc.hashes = append(sc.hashes, h[:]...)
		}
	}
	sc.next++
	sc.last, sc.s.logged = e.Kind, e.Logged
	sc.events = sc.events || !entry.Own(e.Kind)
	for _, c := range subjects.Erased(e) {
		sc.erased[c] = true
	}
	sc.s.ids.add(e.ID, e.Seq)
	return e, nil
}

// cut keeps a torn end in a file of its own and cuts it off.
func (sc *scanner) cut(f files.File, size int64) error {
	s := sc.s
	tail := make([]byte, size-sc.whole)
	if _, err := f.ReadAt(tail, sc.whole); err != nil {
		return trouble(err)
	}
	sum := sha256.Sum256(tail)
	name := fmt.Sprintf("torn-%d-%s", sc.next, s.cfg.Now().UTC().Format("20060102T150405.000000000Z"))
	if err := s.cfg.sys.Replace(s.path(name), tail, 0o600); err != nil {
		return trouble(err)
	}
	if err := f.Truncate(sc.whole); err != nil {
		return trouble(err)
	}
	if err := f.Sync(); err != nil {
		return trouble(err)
	}
	sc.torn = true
	s.gap = gap("torn", s.logged)
	s.gap["bytes"], s.gap["sha256"], s.gap["file"] = int64(len(tail)), hex.EncodeToString(sum[:]), name
	return nil
}

// finish checks that all that was signed is there, and writes the hashes anew.
func (sc *scanner) finish() error {
	s := sc.s
	if sc.next < s.signed.Size {
		return corrupt("%d entries were signed, %d are there", s.signed.Size, sc.next)
	}
	if s.checkpoint == nil && sc.events { // Open signs before it takes any
		return corrupt("there are events, and no checkpoint")
	}
	s.bytes, s.newName = sc.whole, true
	at := tlog.StoredHashCount(s.signed.Size) * tlog.HashSize
	if err := s.hashes.Truncate(at); err != nil {
		return trouble(err)
	}
	if _, err := s.hashes.WriteAt(sc.hashes, at); err != nil {
		return trouble(err)
	}
	// What was read may not have been durable: a crash may have come before the sync.
	if err := s.segment.Sync(); err != nil {
		return trouble(err)
	}
	if !sc.torn && sc.next > 0 && sc.last != entry.Closed {
		s.gap = gap("not_closed", s.logged)
	}
	if s.table.Has(sc.erased) { // the erasure was told, and then interrupted
		return s.replaceTable(s.table.Keep(func(c string) bool { return !sc.erased[c] }))
	}
	return nil
}
