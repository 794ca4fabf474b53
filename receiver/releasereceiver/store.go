package releasereceiver

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/holdstore/local"
)

// open opens the store that is configured.
func (c *StoreConfig) open(ctx context.Context, log *zap.Logger) (holdstore.Store, error) {
	switch {
	case c.Local.HasValue():
		return local.Open(*c.Local.Get())
	case c.Kafka.HasValue():
		return kafka.Open(ctx, *c.Kafka.Get(), log)
	}
	return nil, errors.New("none is configured")
}
