package releasereceiver

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func load(t *testing.T, name string) *Config {
	t.Helper()
	t.Setenv("TRACESCRUB_DATA", "")
	conf, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	sub, err := conf.Sub(name)
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestConfig(t *testing.T) {
	least, all := load(t, "release_gate"), load(t, "release_gate/all")
	require.NoError(t, confmap.Validate(least))
	require.NoError(t, confmap.Validate(all))
	least.Quorum, least.API.Permissions = []QuorumConfig{}, []api.Grant{}
	require.Equal(t, least, all, "the documented defaults")

	k := load(t, "release_gate/kafka")
	require.NoError(t, confmap.Validate(k))
	require.Equal(t, "tracescrub", k.Store.Kafka.Get().Topics.Prefix)
	require.Equal(t, 72*time.Hour, k.ExpireAfter)
	require.True(t, k.Notify.HasValue())
	require.Equal(t, []gate.Permission{gate.List, gate.Preview, gate.Decide}, k.API.Permissions[0].Allow)
	for _, c := range []struct {
		severity, service string
		want              int
	}{
		{"critical", "payments-eu", 3},
		{"critical", "other", 2},
		{"high", "payments-eu", 2},
		{"medium", "payments-eu", 1},
		{"unheard of", "payments-eu", 3},
	} {
		require.Equal(t, c.want, k.required(c.severity, c.service), "%s %s", c.severity, c.service)
	}
	require.Equal(t, 2, least.required("critical", ""))
	require.Equal(t, 1, least.required("high", ""))
}

// TestMistakes: every mistake is reported, all of them at once.
func TestMistakes(t *testing.T) {
	withAuth := func(c *Config) {
		c.HTTP.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: component.MustNewID("oidc")}})
	}
	changes := []struct {
		name string
		do   func(*Config)
		want string
	}{
		{"no store", func(c *Config) { c.Store = backend.DefaultConfig("") }, "store: must have local or kafka"},
		{"no keys", func(c *Config) { c.Keys.Private = "" }, "keys::private: must be set"},
		{"no fingerprint", func(c *Config) { c.FingerprintKeyFile = "" }, "fingerprint_key_file: must be set"},
		{"expiry", func(c *Config) { c.ExpireAfter = 0 }, "expire_after: must be at least 1s"},
		{"severity", func(c *Config) { c.Quorum = []QuorumConfig{{Severity: "huge", Required: 1}} }, `quorum[0]::severity: "huge" is none of`},
		{"nobody", func(c *Config) { c.Quorum = append(c.Quorum, QuorumConfig{Required: 1}, QuorumConfig{}) }, "::required: must be 1 to 20"},
		{"reason", func(c *Config) { c.Justification.MinLength = 0 }, "justification::min_length: must be 1 to 500"},
		{"lease", func(c *Config) { c.Release.Lease = 0 }, "release::lease: must be at least 1s"},
		{"workers", func(c *Config) { c.Release.Workers = 0 }, "release::workers: must be 1 to 256"},
		{"open to all", func(c *Config) { c.HTTP.NetAddr.Endpoint = "0.0.0.0:8686" }, "http::endpoint: without http::auth and login anybody"},
		{"cors", func(c *Config) { c.HTTP.CORS = configoptional.Some(confighttp.NewDefaultCORSConfig()) }, "http::cors: must not be set"},
	}
	every := load(t, "release_gate")
	var wants []string
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			cfg := load(t, "release_gate")
			c.do(cfg)
			require.ErrorContains(t, confmap.Validate(cfg), c.want)
		})
		c.do(every)
		wants = append(wants, c.want)
	}
	err := confmap.Validate(every)
	for _, want := range wants {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), len(wants), "%v", err)

	for name, c := range map[string]struct {
		do   func(*Config)
		want string
	}{
		"two stores":     {func(c *Config) { c.Store.Kafka = configoptional.Some(kafka.DefaultConfig()) }, "store: local, kafka: set one"},
		"nobody may":     {withAuth, "permissions: must not be empty"},
		"token in a URL": {func(c *Config) { withAuth(c); c.HTTP.Auth.Get().RequestParameters = []string{"token"} }, "request_params: must not be set"},
		"two logs": {func(c *Config) {
			c.Audit = configoptional.Some(AuditConfig{Directory: "audit", Client: configoptional.Some(confighttp.NewDefaultClientConfig())})
		}, "audit: must have directory or client"},
		"no log": {func(c *Config) { c.Audit = configoptional.Some(AuditConfig{}) }, "audit: must have directory or client"},
		"log nowhere": {func(c *Config) {
			c.Audit = configoptional.Some(AuditConfig{Client: configoptional.Some(confighttp.ClientConfig{Endpoint: "audit:1"})})
		}, "audit: client::endpoint: must be an http"},
		"port only":   {func(c *Config) { c.HTTP.NetAddr.Endpoint = ":8686" }, "http::endpoint: without"},
		"no endpoint": {func(c *Config) { c.HTTP.NetAddr.Endpoint = "" }, "http::endpoint: must be set"},
		"kafka forgets": {func(c *Config) {
			k := kafka.DefaultConfig()
			k.Expiry = time.Hour
			c.Store = backend.DefaultConfig("")
			c.Store.Kafka = configoptional.Some(k)
		}, "store::kafka::expiry: must not be less than expire_after"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := load(t, "release_gate")
			c.do(cfg)
			require.ErrorContains(t, confmap.Validate(cfg), c.want)
		})
	}
	for _, endpoint := range []string{"127.0.0.1:1", "localhost:1", "[::1]:1", "127.1.2.3:1"} {
		cfg := load(t, "release_gate")
		cfg.HTTP.NetAddr.Endpoint = endpoint
		require.NoError(t, confmap.Validate(cfg), endpoint)
	}
}

// TestReadmeNamesEveryKey compares the table of keys with Config.
func TestReadmeNamesEveryKey(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	conf := confmap.New()
	cfg := load(t, "release_gate/kafka")
	require.NoError(t, conf.Marshal(cfg))
	keys := 0
	for _, key := range conf.AllKeys() {
		top, _, _ := strings.Cut(key, confmap.KeyDelimiter)
		if top == "audit" {
			key = strings.Join(strings.SplitN(key, confmap.KeyDelimiter, 3)[:2], confmap.KeyDelimiter)
		}
		if top == "http" || top == "store" { // others' documents have their keys
			key = top
		}
		keys++
		require.Contains(t, string(readme), "`"+key, "key %s", key)
	}
	require.Greater(t, keys, 15)
	for _, key := range []string{"quorum[]::severity", "quorum[]::service", "quorum[]::required", "store::local", "store::kafka", "http::endpoint", "http::auth"} {
		require.Contains(t, string(readme), "`"+key+"`")
	}
}
