package auditexporter

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/exporter"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/seldom"
)

var componentType = component.MustNewType("audit_log")

// NewFactory returns the factory of the exporter `audit_log`.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(componentType, createDefaultConfig,
		exporter.WithLogs(createLogs, component.StabilityLevelAlpha))
}

func createLogs(_ context.Context, set exporter.Settings, cfg component.Config) (exporter.Logs, error) {
	return &audit{
		cfg: cfg.(*Config), set: set.TelemetrySettings, log: set.Logger,
		seldom: seldom.New(set.Logger, time.Now), now: time.Now, maxWaiting: maxWaiting,
		open: auditlog.Open, settle: settleTime,
	}, nil
}
