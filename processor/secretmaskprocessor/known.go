package secretmaskprocessor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/known"
)

// KnownConfig names a dictionary of exact values that must never leave. Its
// values are held in memory only.
type KnownConfig struct {
	// File has a value per line, or a name, a tab and a value.
	File string `mapstructure:"file"`
	// Command is a program and its arguments, whose output is such a file. No shell is involved.
	Command []string `mapstructure:"command"`
	// Refresh is how often it is read again; 0 is never.
	Refresh time.Duration `mapstructure:"refresh"`
}

const (
	maxKnownBytes = 64 << 20
	knownTimeout  = 30 * time.Second
)

func (k KnownConfig) on() bool { return k.File != "" || len(k.Command) > 0 }

func (k KnownConfig) check(m *mistakes) {
	if k.File != "" && len(k.Command) > 0 {
		m.add("known_secrets", "file and command exclude each other")
	}
	if len(k.Command) > 0 && k.Command[0] == "" {
		m.add("known_secrets::command", "the program must not be empty")
	}
	if k.Refresh < 0 {
		m.add("known_secrets::refresh", "must not be negative")
	}
}

// dictionary is what was read last.
type dictionary struct {
	secrets []known.Secret
	sum     [sha256.Size]byte // of the bytes that it was read from
}

// read reads the dictionary. Its errors hold nothing of what was read: of a
// command neither output nor messages.
func (k KnownConfig) read(ctx context.Context, log *zap.Logger) (*dictionary, error) {
	var data []byte
	var err error
	path := "known_secrets::file"
	if k.File != "" {
		data, err = k.readFile(log)
	} else {
		path = "known_secrets::command"
		data, err = k.run(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	secrets, err := known.Parse(bytes.NewReader(data))
	if err != nil {
		var m mistakes
		m.addAll(path, err)
		return nil, errors.Join(m...)
	}
	return &dictionary{secrets: secrets, sum: sha256.Sum256(data)}, nil
}

func (k KnownConfig) readFile(log *zap.Logger) ([]byte, error) {
	data, err := readBounded(k.File, maxKnownBytes)
	if err != nil {
		return nil, fmt.Errorf("reading known secrets: %w", err)
	}
	if info, err := os.Stat(k.File); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the file of known secrets can be read by others than its owner", zap.String("file", k.File))
	}
	return data, nil
}

var errTooMuch = errors.New("the command wrote too much")

// cappedBuffer takes at most limit bytes.
type cappedBuffer struct {
	bytes.Buffer
	limit int
}

func (b *cappedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		return 0, errTooMuch
	}
	return b.Buffer.Write(p)
}

func (k KnownConfig) run(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, knownTimeout)
	defer cancel()
	out := &cappedBuffer{limit: maxKnownBytes}
	cmd := exec.CommandContext(ctx, k.Command[0], k.Command[1:]...) //nolint:gosec // the operator names the program
	cmd.Stdout, cmd.WaitDelay = out, time.Second
	switch err := cmd.Run(); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("running the command: %w", ctx.Err())
	case err != nil:
		return nil, fmt.Errorf("running the command: %w", err)
	}
	return out.Bytes(), nil
}

// withKnown adds the dictionary of the configuration, read now, to an engine.
func (c *Config) withKnown(ctx context.Context, engine *rules.Engine, log *zap.Logger) (*rules.Engine, error) {
	if !c.Known.on() {
		return engine, nil
	}
	d, err := c.Known.read(ctx, log)
	if err != nil {
		return nil, err
	}
	return engine.WithKnown(d.secrets)
}

// refresh takes a changed dictionary into use: all of it or, if anything is
// wrong with it, none, and the old one stays.
func (c *core) refresh(ctx context.Context) {
	d, err := c.cfg.Known.read(ctx, zap.NewNop()) // not under the lock: a command may take its time
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := err == nil && d.sum != c.known.sum
	if changed {
		old := c.known
		c.known = d
		if err = c.use(c.engine); err != nil { //nolint:contextcheck // short, and a half refresh is none
			c.known = old
		}
	}
	if changed || err != nil {
		c.tel.refreshed(ctx, err)
	}
	if err != nil {
		c.tel.log.Warn("cannot refresh known secrets, the old ones stay in use", 1, zap.Error(err))
	} else if changed {
		c.log.Info("refreshed known secrets", zap.Int("values", len(d.secrets)))
	}
}
