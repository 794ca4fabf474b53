package releasereceiver

import (
	"bytes"
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
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/durable"
	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/ownmemory"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/keeper"
)

// What a gate keeps beside the private keys.
const (
	macName   = "gate.mac"   // the key that authenticates decisions, in hexadecimal
	rulesName = "gate.rules" // the hash of the rules about votes that the audit log knows
	toldName  = "gate.told"  // the ids of the key pairs that the audit log knows, one a line
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
	fresh bool            // mac is not in its file yet; guarded by mu
	told  map[string]bool // ids of key pairs, as in the file; guarded by mu
}

func readKeys(cfg *Config, log *zap.Logger) (*keys, error) {
	k := &keys{dir: cfg.Keys.Private, log: log}
	var err error
	if k.ring, err = unseal.New(k.dir); err != nil {
		return nil, fmt.Errorf("keys::private: %w", err)
	}
	if k.fingerprint, err = readFingerprint(cfg.FingerprintKeyFile); err != nil {
		return nil, fmt.Errorf("fingerprint_key_file: %w", err)
	}
	if err := k.readMAC(); err != nil {
		return nil, fmt.Errorf("keys::private: %w", err)
	}
	if err := k.readTold(); err != nil {
		return nil, fmt.Errorf("keys::private: %w", err)
	}
	if err := errors.Join(k.ring.Unlocked(), ownmemory.Lock(k.mac, k.fingerprint)); err != nil {
		log.Warn("keys may be written to swap space: raise RLIMIT_MEMLOCK, or turn swap off for this process", zap.Error(err))
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

// readTold reads which key pairs the audit log knows. What is no id in it does
// no harm: a pair that is told of again is the same event.
func (k *keys) readTold() error {
	text, err := readSmall(filepath.Join(k.dir, toldName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	k.told = map[string]bool{}
	for line := range strings.Lines(string(text)) {
		k.told[strings.TrimSpace(line)] = true
	}
	return nil
}

// Reload implements keeper.Keys.
func (k *keys) Reload() (untold []keeper.NewKey, err error) {
	if err := k.ring.Reload(); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, p := range k.ring.Created() {
		if !k.told[p.ID.String()] {
			untold = append(untold, keeper.NewKey{ID: p.ID, Created: p.At, Rotated: i > 0})
		}
	}
	return untold, nil
}

// Told implements keeper.Keys. Pairs that are gone are forgotten.
func (k *keys) Told(pairs []keeper.NewKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var text strings.Builder
	told := map[string]bool{}
	for _, id := range k.ring.Keys() {
		s := id.String()
		if k.told[s] || slices.ContainsFunc(pairs, func(p keeper.NewKey) bool { return p.ID == id }) {
			told[s] = true
			text.WriteString(s + "\n")
		}
	}
	if err := durable.Replace(filepath.Join(k.dir, toldName), []byte(text.String()), 0o600); err != nil {
		return err
	}
	k.told = told
	return nil
}

// Destroy implements keeper.Keys.
func (k *keys) Destroy(age time.Duration, now time.Time, keep func(envelope.KeyID) bool) error {
	gone, err := keyfiles.DestroySuperseded(k.dir, age, now, keep)
	for _, p := range gone {
		k.log.Info("destroyed a private key that nothing held needs", zap.Stringer("key", p.ID))
	}
	return err
}

// rules returns a hash of the rules about votes, and what is to be told about
// them: that they are others than the audit log knows. told notes that it was.
func (c *core) rules(k *keys) (hash string, news []event.Event, told func() error, err error) {
	text, err := json.Marshal([]any{c.cfg.Quorum, c.cfg.ExpireAfter, c.cfg.Justification, c.cfg.API.Permissions})
	if err != nil {
		return "", nil, nil, fmt.Errorf("hashing the rules about votes: %w", err)
	}
	sum := sha256.Sum256(text)
	hash = hex.EncodeToString(sum[:8])
	file := filepath.Join(k.dir, rulesName)
	before, err := readSmall(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", nil, nil, err
	case string(bytes.TrimSpace(before)) == hash:
		return hash, nil, nil, nil
	default:
		news = []event.Event{{Name: event.PolicyChanged, At: time.Now(), Policy: hash}}
	}
	return hash, news, func() error { return durable.Replace(file, []byte(hash+"\n"), 0o600) }, nil
}
