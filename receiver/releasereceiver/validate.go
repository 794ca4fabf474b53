package releasereceiver

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/guarded"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

var severities = []string{"low", "medium", "high", "critical"}

const (
	maxRequired  = 20
	maxMinLength = 500
	minLease     = time.Second
	maxWorkers   = 256
)

// Validate reports every mistake that can be seen without reading files; the
// sections that have a Validate of their own are asked for theirs by whoever
// asks for this one.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...)))
	}
	if k := c.Store.Kafka; k.HasValue() && k.Get().Expiry < c.ExpireAfter {
		wrong("store::kafka::expiry", "must not be less than expire_after")
	}
	if c.Keys.Private == "" {
		wrong("keys::private", "must be set")
	}
	if c.FingerprintKeyFile == "" {
		wrong("fingerprint_key_file", "must be set: without the key nobody can tell who sent what is held")
	}
	if c.ExpireAfter < time.Second {
		wrong("expire_after", "must be at least 1s")
	}
	for i, q := range c.Quorum {
		path := fmt.Sprintf("quorum[%d]", i)
		if q.Severity != "" && !slices.Contains(severities, q.Severity) {
			wrong(path+"::severity", "%q is none of %s", q.Severity, strings.Join(severities, ", "))
		}
		if q.Required < 1 || q.Required > maxRequired {
			wrong(path+"::required", "must be 1 to %d", maxRequired)
		}
	}
	if n := c.Justification.MinLength; n < 1 || n > maxMinLength {
		wrong("justification::min_length", "must be 1 to %d", maxMinLength)
	}
	if c.Release.Lease < minLease {
		wrong("release::lease", "must be at least %v", minLease)
	}
	if n := c.Release.Workers; n < 1 || n > maxWorkers {
		wrong("release::workers", "must be 1 to %d", maxWorkers)
	}
	login := c.API.Login.HasValue()
	errs = append(errs, guarded.Problems(&c.HTTP, login, "without http::auth and login anybody could decide")...)
	if (c.HTTP.Auth.HasValue() || login) && len(c.API.Permissions) == 0 {
		wrong("permissions", "must not be empty with http::auth or login: nobody could do anything")
	}
	return errors.Join(errs...)
}

// required is how many people must approve. What no entry of the quorum
// matches needs two for critical findings, else one.
func (c *Config) required(severity, service string) int {
	rank := slices.Index(severities, severity)
	if rank < 0 {
		rank = len(severities) - 1 // one we do not know is the worst
	}
	for _, q := range c.Quorum {
		if rank >= slices.Index(severities, q.Severity) && (q.Service == "" || ledger.Glob(q.Service, service)) {
			return q.Required
		}
	}
	if severities[rank] == "critical" {
		return 2
	}
	return 1
}
