// Package unseal opens what package seal closed. Only release_gate may import it.
package unseal

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/ownmemory"
)

var (
	// ErrNoKey: the private key is not there (any more).
	ErrNoKey = errors.New("no private key for this item")
	// ErrDamaged: what is opened is not what was sealed, or was sealed for
	// another place than it is opened for.
	ErrDamaged = errors.New("the sealed data is damaged or belongs elsewhere")
)

// Keyring has private keys. It is safe for concurrent use.
type Keyring struct {
	dir string

	mu sync.RWMutex
	// All below is guarded by mu.
	keys     []keyfiles.PrivateKey // oldest first
	unlocked error                 // why a key may be swapped out
}

// New reads the private keys in dir.
func New(dir string) (*Keyring, error) {
	k := &Keyring{dir: dir}
	if err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// Reload reads the directory again, for keys that were made or destroyed since.
// After an error the keyring has the keys it had.
func (k *Keyring) Reload() error {
	keys, err := keyfiles.ReadPrivate(k.dir)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, key := range keys {
		// The same key twice would be one more to lock at each reload.
		if j := k.index(key.ID); j >= 0 {
			keys[i] = k.keys[j]
		} else if err := ownmemory.Lock(key.HPKE()); err != nil {
			k.unlocked = err
		}
	}
	k.keys = keys
	return nil
}

// Unlocked says why the system may write a private key to its swap space; nil:
// it will not.
func (k *Keyring) Unlocked() error {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.unlocked
}

// index returns where a key is, or -1. k.mu must be held.
func (k *Keyring) index(id envelope.KeyID) int {
	return slices.IndexFunc(k.keys, func(p keyfiles.PrivateKey) bool { return p.ID == id })
}

// Keys returns the ids of the keys, oldest first.
func (k *Keyring) Keys() []envelope.KeyID {
	k.mu.RLock()
	defer k.mu.RUnlock()
	ids := make([]envelope.KeyID, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.ID
	}
	return ids
}

// Pair is a key pair's id and when it was made.
type Pair struct {
	ID envelope.KeyID
	At time.Time
}

// Created returns when the key pairs were made, oldest first.
func (k *Keyring) Created() []Pair {
	k.mu.RLock()
	defer k.mu.RUnlock()
	pairs := make([]Pair, len(k.keys))
	for i, key := range k.keys {
		pairs[i] = Pair{key.ID, key.Created}
	}
	return pairs
}

// Has reports whether the keyring has a key.
func (k *Keyring) Has(id envelope.KeyID) bool {
	_, ok := k.key(id)
	return ok
}

func (k *Keyring) key(id envelope.KeyID) (keyfiles.PrivateKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	i := k.index(id)
	if i < 0 {
		return keyfiles.PrivateKey{}, false
	}
	return k.keys[i], true
}

// Format implements fmt.Formatter: private keys do not print.
func (k *Keyring) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "keyring of %d keys", len(k.Keys()))
}

// Open returns what was sealed. Wrong binding, order or number of chunks, and
// any changed bit, are errors; errors never contain what was opened.
func (k *Keyring) Open(c envelope.Capsule, b envelope.Binding, chunks [][]byte) ([]byte, error) {
	return k.Opener(0).Open(c, b, chunks)
}

// OpenPacked opens what Closer.Packed made.
func (k *Keyring) OpenPacked(b envelope.Binding, packed []byte) ([]byte, error) {
	return k.Opener(0).OpenPacked(b, packed)
}
