package auditlog

import "github.com/tracescrub/tracescrub/internal/auditlog/files"

// On is the configuration of the same log on another system than the disk: one
// that tests let fail.
func (c Config) On(sys files.System) Config {
	c.sys = sys
	return c
}
