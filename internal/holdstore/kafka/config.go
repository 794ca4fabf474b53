package kafka

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"time"
)

// Config says where the brokers are and what the topics must be.
type Config struct {
	// Brokers are host:port of some brokers of the cluster.
	Brokers []string `mapstructure:"brokers"`
	// ClientID is what brokers show in their logs and quotas.
	ClientID string `mapstructure:"client_id"`
	// Topics says what the three topics are called and how they are made.
	Topics TopicsConfig `mapstructure:"topics"`
	// Expiry is how long items wait for a decision. Topics that forget
	// sooner are refused. It must be what release_gate's expiry is.
	Expiry time.Duration `mapstructure:"expiry"`
	// Timeout is how long a request may take, connecting included.
	Timeout time.Duration `mapstructure:"timeout"`
	// TLS encrypts the connections.
	TLS TLSConfig `mapstructure:"tls"`
	// SASL says who we are.
	SASL SASLConfig `mapstructure:"sasl"`
	// Spool is where items wait while the brokers are away.
	Spool SpoolConfig `mapstructure:"spool"`
	// Development lets topics have one replica. A broker's disk is then all
	// that stands between held items and their loss.
	Development bool `mapstructure:"development"`
}

// TopicsConfig says what the topics are.
type TopicsConfig struct {
	// Prefix is before ".items", ".index" and ".decisions".
	Prefix string `mapstructure:"prefix"`
	// Partitions is how many each topic has. It cannot be changed later:
	// what belongs together would no longer be found together.
	Partitions int `mapstructure:"partitions"`
	// Create makes topics that do not exist.
	Create bool `mapstructure:"create"`
	// MaxCompactionLag is how long a destroyed capsule may stay in the files
	// of the brokers before they begin to remove it.
	MaxCompactionLag time.Duration `mapstructure:"max_compaction_lag"`
}

// SpoolConfig is a directory for items while the brokers are away.
type SpoolConfig struct {
	// Directory must be on a disk that survives a restart. Empty: no spool;
	// items are refused, to be sent again, while the brokers are away.
	Directory string `mapstructure:"directory"`
	// MaxBytes is the size above which items are refused.
	MaxBytes int64 `mapstructure:"max_bytes"`
}

// replication is how many replicas a topic has, and how many acknowledge.
const (
	replication    = 3
	minInSync      = 2
	maxPartitions  = 1000
	minTimeout     = time.Second
	minCompactLag  = time.Minute
	defaultSpool   = 1 << 30
	defaultExpiry  = 7 * 24 * time.Hour
	defaultTimeout = 10 * time.Second
)

// DefaultConfig is valid but for Brokers, which have no default.
func DefaultConfig() Config {
	return Config{
		ClientID: "tracescrub",
		Topics:   TopicsConfig{Prefix: "tracescrub", Partitions: 12, Create: true, MaxCompactionLag: time.Hour},
		Expiry:   defaultExpiry,
		Timeout:  defaultTimeout,
		Spool:    SpoolConfig{MaxBytes: defaultSpool},
	}
}

func (c *Config) topic(name string) string { return c.Topics.Prefix + "." + name }

var legalPrefix = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,199}$`)

// Validate reports all mistakes at once.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Brokers) == 0 {
		wrong("brokers: must name at least one broker")
	}
	for i, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || port == "" {
			wrong("brokers::%d: must be host:port", i)
		}
	}
	if !legalPrefix.MatchString(c.Topics.Prefix) {
		wrong("topics::prefix: must be of letters, digits, points, underscores and hyphens, and not begin with a point")
	}
	if c.Topics.Partitions < 1 || c.Topics.Partitions > maxPartitions {
		wrong("topics::partitions: must be between 1 and %d", maxPartitions)
	}
	if c.Topics.MaxCompactionLag < minCompactLag {
		wrong("topics::max_compaction_lag: must be at least %v", minCompactLag)
	}
	if c.Expiry < time.Hour {
		wrong("expiry: must be at least an hour")
	}
	if c.Timeout < minTimeout {
		wrong("timeout: must be at least %v", minTimeout)
	}
	if c.Spool.Directory != "" && !filepath.IsAbs(c.Spool.Directory) && !filepath.IsLocal(c.Spool.Directory) {
		wrong("spool::directory: must be an absolute path or one below the working directory")
	}
	if c.Spool.Directory != "" && c.Spool.MaxBytes < 2*maxChunk {
		wrong("spool::max_bytes: must be at least %d", 2*maxChunk)
	}
	errs = append(errs, c.TLS.problems()...)
	errs = append(errs, c.SASL.problems(c.TLS.Enabled)...)
	return errors.Join(errs...)
}
