package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/otelcol"
)

// A pipeline without secret_mask is taken, and so are all that are measured.
func TestConfigurations(t *testing.T) {
	for name, c := range map[string]struct{ processors, pipeline string }{
		"none":        {"{}", "[]"},
		"secret_mask": {"{secret_mask: {}}", "[secret_mask]"},
		"redaction":   {`{redaction: {allow_all_keys: true, blocked_values: ["abc[0-9]{3}"]}}`, "[redaction]"},
	} {
		t.Run(name, func(t *testing.T) {
			set := settings()
			set.ConfigProviderSettings.ResolverSettings.URIs = []string{`yaml:{receivers: {otlp: {protocols: {grpc: {}}}},
				exporters: {otlp_grpc: {endpoint: "127.0.0.1:1"}}, processors: ` + c.processors + `,
				service: {pipelines: {traces: {receivers: [otlp], exporters: [otlp_grpc], processors: ` + c.pipeline + `}}}}`}
			col, err := otelcol.NewCollector(set)
			require.NoError(t, err)
			require.NoError(t, col.DryRun(t.Context()))
		})
	}
}

func TestComponents(t *testing.T) {
	f, err := components()
	require.NoError(t, err)
	for _, p := range []string{"secret_mask", "memory_limiter", "redaction", "transform"} {
		require.Contains(t, f.Processors, component.MustNewType(p))
	}
}
