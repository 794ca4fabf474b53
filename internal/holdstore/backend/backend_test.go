package backend

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t *testing.T, m map[string]any) (Config, error) {
	t.Helper()
	cfg := DefaultConfig("data")
	if err := confmap.NewFromStringMap(m).Unmarshal(&cfg); err != nil {
		return cfg, err
	}
	return cfg, confmap.Validate(&cfg)
}

func TestConfig(t *testing.T) {
	cfg := DefaultConfig("data")
	require.NoError(t, componenttest.CheckConfigStruct(&cfg))
	one := map[string]any{"local": map[string]any{"directory": "d"}}
	two := map[string]any{"kafka": map[string]any{"brokers": []string{"b:9092"}}}
	for _, c := range []struct {
		name string
		in   map[string]any
		want []string
	}{
		{"local", one, nil},
		{"local, as it is by default", map[string]any{"local": map[string]any{}}, nil},
		{"kafka", two, nil},
		{"none", nil, []string{"must have local or kafka"}},
		{"both", map[string]any{"local": one["local"], "kafka": two["kafka"]}, []string{"set one of them"}},
		{
			"mistakes of the one chosen",
			map[string]any{"local": map[string]any{"directory": "", "max_bytes": 1}},
			[]string{"local: directory: must be set", "max_bytes: must be at least"},
		},
		{"mistakes of kafka", map[string]any{"kafka": map[string]any{}}, []string{"kafka: ", "brokers"}},
		{"unknown key", map[string]any{"local": map[string]any{"directory": "d", "dir": "e"}}, []string{"dir"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.in)
			if c.want == nil {
				require.NoError(t, err)
			}
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	cfg, err := load(t, one)
	require.NoError(t, err)
	require.EqualValues(t, 10<<30, cfg.Local.Get().MaxBytes)
	cfg, err = load(t, map[string]any{"local": nil})
	require.NoError(t, err)
	require.Equal(t, filepath.Join("data", "quarantine"), cfg.Local.Get().Directory)
	cfg, err = load(t, two)
	require.NoError(t, err)
	require.Equal(t, 12, cfg.Kafka.Get().Topics.Partitions)
}

func TestOpen(t *testing.T) {
	_, err := Open(t.Context(), DefaultConfig("data"), zap.NewNop())
	require.Error(t, err)
	cfg, err := load(t, map[string]any{"local": map[string]any{"directory": filepath.Join(t.TempDir(), "store")}})
	require.NoError(t, err)
	s, err := Open(t.Context(), cfg, zap.NewNop())
	require.NoError(t, err)
	require.NoError(t, s.Put(t.Context(), storetest.Item(1, 1, 1)))
	require.NoError(t, s.Close())
}
