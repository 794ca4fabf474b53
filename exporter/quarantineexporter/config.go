package quarantineexporter

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/tracescrub/tracescrub/internal/datadir"
	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
)

// Config is the configuration of `quarantine`. README.md has every key with
// its consequence.
type Config struct {
	// Store is where items are kept.
	Store backend.Config `mapstructure:"store"`
	// Seal says whom items are sealed for.
	Seal SealConfig `mapstructure:"seal"`
	// Timeout is how long a batch may take. It must be shorter than what its
	// sender waits, who else would not hear of the failure.
	Timeout time.Duration `mapstructure:"timeout"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// SealConfig says whom items are sealed for.
type SealConfig struct {
	// PublicKeys is a directory of public keys, of which the newest is used,
	// or the file of one. Default: keys/public in the environment's
	// TRACESCRUB_DATA, else in data.
	PublicKeys string `mapstructure:"public_keys"`
	// ReloadInterval is how often it is read again; 0 is never.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

func createDefaultConfig() component.Config {
	dataDir := datadir.Default()
	return &Config{
		Store:   backend.DefaultConfig(dataDir),
		Seal:    SealConfig{PublicKeys: filepath.Join(dataDir, "keys", "public"), ReloadInterval: 30 * time.Second},
		Timeout: 5 * time.Second,
	}
}

// Validate reports all mistakes but those under store, which finds its own.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Seal.PublicKeys == "" {
		bad("seal::public_keys: must name a directory of public keys (tracescrub keys new), or one file")
	}
	if c.Seal.ReloadInterval < 0 {
		bad("seal::reload_interval: must not be below zero")
	}
	if c.Timeout <= 0 {
		bad("timeout: must be above zero")
	}
	return errors.Join(errs...)
}
