package publish

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/internal/auditlog/witness/witnesstest"
)

func load(t *testing.T, text string) (Config, error) {
	t.Helper()
	var m map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &m))
	cfg := NewDefaultConfig()
	if err := confmap.NewFromStringMap(m).Unmarshal(&cfg); err != nil {
		return cfg, err
	}
	return cfg, confmap.Validate(&cfg)
}

// TestExample: what the README shows is taken, but for the witness's key,
// which is none.
func TestExample(t *testing.T) {
	b, err := os.ReadFile("testdata/publish.yaml")
	require.NoError(t, err)
	cfg, err := load(t, string(b))
	require.ErrorContains(t, err, "witness::w1: key: ")
	key := witnesstest.New("witness.example.com/w1").Key
	w := cfg.Witness["w1"]
	w.Key = key
	cfg.Witness["w1"] = w
	require.NoError(t, confmap.Validate(&cfg))

	require.Equal(t, PaceConfig{MinInterval: time.Second, Timeout: 10 * time.Second}, cfg.File["latest"].PaceConfig)
	require.Equal(t, time.Hour, cfg.File["kept"].MinInterval)
	require.Equal(t, 10*time.Second, cfg.Webhook["siem"].MinInterval)
	require.Equal(t, "tracescrub", cfg.Kafka["trail"].ClientID)
	require.Equal(t, "SCRAM-SHA-512", cfg.Kafka["trail"].SASL.Mechanism)
	require.Equal(t, 10*time.Second, cfg.Kafka["trail"].MinInterval)
	require.Equal(t, 10*time.Second, cfg.Kafka["trail"].Timeout)
	require.Equal(t, time.Minute, cfg.OTLP["central"].MinInterval)
	require.Equal(t, 10*time.Second, cfg.OTLP["central"].HTTP.Timeout)
	require.True(t, cfg.OTLP["central"].HTTP.ForceAttemptHTTP2)
	require.Equal(t, "https://witness.example.com", cfg.Witness["w1"].HTTP.Endpoint)

	set := componenttest.NewNopTelemetrySettings()
	p, err := New(cfg, t.TempDir(), set, nil)
	require.NoError(t, err)
	var names []string
	for _, s := range p.Status() {
		names = append(names, s.To)
	}
	require.Equal(t, []string{"file/kept", "file/latest", "webhook/siem", "kafka/trail", "otlp/central", "witness/w1"}, names)
	require.NoError(t, p.Shutdown(t.Context()), "it may come without Start")
}

func TestConfig(t *testing.T) {
	for _, c := range []any{&Config{}, &FileConfig{}, &WebhookConfig{}, &KafkaConfig{}, &OTLPConfig{}, &WitnessConfig{}} {
		require.NoError(t, componenttest.CheckConfigStruct(c))
	}
	cfg := NewDefaultConfig()
	require.NoError(t, cfg.Validate())
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{
			"names", `{file: {"A b": {path: /x/y}}, webhook: {"": {url: "https://a"}}, kafka: {"1/2": {brokers: ["a:1"], topic: t}}, otlp: {x.y: {endpoint: "https://a"}}, witness: {-: {endpoint: "https://a"}}}`,
			[]string{"file::A b: a name", "webhook::: a name", "kafka::1/2: a name", "otlp::x.y: a name", "witness::-: a name"},
		},
		{"neither file nor directory", `{file: {a: {}}}`, []string{"file::a: path, directory: set one"}},
		{"file and directory", `{file: {a: {path: /x, directory: /y}}}`, []string{"file::a: path, directory: set one"}},
		{
			"webhook", `{webhook: {a: {url: "ftp://private", secret: short, min_interval: -1s, timeout: 0s}}}`,
			[]string{"webhook::a: url: must be", "secret: has 5 bytes", "min_interval: must not", "timeout: must be"},
		},
		{
			"kafka", `{kafka: {a: {topic: "a/b", timeout: 1ms, min_interval: -1s, sasl: {mechanism: PLAIN}}}}`,
			[]string{"brokers: must name", "timeout: must be", "sasl::username", "topic: must be", "min_interval: must not"},
		},
		{"otlp", `{otlp: {a: {endpoint: "collector:4318", timeout: 0s}}}`, []string{"otlp::a: endpoint: must be", "timeout: must be"}},
		{"witness", `{witness: {a: {key: x}}}`, []string{"witness::a: endpoint: must be", "key: not the public key"}},
		{"unknown kind", `{carrier_pigeon: {a: {}}}`, []string{"carrier_pigeon"}},
		{"unknown key", `{file: {a: {path: /x, pth: /y}}}`, []string{"pth"}},
		{"null", `{webhook: {a: }}`, []string{"url: must be"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.text)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "private")
			require.NotContains(t, err.Error(), "short")
		})
	}
}

// TestOwnDirectory: a copy beside the log is none.
func TestOwnDirectory(t *testing.T) {
	dir := t.TempDir()
	for text, ok := range map[string]bool{
		`{file: {a: {path: ` + dir + `/copy}}}`:       false,
		`{file: {a: {directory: ` + dir + `}}}`:       false,
		`{file: {a: {directory: ` + dir + `/sub}}}`:   false,
		`{file: {a: {path: ` + dir + `/../copy}}}`:    true,
		`{file: {a: {directory: ` + dir + `-other}}}`: true,
	} {
		cfg, err := load(t, text)
		require.NoError(t, err)
		_, err = New(cfg, dir, componenttest.NewNopTelemetrySettings(), nil)
		require.Equal(t, ok, err == nil, text)
	}
}
