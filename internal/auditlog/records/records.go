// Package records keeps masked telemetry beside the audit log: each record is
// a file, named by the SHA-256 of what is in it, which the entry about it
// names as well. docs/format/audit.md specifies the files.
package records

import (
	"errors"
	"time"
)

// Directory is where records are, in the directory of a log.
const Directory = "records"

// The errors of Get, by errors.Is.
var (
	ErrGone    = errors.New("there is no such record (any more)")
	ErrChanged = errors.New("the record is not what its entry says")
)

// Store keeps records. It may be used by many goroutines at once, and read
// by other processes at the same time.
type Store struct{ dir string }

// Open returns the records of the log in a directory. Nothing is made before
// the first Put.
func Open(log string) *Store { return &Store{log} }

// Put makes records durable, compressed, and returns their digests (64 hex
// digits each). A record that is there already, of the same day (UTC), is
// not written again.
func (s *Store) Put(now time.Time, texts ...[]byte) ([]string, error) {
	return nil, errors.New("not implemented")
}

// Get returns what a record holds, after its digest was compared: ErrGone,
// ErrChanged, or an error of the disk.
func (s *Store) Get(digest string) ([]byte, error) { return nil, ErrGone }

// Prune removes the records of days (UTC) that ended before a time, and says
// how many.
func (s *Store) Prune(before time.Time) (removed int, err error) { return 0, nil }
