package secretmaskprocessor

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/xconsumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processorhelper"
	"go.opentelemetry.io/collector/processor/processorhelper/xprocessorhelper"
	"go.opentelemetry.io/collector/processor/xprocessor"
)

var componentType = component.MustNewType("secret_mask")

// NewFactory returns the factory of the processor `secret_mask`.
func NewFactory() processor.Factory {
	return xprocessor.NewFactory(componentType, createDefaultConfig,
		xprocessor.WithTraces(createTraces, component.StabilityLevelAlpha),
		xprocessor.WithLogs(createLogs, component.StabilityLevelAlpha),
		xprocessor.WithMetrics(createMetrics, component.StabilityLevelAlpha),
		xprocessor.WithProfiles(createProfiles, component.StabilityLevelDevelopment),
	)
}

func createDefaultConfig() component.Config { return &Config{} }

var capabilities = consumer.Capabilities{MutatesData: true}

func createTraces(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Traces) (processor.Traces, error) {
	return processorhelper.NewTraces(ctx, set, cfg, next,
		func(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) { return td, nil },
		processorhelper.WithCapabilities(capabilities))
}

func createLogs(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Logs) (processor.Logs, error) {
	return processorhelper.NewLogs(ctx, set, cfg, next,
		func(_ context.Context, ld plog.Logs) (plog.Logs, error) { return ld, nil },
		processorhelper.WithCapabilities(capabilities))
}

func createMetrics(ctx context.Context, set processor.Settings, cfg component.Config, next consumer.Metrics) (processor.Metrics, error) {
	return processorhelper.NewMetrics(ctx, set, cfg, next,
		func(_ context.Context, md pmetric.Metrics) (pmetric.Metrics, error) { return md, nil },
		processorhelper.WithCapabilities(capabilities))
}

func createProfiles(ctx context.Context, set processor.Settings, cfg component.Config, next xconsumer.Profiles) (xprocessor.Profiles, error) {
	return xprocessorhelper.NewProfiles(ctx, set, cfg, next,
		func(_ context.Context, pd pprofile.Profiles) (pprofile.Profiles, error) { return pd, nil },
		xprocessorhelper.WithCapabilities(capabilities))
}
