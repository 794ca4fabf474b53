package auditexporter

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"

	"github.com/tracescrub/tracescrub/exporter/auditexporter/internal/publish"
	"github.com/tracescrub/tracescrub/internal/datadir"
	"github.com/tracescrub/tracescrub/internal/guarded"
)

// Config is the configuration of `audit_log`. README.md has every key with
// its consequence.
type Config struct {
	// Directory is where the log is.
	Directory string `mapstructure:"directory"`
	// KeyFile has the private key that signs checkpoints; log.key in the
	// directory if empty.
	KeyFile string `mapstructure:"key_file"`
	// Origin names a new log; random if empty.
	Origin string `mapstructure:"origin"`
	// SegmentBytes is the size at which a new file of entries begins.
	SegmentBytes int64 `mapstructure:"segment_bytes"`
	// Heartbeat is how often the log says that it could be written; 0 is never.
	Heartbeat time.Duration `mapstructure:"heartbeat"`
	// CheckpointInterval is how often what was written is signed.
	CheckpointInterval time.Duration `mapstructure:"checkpoint_interval"`
	// CheckInterval is how often the whole log is verified; 0 is never.
	CheckInterval time.Duration `mapstructure:"check_interval"`
	// Timeout is how long a batch may take.
	Timeout time.Duration `mapstructure:"timeout"`
	// Retention says how long what was written is kept.
	Retention RetentionConfig `mapstructure:"retention"`
	// OnTrouble says what becomes of events that cannot be written.
	OnTrouble TroubleConfig `mapstructure:"on_trouble"`
	// Publish says where checkpoints are copied to.
	Publish publish.Config `mapstructure:"publish"`
	// HTTP is a server that shows the log and its proofs.
	HTTP configoptional.Optional[confighttp.ServerConfig] `mapstructure:"http"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// RetentionConfig says how long what was written is kept; 0 is for ever.
type RetentionConfig struct {
	Entries time.Duration `mapstructure:"entries"`
	Records time.Duration `mapstructure:"records"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// TroubleConfig says what becomes of events that cannot be written.
type TroubleConfig struct {
	// Masked is `stop` or `buffer`; it is about tracescrub.masked and
	// tracescrub.passed. All other events stop.
	Masked string `mapstructure:"masked"`
	// BufferEvents is how many wait in memory.
	BufferEvents int `mapstructure:"buffer_events"`

	// prevent unkeyed literal initialization
	_ struct{}
}

const (
	troubleStop   = "stop"
	troubleBuffer = "buffer"

	minSegment   = 1 << 16 // one entry of the longest kind
	minRetention = 24 * time.Hour
	maxBuffer    = 1_000_000
)

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)

	originForm = regexp.MustCompile(`^[!-*,-~]*$`)
)

func createDefaultConfig() component.Config {
	dataDir := datadir.Default()
	server := guarded.DefaultServer()
	server.NetAddr.Endpoint = "127.0.0.1:8687"
	server.MaxRequestBodySize = 1 << 16
	return &Config{
		Directory:          filepath.Join(dataDir, "audit"),
		SegmentBytes:       64 << 20,
		Heartbeat:          time.Minute,
		CheckpointInterval: time.Second,
		CheckInterval:      24 * time.Hour,
		Timeout:            5 * time.Second,
		OnTrouble:          TroubleConfig{Masked: troubleStop, BufferEvents: 10_000},
		Publish:            publish.NewDefaultConfig(),
		HTTP:               configoptional.Default(server),
	}
}

// Validate reports all mistakes but those under publish, which finds its own.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Directory == "" {
		bad("directory: must be set")
	}
	if !originForm.MatchString(c.Origin) {
		bad("origin: must have no space, no plus sign and printable ASCII only")
	}
	if c.SegmentBytes < minSegment {
		bad("segment_bytes: must be at least %d", minSegment)
	}
	if c.Heartbeat < 0 {
		bad("heartbeat: must not be below zero")
	}
	if c.CheckpointInterval <= 0 {
		bad("checkpoint_interval: must be above zero")
	}
	if c.CheckInterval < 0 {
		bad("check_interval: must not be below zero")
	}
	if c.Timeout <= 0 {
		bad("timeout: must be above zero")
	}
	for _, r := range []struct {
		key  string
		time time.Duration
	}{{"entries", c.Retention.Entries}, {"records", c.Retention.Records}} {
		if r.time != 0 && r.time < minRetention {
			bad("retention::%s: must be 0, which is for ever, or at least %v", r.key, minRetention)
		}
	}
	if m := c.OnTrouble.Masked; m != troubleStop && m != troubleBuffer {
		bad("on_trouble::masked: must be %s or %s", troubleStop, troubleBuffer)
	}
	if n := c.OnTrouble.BufferEvents; n < 1 || n > maxBuffer {
		bad("on_trouble::buffer_events: must be 1 to %d", maxBuffer)
	}
	if c.HTTP.HasValue() {
		errs = append(errs, guarded.Problems(c.HTTP.Get(), false, "without http::auth anybody could read the log")...)
	}
	return errors.Join(errs...)
}
