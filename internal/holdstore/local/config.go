package local

import (
	"errors"
	"fmt"
)

// Config is what users set under `store::local`.
type Config struct {
	// Directory is where the store is: made with mode 0700 if it is not
	// there, refused if others can read it. Required. Components of one
	// process that name the same directory share one store.
	Directory string `mapstructure:"directory"`
	// MaxBytes is how large the store may get. When it is full, items are
	// refused, retryably; decisions are still taken. Default 10 GiB.
	MaxBytes int64 `mapstructure:"max_bytes"`
}

const (
	defaultMaxBytes = 10 << 30
	leastMaxBytes   = 1 << 20
)

// DefaultConfig is valid but for Directory, which has no default.
func DefaultConfig() Config { return Config{MaxBytes: defaultMaxBytes} }

// Validate reports all mistakes at once.
func (c *Config) Validate() error {
	var errs []error
	if c.Directory == "" {
		errs = append(errs, errors.New("directory: must be set"))
	}
	if c.MaxBytes != 0 && c.MaxBytes < leastMaxBytes {
		errs = append(errs, fmt.Errorf("max_bytes: must be at least %d", leastMaxBytes))
	}
	return errors.Join(errs...)
}

func (c *Config) maxBytes() int64 {
	if c.MaxBytes == 0 {
		return defaultMaxBytes
	}
	return c.MaxBytes
}
