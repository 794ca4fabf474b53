// Package gate is what the admin API asks of release_gate: items, votes and
// errors, without HTTP. The ledger behind it is rebuilt from the store.
package gate

import (
	"context"
	"errors"
	"math"
	"time"
)

// State is where an item is on its way.
type State string

// The states. An item that was denied or expired becomes shredded as soon as
// its key has left the store.
const (
	Pending   State = "pending"
	Approved  State = "approved"
	Releasing State = "releasing"
	Released  State = "released"
	Denied    State = "denied"
	Expired   State = "expired"
	Shredded  State = "shredded"
)

// Permission is what an actor may do.
type Permission string

// The permissions.
const (
	List    Permission = "list"    // items, without content
	Preview Permission = "preview" // masked content
	Decide  Permission = "decide"  // vote
	Reveal  Permission = "reveal"  // vote for a release of the original
	Audit   Permission = "audit"   // receipts
)

// Actor is who asks: what counts as one person is Identity.
type Actor struct {
	// Identity is issuer and subject, separated by a space; never an e-mail address.
	Identity string
	// Subject is the name the sender's authenticator uses for the same person.
	Subject string
	// Names are further names of the person (user name, e-mail address): the
	// owner of a trace may go by any of them.
	Names  []string
	Groups []string
	// Via is how the actor came: api or page.
	Via string
}

// Vote is one person's decision.
type Vote struct {
	By       string    `json:"by"`       // Actor.Identity
	Decision string    `json:"decision"` // approve or deny
	Mode     string    `json:"mode,omitempty"`
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

// Item is what the API shows of an item in a list.
type Item struct {
	ID            string    `json:"id"`
	State         State     `json:"state"`
	Version       uint64    `json:"version"`
	Signal        string    `json:"signal"`
	TraceID       string    `json:"trace_id"`
	Service       string    `json:"service"`
	Severity      string    `json:"severity"`
	Rules         []string  `json:"rules"`
	Findings      int       `json:"findings"`
	Secrets       int       `json:"secrets"`
	Spans         int       `json:"spans"`
	Bytes         int64     `json:"bytes"`
	HeldAt        time.Time `json:"held_at"`
	ExpiresAt     time.Time `json:"expires_at"`
	Votes         []Vote    `json:"votes"`
	RequiredVotes int       `json:"required_votes"`
	Policy        string    `json:"policy"`
	Producer      string    `json:"producer,omitempty"`
}

// Finding is what was found in an item, without the text.
type Finding struct {
	Rule        string `json:"rule"`
	Severity    string `json:"severity"`
	Field       string `json:"field"`
	Fingerprint string `json:"fingerprint"`
	Length      int    `json:"length"`
}

// Change is one step of an item's history.
type Change struct {
	At      time.Time `json:"at"`
	Event   string    `json:"event"` // held, approve, deny, approved, denied, expired, releasing, failed, unclaim, released, shredded
	By      string    `json:"by,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Version uint64    `json:"version"`
}

// Detail is an item with everything but its content.
type Detail struct {
	Item
	FindingList []Finding `json:"finding_list"`
	History     []Change  `json:"history"`
}

// Query is a question for a list. Empty fields match everything.
type Query struct {
	States   []State
	Service  string // a glob: * and ?
	Rule     string // a glob
	Severity string // the lowest
	TraceID  string
	Text     string // a part of id, trace id, service or a rule's id, whatever its case
	PageSize int    // 1 to 500
	Token    string // of the page before; opaque
}

// Page is one page of a list, newest first.
type Page struct {
	Items []Item `json:"items"`
	Next  string `json:"next_page_token"`
}

// Ballot is a request to vote.
type Ballot struct {
	Item    string
	Version uint64 // what the voter saw; 0: any (batches)
	Approve bool
	Mode    string // masked or original, with Approve
	Reason  string
}

// Notice says that an item changed.
type Notice struct {
	Seq     uint64 `json:"seq"` // rises by one with each; of this gate since its start
	ID      string `json:"id"`
	State   State  `json:"state"`
	Version uint64 `json:"version"`
}

// Now, as the seq of Subscribe, stands for the last change there was.
const Now = math.MaxUint64

// Stats are counts over all items.
type Stats struct {
	States         map[State]int `json:"states"`
	OldestPending  *time.Time    `json:"oldest_pending,omitempty"`
	PendingBytes   int64         `json:"pending_bytes"`
	ReleaseFailing int           `json:"release_failing"` // approved ones whose last attempt failed
}

// Errors of a Gate. Any other error is trouble of ours: 503.
var (
	ErrNotFound  = errors.New("there is no such item")
	ErrNotReady  = errors.New("the index is still being rebuilt")
	ErrToken     = errors.New("the page token is not one of ours, or is too old")
	ErrDestroyed = errors.New("the item's key has been destroyed")
	// ErrAudit: what was asked for was not done since it could not be recorded.
	ErrAudit = errors.New("the audit log does not accept entries")
)

// Conflict: the item is not what the voter saw, or is decided already.
type Conflict struct {
	State   State
	Version uint64 // now
	Why     string
}

func (c *Conflict) Error() string { return c.Why }

// Forbidden: this actor may not do this with this item.
type Forbidden struct{ Why string }

func (f *Forbidden) Error() string { return f.Why }

// Gate is release_gate for the API. Permissions are checked by the API, all
// rules about who may vote on which item (self-approval, distinct people) by
// the gate. Safe for concurrent use.
type Gate interface {
	// Ready reports whether the index is complete, and how far it is.
	Ready() (ready bool, done, total int64)
	List(q Query) (Page, error)
	// Get answers with what was found and the history, without content.
	Get(ctx context.Context, id string) (Detail, error)
	// Preview answers with the masked telemetry as OTLP/JSON, after a view was recorded.
	Preview(ctx context.Context, who Actor, id string) ([]byte, error)
	// Vote records a vote and answers with the item as it is then. reveal says
	// whether the actor has that permission.
	Vote(ctx context.Context, who Actor, b Ballot, reveal bool) (Item, error)
	Stats() (Stats, error)
	// Subscribe calls fn with each change after seq, in order, until ctx ends or
	// fn fails. With Now it first calls it with a Notice that has Seq only, where
	// the subscription starts, so that nothing is missed by whoever looks at the
	// list after that. false, at once: seq is too old (or not of this gate),
	// what is needed is a new look at the list.
	Subscribe(ctx context.Context, seq uint64, fn func(Notice) error) (complete bool, err error)
}
