package secretmaskprocessor

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/tracescrub/tracescrub/internal/datadir"
)

// Config is what users set under `secret_mask:`. The zero value is not valid:
// start from the factory's default. README.md has every key with its
// consequence.
type Config struct {
	// Rules say what a secret looks like.
	Rules RulesConfig `mapstructure:"rules"`
	// Detection tunes what only the name of a credential and the look of its
	// value can decide.
	Detection DetectionConfig `mapstructure:"detection"`
	// Policy is asked in order about each finding; the first entry that
	// matches decides. What no entry matches is masked, or held as Seal says.
	Policy []PolicyConfig `mapstructure:"policy"`
	// Seal switches holding on.
	Seal SealConfig `mapstructure:"seal"`
	// Allow lists what is found but is no secret.
	Allow []AllowConfig `mapstructure:"allow"`
	// AllowInline honours comments tracescrub:allow in telemetry. Whoever
	// writes telemetry can then switch the masking off. Default false.
	AllowInline bool `mapstructure:"allow_inline"`
	// Known names a dictionary of values that must never leave.
	Known KnownConfig `mapstructure:"known_secrets"`
	// Mask is how secrets are replaced unless a policy entry says otherwise.
	Mask MaskConfig `mapstructure:"mask"`
	// Fingerprint is the key of the fingerprints in masks.
	Fingerprint FingerprintConfig `mapstructure:"fingerprint"`
	// DataDir is where the fingerprint key is kept if none is configured.
	// Default: the environment's TRACESCRUB_DATA, else `data`.
	DataDir string `mapstructure:"data_dir"`
	// Annotate says what is written onto telemetry: full, summary or none.
	Annotate string `mapstructure:"annotate"`
	// Limits bound the work. What exceeds one is withheld, never passed.
	Limits LimitsConfig `mapstructure:"limits"`
	// Memory bounds what is remembered of traces.
	Memory MemoryConfig `mapstructure:"memory"`
	// Scan narrows what is scanned.
	Scan ScanConfig `mapstructure:"scan"`
	// Fail says what becomes of what could not be scanned.
	Fail FailConfig `mapstructure:"fail"`
}

// RulesConfig says what a secret looks like.
type RulesConfig struct {
	// Packs are files of rules (*.toml: configurations of gitleaks), or globs of such files. A missing file, or a
	// glob without one, stops the start.
	Packs []string `mapstructure:"packs"`
	// Builtin: use the rules that come with tracescrub. Default true.
	Builtin bool `mapstructure:"builtin"`
	// Disable are ids of rules, or globs of ids, to leave out. One that
	// matches no rule stops the start.
	Disable []string `mapstructure:"disable"`
	// ReloadInterval is how often Packs are read again; 0 is never.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`
}

// DetectionConfig tunes what is found without a format of its own.
type DetectionConfig struct {
	// Threshold is the probability from which on a value under the name of a
	// credential is a secret, more than 0 and less than 1. Default 0.5.
	Threshold float64 `mapstructure:"threshold"`
}

// PolicyConfig is one entry of the policy. All matchers that are set must match.
type PolicyConfig struct {
	// Rule is a glob on the id of the rule.
	Rule string `mapstructure:"rule"`
	// Severity is the lowest severity: low, medium, high or critical.
	Severity string `mapstructure:"severity"`
	// Field is a glob on the path of the place, such as span.attributes["db.*"].
	Field string `mapstructure:"field"`
	// Resource are globs on the values of resource attributes, by name.
	Resource map[string]string `mapstructure:"resource"`
	// Evidence, if `example`, matches only test vectors of public documentation.
	Evidence string `mapstructure:"evidence"`
	// Producer is the subject or user name of the authenticated sender.
	Producer string `mapstructure:"producer"`
	// DistinctSecrets is the lowest number of distinct secrets in the trace; 0 is any.
	DistinctSecrets int `mapstructure:"distinct_secrets"`
	// Action is pass, mask, hold or drop. Required.
	Action string `mapstructure:"action"`
	// Mask is how to mask what this entry matches; default is the outer one.
	Mask *MaskConfig `mapstructure:"mask"`
}

// SealConfig names who can open what is held. Without it nothing is held.
type SealConfig struct {
	// PublicKeys is a directory of public keys, or the file of one.
	PublicKeys string `mapstructure:"public_keys"`
	// ReloadInterval is how often they are read again; 0 is never.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`
}

func (s SealConfig) on() bool { return s.PublicKeys != "" }

// MaskConfig is how secrets are replaced.
type MaskConfig struct {
	// Style is label, fixed, partial, hash or remove.
	Style string `mapstructure:"style"`
	// Text is what style fixed writes.
	Text string `mapstructure:"text"`
	// First and Last are how many bytes style partial leaves.
	First int `mapstructure:"first"`
	Last  int `mapstructure:"last"`
}

// FingerprintConfig is the key of the fingerprints. Without either one is
// made at the first start and kept in DataDir.
type FingerprintConfig struct {
	// Key is the key itself, at least 16 bytes.
	Key configopaque.String `mapstructure:"key"`
	// KeyFile is a file with the key; a line break at its end is not part of it.
	KeyFile string `mapstructure:"key_file"`
}

// LimitsConfig bounds the work.
type LimitsConfig struct {
	// MaxValueBytes is the longest text that is scanned.
	MaxValueBytes int `mapstructure:"max_value_bytes"`
	// MaxDepth is how deeply slices and maps may be nested in a value.
	MaxDepth int `mapstructure:"max_depth"`
	// MaxFindings is the most findings per batch.
	MaxFindings int `mapstructure:"max_findings"`
	// MaxBatchTime is the longest time for one batch.
	MaxBatchTime time.Duration `mapstructure:"max_batch_time"`
}

// MemoryConfig bounds what is remembered between batches: hashes of secrets
// that were found, by trace, so that they are masked in later spans as well,
// in whatever encoding and in fragments; and texts that are clean. Secrets
// themselves are not held.
type MemoryConfig struct {
	// Traces is the most traces that are remembered; 0 is none.
	Traces int `mapstructure:"traces"`
	// Values is the most secrets that are remembered of one trace.
	Values int `mapstructure:"values"`
	// Duration is how long a trace is remembered after something was found in it.
	Duration time.Duration `mapstructure:"duration"`
	// CleanBytes is how many bytes of texts, without the strings in which something was found, are kept
	// on each core: one that comes again, as an agent's history does with every call, is compared and not
	// scanned. 0 is none; else at least 131072.
	CleanBytes int `mapstructure:"clean_bytes"`
}

// ScanConfig narrows what is scanned.
type ScanConfig struct {
	// SchemaURLs: scan schema URLs.
	SchemaURLs bool `mapstructure:"schema_urls"`
	// Keys: scan attribute keys and map keys.
	Keys bool `mapstructure:"keys"`
}

// FailConfig says what becomes of what could not be scanned: withhold (the
// text is replaced by a mask that says why), hold (the same, and what it stands
// in is held, so that it can be restored) or refuse (the batch goes back to its
// sender).
type FailConfig struct {
	// Time is for batches that exceed MaxBatchTime; refused ones can be retried.
	Time string `mapstructure:"time"`
	// Limits is for all other reasons; refused ones must not be retried.
	Limits string `mapstructure:"limits"`
}

// The values of Annotate and of FailConfig.
const (
	annotateFull    = "full"
	annotateSummary = "summary"
	annotateNone    = "none"

	failWithhold = "withhold"
	failHold     = "hold"
	failRefuse   = "refuse"
)

func createDefaultConfig() component.Config {
	dataDir := datadir.Default()
	return &Config{
		Rules:     RulesConfig{Builtin: true, ReloadInterval: 30 * time.Second},
		Detection: DetectionConfig{Threshold: 0.5},
		Known:     KnownConfig{Refresh: 5 * time.Minute},
		Seal:      SealConfig{ReloadInterval: time.Minute},
		Mask:      MaskConfig{Style: "label"},
		DataDir:   dataDir,
		Annotate:  annotateSummary,
		Limits: LimitsConfig{
			MaxValueBytes: 64 << 20,
			MaxDepth:      64,
			MaxFindings:   100_000,
			MaxBatchTime:  10 * time.Second,
		},
		Memory: MemoryConfig{Traces: 10_000, Values: 256, Duration: 10 * time.Minute, CleanBytes: 2 << 20},
		Scan:   ScanConfig{SchemaURLs: true, Keys: true},
		Fail:   FailConfig{Time: failWithhold, Limits: failWithhold},
	}
}

// annotates says that stamps are written: what is held needs them in any case.
func (c *Config) annotates() bool { return c.Annotate != annotateNone || c.Seal.on() }
