// Package confighash names the configuration that a Collector runs on, for the
// audit log: equal hashes, equal configurations with all their values.
package confighash

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

// iterations make guessing slow: a configuration may hold a password that is weak.
const iterations = 200_000

// Of is the hash of a whole configuration, as the Collector has it after all
// files and variables: 32 hex digits, PBKDF2-HMAC-SHA256 over its JSON.
func Of(conf map[string]any) (string, error) {
	text, err := json.Marshal(conf)
	if err != nil {
		return "", fmt.Errorf("hashing the configuration: %w", err)
	}
	sum, err := pbkdf2.Key(sha256.New, string(text), []byte("tracescrub configuration 1"), iterations, 16)
	if err != nil {
		return "", fmt.Errorf("hashing the configuration: %w", err)
	}
	return hex.EncodeToString(sum), nil
}

var current atomic.Value

// Set says what this process runs on. A Collector has one configuration at a
// time, and no component gets to see it but the converters.
func Set(hash string) { current.Store(hash) }

// Get is what was last set, or empty.
func Get() string { s, _ := current.Load().(string); return s }
