// Package keyfiles keeps dated key pairs in files: private keys in one
// directory, which only release_gate's host has, public ones in another.
//
// A pair is DATE-ID.key and DATE-ID.pub. When a private key is destroyed,
// DATE-ID.destroyed takes its place and says when. Files whose names end in
// anything else, or begin with a point, are not looked at.
// docs/format/envelope.md has the files' format.
package keyfiles

import (
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// Skew is how far in the future the clock of whoever made a key may have been.
const Skew = 24 * time.Hour

// Pair is what is known of a key pair without its keys.
type Pair struct {
	ID        envelope.KeyID
	Created   time.Time
	Destroyed time.Time // zero while the private key is there
	// Private and Public say whether the file with that key is there. A
	// private key of a pair with Destroyed set is about to go: nobody uses it.
	Private, Public bool
}

// PublicKey is what seals.
type PublicKey struct {
	ID      envelope.KeyID
	Created time.Time
	Key     hpke.PublicKey
}

// PrivateKey is what opens. It never prints itself.
type PrivateKey struct {
	ID      envelope.KeyID
	Created time.Time
	key     hpke.PrivateKey
}

// HPKE returns the key itself, for the one package that opens.
func (k PrivateKey) HPKE() hpke.PrivateKey { return k.key }

// Public returns the public half.
func (k PrivateKey) Public() PublicKey {
	return PublicKey{ID: k.ID, Created: k.Created, Key: k.key.PublicKey()}
}

// String names the key; so do all verbs of fmt.
func (k PrivateKey) String() string { return "private key " + k.ID.String() }

// Format implements fmt.Formatter.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// GoString implements fmt.GoStringer, for those who call it themselves.
func (k PrivateKey) GoString() string { return k.String() }

// newPrivateKey makes the key of a 32-byte seed.
func newPrivateKey(seed []byte, created time.Time) (PrivateKey, error) {
	key, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		return PrivateKey{}, err
	}
	return PrivateKey{ID: idOf(key.PublicKey()), Created: created, key: key}, nil
}

func idOf(key hpke.PublicKey) envelope.KeyID {
	sum := sha256.Sum256(key.Bytes())
	return envelope.KeyID(sum[:8])
}

// Sealing returns the key to seal for: the newest that was not created in the
// future, as far as Skew allows.
func Sealing(keys []PublicKey, now time.Time) (PublicKey, error) {
	var best PublicKey
	for _, k := range keys {
		if !k.Created.After(now.Add(Skew)) && (best.Key == nil || newer(k.ID, k.Created, best.ID, best.Created)) {
			best = k
		}
	}
	switch {
	case best.Key != nil:
		return best, nil
	case len(keys) == 0:
		return best, fmt.Errorf("there is no public key")
	}
	return best, fmt.Errorf("all %d public keys are from the future: the clock of this host, or of the one that made them, is wrong", len(keys))
}

// newer orders keys by their time, and where it is the same by their ids, so
// that all hosts come to the same answer.
func newer(a envelope.KeyID, at time.Time, b envelope.KeyID, bt time.Time) bool {
	if !at.Equal(bt) {
		return at.After(bt)
	}
	return string(a[:]) > string(b[:])
}
