package auditlog

import (
	"context"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// tell writes an entry of the log itself.
func (s *store) tell(kind string, attributes map[string]any) error {
	b, err := s.begin()
	if err != nil {
		return err
	}
	if err := s.own(b, kind, attributes); err != nil {
		return err
	}
	return s.commit(b)
}

func (s *store) origin() string {
	_, origin, _ := proof.Public(s.private) // it was one when it was read
	return origin
}

// state is what a checkpoint would say now.
func (s *store) state() proof.Checkpoint {
	return proof.Checkpoint{Origin: s.origin(), Size: s.tree.Size(), Root: s.tree.Root()}
}

// sign makes a checkpoint, if there is anything that none covers, or anyway.
func (s *store) sign(anyway bool) error {
	if s.broken != nil {
		return s.broken
	}
	c := s.state()
	if !anyway && c == s.signed {
		return nil
	}
	if err := s.hashes.Sync(); err != nil {
		return s.fail(err)
	}
	signed, err := c.Sign(s.private)
	if err != nil {
		return err
	}
	if err := s.cfg.sys.Replace(s.path(files.Checkpoint), signed, 0o644); err != nil {
		return s.fail(err)
	}
	s.signed, s.checkpoint = c, signed
	if s.cfg.Checkpointed != nil {
		s.cfg.Checkpointed(signed)
	}
	return nil
}

// Checkpoint signs what is durable, and returns the signed checkpoint.
func (w *Writer) Checkpoint(ctx context.Context) (signed []byte, err error) {
	err = w.do(ctx, func(s *store) error {
		err := s.sign(false)
		signed = s.checkpoint
		return err
	})
	return signed, err
}

// RotateKey lets a new key sign from now on. Who trusts the old one can go on
// doing so.
func (w *Writer) RotateKey(ctx context.Context) error {
	return w.do(ctx, (*store).rotateKey)
}

// maxErased is how many commitments one entry names.
const maxErased = 500

// EraseSubject forgets who a subject is and what they wrote. It returns how
// many commitments stand for nothing now; the log stays as it is.
func (w *Writer) EraseSubject(ctx context.Context, subject string) (erased int, err error) {
	err = w.do(ctx, func(s *store) error {
		erased, err = s.erase(subject)
		return err
	})
	return erased, err
}

func (s *store) erase(subject string) (int, error) {
	if err := s.ready(); err != nil {
		return 0, err
	}
	owned := s.table.Owned(clip(subject))
	gone := map[string]bool{}
	for rest := owned; len(rest) > 0; {
		n := min(len(rest), maxErased)
		var list []any
		for _, c := range rest[:n] {
			list, gone[c] = append(list, c), true
		}
		rest = rest[n:]
		if err := s.tell(entry.Erased, map[string]any{"commitments": list}); err != nil {
			return 0, err
		}
	}
	if len(owned) == 0 {
		return 0, nil
	}
	if err := s.sign(false); err != nil {
		return 0, err
	}
	return len(owned), s.replaceTable(s.table.Keep(func(c string) bool { return !gone[c] }))
}

func (s *store) replaceTable(t *subjects.Table) error {
	b, err := t.Lines()
	if err != nil {
		return err
	}
	err = s.subjects.Close()
	s.subjects = nil
	if err == nil {
		err = s.cfg.sys.Replace(s.path(files.Subjects), b, 0o600)
	}
	if err != nil {
		s.subjectBytes = -1 // which table is there is not known
		return s.fail(err)
	}
	s.table, s.subjectBytes = t, int64(len(b))
	s.subjects, err = s.cfg.sys.Open(s.path(files.Subjects), false)
	if err != nil {
		return s.fail(err)
	}
	return nil
}
