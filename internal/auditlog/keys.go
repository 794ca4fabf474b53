package auditlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/handover"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/ownmemory"
)

// next is where the key is that is about to sign.
func (s *store) next() string { return s.cfg.KeyFile + ".next" }

// loadKeys reads the private key, or makes one for a new log, and finishes or
// takes back a rotation that was interrupted.
func (s *store) loadKeys() error {
	b, err := os.ReadFile(s.cfg.KeyFile)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(s.path(files.Checkpoint)); !errors.Is(err, os.ErrNotExist) {
			return corrupt("there is a checkpoint, and no key %s", s.cfg.KeyFile)
		}
		return trouble(s.newKeys())
	}
	if err != nil {
		return trouble(err)
	}
	s.keep(strings.TrimSpace(string(b)))
	if s.public, _, err = proof.Public(s.private); err != nil {
		return corrupt("%s: %w", s.cfg.KeyFile, err)
	}
	if err := s.finishRotation(); err != nil {
		return trouble(err)
	}
	return trouble(s.publish())
}

// keep takes a private key into use. Where it cannot be locked in memory it is
// used all the same: what this log keeps is no secret, and forgery of it is
// what checkpoints that are kept elsewhere show.
func (s *store) keep(private string) {
	s.private = private
	_ = ownmemory.Lock(private)
}

func (s *store) newKeys() error {
	origin, err := s.cfg.origin()
	if err != nil {
		return err
	}
	private, public, err := proof.NewKey(origin, s.cfg.random)
	if err != nil {
		return fmt.Errorf("%w: %w", Invalid, err)
	}
	s.keep(private)
	s.public = public
	if err := s.cfg.sys.Replace(s.cfg.KeyFile, []byte(s.private+"\n"), 0o600); err != nil {
		return err
	}
	return s.publish()
}

// publish makes the key in use the last of log.pub.
func (s *store) publish() error {
	keys, err := files.PublicKeys(s.cfg.Directory)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(keys) > 0 && keys[len(keys)-1] == s.public {
		return nil
	}
	keys = append(slices.DeleteFunc(keys, func(k string) bool { return k == s.public }), s.public)
	return s.cfg.sys.Replace(s.path(files.Public), []byte(strings.Join(keys, "\n")+"\n"), 0o644)
}

// finishRotation takes the next key if a handover says so, else forgets it.
func (s *store) finishRotation() error {
	b, err := os.ReadFile(s.next())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	private := strings.TrimSpace(string(b))
	public, _, err := proof.Public(private)
	if err != nil {
		return s.cfg.sys.Remove(s.next()) // never used: it was not written whole
	}
	handovers, err := handover.Read(s.cfg.Directory, nil)
	if err != nil {
		return err
	}
	for _, h := range handovers {
		if h.Key != public {
			continue
		}
		// It may have been seen before its name was durable.
		if err := s.cfg.sys.SyncDir(s.cfg.Directory); err != nil {
			return err
		}
		return s.useKey(private, public)
	}
	return s.cfg.sys.Remove(s.next())
}

func (s *store) useKey(private, public string) error {
	if err := s.cfg.sys.Replace(s.cfg.KeyFile, []byte(private+"\n"), 0o600); err != nil {
		return err
	}
	s.keep(private)
	s.public = public
	if err := s.publish(); err != nil {
		return err
	}
	return s.cfg.sys.Remove(s.next())
}

// rotateKey lets another key sign. The handover, signed by both, is what
// decides: before it the old key signs, after it the new one.
func (s *store) rotateKey() error {
	if err := s.ready(); err != nil { // a recovery later would forget the next key
		return err
	}
	private, public, err := proof.NewKey(s.origin(), s.cfg.random)
	if err != nil {
		return err
	}
	if err := s.cfg.sys.Replace(s.next(), []byte(private+"\n"), 0o600); err != nil {
		return trouble(err)
	}
	if err := s.tell(entry.Key, map[string]any{"key": public, "previous": s.public}); err != nil {
		return err
	}
	if err := s.sign(false); err != nil { // its hashes are durable now
		return err
	}
	name, proven, err := s.handover(private)
	if err != nil {
		return trouble(err)
	}
	if err := s.cfg.sys.Replace(s.path(name), proven, 0o644); err != nil {
		return s.fail(err) // which key signs now is settled by reading anew
	}
	if err := s.useKey(private, public); err != nil {
		return s.fail(err)
	}
	return s.sign(true)
}

// handover proves with both keys that the last entry, which names them, is in
// the log.
func (s *store) handover(private string) (name files.Name, _ []byte, err error) {
	numbers, err := files.Handovers(s.cfg.Directory)
	if err != nil {
		return "", nil, err
	}
	n := 1
	if len(numbers) > 0 {
		n = numbers[len(numbers)-1] + 1
	}
	l, err := read.Open(s.cfg.Directory)
	if err != nil {
		return "", nil, err
	}
	r, err := l.Receipt(context.Background(), s.signed.Size-1)
	if err != nil {
		return "", nil, err
	}
	r.Checkpoint, err = s.signed.Sign(s.private, private)
	return files.Handover(n), r.Marshal(), err
}
