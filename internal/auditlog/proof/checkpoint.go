// Package proof signs and checks what the audit log promises: checkpoints,
// receipts and consistency. docs/format/audit.md specifies them.
package proof

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the state of a log.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign signs a checkpoint with private keys.
func (c Checkpoint) Sign(private ...string) ([]byte, error) {
	signers := make([]note.Signer, len(private))
	for i, p := range private {
		s, err := note.NewSigner(p)
		if err != nil {
			return nil, errors.New("the private key is not one") // the error quotes nothing, but who knows
		}
		signers[i] = s
	}
	return note.Sign(&note.Note{Text: c.text()}, signers...)
}

// Read reads a checkpoint without looking at its signatures.
func Read(signed []byte) (Checkpoint, error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return Checkpoint{}, errors.New("checkpoint: no signed note")
	}
	return parse(text + "\n")
}

func parse(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return Checkpoint{}, errors.New("checkpoint: not three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 {
		return Checkpoint{}, errors.New("checkpoint: no number of entries")
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return Checkpoint{}, errors.New("checkpoint: no root hash")
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root)}
	if c.text() != text {
		return Checkpoint{}, errors.New("checkpoint: not in its form")
	}
	return c, nil
}

// Open checks that one of the public keys has signed a checkpoint, and returns it
// with those that have. The origin must be the name of the key.
func Open(signed []byte, public []string) (Checkpoint, []string, error) {
	var vs []note.Verifier
	of := map[string]string{}
	for _, p := range public {
		v, err := note.NewVerifier(p)
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("public key: %w", err)
		}
		id := fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
		if of[id] == "" { // a second key with this id could be made on purpose
			vs, of[id] = append(vs, v), p
		}
	}
	n, err := note.Open(signed, note.VerifierList(vs...))
	if err != nil {
		return Checkpoint{}, nil, errors.New("checkpoint: no key that is trusted has signed it")
	}
	c, err := parse(n.Text)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	var by []string
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			by = append(by, of[fmt.Sprintf("%s+%08x", s.Name, s.Hash)])
		}
	}
	if len(by) == 0 {
		return Checkpoint{}, nil, errors.New("checkpoint: the origin is not the name of the key that signed it")
	}
	return c, by, nil
}

// NewKey makes a key pair for a log. Random is nil but in tests.
func NewKey(origin string, random io.Reader) (private, public string, err error) {
	if random == nil {
		random = rand.Reader
	}
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return "", "", err
	}
	key := ed25519.NewKeyFromSeed(seed)
	public, err = note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return "", "", err
	}
	parts := strings.Split(public, "+")
	if len(parts) < 3 {
		return "", "", errors.New("origin: not what a key can be called")
	}
	private = "PRIVATE+KEY+" + origin + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	if _, err := note.NewSigner(private); err != nil {
		return "", "", errors.New("origin: not what a key can be called")
	}
	return private, public, nil
}

// Public returns the public key of a private one, and its name.
func Public(private string) (public, origin string, err error) {
	bad := errors.New("private key: not one of a log")
	s, err := note.NewSigner(private)
	if err != nil {
		return "", "", bad
	}
	parts := strings.SplitN(private, "+", 5) // PRIVATE, KEY, name, hash, key: a name has no +
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return "", "", bad
	}
	key := ed25519.NewKeyFromSeed(raw[1:])
	public, err = note.NewEd25519VerifierKey(s.Name(), key.Public().(ed25519.PublicKey))
	return public, s.Name(), err
}
