// Package auditlog writes the audit log: an append-only file of entries under a
// Merkle tree that whoever has the public key can check alone. One process
// writes; what Append has taken is durable.
// docs/format/audit.md specifies the files.
package auditlog

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"path/filepath"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// Config says where a log is and how it is written.
type Config struct {
	// Directory is made if there is none.
	Directory string
	// KeyFile holds the private key, log.key in the directory if empty. It is
	// made if there is none and the log is new.
	KeyFile string
	// Origin names a new log: no space, no plus sign. Random if empty.
	Origin string
	// SegmentBytes is the size at which a segment is full, 64 MiB if 0.
	SegmentBytes int64
	// Heartbeat and Interval are how often there is a heartbeat and a
	// checkpoint; 0 is a minute and a second, negative never.
	Heartbeat, Interval time.Duration
	// Checkpointed is told every new checkpoint, by the goroutine that
	// writes: it must not wait.
	Checkpointed func(signed []byte)
	// Changed is told how the log is, whenever that has changed, in the same way.
	Changed func(State)
	// Now is time.Now if nil.
	Now func() time.Time

	sys    files.System
	random io.Reader
}

func (c Config) withDefaults() Config {
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.Directory, files.Private)
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = 64 << 20
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = time.Minute
	}
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.sys == nil {
		c.sys = files.Disk
	}
	if c.random == nil {
		c.random = rand.Reader
	}
	return c
}

func (c Config) origin() (string, error) {
	if c.Origin != "" {
		return c.Origin, nil
	}
	var b [8]byte
	if _, err := io.ReadFull(c.random, b[:]); err != nil {
		return "", err
	}
	return "tracescrub-audit/" + hex.EncodeToString(b[:]), nil
}
