package verdictconnector

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/pipeline"
)

// Config is the configuration of `verdict`.
type Config struct {
	// Clean are the pipelines of what may go on: what was scanned and is not held.
	Clean []pipeline.ID `mapstructure:"clean"`
	// Quarantine are the pipelines of what is held. Without one for a signal,
	// batches of that signal with anything to hold are refused.
	Quarantine []pipeline.ID `mapstructure:"quarantine"`
	// Audit are the logs pipelines of audit events. Nothing moves before they
	// have taken the events about it.
	Audit []pipeline.ID `mapstructure:"audit"`
	// Record says what events tell of what was found: findings, or also the
	// masked telemetry that they are about.
	Record string `mapstructure:"record"`
	// Annotate says what telemetry keeps of the stamp on its way to the clean
	// pipelines: full, summary (counts by rule) or none.
	Annotate string `mapstructure:"annotate"`
	// HeldTraces is the most traces that are remembered as held, so that their
	// later spans and log records are held as well.
	HeldTraces int `mapstructure:"held_traces"`
	// HeldDuration is how long such a trace is remembered after the last of it was held.
	HeldDuration time.Duration `mapstructure:"held_duration"`

	// prevent unkeyed literal initialization
	_ struct{}
}

// The values of Record.
const (
	recordFindings = "findings"
	recordMasked   = "masked"
)

// The values of Annotate.
const (
	annotateFull    = "full"
	annotateSummary = "summary"
	annotateNone    = "none"
)

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

func createDefaultConfig() component.Config {
	return &Config{
		Record:       recordFindings,
		Annotate:     annotateSummary,
		HeldTraces:   100_000,
		HeldDuration: time.Hour,
	}
}

// Validate reports all mistakes at once.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(c.Clean) == 0 {
		bad("clean: must name the pipelines of what may go on")
	}
	if len(c.Audit) == 0 {
		bad("audit: must name at least one logs pipeline: nothing moves without an audit event")
	}
	seen := map[pipeline.ID]string{}
	for _, list := range []struct {
		name string
		ids  []pipeline.ID
	}{{"clean", c.Clean}, {"quarantine", c.Quarantine}, {"audit", c.Audit}} {
		for i, id := range list.ids {
			where := fmt.Sprintf("%s[%d]", list.name, i)
			switch id.Signal() {
			case pipeline.SignalLogs:
			case pipeline.SignalTraces, pipeline.SignalMetrics:
				if list.name == "audit" {
					bad("%s: %s: events are log records, name a logs pipeline", where, id)
				}
			default:
				bad("%s: %s: is for traces, logs and metrics only", where, id)
			}
			if other, twice := seen[id]; twice {
				bad("%s: %s: is already %s", where, id, other)
			} else {
				seen[id] = where
			}
		}
	}
	switch c.Record {
	case recordFindings, recordMasked:
	default:
		bad("record: %q: use findings or masked", c.Record)
	}
	switch c.Annotate {
	case annotateFull, annotateSummary, annotateNone:
	default:
		bad("annotate: %q: use full, summary or none", c.Annotate)
	}
	if c.HeldTraces < 1 {
		bad("held_traces: must be at least 1")
	}
	if c.HeldDuration <= 0 {
		bad("held_duration: must be above zero")
	}
	return errors.Join(errs...)
}

// of returns the pipelines of one signal.
func of(ids []pipeline.ID, signal pipeline.Signal) []pipeline.ID {
	var own []pipeline.ID
	for _, id := range ids {
		if id.Signal() == signal {
			own = append(own, id)
		}
	}
	return own
}
