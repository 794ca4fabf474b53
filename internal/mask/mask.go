// Package mask decides what becomes of findings and writes the masks.
//
// A mask never contains a byte that JSON, URLs or XML would have to escape, so
// writing it over a finding keeps what was valid valid, at any depth of
// encoding, and leaves all other bytes as they were.
package mask

import (
	"github.com/tracescrub/tracescrub/rules"
)

// Action is what policy makes of a finding.
type Action uint8

// The actions, in rising order: the strongest of an item's findings decides about the item.
const (
	Pass Action = iota // report only
	Mask               // replace the secret
	Hold               // mask, and keep the item back until it is approved
	Drop               // remove the whole span, log record or data point
)

// Where says where a text stands, for context and policy.
type Where struct {
	// Key and Prev are rules.Context's.
	Key, Prev string
	// Field is the path of the place, such as `span.attributes["db.query.text"]`; called only on a finding.
	Field func() string
	// Resource returns a resource attribute as text, for policy; may be nil.
	Resource func(name string) (string, bool)
	// Number: the text is the decimal form of a number.
	Number bool
}

// Hit is a finding and what was decided about it.
type Hit struct {
	rules.Finding
	Action Action
	// Fingerprint is the 8 hex digits of the keyed hash of the secret.
	Fingerprint string
	// RuleID is the rule's id, or "withheld-<reason>".
	RuleID string
	Field  string
}

// Masker scans and masks texts by one engine and one policy. It is immutable
// and safe for concurrent use.
type Masker struct{}

// Text appends the hits in text to dst. out is the masked text, nil if nothing
// changed. It never panics: what makes the engine panic is withheld.
func (m *Masker) Text(dst []Hit, text []byte, at Where) (out []byte, hits []Hit) { return nil, dst }
