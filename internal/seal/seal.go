// Package seal closes what is held, for a public key. It cannot open anything.
package seal

import (
	"errors"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

var errNotYet = errors.New("not written yet")

// Sealer seals for the newest public key of a directory. It is immutable and
// safe for concurrent use; a new one is made to see new keys.
type Sealer struct{}

// New reads the public keys in dir, or the one public key in the file dir.
func New(dir string) (*Sealer, error) { return nil, errNotYet }

// Key returns the id of the key pair that is sealed for.
func (s *Sealer) Key() envelope.KeyID { return envelope.KeyID{} }

// Closer has the data keys of one capsule. It is not safe for concurrent use.
type Closer struct{}

// Capsule makes a new capsule and what seals under it.
func (s *Sealer) Capsule() (envelope.Capsule, *Closer, error) {
	return envelope.Capsule{}, nil, errNotYet
}

// Close compresses, pads and seals plain, in chunks of at most 900 KiB each.
func (c *Closer) Close(b envelope.Binding, plain []byte) (chunks [][]byte, err error) {
	return nil, errNotYet
}

// Packed seals plain as one byte string that has its capsule with it, as the
// attribute tracescrub.restore carries it. Many may be made with one Closer.
func (c *Closer) Packed(b envelope.Binding, plain []byte) ([]byte, error) { return nil, errNotYet }
