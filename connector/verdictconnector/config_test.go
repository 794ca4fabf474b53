package verdictconnector

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func load(t *testing.T, name string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	sub, err := conf.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestConfig(t *testing.T) {
	least := load(t, "verdict")
	require.NoError(t, confmap.Validate(least))
	want := createDefaultConfig().(*Config)
	want.Clean, want.Audit = ids("traces/clean"), ids("logs/audit")
	require.Equal(t, want, least)

	all := load(t, "verdict/all")
	require.NoError(t, confmap.Validate(all))
	require.Equal(t, ids("traces/clean", "logs/clean", "metrics/clean"), all.Clean)
	require.Equal(t, ids("traces/held", "logs/held", "metrics/held"), all.Quarantine)
	require.Equal(t, annotateSummary, all.Annotate)
	require.Equal(t, time.Hour, all.HeldDuration)
}

// TestMistakes: every mistake is reported, all of them at once.
func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*Config)
		want string
	}{
		{"no clean", func(c *Config) { c.Clean = nil }, "clean: must name"},
		{"no audit", func(c *Config) { c.Audit = nil }, "audit: must name"},
		{"audit of traces", func(c *Config) { c.Audit = ids("traces/audit") }, "audit[0]: traces/audit: events are log records"},
		{"profiles", func(c *Config) { c.Clean = append(c.Clean, id("profiles")) }, "clean[3]: profiles: is for traces, logs and metrics only"},
		{"twice", func(c *Config) { c.Quarantine[1] = id("logs/clean") }, "quarantine[1]: logs/clean: is already clean[1]"},
		{"audit is clean", func(c *Config) { c.Audit = ids("logs/clean") }, "audit[0]: logs/clean: is already clean[1]"},
		{"record", func(c *Config) { c.Record = "all" }, `record: "all": use findings or masked`},
		{"annotate", func(c *Config) { c.Annotate = "loud" }, `annotate: "loud": use full, summary or none`},
		{"bound", func(c *Config) { c.HeldTraces = 0 }, "held_traces: must be at least 1"},
		{"duration", func(c *Config) { c.HeldDuration = 0 }, "held_duration: must be above zero"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig()
			c.do(cfg)
			err := cfg.Validate()
			require.ErrorContains(t, err, c.want)
			require.Equal(t, 1, strings.Count(err.Error(), "\n")+1, "one mistake, one message: %v", err)
		})
	}
	cfg := &Config{Annotate: "x", Audit: ids("metrics", "metrics")}
	err := cfg.Validate()
	require.Equal(t, 8, strings.Count(err.Error(), "\n")+1, "%v", err)
	require.NoError(t, testConfig().Validate())
	require.Error(t, createDefaultConfig().(*Config).Validate(), "there is no safe default for where data go")
}
