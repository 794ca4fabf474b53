package secretmaskprocessor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/ownmemory"
	"github.com/tracescrub/tracescrub/rules/gitleaks"
)

// minKeyBytes is the shortest key for fingerprints.
const minKeyBytes = 16

// keyName is the key's file in the data directory.
const keyName = "fingerprint.key"

// maxKeyBytes bounds a key file.
const maxKeyBytes = 64 << 10

// MaskOptions returns what a mask.Masker needs to mask texts exactly as a
// processor with this configuration does. It reads the rule packs and the
// fingerprint key, and makes that key if there is none; log hears of it.
func (c *Config) MaskOptions(log *zap.Logger) (mask.Options, error) {
	sources, err := c.readPacks()
	if err != nil {
		return mask.Options{}, err
	}
	engine, err := c.compile(sources, func(d gitleaks.Difference) {
		log.Info("a rule pack differs from its file", zap.Stringer("difference", d))
	}, nil)
	if err != nil {
		return mask.Options{}, err
	}
	if engine, err = c.withKnown(context.Background(), engine, log); err != nil {
		return mask.Options{}, err
	}
	key, err := c.key(log)
	if err != nil {
		return mask.Options{}, err
	}
	return c.options(engine, key)
}

func (c *Config) options(engine mask.Engine, key []byte) (mask.Options, error) {
	entries, err := c.entries(key)
	if err != nil {
		return mask.Options{}, err
	}
	return mask.Options{
		Engine: engine, Policy: entries, Style: c.Mask.style(),
		Key: key, MaxBytes: c.Limits.MaxValueBytes, AllowInline: c.AllowInline,
	}, nil
}

// key returns the fingerprint key, which is not swapped out if the system allows it.
func (c *Config) key(log *zap.Logger) ([]byte, error) {
	key, err := c.readFingerprintKey(log)
	if err != nil {
		return nil, err
	}
	if err := ownmemory.Lock(key); err != nil {
		log.Warn("the fingerprint key may be written to swap space: raise RLIMIT_MEMLOCK, or turn swap off for this process", zap.Error(err))
	}
	return key, nil
}

func (c *Config) readFingerprintKey(log *zap.Logger) ([]byte, error) {
	switch f := c.Fingerprint; {
	case f.Key != "":
		return []byte(f.Key), nil
	case f.KeyFile != "":
		key, err := readKey(f.KeyFile, log)
		if err != nil {
			return nil, fmt.Errorf("fingerprint::key_file: %w", err)
		}
		return key, nil
	}
	key, err := c.ownKey(log)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return key, nil
}

func readKey(file string, log *zap.Logger) ([]byte, error) {
	key, err := readBounded(file, maxKeyBytes)
	if err != nil {
		return nil, fmt.Errorf("reading the fingerprint key: %w", err)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the fingerprint key can be read by others than its owner", zap.String("file", file))
	}
	key = bytes.TrimRight(key, "\r\n")
	if len(key) < minKeyBytes {
		return nil, fmt.Errorf("the fingerprint key in %s has %d bytes, at least %d are needed", file, len(key), minKeyBytes)
	}
	return key, nil
}

// ownKey returns the key in the data directory, made at the first start.
func (c *Config) ownKey(log *zap.Logger) ([]byte, error) {
	file := filepath.Join(c.DataDir, keyName)
	key, err := readKey(file, log)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := makeKey(c.DataDir, file); err != nil {
		return nil, fmt.Errorf("making a fingerprint key: %w", err)
	}
	log.Warn("made a fingerprint key: whoever has it can test guesses of masked secrets, and without it "+
		"masks of the same secret will differ from those before; set fingerprint::key or fingerprint::key_file "+
		"where several collectors must agree", zap.String("file", file))
	return readKey(file, log)
}

// makeKey writes a new key in one step, so that a crash leaves a whole key or
// none. If another process was faster its key stays.
func makeKey(dir, file string) (err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, "."+keyName+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return errors.Join(err, tmp.Close())
	}
	_, err = tmp.WriteString(hex.EncodeToString(random) + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
