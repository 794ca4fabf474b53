// Package event is the vocabulary of audit events: what verdict and
// release_gate tell the audit log, as OTLP log records, so that the same
// stream can feed any SIEM. docs/format/events.md is its specification.
package event

import (
	"time"

	"github.com/tracescrub/tracescrub/internal/verdict"
)

// The names of events, the EventName of their log records.
const (
	Masked        = "tracescrub.masked"
	Passed        = "tracescrub.passed"
	Held          = "tracescrub.held"
	Dropped       = "tracescrub.dropped"
	Viewed        = "tracescrub.viewed"
	Voted         = "tracescrub.voted"
	Approved      = "tracescrub.approved"
	Denied        = "tracescrub.denied"
	Expired       = "tracescrub.expired"
	Releasing     = "tracescrub.releasing"
	Released      = "tracescrub.released"
	Shredded      = "tracescrub.shredded"
	PolicyLoaded  = "tracescrub.policy.loaded"
	PolicyChanged = "tracescrub.policy.changed"
	KeyCreated    = "tracescrub.key.created"
	KeyRotated    = "tracescrub.key.rotated"
	KeyDestroyed  = "tracescrub.key.destroyed"
	Started       = "tracescrub.started"
	Stopped       = "tracescrub.stopped"
	Checkpoint    = "tracescrub.checkpoint"
)

// Scope is the instrumentation scope of events.
const Scope = "github.com/tracescrub/tracescrub/audit"

// AttrID is the attribute with an event's id: the same event has the same one
// however often it is told.
const AttrID = "tracescrub.event.id"

// AttrSalt is the attribute that keeps an event's id from telling who its
// content names: 32 hex digits that nobody without the teller's secret knows.
// An audit log does not write it.
const AttrSalt = "tracescrub.event.salt"

// AttrRecord is the attribute with the SHA-256 of the log record's body, in
// hex digits, of an event that carries masked telemetry.
const AttrRecord = "tracescrub.record"

// Event is one audit event. Fields that are zero are left out; no field may
// hold text of telemetry but Service, Conversation and Record, which are masked.
type Event struct {
	Name string
	// At is when it happened. An event that is told again keeps it, save for
	// Masked, Passed, Held and Dropped, whose id does not depend on it.
	At time.Time

	// What it is about.
	Trace    [16]byte
	Span     [8]byte
	Item     string // the item's id; of Masked, Passed and Dropped an id of the findings
	Signal   string // traces, logs or metrics
	Service  string
	Severity string
	Rules    []string
	Findings int
	Secrets  int
	Units    int // spans, log records or data points
	Policy   string
	Producer string
	List     []verdict.Finding // of Masked, Passed, Held and Dropped
	Key      string            // id of a key pair
	Config   string            // hash of the Collector's configuration, of Started and Stopped by verdict
	// Conversation is the gen_ai.conversation.id of the telemetry.
	Conversation string
	// Record is the masked telemetry, as OTLP protobuf: the body of the log
	// record, of Masked, Passed and Held where verdict is told to record it.
	Record []byte

	// Who did it, why, and what came of it.
	User     string // issuer and subject, separated by a space; never an e-mail address
	Via      string // api or page
	Reason   string
	Decision string // approve or deny, of Voted
	Mode     string // masked or original
	Version  uint64 // of the item, after it
	Attempt  int    // of a release: 1, 2, ...
	Votes    []Vote // that decided
	Required int    // how many votes were needed

	// Log is the state of an audit log, of Checkpoint.
	Log Log
}

// Log is what an event says of the state of an audit log.
type Log struct {
	Origin string
	Size   int64
	Root   string // base64
	Note   string // the signed checkpoint
}

// Vote is what an event says of a vote.
type Vote struct {
	User, Decision, Mode string
}
