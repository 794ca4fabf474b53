package publish

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/durable"
)

// status is what was sent where, also of earlier runs: published.json.
type status struct {
	path string

	mu   sync.Mutex
	each []source.Published // under mu, in the order of the workers
	// saving is held while the file is written; before mu.
	saving sync.Mutex
}

func newStatus(dir string, names []string) *status {
	s := &status{path: filepath.Join(dir, source.PublishedFile), each: []source.Published{}}
	for _, n := range names {
		s.each = append(s.each, source.Published{To: n})
	}
	return s
}

// load takes what earlier runs have written down of sinks that still are
// there. A file that is none says nothing.
func (s *status) load() {
	b, err := os.ReadFile(s.path)
	var before []source.Published
	if err != nil || json.Unmarshal(b, &before) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range before {
		if i := s.index(p.To); i >= 0 && p.Size >= 0 {
			s.each[i] = p
		}
	}
}

func (s *status) index(name string) int {
	return slices.IndexFunc(s.each, func(p source.Published) bool { return p.To == name })
}

func (s *status) get(name string) source.Published {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.each[s.index(name)]
}

func (s *status) all() []source.Published {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.each)
}

// note writes down what came of an attempt. The error is of the writing.
func (s *status) note(name string, size int64, at time.Time, err error) error {
	s.mu.Lock()
	p := &s.each[s.index(name)]
	before := *p
	if err == nil {
		*p = source.Published{To: name, Size: size, At: at.UTC()}
	} else {
		p.Error = err.Error()
	}
	changed := before != *p
	s.mu.Unlock()
	if !changed {
		return nil
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	b, err := json.MarshalIndent(s.all(), "", " ")
	if err != nil {
		return err
	}
	return durable.Replace(s.path, append(b, '\n'), 0o644)
}
