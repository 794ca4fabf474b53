package releasereceiver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/webhook"
)

// AuditConfig says where the audit log is that decisions end in: one of both.
type AuditConfig struct {
	// Directory is that of a log on this machine, which this or another
	// process may write.
	Directory string `mapstructure:"directory"`
	// Client asks the `http` server of an audit_log.
	Client configoptional.Optional[confighttp.ClientConfig] `mapstructure:"client"`
}

func defaultAuditConfig() AuditConfig {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = 10 * time.Second
	return AuditConfig{Client: configoptional.Default(client)}
}

// Validate reports all mistakes.
func (c *AuditConfig) Validate() error {
	switch {
	case (c.Directory != "") == c.Client.HasValue():
		return errors.New("must have directory or client, and not both")
	case c.Client.HasValue() && !webhook.IsURL(c.Client.Get().Endpoint):
		return errors.New("client::endpoint: must be an http or https URL")
	}
	return nil
}

// log is where receipts come from, nil if nobody said; end closes connections.
func (c *core) log(ctx context.Context, host component.Host) (log source.Source, end func(), err error) {
	if !c.cfg.Audit.HasValue() {
		return nil, func() {}, nil
	}
	cfg := c.cfg.Audit.Get()
	if cfg.Directory != "" {
		return source.Directory(cfg.Directory), func() {}, nil
	}
	client, err := cfg.Client.Get().ToClient(ctx, host.GetExtensions(), c.set.TelemetrySettings)
	if err != nil {
		return nil, nil, fmt.Errorf("audit::client: %w", err)
	}
	return source.URL(client, cfg.Client.Get().Endpoint), client.CloseIdleConnections, nil
}
