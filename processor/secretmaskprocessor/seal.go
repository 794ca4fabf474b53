package secretmaskprocessor

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/seal"
)

// sealing returns what seals, nil if nothing is held.
func (c *core) sealing() sealer {
	if s := c.seal.Load(); s != nil {
		return *s
	}
	return nil
}

// readSealer reads the public keys, if there is anything to be held. mu must be held.
func (c *core) readSealer() error {
	if !c.cfg.Seal.on() {
		return nil
	}
	s, err := seal.New(c.cfg.Seal.PublicKeys)
	if err != nil {
		return fmt.Errorf("seal::public_keys: %w", err)
	}
	if c.seal.Load() == nil || s.Key() != c.sealKey {
		var as sealer = s
		c.seal.Store(&as)
		c.sealKey = s.Key()
	}
	return nil
}

// rekey takes a new key into use; if the keys cannot be read, the old one stays.
func (c *core) rekey(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.sealKey
	err := c.readSealer()
	if err != nil || c.sealKey != old {
		c.tel.rekeyed(ctx, err)
	}
	if err != nil {
		c.tel.log.Warn("cannot read public keys, the old one stays in use", 1, zap.Error(err))
	} else if c.sealKey != old {
		c.log.Info("seals for a new key", zap.Stringer("key", c.sealKey))
	}
}
