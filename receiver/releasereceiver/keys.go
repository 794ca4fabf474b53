package releasereceiver

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/durable"
	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/unseal"
)

// What a gate keeps beside the private keys.
const (
	macName   = "gate.mac"   // the key that authenticates decisions, in hexadecimal
	rulesName = "gate.rules" // the hash of the rules about votes at the last start
)

const (
	macBytes            = 32
	minFingerprintBytes = 16       // as secret_mask wants them
	maxKeyFile          = 64 << 10 // bytes
)

// keys are all keys of a gate.
type keys struct {
	dir         string
	ring        *unseal.Keyring
	mac         []byte
	fingerprint []byte
	log         *zap.Logger

	mu    sync.Mutex
	fresh bool             // mac is not in its file yet; guarded by mu
	known []envelope.KeyID // guarded by mu
}

func readKeys(cfg *Config, log *zap.Logger) (*keys, error) {
	k := &keys{dir: cfg.Keys.Private, log: log}
	var err error
	if k.ring, err = unseal.New(k.dir); err != nil {
		return nil, fmt.Errorf("keys::private: %w", err)
	}
	k.known = k.ring.Keys()
	if k.fingerprint, err = readFingerprint(cfg.FingerprintKeyFile); err != nil {
		return nil, fmt.Errorf("fingerprint_key_file: %w", err)
	}
	if err := k.readMAC(); err != nil {
		return nil, fmt.Errorf("keys::private: %w", err)
	}
	return k, nil
}

// readFingerprint reads the key as secret_mask does.
func readFingerprint(file string) ([]byte, error) {
	key, err := readSmall(file)
	if err != nil {
		return nil, fmt.Errorf("reading the fingerprint key (secret_mask makes it at its first start): %w", err)
	}
	key = bytes.TrimRight(key, "\r\n")
	if len(key) < minFingerprintBytes {
		return nil, fmt.Errorf("the fingerprint key in %s has %d bytes, at least %d are needed", file, len(key), minFingerprintBytes)
	}
	return key, nil
}

func readSmall(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", file, maxKeyFile)
	}
	return os.ReadFile(file)
}

// readMAC reads the key that authenticates decisions, or makes one that admit
// will write to its file.
func (k *keys) readMAC() error {
	file := filepath.Join(k.dir, macName)
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.mac, k.fresh = make([]byte, macBytes), true
		_, _ = rand.Read(k.mac) // never fails
		return nil
	case err != nil:
		return err
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by others than its owner: whoever has it can decide about held items; chmod 600", file)
	}
	text, err := readSmall(file)
	if err != nil {
		return err
	}
	if k.mac, err = hex.DecodeString(string(bytes.TrimSpace(text))); err != nil || len(k.mac) != macBytes {
		return fmt.Errorf("%s is not a key of %d bytes in hexadecimal", file, macBytes)
	}
	return nil
}

// errForeign: with a new key all that was decided so far would be undone.
var errForeign = errors.New("the log of decisions has entries that another key authenticated, and gate.mac, which has that key, " +
	"is missing in keys::private: put it back, or what was denied would wait for approval again")

// admit is asked when the store has been read. A key that was just made is
// written to its file only if there is no decision that it would make void.
func (k *keys) admit(foreign int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.fresh {
		if foreign > 0 {
			k.log.Error("entries of the log of decisions were ignored: no gate with our key wrote them", zap.Int("entries", foreign))
		}
		return nil
	}
	if foreign > 0 {
		return errForeign
	}
	file := filepath.Join(k.dir, macName)
	if err := durable.Create(file, []byte(hex.EncodeToString(k.mac)+"\n"), 0o600); err != nil {
		return fmt.Errorf("making %s (restart if another gate was faster): %w", file, err)
	}
	k.fresh = false
	k.log.Info("made the key that authenticates decisions; all gates on one store need the same file", zap.String("file", file))
	return nil
}

// Reload implements keeper.Keys.
func (k *keys) Reload() (added []envelope.KeyID, err error) {
	if err := k.ring.Reload(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.ring.Keys()
	for _, id := range now {
		if !slices.Contains(k.known, id) {
			added = append(added, id)
		}
	}
	k.known = now
	return added, nil
}

// Destroy implements keeper.Keys.
func (k *keys) Destroy(age time.Duration, now time.Time, keep func(envelope.KeyID) bool) error {
	gone, err := keyfiles.DestroySuperseded(k.dir, age, now, keep)
	for _, p := range gone {
		k.log.Info("destroyed a private key that nothing held needs", zap.Stringer("key", p.ID))
	}
	return err
}

// tellRules records that the rules about votes are others than at the last start.
func (c *core) tellRules(ctx context.Context, k *keys) error {
	text, err := json.Marshal([]any{c.cfg.Quorum, c.cfg.ExpireAfter, c.cfg.Justification, c.cfg.API.Permissions})
	if err != nil {
		return fmt.Errorf("hashing the rules about votes: %w", err)
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:8])
	file := filepath.Join(k.dir, rulesName)
	before, err := readSmall(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case string(bytes.TrimSpace(before)) == hash:
		return nil
	default:
		if err := c.emit(ctx, event.Event{Name: event.PolicyChanged, At: time.Now(), Policy: hash}); err != nil {
			// It stays as it was, so the next start says it.
			c.set.Logger.Warn("that the rules about votes have changed could not be recorded yet", zap.Error(err))
			return nil
		}
	}
	return durable.Replace(file, []byte(hash+"\n"), 0o600)
}
