// Package envelope is the format of what is held: names, layouts and the
// additional data that binds a ciphertext to its place. It has no keys and
// neither seals nor opens; docs/format/envelope.md is its specification.
package envelope

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
)

// Limits of the format.
const (
	// Piece is how much of a frame one chunk holds; only the last has less.
	// With what is around it a chunk stays below 900 KiB.
	Piece = 900<<10 - 128
	// MaxPlain is the longest plaintext that is sealed, and what an opener
	// takes if it is not told otherwise.
	MaxPlain = 1 << 30
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

// String returns the part's name in the format.
func (p Part) String() string {
	switch p {
	case View:
		return "view"
	case Restore:
		return "restore"
	case Patch:
		return "patch"
	}
	return fmt.Sprintf("part %d", uint8(p))
}

// Exporter is the HPKE exporter context of the part's secret: parts of one
// capsule have keys that say nothing about each other.
func (p Part) Exporter() string { return Label + " " + p.String() }

// Label is the HPKE info of a capsule, and how all other labels begin.
const Label = "tracescrub envelope 1"

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

// Context returns the 32 bytes that stand for the binding in key derivation
// and additional data. A binding that no ciphertext can have is an error: it
// is a mistake of the caller, better seen at sealing than at opening.
func (b Binding) Context(key KeyID) ([32]byte, error) {
	if err := b.check(); err != nil {
		return [32]byte{}, err
	}
	h := make([]byte, 0, 128+len(b.Policy))
	h = append(h, Label+" binding"...)
	h = append(h, key[:]...)
	h = append(h, byte(b.Part))
	h = appendString(h, b.Signal)
	h = append(h, b.Item[:]...)
	h = append(h, b.Trace[:]...)
	h = append(h, b.Span[:]...)
	h = appendString(h, b.Policy)
	return sha256.Sum256(h), nil
}

func (b Binding) check() error {
	switch b.Part {
	case View, Restore:
		if b.Item == (ID{}) {
			return fmt.Errorf("binding of a %v: there is no item id", b.Part)
		}
		if b.Span != [8]byte{} {
			return fmt.Errorf("binding of a %v: it has no span id", b.Part)
		}
	case Patch:
		if b.Item != (ID{}) {
			return errors.New("binding of a patch: it has no item id")
		}
	default:
		return fmt.Errorf("binding: unknown part %d", uint8(b.Part))
	}
	switch b.Signal {
	case "traces", "logs", "metrics":
	default:
		return errors.New("binding: the signal is not traces, logs or metrics")
	}
	return nil
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s))) //nolint:gosec // no string of a process has 4 GiB
	return append(dst, s...)
}
