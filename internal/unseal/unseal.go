// Package unseal opens what package seal closed. Only release_gate may import it.
package unseal

import (
	"errors"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// ErrNoKey: the private key is not there (any more).
var ErrNoKey = errors.New("no private key for this item")

// Keyring has private keys. It is safe for concurrent use.
type Keyring struct{}

// New reads the private keys in dir.
func New(dir string) (*Keyring, error) { return nil, ErrNoKey }

// Open returns what was sealed. Wrong binding, order or number of chunks, and
// any changed bit, are errors; errors never contain what was opened.
func (k *Keyring) Open(c envelope.Capsule, b envelope.Binding, chunks [][]byte) ([]byte, error) {
	return nil, ErrNoKey
}

// OpenPacked opens what Closer.Packed made.
func (k *Keyring) OpenPacked(b envelope.Binding, packed []byte) ([]byte, error) {
	return nil, ErrNoKey
}
