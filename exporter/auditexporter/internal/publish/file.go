package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"go.opentelemetry.io/collector/component"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/durable"
)

// file is a file elsewhere.
type file struct {
	cfg FileConfig
	// under is closed when a write has ended that has not ended in time: a mount
	// whose server is away blocks, and nothing can end that.
	under chan struct{}
	write func(c *checkpoint) error
}

func newFile(cfg FileConfig, dir string) (*file, error) {
	target := cfg.Directory
	if target == "" {
		target = filepath.Dir(cfg.Path)
	}
	own, err1 := filepath.Abs(dir)
	other, err2 := filepath.Abs(target)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	if rel, err := filepath.Rel(own, other); err == nil && filepath.IsLocal(rel) {
		return nil, errors.New("must not be in the log's own directory")
	}
	f := &file{cfg: cfg}
	f.write = f.put
	return f, nil
}

func (f *file) start(context.Context, component.Host, source.Published) error { return nil }

func (f *file) close() {}

func (f *file) send(ctx context.Context, c *checkpoint) error {
	if f.under != nil {
		select {
		case <-f.under: // of an older one
			f.under = nil
		case <-ctx.Done():
			return errFileBlocked
		}
	}
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = f.write(c)
	}()
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		f.under = ended
		return errFileBlocked
	}
}

var errFileBlocked = errors.New("writing the file does not end")

func (f *file) put(c *checkpoint) error {
	if f.cfg.Path != "" {
		return durable.Replace(f.cfg.Path, c.signed, 0o644)
	}
	// Two of one size have two names: it takes a fork for that, and both stay.
	path := filepath.Join(f.cfg.Directory, fmt.Sprintf("checkpoint-%020d-%s", c.Size, c.id[:8]))
	err := durable.Create(path, c.signed, 0o644)
	if errors.Is(err, fs.ErrExist) { // the same: its name has a hash of what is in it
		return nil
	}
	return err
}
