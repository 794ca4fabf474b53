package bypassconverter

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
)

// resolve reads a configuration as the Collector does.
func resolve(t *testing.T, uris ...string) (*confmap.Conf, error) {
	t.Helper()
	r, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs:               uris,
		ProviderFactories:  []confmap.ProviderFactory{fileprovider.NewFactory(), envprovider.NewFactory(), yamlprovider.NewFactory()},
		ConverterFactories: []confmap.ConverterFactory{NewFactory()},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Shutdown(context.Background())) }()
	return r.Resolve(context.Background())
}

// TestShipped: the configurations we ship pass, and none does with a way around.
func TestShipped(t *testing.T) {
	files, err := filepath.Glob("../../deploy/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		conf, err := resolve(t, "file:"+file)
		require.NoError(t, err, file)
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		plain, err := confmap.NewRetrievedFromYAML(raw)
		require.NoError(t, err)
		want, err := plain.AsConf()
		require.NoError(t, err)
		require.ElementsMatch(t, want.AllKeys(), conf.AllKeys(), "%s: nothing is added or taken away", file)

		_, err = resolve(t, "file:"+file, "yaml:service::pipelines::logs/around: {receivers: [otlp], exporters: [debug]}")
		require.ErrorContains(t, err, "service::pipelines::logs/around: telemetry of otlp reaches debug", file)
	}
}

// TestMerged: what counts is the whole configuration, whatever files and
// variables it comes from.
func TestMerged(t *testing.T) {
	const base = "yaml:service: {pipelines: {traces: {receivers: [otlp], processors: [secret_mask], exporters: [debug]}}}"
	_, err := resolve(t, base)
	require.NoError(t, err)
	_, err = resolve(t, base, "yaml:service::pipelines::traces::processors: []")
	require.ErrorContains(t, err, "service::pipelines::traces: telemetry of otlp reaches debug")
	t.Setenv("TRACESCRUB_TEST_PROCESSORS", "[batch]")
	_, err = resolve(t, base, "yaml:service::pipelines::traces::processors: ${env:TRACESCRUB_TEST_PROCESSORS}")
	require.ErrorContains(t, err, "add secret_mask")
	t.Setenv("TRACESCRUB_TEST_PROCESSORS", "[secret_mask, batch]")
	_, err = resolve(t, base, "yaml:service::pipelines::traces::processors: ${env:TRACESCRUB_TEST_PROCESSORS}")
	require.NoError(t, err)
	_, err = resolve(t, base, "yaml:service::pipelines: {logs: {receivers: [a], exporters: [b]}, metrics: {receivers: [a], exporters: [b]}}")
	require.ErrorContains(t, err, "service::pipelines::logs")
	require.ErrorContains(t, err, "service::pipelines::metrics", "all at once")
}
