package publish

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"

	"github.com/tracescrub/tracescrub/internal/auditlog/witness"
	"github.com/tracescrub/tracescrub/internal/kafkaclient"
	"github.com/tracescrub/tracescrub/internal/webhook"
)

// Config says where checkpoints go: sinks of five kinds, each with a name.
// Metrics, log lines and the status call one by both, such as webhook/siem.
type Config struct {
	File    map[string]FileConfig    `mapstructure:"file"`
	Webhook map[string]WebhookConfig `mapstructure:"webhook"`
	Kafka   map[string]KafkaConfig   `mapstructure:"kafka"`
	OTLP    map[string]OTLPConfig    `mapstructure:"otlp"`
	Witness map[string]WitnessConfig `mapstructure:"witness"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// PaceConfig is what all sinks have.
type PaceConfig struct {
	// MinInterval is the least time between two that are sent. In between only
	// the newest waits. 0: each is sent, if the sink is fast enough.
	MinInterval time.Duration `mapstructure:"min_interval"`
	// Timeout is for one attempt.
	Timeout time.Duration `mapstructure:"timeout"`
}

// FileConfig is a file elsewhere: on a mount that another machine serves.
type FileConfig struct {
	PaceConfig `mapstructure:",squash"`
	// Path is a file that is replaced with each checkpoint.
	Path string `mapstructure:"path"`
	// Directory gets a file for each checkpoint instead, which is never
	// replaced. It must exist: a mount that is missing is not made up for.
	Directory string `mapstructure:"directory"`
}

// WebhookConfig is a webhook, which gets JSON.
type WebhookConfig struct {
	PaceConfig `mapstructure:",squash"`
	// URL is treated as a secret.
	URL configopaque.String `mapstructure:"url"`
	// Secret signs what is sent; at least 16 bytes. Without it only the
	// checkpoint's own signature is there.
	Secret configopaque.String `mapstructure:"secret"`
}

// KafkaConfig is a topic, which gets a record in its partition 0.
type KafkaConfig struct {
	kafkaclient.Config `mapstructure:",squash"`
	// Topic must exist, keep all its records and be somebody else's: we need
	// no more than the permission to write.
	Topic string `mapstructure:"topic"`
	// MinInterval is that of PaceConfig; the timeout is the client's.
	MinInterval time.Duration `mapstructure:"min_interval"`
}

// OTLPConfig is a receiver of OTLP/HTTP, which gets a log record.
type OTLPConfig struct {
	// MinInterval is that of PaceConfig; the timeout is the client's.
	MinInterval time.Duration `mapstructure:"min_interval"`
	// HTTP::Endpoint is what /v1/logs is added to.
	HTTP confighttp.ClientConfig `mapstructure:",squash"`
}

// WitnessConfig is a C2SP tlog-witness.
type WitnessConfig struct {
	// MinInterval is that of PaceConfig; the timeout is the client's.
	MinInterval time.Duration `mapstructure:"min_interval"`
	// HTTP::Endpoint is the submission prefix, which /add-checkpoint is added to.
	HTTP confighttp.ClientConfig `mapstructure:",squash"`
	// Key is the public key (vkey) that cosignatures are checked with.
	Key string `mapstructure:"key"`
}

const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 10 * time.Second
)

// NewDefaultConfig publishes nowhere.
func NewDefaultConfig() Config { return Config{} }

func defaultPace() PaceConfig {
	return PaceConfig{MinInterval: defaultInterval, Timeout: defaultTimeout}
}

func defaultClient() confighttp.ClientConfig {
	c := confighttp.NewDefaultClientConfig()
	c.Timeout = defaultTimeout
	return c
}

// Unmarshal starts from the defaults: maps have none for their values.
func (c *FileConfig) Unmarshal(conf *confmap.Conf) error {
	c.PaceConfig = defaultPace()
	return conf.Unmarshal(c)
}

// Unmarshal starts from the defaults.
func (c *WebhookConfig) Unmarshal(conf *confmap.Conf) error {
	c.PaceConfig = defaultPace()
	return conf.Unmarshal(c)
}

// Unmarshal starts from the defaults.
func (c *KafkaConfig) Unmarshal(conf *confmap.Conf) error {
	c.MinInterval, c.Config = defaultInterval, kafkaclient.DefaultConfig()
	return conf.Unmarshal(c)
}

// Unmarshal starts from the defaults.
func (c *OTLPConfig) Unmarshal(conf *confmap.Conf) error {
	c.MinInterval, c.HTTP = defaultInterval, defaultClient()
	return conf.Unmarshal(c)
}

// Unmarshal starts from the defaults.
func (c *WitnessConfig) Unmarshal(conf *confmap.Conf) error {
	c.MinInterval, c.HTTP = defaultInterval, defaultClient()
	return conf.Unmarshal(c)
}

var (
	legalName  = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)
	legalTopic = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,248}$`)
)

// Validate reports mistakes in names; the sinks report their own, which the
// Collector asks each for.
func (c *Config) Validate() error {
	var errs []error
	check := func(kind string, names []string) {
		for _, name := range names {
			if !legalName.MatchString(name) {
				errs = append(errs, fmt.Errorf("%s::%s: a name has up to 32 small letters, digits, hyphens and underscores", kind, name))
			}
		}
	}
	check("file", slices.Sorted(maps.Keys(c.File)))
	check("webhook", slices.Sorted(maps.Keys(c.Webhook)))
	check("kafka", slices.Sorted(maps.Keys(c.Kafka)))
	check("otlp", slices.Sorted(maps.Keys(c.OTLP)))
	check("witness", slices.Sorted(maps.Keys(c.Witness)))
	return errors.Join(errs...)
}

var errNegative = errors.New("min_interval: must not be negative")

func paceProblems(minInterval, timeout time.Duration) []error {
	var errs []error
	if minInterval < 0 {
		errs = append(errs, errNegative)
	}
	if timeout <= 0 {
		errs = append(errs, errors.New("timeout: must be more than 0"))
	}
	return errs
}

func endpointProblems(c *confighttp.ClientConfig) []error {
	if !webhook.IsURL(c.Endpoint) {
		return []error{errors.New("endpoint: must be an http or https URL")}
	}
	return nil
}

// Validate reports all mistakes.
func (c *FileConfig) Validate() error {
	errs := paceProblems(c.MinInterval, c.Timeout)
	if (c.Path == "") == (c.Directory == "") {
		errs = append(errs, errors.New("path, directory: set one of them"))
	}
	return errors.Join(errs...)
}

// Validate reports all mistakes.
func (c *WebhookConfig) Validate() error {
	return errors.Join(append(webhook.Problems(c.URL, c.Secret), paceProblems(c.MinInterval, c.Timeout)...)...)
}

// Validate reports all mistakes.
func (c *KafkaConfig) Validate() error {
	errs := c.Problems()
	if !legalTopic.MatchString(c.Topic) {
		errs = append(errs, errors.New("topic: must be of letters, digits, points, underscores and hyphens"))
	}
	if c.MinInterval < 0 {
		errs = append(errs, errNegative)
	}
	return errors.Join(errs...)
}

// Validate reports all mistakes.
func (c *OTLPConfig) Validate() error {
	return errors.Join(append(endpointProblems(&c.HTTP), paceProblems(c.MinInterval, c.HTTP.Timeout)...)...)
}

// Validate reports all mistakes.
func (c *WitnessConfig) Validate() error {
	errs := append(endpointProblems(&c.HTTP), paceProblems(c.MinInterval, c.HTTP.Timeout)...)
	if _, err := witness.NewVerifier(c.Key); err != nil {
		errs = append(errs, fmt.Errorf("key: %w", err))
	}
	return errors.Join(errs...)
}
