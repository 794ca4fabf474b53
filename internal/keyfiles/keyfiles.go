// Package keyfiles keeps dated key pairs in files: private keys in one
// directory, which only release_gate's host has, public ones in another.
package keyfiles

import (
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// Pair is what is known of a key pair without its keys.
type Pair struct {
	ID        envelope.KeyID
	Created   time.Time
	Destroyed time.Time // zero while the private key is there
}
