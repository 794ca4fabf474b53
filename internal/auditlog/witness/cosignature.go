package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// algorithm is the signature type of Ed25519 cosignatures in key ids.
const algorithm = 4

// verifier checks cosignatures of one witness: C2SP tlog-cosignature, cosignature/v1.
type verifier struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// NewVerifier makes what checks the cosignatures of a witness, of its public
// key (a vkey of type 0x04). note.Open takes it.
func NewVerifier(vkey string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	id, key64, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(key64)
	if err != nil || name == "" || strings.ContainsAny(name, " \t\r\n") || len(key) == 0 {
		return nil, errors.New("not the public key of a witness: name+id+key")
	}
	if key[0] != algorithm || len(key) != 1+ed25519.PublicKeySize {
		return nil, errors.New("not a key for cosignatures of version 1: its type must be 04, Ed25519")
	}
	sum := sha256.Sum256(slices.Concat([]byte(name+"\n"), key))
	v := &verifier{name: name, hash: binary.BigEndian.Uint32(sum[:]), key: key[1:]}
	if fmt.Sprintf("%08x", v.hash) != id {
		return nil, errors.New("not the public key of a witness: the id is not that of name and key")
	}
	return v, nil
}

func (v *verifier) Name() string    { return v.name }
func (v *verifier) KeyHash() uint32 { return v.hash }

// Verify wants a time, 8 bytes, and the signature of message and time.
func (v *verifier) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at <= math.MaxInt64 && ed25519.Verify(v.key, signedText(at, msg), sig[8:])
}

func signedText(at uint64, text []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
}

// take takes the cosignature of v from a witness's answer about a checkpoint.
func take(v note.Verifier, signed, answer []byte) (note.Signature, error) {
	text, _, _ := bytes.Cut(signed, []byte("\n\n"))
	n, err := note.Open(slices.Concat(signed, answer), note.VerifierList(v))
	// An answer with empty lines in it could pass what is not the checkpoint for its text.
	if err != nil || n.Text != string(text)+"\n" {
		return note.Signature{}, errors.New("the witness's answer has no cosignature by its key")
	}
	return n.Sigs[0], nil
}

// merge adds a cosignature to a checkpoint, in place of an older one by the
// same key.
func merge(signed []byte, sig note.Signature) ([]byte, error) {
	_, err := note.Open(signed, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return nil, errors.New("no signed checkpoint")
	}
	n := unverified.Note
	n.UnverifiedSigs = slices.DeleteFunc(n.UnverifiedSigs, func(s note.Signature) bool { return s.Name == sig.Name && s.Hash == sig.Hash })
	n.UnverifiedSigs = append(n.UnverifiedSigs, sig)
	return note.Sign(n)
}
