package secretmaskprocessor

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/rules/pack"
)

func load(t *testing.T, values map[string]any) *Config {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, confmap.NewFromStringMap(values).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	return cfg
}

func TestLoadConfig(t *testing.T) {
	t.Setenv("TRACESCRUB_DATA", "")
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	configs := map[string]*Config{}
	for id := range conf.ToStringMap() {
		sub, err := conf.Sub(id)
		require.NoError(t, err)
		configs[id] = load(t, sub.ToStringMap())
	}
	want := createDefaultConfig().(*Config)
	require.Equal(t, want, configs["secret_mask"])
	require.Equal(t, "data", want.DataDir)

	all := configs["secret_mask/all"]
	require.NotEmpty(t, all.Fingerprint.Key)
	all.Fingerprint.Key = ""
	want.Rules.Packs, want.Rules.Disable, want.Policy = []string{}, []string{}, []PolicyConfig{}
	want.Allow, want.Known.Command = []AllowConfig{}, []string{}
	require.Equal(t, want, all, "the documented defaults")

	p := configs["secret_mask/policy"]
	require.Len(t, p.Policy, 4)
	require.Equal(t, PolicyConfig{
		Rule: "github-*", Field: "span.attributes*", Action: "mask",
		Mask: &MaskConfig{Style: "partial", First: 4, Last: 2},
	}, p.Policy[2])
	require.Equal(t, "prod*", p.Policy[1].Resource["deployment.environment.name"], "a dot in a name is no path")
	entries, err := p.entries(nil)
	require.NoError(t, err)
	require.True(t, entries[0].Example)
	require.Equal(t, mask.Drop, entries[1].Action)

	entries, err = configs["secret_mask/hold"].entries([]byte("a key"))
	require.NoError(t, err)
	require.Equal(t, []mask.Entry{
		{Producer: verdict.Commit([]byte("a key"), "ci-runner"), Distinct: 5, Action: mask.Drop},
		{Rule: "private-key*", Action: mask.Hold},
		{Severity: pack.Critical, Action: mask.Hold},
		{Distinct: 10, Action: mask.Hold},
	}, entries, "the user's, then the default where there is a quarantine")
	configs["secret_mask/hold"].Fail.Limits = "hold"
	require.NoError(t, configs["secret_mask/hold"].Validate())
	configs["secret_mask/hold"].MaskOnly()
	require.NoError(t, configs["secret_mask/hold"].Validate())
	entries, err = configs["secret_mask/hold"].entries(nil)
	require.NoError(t, err)
	require.Equal(t, []mask.Action{mask.Drop, mask.Mask}, []mask.Action{entries[0].Action, entries[1].Action})
	require.Len(t, entries, 2)
}

// TestReadmeExamples loads what the README shows, and starts it.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(readme, -1)
	require.GreaterOrEqual(t, len(blocks), 2)
	for _, b := range blocks {
		var doc struct {
			Processors map[string]map[string]any `yaml:"processors"`
		}
		require.NoError(t, yaml.Unmarshal(b[1], &doc))
		require.NotEmpty(t, doc.Processors)
		for _, values := range doc.Processors {
			cfg := load(t, values)
			cfg.Rules.Packs, cfg.Fingerprint.KeyFile, cfg.Fingerprint.Key = nil, "", "a key of the tests"
			_, err := cfg.MaskOptions(zap.NewNop())
			require.NoError(t, err)
		}
	}
}

// TestReadmeNamesEveryKey compares the table of keys with Config.
func TestReadmeNamesEveryKey(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	cfg.Policy = []PolicyConfig{{Mask: &MaskConfig{}}}
	conf := confmap.New()
	require.NoError(t, conf.Marshal(cfg))
	keys := 0
	for _, key := range conf.AllKeys() {
		if strings.HasPrefix(key, "policy") {
			continue
		}
		keys++
		require.Contains(t, string(readme), "`"+key+"`")
	}
	require.Equal(t, 32, keys)
	for _, key := range []string{"description", "rules", "values", "patterns", "target", "words", "fields", "resource"} {
		require.Contains(t, string(readme), "`allow[]::"+key+"`")
	}
	for _, key := range []string{"rule", "severity", "field", "resource", "evidence", "producer", "distinct_secrets", "action", "mask"} {
		require.Contains(t, string(readme), "`policy[]::"+key+"`")
	}
}

func TestValidateReportsEverything(t *testing.T) {
	require.NoError(t, testConfig(t).Validate())
	cfg := &Config{
		Rules:       RulesConfig{Packs: []string{"[", ""}, Disable: []string{"*"}, ReloadInterval: -1},
		Policy:      []PolicyConfig{{Action: "mask"}, {Severity: "huge", Evidence: "none", Action: "keep"}, {Action: "pass", Mask: &MaskConfig{Style: "blur"}}},
		Mask:        MaskConfig{Style: "fixed", Text: `"`, First: -1},
		Fingerprint: FingerprintConfig{Key: "short"},
		Annotate:    "a bit",
		Memory:      MemoryConfig{CleanBytes: 1},
	}
	err := cfg.Validate()
	want := []string{
		`rules::packs[0]: "[" is no path`, `rules::packs[1]: "" is no path`, `rules::disable[0]: "*" would leave no rule`,
		`rules::reload_interval: must not be negative`,
		`policy[1]::severity: "huge" is none of`, `policy[1]::evidence: "none" is none of example`, `policy[1]::action: "keep" is none of`,
		`policy[2]::mask: style "blur" is none of`, `policy[2]::mask: has no meaning with action pass`,
		`mask: text has 1 bytes`, `mask: first and last must not be negative`,
		`fingerprint::key: has 5 bytes, at least 16`, `annotate: "a bit" is none of full, summary, none`,
		`detection::threshold: must be more than 0 and less than 1`, `limits::max_value_bytes: `, `limits::max_depth: `, `limits::max_findings: `, `limits::max_batch_time: `,
		`memory::values: `, `memory::duration: `, `memory::clean_bytes: `,
		`fail::time: "" is none of`, `fail::limits: "" is none of`,
	}
	for _, w := range want {
		require.ErrorContains(t, err, w)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), len(want), "%v", err)

	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no rules":       {func(c *Config) { c.Rules.Builtin = false }, "rules: without builtin and packs"},
		"two keys":       {func(c *Config) { c.Fingerprint.KeyFile = "x" }, "fingerprint: key and key_file exclude"},
		"no place":       {func(c *Config) { c.Fingerprint.Key, c.DataDir = "", "" }, "data_dir: must not be empty"},
		"too sure":       {func(c *Config) { c.Detection.Threshold = 1 }, "detection::threshold: must be more than 0"},
		"too deep":       {func(c *Config) { c.Limits.MaxDepth = 1001 }, "limits::max_depth: must be 1 to 1000"},
		"hold unsealed":  {func(c *Config) { c.Policy = []PolicyConfig{{Action: "mask"}, {Action: "hold"}} }, "policy[1]::action: hold needs seal::public_keys"},
		"fail unsealed":  {func(c *Config) { c.Fail.Time = "hold" }, "fail::time: hold needs seal::public_keys"},
		"reload":         {func(c *Config) { c.Seal.ReloadInterval = -1 }, "seal::reload_interval: must not be negative"},
		"distinct pass":  {func(c *Config) { c.Policy = []PolicyConfig{{DistinctSecrets: 3, Action: "pass"}} }, "policy[0]::distinct_secrets: is for actions hold and drop only"},
		"distinct mask":  {func(c *Config) { c.Policy = []PolicyConfig{{DistinctSecrets: 3, Action: "mask"}} }, "policy[0]::distinct_secrets: is for actions hold and drop only"},
		"distinct style": {func(c *Config) { c.Policy = []PolicyConfig{{DistinctSecrets: 3, Action: "drop", Mask: &MaskConfig{}}} }, "policy[0]::mask: has no meaning with distinct_secrets"},
		"distinct 1":     {func(c *Config) { c.Policy = []PolicyConfig{{DistinctSecrets: 1, Action: "drop"}} }, "policy[0]::distinct_secrets: must be 2 to 1000"},
		"distinct -1":    {func(c *Config) { c.Policy = []PolicyConfig{{DistinctSecrets: -1, Action: "drop"}} }, "policy[0]::distinct_secrets: must be 2 to 1000"},
		"pass after distinct": {func(c *Config) {
			c.Policy = []PolicyConfig{{DistinctSecrets: 3, Action: "drop"}, {Evidence: "example", Action: "pass"}}
		}, "policy[1]::action: pass must stand before all entries with distinct_secrets"},
		"too many distinct": {func(c *Config) {
			c.Policy = slices.Repeat([]PolicyConfig{{DistinctSecrets: 3, Action: "drop"}}, 31)
		}, "policy: 31 entries have distinct_secrets, 30 may"},
		"no action": {func(c *Config) { c.Policy = []PolicyConfig{{}} }, `policy[0]::action: "" is none of`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			c.change(cfg)
			require.ErrorContains(t, confmap.Validate(cfg), c.want)
		})
	}
}

// TestBadRulesStopTheStart: everything that is wrong is in one message.
func TestBadRulesStopTheStart(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("version: 1\nname: broken\nrules:\n  - id: own\n    pattern: '('\n"), 0o600))
	cfg := testConfig(t)
	cfg.Rules.Packs = []string{broken}
	cfg.Policy = []PolicyConfig{{Action: "mask"}, {Severity: "huge", Action: "mask"}}
	_, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(componentType), cfg, consumertest.NewNop())
	for _, want := range []string{"rules::packs[0]: ", "broken.yaml", "pattern", "policy[1]::severity: "} {
		require.ErrorContains(t, err, want)
	}
	require.Zero(t, cores.Users(cfg))

	cfg = testConfig(t)
	cfg.Rules.Packs = []string{filepath.Join(dir, "missing.yaml"), filepath.Join(dir, "*.yml"), dir}
	_, err = NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(componentType), cfg, consumertest.NewNop())
	for _, want := range []string{"rules::packs[0]: reading a rule pack: ", "no such file", "rules::packs[1]: no file matches", "rules::packs[2]: ", "is no regular file"} {
		require.ErrorContains(t, err, want)
	}

	cfg = testConfig(t)
	cfg.Rules.Disable = []string{"no-such-rule"}
	_, err = cfg.MaskOptions(zap.NewNop())
	require.ErrorContains(t, err, `rules::disable[0]: "no-such-rule" matches no rule`)
}

func TestPolicyHash(t *testing.T) {
	hash := func(change func(*Config)) string {
		cfg := testConfig(t)
		change(cfg)
		engine, err := cfg.compile(nil, nil, nil)
		require.NoError(t, err)
		return cfg.policyHash(engine)
	}
	base := hash(func(*Config) {})
	require.Regexp(t, `^[0-9a-f]{16}$`, base)
	require.Equal(t, base, hash(func(c *Config) { c.Fingerprint.Key = "another key of the tests" }), "the key is no part of it")
	seen := map[string]bool{base: true}
	for _, change := range []func(*Config){
		func(c *Config) { c.Rules.Disable = []string{"github-*"} },
		func(c *Config) { c.Policy = []PolicyConfig{{Action: "mask", Mask: &MaskConfig{Style: "hash"}}} },
		func(c *Config) { c.Policy = []PolicyConfig{{Action: "mask", Mask: &MaskConfig{Style: "remove"}}} },
		func(c *Config) { c.Mask.Style = "hash" },
		func(c *Config) { c.Limits.MaxBatchTime = time.Hour },
		func(c *Config) { c.Scan.Keys = false },
		func(c *Config) { c.Seal.PublicKeys = "keys" },
		func(c *Config) { c.Policy = []PolicyConfig{{Producer: "someone", Action: "drop"}} },
		func(c *Config) { c.Policy = []PolicyConfig{{DistinctSecrets: 3, Action: "drop"}} },
		func(c *Config) { c.Detection.Threshold = 0.9 },
	} {
		h := hash(change)
		require.False(t, seen[h])
		seen[h] = true
	}
}
