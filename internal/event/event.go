// Package event is the vocabulary of audit events: what verdict and
// release_gate tell the audit log, as OTLP log records, so that the same
// stream can feed any SIEM.
package event

// The names of events, the EventName of their log records.
const (
	Masked        = "tracescrub.masked"
	Held          = "tracescrub.held"
	Viewed        = "tracescrub.viewed"
	Voted         = "tracescrub.voted"
	Approved      = "tracescrub.approved"
	Denied        = "tracescrub.denied"
	Expired       = "tracescrub.expired"
	Released      = "tracescrub.released"
	Shredded      = "tracescrub.shredded"
	PolicyChanged = "tracescrub.policy.changed"
	KeyRotated    = "tracescrub.key.rotated"
	KeyDestroyed  = "tracescrub.key.destroyed"
	Started       = "tracescrub.started"
	Stopped       = "tracescrub.stopped"
)

// Scope is the instrumentation scope of events.
const Scope = "github.com/tracescrub/tracescrub/audit"
