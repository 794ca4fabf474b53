// Package envelope is the format of what is held: names, layouts and the
// additional data that binds a ciphertext to its place. It has no keys and
// neither seals nor opens; docs/format/envelope.md is its specification.
package envelope

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// ID names a held item: 16 bytes of a hash of its masked content, so that the
// same content has the same name (package item makes it).
type ID [16]byte

// String returns id as 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String wrote.
func ParseID(s string) (id ID, err error) {
	if len(s) != 2*len(id) {
		return ID{}, fmt.Errorf("an item id has %d hex digits, not %d", 2*len(id), len(s))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, errors.New("an item id has hex digits only")
	}
	return id, nil
}

// KeyID names a key pair: the first 8 bytes of SHA-256 of the public key.
type KeyID [8]byte

// String returns id as 16 hex digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// Part says what a ciphertext is.
type Part uint8

// The parts. Their values are part of the format.
const (
	// View is the masked telemetry of an item, as OTLP protobuf.
	View Part = 1
	// Restore is the list of an item's sealed patches (package restore).
	Restore Part = 2
	// Patch is what restores one span, log record, data point, resource or
	// scope; secret_mask seals it before there is an item.
	Patch Part = 3
)

// Binding is what a ciphertext is bound to: opened with any other one it is
// an error. Fields that have no meaning for a part are zero.
type Binding struct {
	Part   Part
	Signal string   // traces, logs or metrics
	Item   ID       // View and Restore only
	Trace  [16]byte // zero if the item or record has none
	Span   [8]byte  // Patch only
	Policy string   // tracescrub.policy of the resource
}

// Capsule is what the holder of a private key turns into the data keys of an
// item: an HPKE encapsulation. Without it nobody can open the item.
type Capsule struct {
	Key KeyID  // whose private key opens it
	Enc []byte // 1120 bytes
}
