package kafka

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

// Config says where the brokers are and what the topics must be.
type Config struct {
	kafkaclient.Config `mapstructure:",squash"`
	// Topics says what the three topics are called and how they are made.
	Topics TopicsConfig `mapstructure:"topics"`
	// Expiry is how long items wait for a decision. Topics that forget
	// sooner are refused. It must be what release_gate's expiry is.
	Expiry time.Duration `mapstructure:"expiry"`
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
	replication   = 3
	minInSync     = 2
	maxPartitions = 1000
	minCompactLag = time.Minute
	defaultSpool  = 1 << 30
	defaultExpiry = 7 * 24 * time.Hour
)

// DefaultConfig is valid but for Brokers, which have no default.
func DefaultConfig() Config {
	return Config{
		Config: kafkaclient.DefaultConfig(),
		Topics: TopicsConfig{Prefix: "tracescrub", Partitions: 12, Create: true, MaxCompactionLag: time.Hour},
		Expiry: defaultExpiry,
		Spool:  SpoolConfig{MaxBytes: defaultSpool},
	}
}

func (c *Config) topic(name string) string { return c.Topics.Prefix + "." + name }

var legalPrefix = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,199}$`)

// Validate reports all mistakes at once.
func (c *Config) Validate() error {
	errs := c.Problems()
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
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
	if c.Spool.Directory != "" && !filepath.IsAbs(c.Spool.Directory) && !filepath.IsLocal(c.Spool.Directory) {
		wrong("spool::directory: must be an absolute path or one below the working directory")
	}
	if c.Spool.Directory != "" && c.Spool.MaxBytes < 2*maxChunk {
		wrong("spool::max_bytes: must be at least %d", 2*maxChunk)
	}
	return errors.Join(errs...)
}
