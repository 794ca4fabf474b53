// Package source answers questions about an audit log for those who do not
// write it: from its directory, or from another process over HTTP.
package source

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
)

// Source is an audit log to ask. It may be used by many goroutines at once.
type Source interface {
	// Decision returns the receipt (C2SP tlog-proof) of the last decision
	// about an item: approved, denied or expired. ErrNone: there is none, or
	// no checkpoint covers it yet.
	Decision(ctx context.Context, item string) ([]byte, error)
	Status(ctx context.Context) (Status, error)
}

// ErrNone is of an item without a decision in the log.
var ErrNone = errors.New("the audit log has no signed decision about this item")

// Status is how a log is. It is also what GET /status answers, as JSON.
type Status struct {
	Origin     string   `json:"origin"`
	Keys       []string `json:"keys"` // the public ones, the one in use last
	Size       int64    `json:"size"`
	Root       string   `json:"root"` // base64
	Checkpoint string   `json:"checkpoint"`
	// Published is where checkpoints were copied to; of each place the last one.
	Published []Published `json:"published"`
}

// Published says that a checkpoint was copied somewhere.
type Published struct {
	To    string    `json:"to"`   // the sink's kind and name, such as webhook/siem; no address, no credential
	Size  int64     `json:"size"` // of the last checkpoint that arrived
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"` // why the last try failed, if it did
}

// PublishedFile is the file in the directory of a log that has, as JSON, a
// list of Published. The exporter replaces it; it is no part of what is proven.
const PublishedFile = "published.json"

// WitnessedFile is the file in the directory of a log with the last checkpoint
// that a witness has cosigned.
const WitnessedFile = "witnessed"

// decisions are the kinds of entries that are decisions.
var decisions = []entry.Kind{"tracescrub.approved", "tracescrub.denied", "tracescrub.expired"}

// itemForm is that of an item's id; nothing else can have been decided about.
var itemForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// Decided returns the item that an entry is a decision about, or "".
func Decided(e *entry.Entry) string {
	for _, kind := range decisions {
		if e.Kind == kind {
			item, _ := e.Attributes["tracescrub.item.id"].(string)
			if itemForm.MatchString(item) {
				return item
			}
		}
	}
	return ""
}
