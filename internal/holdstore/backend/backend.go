// Package backend chooses the store of held items: the part of the
// configuration that the exporter `quarantine` and the receiver `release_gate`
// have in common.
package backend

import (
	"context"
	"errors"
	"path/filepath"

	"go.opentelemetry.io/collector/config/configoptional"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/holdstore/local"
)

// Config is what users set under `store`: one of its keys.
type Config struct {
	// Local keeps items in files of this machine.
	Local configoptional.Optional[local.Config] `mapstructure:"local"`
	// Kafka keeps items in topics of a cluster.
	Kafka configoptional.Optional[kafka.Config] `mapstructure:"kafka"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// DefaultConfig has neither store chosen. A local one is below dataDir.
func DefaultConfig(dataDir string) Config {
	files := local.DefaultConfig()
	files.Directory = filepath.Join(dataDir, "quarantine")
	return Config{
		Local: configoptional.Default(files),
		Kafka: configoptional.Default(kafka.DefaultConfig()),
	}
}

// Validate wants exactly one store.
func (c *Config) Validate() error {
	switch {
	case c.Local.HasValue() && c.Kafka.HasValue():
		return errors.New("local, kafka: set one of them, not both")
	case !c.Local.HasValue() && !c.Kafka.HasValue():
		return errors.New("must have local or kafka")
	}
	return nil
}

// Open opens the store that is configured.
func Open(ctx context.Context, cfg Config, log *zap.Logger) (holdstore.Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Local.HasValue() {
		return local.Open(*cfg.Local.Get())
	}
	return kafka.Open(ctx, *cfg.Kafka.Get(), log)
}
