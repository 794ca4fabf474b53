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

	"github.com/tracescrub/tracescrub/internal/confighash"
	"github.com/tracescrub/tracescrub/internal/judged"
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

// TestHash: it names the whole configuration with all values, and what is
// refused has none.
func TestHash(t *testing.T) {
	const base = "yaml:service: {pipelines: {traces: {receivers: [otlp], processors: [secret_mask], exporters: [debug]}}}"
	hash := func(uris ...string) string {
		t.Helper()
		_, err := resolve(t, uris...)
		require.NoError(t, err)
		require.Regexp(t, "^[0-9a-f]{32}$", confighash.Get())
		return confighash.Get()
	}
	t.Setenv("TRACESCRUB_TEST_ENDPOINT", "a:1")
	seen := map[string]bool{}
	for _, more := range []string{
		"yaml:{}", "yaml:exporters::debug: {}", "yaml:exporters::debug::verbosity: basic",
		"yaml:exporters::otlp::endpoint: ${env:TRACESCRUB_TEST_ENDPOINT}", "yaml:exporters::otlp::endpoint: a:2", "yaml:exporters::otlp::timeout: 1",
	} {
		h := hash(base, more)
		require.False(t, seen[h], more)
		seen[h] = true
		require.Equal(t, h, hash(base, more), "the same again")
	}
	require.True(t, seen[hash(base, "yaml:exporters::otlp::endpoint: a:1")], "a variable counts by its value")
	require.Equal(t, hash(base, "yaml:{a: {x: 1, y: 2}}"), hash("yaml:{a: {y: 2}}", base, "yaml:{a: {x: 1}}"), "whatever files it comes from")

	before := hash(base)
	_, err := resolve(t, base, "yaml:service::pipelines::traces::processors: []")
	require.Error(t, err)
	require.Equal(t, before, confighash.Get())
	_, err = resolve(t, base, "yaml:exporters::debug::n: .nan")
	require.ErrorContains(t, err, "hashing the configuration")
}

// TestRead: secret_mask hears whether anybody tells what it drops.
func TestRead(t *testing.T) {
	defer judged.Set(true)
	_, err := resolve(t, "yaml:service: {pipelines: {traces: {receivers: [otlp], processors: [secret_mask], exporters: [debug]}}}")
	require.NoError(t, err)
	require.False(t, judged.Get())
	_, err = resolve(t, "file:../../deploy/embedded.yaml")
	require.NoError(t, err)
	require.True(t, judged.Get())
}
