package secretmaskprocessor

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/rules"
)

// mistakes collects what is wrong with a configuration, each with its path.
type mistakes []error

func (m *mistakes) add(path, format string, args ...any) {
	*m = append(*m, fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...)))
}

// addAll adds each of the errors that were joined into err.
func (m *mistakes) addAll(path string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			m.addAll(path, e)
		}
	} else if err != nil {
		m.add(path, "%w", err)
	}
}

// oneOf wants value to be one of words.
func (m *mistakes) oneOf(path, value string, words ...string) {
	if !slices.Contains(words, value) {
		m.add(path, "%q is none of %s", value, strings.Join(words, ", "))
	}
}

// Validate reports every mistake that can be seen without reading other
// files. Rule packs are read when the processor is made.
func (c *Config) Validate() error {
	var m mistakes
	for i, p := range c.Rules.Packs {
		if _, err := filepath.Match(p, ""); err != nil || p == "" {
			m.add(fmt.Sprintf("rules::packs[%d]", i), "%q is no path and no glob", p)
		}
	}
	if !c.Rules.Builtin && len(c.Rules.Packs) == 0 {
		m.add("rules", "without builtin and packs nothing would be found")
	}
	for i, id := range c.Rules.Disable {
		if strings.Trim(id, "*") == "" {
			m.add(fmt.Sprintf("rules::disable[%d]", i), "%q would leave no rule", id)
		}
	}
	if c.Rules.ReloadInterval < 0 {
		m.add("rules::reload_interval", "must not be negative")
	}
	c.checkPolicy(&m)
	c.checkAllow(&m)
	c.Known.check(&m)
	m.addAll("mask", c.Mask.style().Validate())
	c.checkFingerprint(&m)
	m.oneOf("annotate", c.Annotate, annotateFull, annotateSummary, annotateNone)
	c.checkLimits(&m)
	c.Memory.check(&m)
	c.checkFail(&m, "fail::time", c.Fail.Time)
	c.checkFail(&m, "fail::limits", c.Fail.Limits)
	return errors.Join(m...)
}

func (c *Config) checkFail(m *mistakes, path, value string) {
	m.oneOf(path, value, failWithhold, failHold, failRefuse)
	if value == failHold && !c.Seal.on() {
		m.add(path, "hold needs seal::public_keys: without a quarantine use withhold or refuse")
	}
}

func (c *Config) checkFingerprint(m *mistakes) {
	switch f := c.Fingerprint; {
	case f.Key != "" && f.KeyFile != "":
		m.add("fingerprint", "key and key_file exclude each other")
	case f.Key != "" && len(f.Key) < minKeyBytes:
		m.add("fingerprint::key", "has %d bytes, at least %d are needed", len(f.Key), minKeyBytes)
	case f.Key == "" && f.KeyFile == "" && c.DataDir == "":
		m.add("data_dir", "must not be empty without fingerprint::key or fingerprint::key_file")
	}
}

func (c *Config) checkLimits(m *mistakes) {
	if t := c.Detection.Threshold; !(t > 0 && t < 1) { // NaN neither
		m.add("detection::threshold", "must be more than 0 and less than 1")
	}
	l := c.Limits
	if l.MaxValueBytes < 1 {
		m.add("limits::max_value_bytes", "must be at least 1")
	}
	if l.MaxDepth < 1 || l.MaxDepth > 1000 {
		m.add("limits::max_depth", "must be 1 to 1000")
	}
	if l.MaxFindings < 1 {
		m.add("limits::max_findings", "must be at least 1")
	}
	if l.MaxBatchTime <= 0 {
		m.add("limits::max_batch_time", "must be more than 0")
	}
}

func (c MemoryConfig) check(m *mistakes) {
	if c.Traces < 0 || c.Traces > 1_000_000 {
		m.add("memory::traces", "must be 0 to 1000000")
	}
	if c.Values < 1 {
		m.add("memory::values", "must be at least 1")
	}
	if c.Duration <= 0 {
		m.add("memory::duration", "must be more than 0")
	}
	least := rules.Limits{}.MinRepeats()
	if c.CleanBytes != 0 && (c.CleanBytes < least || c.CleanBytes > 1<<30) {
		m.add("memory::clean_bytes", "must be 0, or %d to %d", least, 1<<30)
	}
}

func (c *Config) memoryLimits() memory.Limits {
	l := memory.Limits{Traces: c.Memory.Traces, Values: c.Memory.Values, Age: c.Memory.Duration}
	for _, p := range c.policy() {
		l.Distinct = max(l.Distinct, p.DistinctSecrets)
	}
	return l
}

func (c MaskConfig) style() mask.Style {
	return mask.Style{Kind: c.Style, Text: c.Text, First: c.First, Last: c.Last}
}
