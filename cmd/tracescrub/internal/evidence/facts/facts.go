// Package facts reads out of an audit log what an auditor asks about a period:
// what was found and held, who decided about it and how, what changed, and
// whether the log was written all the time. It believes no entry to have the
// attributes that it should have.
package facts

import (
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
)

// Schema is the version of Report as JSON.
const Schema = 1

// Report is everything that an evidence bundle says.
type Report struct {
	Schema int       `json:"schema"`
	Tool   string    `json:"tool"`
	Made   time.Time `json:"made"`
	Log    Log       `json:"log"`
	Period Period    `json:"period"`
	// Verification is of the whole log, when the report was made.
	Verification Verification `json:"verification"`
	// Kinds counts all entries of the period; the others count those about
	// findings: masked, passed and held.
	Kinds      []Count `json:"kinds"`
	Rules      []Count `json:"rules"`
	Services   []Count `json:"services"`
	Severities []Count `json:"severities"`
	// Tellers are the components that told the entries, with their Collector.
	Tellers []Count `json:"tellers"`
	// Undecided are items that were held in the period, and about which nothing had
	// been decided at its end.
	Undecided    int64        `json:"undecided"`
	Decisions    []Decision   `json:"decisions"`
	SelfApproval SelfApproval `json:"self_approval"`
	Changes      []Change     `json:"changes"`
	Continuity   Continuity   `json:"continuity"`
	// Removals are erasures of subjects and prunings of entries.
	Removals   []Change    `json:"removals"`
	Exceptions []Exception `json:"exceptions"`
	// Published says where checkpoints were copied to, by what the writer says.
	Published []source.Published `json:"published"`
	// Context are the entries from before the period that decisions refer to.
	Context []int64 `json:"context"`

	bytes int64 // of the log, for the progress
}

// Log says which log it is, at the checkpoint that everything is proven against.
type Log struct {
	Origin string   `json:"origin"`
	Size   int64    `json:"size"`
	Root   string   `json:"root"`
	Keys   []string `json:"keys"`
	// OwnKeys: the keys came from the log's directory, not from elsewhere.
	OwnKeys bool `json:"own_keys"`
}

// Period is the time of the report, by when entries were written: From
// counts, To does not.
type Period struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// First is the place of the first entry, of Entries that follow one another.
	First   int64 `json:"first"`
	Entries int64 `json:"entries"`
	// Pruned: entries of the period may have been pruned.
	Pruned bool `json:"pruned"`
}

// Verification is what package verify said.
type Verification struct {
	OK       bool     `json:"ok"`
	Entries  int64    `json:"entries"`
	Signed   int64    `json:"signed"`
	Pruned   int64    `json:"pruned"`
	Erased   int64    `json:"erased"`
	Gaps     int      `json:"gaps"`
	Older    int      `json:"older_checkpoints"`
	Problems []string `json:"problems"`
	More     int64    `json:"more_problems"`
}

// Count is how often something is named.
type Count struct {
	Name     string           `json:"name"`
	Events   int64            `json:"events"`
	Findings int64            `json:"findings"`
	Days     map[string]int64 `json:"days"` // events, by 2006-01-02
}

// Person is who did something: a commitment, and the subject that it stands
// for, if that is known and was asked for.
type Person struct {
	Commitment string `json:"commitment"`
	Subject    string `json:"subject,omitempty"`
	// Erased: the side table has it no more.
	Erased bool `json:"erased,omitempty"`
}

// Step is one thing that happened to an item.
type Step struct {
	Seq      int64     `json:"seq"`
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Who      *Person   `json:"who,omitempty"`
	Decision string    `json:"decision,omitempty"`
	Mode     string    `json:"mode,omitempty"`
	Via      string    `json:"via,omitempty"`
	Reason   *Person   `json:"reason,omitempty"` // a text, not a person
	Required int64     `json:"required,omitempty"`
}

// Decision is an approval, denial or expiry.
type Decision struct {
	Step
	Item     string   `json:"item"`
	Signal   string   `json:"signal"`
	Service  string   `json:"service"`
	Severity string   `json:"severity"`
	Rules    []string `json:"rules"`
	Findings int64    `json:"findings"`
	Secrets  int64    `json:"secrets"`
	Trace    string   `json:"trace_id,omitempty"`
	Policy   string   `json:"policy,omitempty"`
	Producer *Person  `json:"producer,omitempty"`
	// Held is when it was held; Seconds is how long the decision took from there.
	Held    *time.Time `json:"held,omitempty"`
	Seconds *int64     `json:"seconds,omitempty"`
	// Votes are those that decided, with when and why if an entry tells.
	Votes []Step `json:"votes"`
	// Approvals are different people that approved, of Required.
	Approvals int  `json:"approvals"`
	Met       bool `json:"quorum_met"` // of an approval
	// Steps are all entries about the item up to the end of the period.
	Steps []Step `json:"steps"`
}

// SelfApproval says how many approvals could be held against who sent the
// telemetry. That takes the side table and the key of the fingerprints.
type SelfApproval struct {
	Approvals  int `json:"approvals"`
	Recomputed int `json:"recomputed"`
	Found      int `json:"found"`
}

// Change is an entry about the system itself.
type Change struct {
	Seq       int64     `json:"seq"`
	Kind      string    `json:"kind"`
	At        time.Time `json:"at"`
	Component string    `json:"component,omitempty"`
	Instance  string    `json:"instance,omitempty"`
	What      string    `json:"what"`
}

// Silence is a time without entries.
type Silence struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Seconds int64     `json:"seconds"`
	// After is the last entry before it, -1 if there is none.
	After int64 `json:"after"`
	// Why: stopped, gap, before, after, or untold.
	Why string `json:"why"`
}

// Continuity says when the log was written.
type Continuity struct {
	Heartbeats int64 `json:"heartbeats"`
	Opened     int64 `json:"opened"`
	Closed     int64 `json:"closed"`
	// Bound is how long a silence may be without being listed.
	Bound   int64     `json:"bound_seconds"`
	Covered int64     `json:"covered_seconds"`
	Of      int64     `json:"of_seconds"`
	Longest *Silence  `json:"longest,omitempty"`
	Listed  []Silence `json:"silences"`
	More    int64     `json:"more_silences"`
	Gaps    []Change  `json:"gaps"`
}

// Exception is what an auditor should look at.
type Exception struct {
	Code string `json:"code"`
	Seq  int64  `json:"seq"` // -1: no single entry
	What string `json:"what"`
}
