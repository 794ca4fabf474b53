package verify

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// pass goes over a log once, from the first entry to the last. It grows two
// trees: one from the entries, and one from the leaves of the hash file, so
// that it can say which of them changed.
type pass struct {
	ctx        context.Context //nolint:containedctx // of run, for what may take long
	o          Options
	r          *Report
	checkpoint proof.Checkpoint
	known      bool // the checkpoint could be read
	pins       []pin

	hashes *bufio.Reader
	done   int64
	total  int64
	lines  proof.Tree
	leaves proof.Tree
	differ []Problem // entries that are not what the hash file says
	inner  int64     // the first hash that is not that of its children, or -1
	ended  bool      // the hash file
	short  bool      // it ended too early

	vanished bool // a segment, before it was read

	segments []segment
	pruned   pruned
	names    names
}

type segment struct {
	number      int
	first, last int64
	bytes       int64
	digest      string
	manifest    *entry.Entry // in it, of the one before
	manifestAt  int64
}

type pruned struct {
	segment, last int64
}

// pin is a checkpoint that the log must continue.
type pin struct {
	name    string
	c       proof.Checkpoint
	given   bool
	reached bool
}

func (p *pass) pin(name string, signed []byte, t *trust, given bool) {
	c, ok := p.r.open(name, signed, t)
	switch {
	case !ok:
	case p.known && c.Origin != p.checkpoint.Origin:
		p.r.bad(Forked, name, 0, -1, "is of another log")
	case given && c.Size > p.checkpoint.Size:
		p.r.bad(RolledBack, name, 0, -1, "%d entries were signed then, %d are now", c.Size, p.checkpoint.Size)
	default:
		p.pins = append(p.pins, pin{name: name, c: c, given: given})
	}
}

func (p *pass) run(ctx context.Context) error {
	p.ctx = ctx
	p.inner = -1
	if err := p.names.start(p.o.Directory); err != nil {
		return err
	}
	p.pruned.last = -1
	h, err := regular.Open(filepath.Join(p.o.Directory, files.Hashes))
	switch {
	case errors.Is(err, os.ErrNotExist):
		p.r.bad(HashMissing, files.Hashes, 0, -1, "is not there")
		p.hashes, p.short = bufio.NewReader(eof{}), true
	case err != nil:
		return err
	default:
		defer h.Close()
		p.hashes = bufio.NewReaderSize(h, 1<<16)
	}
	numbers, err := files.Segments(p.o.Directory)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if info, err := os.Stat(p.path(n)); err == nil {
			p.total += info.Size()
		}
	}
	for i, n := range numbers {
		if err := p.segment(ctx, n, i == 0, i == len(numbers)-1); err != nil {
			return err
		}
	}
	p.conclude()
	if err := ctx.Err(); err != nil {
		return err
	}
	p.judgeSegments()
	return p.names.check(p)
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

func (p *pass) path(n int) string { return filepath.Join(p.o.Directory, files.Segment(n)) }

// segment reads one segment.
func (p *pass) segment(ctx context.Context, n int, first, last bool) error {
	f, err := regular.Open(p.path(n))
	if errors.Is(err, os.ErrNotExist) {
		p.vanished = true
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	digest := sha256.New()
	seg := segment{number: n, first: -1}
	var number int64
	err = files.Lines(io.TeeReader(f, digest), func(l files.Line) error {
		number++
		if number%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			p.progress(l.Offset)
		}
		if last && !l.Whole && p.lines.Size() >= p.checkpoint.Size {
			return nil // is being written
		}
		p.line(&seg, l, number, first)
		return nil
	})
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.done += info.Size()
	p.progress(0)
	seg.bytes, seg.digest = info.Size(), hex.EncodeToString(digest.Sum(nil))
	seg.last = p.lines.Size() - 1
	p.segments = append(p.segments, seg)
	return nil
}

func (p *pass) progress(more int64) {
	if p.o.Progress != nil {
		p.o.Progress(min(p.done+more, p.total), p.total)
	}
}

// line takes one line of a segment.
func (p *pass) line(seg *segment, l files.Line, number int64, first bool) {
	name, seq := files.Segment(seg.number), p.lines.Size()
	e, err := entry.Parse(l.Text)
	if err == nil && (l.Long || !l.Whole) {
		err = errors.New("the line is not whole")
	}
	if err != nil {
		p.r.bad(EntryInvalid, name, number, seq, "%v", err)
		p.leaf(tlog.RecordHash(l.Text), name, number)
		return
	}
	if first && number == 1 && e.Seq > 0 {
		p.skip(e.Seq) // pruned, or else judgeSegments says so
		seq = e.Seq
	}
	if e.Seq != seq {
		p.r.bad(Sequence, name, number, e.Seq, "follows where entry %d should", seq)
		if e.Seq < seq {
			return
		}
		p.skip(e.Seq)
	}
	if seg.first < 0 {
		seg.first = e.Seq
		if e.Kind == entry.Segment {
			seg.manifest, seg.manifestAt = e, number
		}
	}
	p.leaf(tlog.RecordHash(l.Text), name, number)
	p.note(e)
}

// skip takes the leaves of entries that are not there from the hash file.
func (p *pass) skip(to int64) {
	for !p.short && p.lines.Size() < to {
		if p.lines.Size()%4096 == 0 && p.ctx.Err() != nil {
			return // run says so
		}
		p.leaf(tlog.Hash{}, "", 0)
	}
	if p.short && p.lines.Size() < to {
		// Nothing can be said about them. The trees go on, so that places are right.
		p.jump(to)
	}
}

// jump is for hash files that are not there: it must not take longer for a seq
// that somebody made up.
func (p *pass) jump(to int64) {
	t, err := proof.Restore(to, tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		return make([]tlog.Hash, len(at)), nil
	}))
	if err == nil {
		p.lines = *t
	}
}

// leaf adds a leaf to both trees, and compares. Without a file the entry is not
// there, and its leaf is what the hash file says.
func (p *pass) leaf(h tlog.Hash, name string, line int64) {
	p.reach()
	seq := p.lines.Size()
	stored, ok := p.read()
	switch {
	case !ok && name == "":
		p.short = true
		return
	case !ok:
		if seq < p.checkpoint.Size && !p.short {
			p.r.bad(HashMissing, files.Hashes, 0, seq, "the hash file ends")
		}
		p.short = p.short || seq < p.checkpoint.Size
		p.lines.Add(h)
		return
	case name == "":
		h = stored
	case stored != h:
		p.differ = append(p.differ[:min(len(p.differ), maxProblems)], Problem{File: name, Line: line, Seq: seq})
	}
	p.lines.Add(h)
	for i, want := range p.leaves.Add(stored) {
		if i == 0 {
			continue
		}
		if got, ok := p.read(); ok && got != want && p.inner < 0 {
			p.inner = seq
		}
	}
}

// read returns the next hash of the file. Once it has ended there are no more,
// though a writer may have added some: they would not be the next.
func (p *pass) read() (h tlog.Hash, ok bool) {
	if !p.ended {
		_, err := io.ReadFull(p.hashes, h[:])
		p.ended = err != nil
	}
	return h, !p.ended
}

// reach compares the trees with the checkpoints of their size.
func (p *pass) reach() {
	n := p.lines.Size()
	for i := range p.pins {
		if x := &p.pins[i]; x.c.Size == n && !x.reached {
			x.reached = true
			if p.lines.Root() != x.c.Root && p.leaves.Root() != x.c.Root {
				p.r.bad(Forked, x.name, 0, -1, "the log does not continue this checkpoint of %d entries", n)
			}
		}
	}
	if n == p.checkpoint.Size && p.known {
		p.judge()
	}
}

// judge says, where the checkpoint is, which tree is the one that was signed.
func (p *pass) judge() {
	lines, leaves := p.lines.Root() == p.checkpoint.Root, p.leaves.Size() == p.checkpoint.Size && p.leaves.Root() == p.checkpoint.Root
	for _, d := range p.differ {
		if lines {
			p.r.bad(HashChanged, files.Hashes, 0, d.Seq, "is not the hash of the entry, and the entry is the one that was signed")
		} else {
			p.r.bad(EntryChanged, d.File, d.Line, d.Seq, "the entry's hash is not the one in the hash file")
		}
	}
	p.differ = nil
	if p.inner >= 0 {
		p.r.bad(HashChanged, files.Hashes, 0, p.inner, "a hash that this entry completes is not that of its children")
		p.inner = -1
	}
	if !lines && (!leaves || len(p.r.Problems) == 0) {
		p.r.bad(RootDiffers, files.Checkpoint, 0, -1, "the first %d entries are not those that were signed", p.checkpoint.Size)
	}
	p.known = false // said
}

// conclude says what can be said at the end.
func (p *pass) conclude() {
	p.r.Entries = p.lines.Size()
	if p.lines.Size() < p.checkpoint.Size && p.known {
		p.r.bad(Truncated, files.Checkpoint, 0, -1, "%d entries were signed, %d are there", p.checkpoint.Size, p.lines.Size())
		p.skip(p.checkpoint.Size)
	}
	p.reach()
	for _, d := range p.differ {
		p.r.bad(EntryChanged, d.File, d.Line, d.Seq, "the entry's hash is not the one in the hash file")
	}
	if p.known && len(p.r.Problems) == 0 {
		p.r.bad(RootDiffers, files.Checkpoint, 0, -1, "the log could not be held against it")
	}
	for _, x := range p.pins {
		if !x.reached {
			p.r.bad(RolledBack, x.name, 0, -1, "%d entries were signed then, %d are there", x.c.Size, p.r.Entries)
		}
	}
}
