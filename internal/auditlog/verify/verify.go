// Package verify checks a whole audit log, from its files and a public key
// alone, and says what is wrong and where. docs/format/audit.md has the table
// of attacks and what is said about each.
package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/handover"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// Options say which log to check, and against what.
type Options struct {
	Directory string
	// Keys are the public keys to trust: those of log.pub if there are none,
	// which says nothing against who can write to the directory.
	Keys []string
	// Older are checkpoints from elsewhere that the log must continue.
	Older [][]byte
	// WithoutSubjects is for a copy that leaves the side table out: whom
	// commitments stand for is then not checked.
	WithoutSubjects bool
	// Progress is told how many bytes have been checked, of how many; may be nil.
	Progress func(done, total int64)
}

// Code says what kind of thing is wrong.
type Code string

// What can be wrong.
const (
	EntryChanged   Code = "entry_changed"
	EntryInvalid   Code = "entry_invalid"
	HashChanged    Code = "hash_changed"
	HashMissing    Code = "hash_missing"
	RootDiffers    Code = "root_differs"
	Sequence       Code = "sequence"
	Truncated      Code = "truncated"
	RolledBack     Code = "rolled_back"
	Forked         Code = "forked"
	SegmentChanged Code = "segment_changed"
	SegmentMissing Code = "segment_missing"
	SubjectChanged Code = "subject_changed"
	SubjectMissing Code = "subject_missing"
	Signature      Code = "signature"
)

// Problem is one thing that is wrong.
type Problem struct {
	Code Code
	File string
	Line int64 // from 1, or 0
	Seq  int64 // of the entry, or -1
	What string
}

func (p Problem) String() string {
	s := string(p.Code) + ": " + p.File
	if p.Line > 0 {
		s += fmt.Sprintf(":%d", p.Line)
	}
	if p.Seq >= 0 {
		s += fmt.Sprintf(" entry %d", p.Seq)
	}
	return s + ": " + p.What
}

// Gap is an interruption that the log tells about.
type Gap struct {
	Seq    int64
	At     time.Time
	Since  string
	Reason string
}

// Report is what was found.
type Report struct {
	Origin      string
	Size        int64 // entries that are signed
	Entries     int64 // with those that are not signed yet
	Pruned      int64 // of them
	Erased      int64 // commitments that stand for nothing any more
	Kinds       map[string]int64
	First, Last time.Time // logged, of the entries that are there
	Gaps        []Gap
	// OwnKeys says that the keys came from the directory itself.
	OwnKeys  bool
	Problems []Problem
	// More is how many problems there are beyond those listed.
	More int64
}

// maxProblems is how many are listed.
const maxProblems = 100

func (r *Report) bad(code Code, file string, line, seq int64, format string, args ...any) {
	if len(r.Problems) >= maxProblems {
		r.More++
		return
	}
	r.Problems = append(r.Problems, Problem{code, file, line, seq, fmt.Sprintf(format, args...)})
}

// Run checks a log. An error says that it could not be checked, not that
// something is wrong with it. A log that is being written can be checked.
func Run(ctx context.Context, o Options) (*Report, error) {
	for tries := 0; ; tries++ {
		r, pruned, err := run(ctx, o)
		if err != nil || !pruned || tries == maxTries {
			return r, err
		}
	}
}

// maxTries is how often a log is checked anew because segments went meanwhile.
const maxTries = 3

// run checks a log once. pruned says that a segment went before it was read.
func run(ctx context.Context, o Options) (_ *Report, pruned bool, _ error) {
	r := &Report{Kinds: map[string]int64{}}
	keys := o.Keys
	if len(keys) == 0 {
		var err error
		if keys, err = files.PublicKeys(o.Directory); err != nil {
			return nil, false, fmt.Errorf("no public key: %w", err)
		}
		r.OwnKeys = true
	}
	// The checkpoint is read first: what a writer adds meanwhile is behind it.
	signed, err := regular.Small(filepath.Join(o.Directory, files.Checkpoint))
	if os.IsNotExist(err) {
		r.bad(Signature, files.Checkpoint, 0, -1, "there is no checkpoint")
	} else if err != nil {
		return nil, false, err
	}
	handovers, err := handover.Read(o.Directory, func(name files.Name, err error) { r.bad(Signature, name, 0, -1, "%v", err) })
	if err != nil {
		return nil, false, err
	}
	t := &trust{handover.Trust(keys, handovers), map[string]int64{}}
	for _, h := range handovers {
		t.until[h.Previous] = h.Checkpoint.Size
	}
	c, known := r.open(files.Checkpoint, signed, t)
	r.Origin, r.Size = c.Origin, c.Size
	p := &pass{o: o, r: r, checkpoint: c, known: known}
	for _, h := range handovers {
		p.pin("handover to "+h.Key, h.Signed, t, false)
	}
	for i, b := range o.Older {
		p.pin(fmt.Sprintf("older checkpoint %d", i+1), b, t, true)
	}
	if err := p.run(ctx); err != nil {
		return nil, false, err
	}
	return r, p.vanished, nil
}

// open checks the signature of a checkpoint. If nobody who is trusted has
// signed it, what it says is still of use to find out what else is wrong.
func (r *Report) open(name string, signed []byte, t *trust) (c proof.Checkpoint, known bool) {
	if signed == nil {
		return c, false
	}
	c, by, err := proof.Open(signed, t.keys)
	if err == nil {
		err = t.inTime(c, by)
	}
	if err == nil {
		return c, true
	}
	r.bad(Signature, name, 0, -1, "%v", err)
	c, err = proof.Read(signed)
	return c, err == nil
}

// trust says whose signature counts.
type trust struct {
	keys  []string
	until map[string]int64 // of keys that gave way: the last size that is theirs to sign
}

// inTime refuses what only keys signed that had given way before.
func (t *trust) inTime(c proof.Checkpoint, by []string) error {
	for _, k := range by {
		if until, ok := t.until[k]; !ok || c.Size <= until {
			return nil
		}
	}
	return fmt.Errorf("checkpoint: of %d entries, and the key that signed it had given way before", c.Size)
}
