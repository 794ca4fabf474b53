// Package records keeps masked telemetry beside the audit log: each record is
// a file, named by the SHA-256 of what is in it, which the entry about it
// names as well. docs/format/audit.md specifies the files.
package records

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/durable"
)

const (
	// Directory is where records are, in the directory of a log.
	Directory = "records"
	// MaxSize is the most bytes that a record may have.
	MaxSize = 64 << 20

	suffix = ".zst"
)

// The errors of Put and Get, by errors.Is.
var (
	ErrGone    = errors.New("there is no such record (any more)")
	ErrChanged = errors.New("the record is not what its entry says")
	ErrLarge   = errors.New("the record is larger than 64 MiB")
)

// Store keeps records. It may be used by many goroutines at once, and read
// by other processes at the same time.
type Store struct {
	dir   string
	sys   files.System
	mkdir func(string, fs.FileMode) error
}

// Open returns the records of the log in a directory. Nothing is made before
// the first Put.
func Open(log string) *Store {
	return &Store{filepath.Join(log, Directory), files.Disk, durable.MkdirAll}
}

// parallel is how many records of one Put are written at a time.
const parallel = 8

// Put makes records durable, compressed, and returns their digests (64 hex
// digits each). A record that is there already, of the same day (UTC), is
// not written again, unless it is damaged. After an error some may be there.
func (s *Store) Put(now time.Time, texts ...[]byte) ([]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	for _, text := range texts {
		if len(text) > MaxSize {
			return nil, ErrLarge
		}
	}
	day := filepath.Join(s.dir, now.UTC().Format(time.DateOnly))
	if err := s.mkdir(day, 0o700); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	digests, errs := make([]string, len(texts)), make([]error, len(texts))
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for i, text := range texts {
		sum := sha256.Sum256(text)
		digests[i] = hex.EncodeToString(sum[:])
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.put(filepath.Join(day, digests[i]+suffix), digests[i], text)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	return digests, nil
}

// put makes one record durable. The name of one that is there may not be
// durable yet: whoever wrote it may have failed at that, or not be done.
func (s *Store) put(path, digest string, text []byte) error {
	if _, err := get(path, digest); err == nil {
		return s.sys.SyncDir(filepath.Dir(path))
	}
	return s.sys.Replace(path, encoder().EncodeAll(text, nil), 0o600)
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Get returns what a record holds, after its digest was compared: ErrGone,
// ErrChanged, or an error of the disk.
func (s *Store) Get(digest string) ([]byte, error) {
	if !digestForm.MatchString(digest) {
		return nil, ErrGone
	}
	days, err := s.days()
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	slices.Reverse(days)
	missing := ErrGone
	for _, day := range days {
		text, err := get(filepath.Join(s.dir, day, digest+suffix), digest)
		switch {
		case err == nil:
			return text, nil
		case errors.Is(err, ErrChanged):
			missing = ErrChanged // an older one may be whole
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("records: %w", err)
		}
	}
	return nil, missing
}

func get(path, digest string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > MaxSize+MaxSize/8 {
		return nil, ErrChanged
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text, err := decoder().DecodeAll(packed, nil)
	if err != nil {
		return nil, ErrChanged
	}
	if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != digest {
		return nil, ErrChanged
	}
	return text, nil
}

// Prune removes the records of days (UTC) that ended before a time, and says
// how many.
func (s *Store) Prune(before time.Time) (removed int, err error) {
	days, err := s.days()
	if err != nil {
		return 0, fmt.Errorf("records: %w", err)
	}
	for _, day := range days {
		begin, _ := time.Parse(time.DateOnly, day)
		if begin.AddDate(0, 0, 1).After(before) {
			break // they ascend
		}
		n, err := s.remove(filepath.Join(s.dir, day))
		if removed += n; err != nil {
			return removed, fmt.Errorf("records: %w", err)
		}
	}
	return removed, nil
}

// remove removes the records of a day, and what a crash left of writing some.
func (s *Store) remove(day string) (removed int, err error) {
	entries, err := os.ReadDir(day)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if err := os.Remove(filepath.Join(day, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, err
		}
		if digestForm.MatchString(strings.TrimSuffix(e.Name(), suffix)) {
			removed++
		}
	}
	return removed, s.sys.Remove(day)
}

// days are the days that there are records of, ascending.
func (s *Store) days() ([]string, error) {
	entries, err := os.ReadDir(s.dir) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var days []string
	for _, e := range entries {
		if t, err := time.Parse(time.DateOnly, e.Name()); err == nil && t.Format(time.DateOnly) == e.Name() && e.IsDir() {
			days = append(days, e.Name())
		}
	}
	return days, nil
}

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(parallel))
	if err != nil {
		panic(err) // only wrong options are refused
	}
	return e
})

// decoder bounds what it makes of a few bytes: a file may be anybody's.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxSize), zstd.WithDecoderConcurrency(parallel))
	if err != nil {
		panic(err)
	}
	return d
})
