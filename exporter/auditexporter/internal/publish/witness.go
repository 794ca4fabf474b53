package publish

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"go.opentelemetry.io/collector/component"
	"golang.org/x/mod/sumdb/note"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/auditlog/witness"
	"github.com/tracescrub/tracescrub/internal/durable"
)

// witnessSink is a C2SP tlog-witness.
type witnessSink struct {
	cfg    WitnessConfig
	set    component.TelemetrySettings
	dir    string
	file   *witnessed
	client *http.Client
	ask    *witness.Client
}

func (s *witnessSink) start(ctx context.Context, host component.Host, last source.Published) error {
	key, err := witness.NewVerifier(s.cfg.Key)
	if err != nil {
		return err
	}
	if s.client, err = newClient(ctx, &s.cfg.HTTP, host, s.set); err != nil {
		return err
	}
	s.ask = &witness.Client{HTTP: s.client, URL: s.cfg.HTTP.Endpoint, Key: key, Dir: s.dir, Old: last.Size}
	return nil
}

func (s *witnessSink) close() { closeClient(s.client) }

func (s *witnessSink) send(ctx context.Context, c *checkpoint) error {
	sig, err := s.ask.Cosign(ctx, c.signed)
	if err != nil {
		return cause(err)
	}
	return s.file.add(c.signed, sig)
}

// witnessed is the file of the last checkpoint that was cosigned, by however
// many witnesses.
type witnessed struct {
	dir string
	mu  sync.Mutex // held while the file is read and written
}

func (w *witnessed) add(signed []byte, sig note.Signature) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	path := filepath.Join(w.dir, source.WitnessedFile)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := witness.Add(before, signed, sig)
	if err != nil {
		return err
	}
	return durable.Replace(path, after, 0o644)
}
