package auditlog

import (
	"context"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// Prune removes the segments that have only entries logged before a time, and
// returns how many. Their hashes stay. Names that no entry has any more go too.
func (w *Writer) Prune(ctx context.Context, before time.Time) (segments int, err error) {
	var known []subjects.Row
	var size int64
	err = w.do(ctx, func(s *store) error {
		segments, err = s.prune(before)
		if err == nil && (segments > 0 || !s.forgot) {
			known, size = s.table.Rows(), s.tree.Size()
		}
		return err
	})
	if err != nil || len(known) == 0 {
		return segments, err
	}
	// The log may be long: events go on meanwhile.
	unnamed := map[string]bool{}
	for _, r := range known {
		unnamed[r.Commitment] = true
	}
	if err := named(ctx, w.cfg.Directory, 0, unnamed); err != nil {
		return segments, trouble(err)
	}
	return segments, w.do(ctx, func(s *store) error { return s.forget(ctx, size, unnamed) })
}

func (s *store) prune(before time.Time) (int, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	numbers, err := files.Segments(s.cfg.Directory)
	if err != nil {
		return 0, trouble(err)
	}
	goes, last := 0, int64(0)
	for i := 0; i+1 < len(numbers); i++ {
		first, err := read.First(s.path(files.Segment(numbers[i+1])))
		if err != nil {
			if i+2 == len(numbers) {
				break // the last segment was just begun
			}
			return 0, corrupt("%s: %w", files.Segment(numbers[i+1]), err)
		}
		// The first of the next segment is written right after the last of this one.
		if !first.Logged.Before(before) {
			break
		}
		goes, last = i+1, first.Seq-1
	}
	if goes == 0 {
		return 0, nil
	}
	if err := s.tell(entry.Pruned, map[string]any{"segment": int64(numbers[goes-1]), "last": last}); err != nil {
		return 0, err
	}
	if err := s.sign(false); err != nil {
		return 0, err
	}
	s.forgot = false
	for i, n := range numbers[:goes] {
		if err := s.cfg.sys.Remove(s.path(files.Segment(n))); err != nil {
			return i, trouble(err)
		}
	}
	return goes, nil
}

// named takes those commitments out that an entry names, from a place on.
func named(ctx context.Context, dir string, from int64, unnamed map[string]bool) error {
	l, err := read.Open(dir)
	if err != nil {
		return err
	}
	for it, err := range l.Entries(ctx, from) {
		if err != nil {
			return err
		}
		subjects.In(it.Attributes, func(c string) { delete(unnamed, c) })
	}
	return nil
}

// forget drops rows of the side table that no entry names. Entries from a place
// on have not been looked at yet.
func (s *store) forget(ctx context.Context, from int64, unnamed map[string]bool) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := named(ctx, s.cfg.Directory, from, unnamed); err != nil {
		return trouble(err)
	}
	s.forgot = true
	if !s.table.Has(unnamed) {
		return nil
	}
	return s.replaceTable(s.table.Keep(func(c string) bool { return !unnamed[c] }))
}
