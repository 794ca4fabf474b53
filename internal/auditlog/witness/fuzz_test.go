package witness

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// FuzzAnswer: no answer of a witness is taken but one with its signature of
// this very checkpoint, and what is taken is added so that it can be read again.
func FuzzAnswer(f *testing.F) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	typed := append([]byte{algorithm}, public...)
	sum := sha256.Sum256(slices.Concat([]byte("witness.example\n"), typed))
	v, err := NewVerifier(fmt.Sprintf("witness.example+%08x+%s", binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(typed)))
	if err != nil {
		f.Fatal(err)
	}
	text := []byte("example.org/log\n1\n" + base64.StdEncoding.EncodeToString(sum[:]) + "\n")
	signed := append(slices.Clone(text), "\n\u2014 example.org/log AAAAAAAA\n"...)
	answer := func(at uint64, text []byte) []byte {
		sig := binary.BigEndian.AppendUint32(nil, v.KeyHash())
		sig = binary.BigEndian.AppendUint64(sig, at)
		sig = append(sig, ed25519.Sign(private, signedText(at, text))...)
		return fmt.Appendf(nil, "\u2014 witness.example %s\n", base64.StdEncoding.EncodeToString(sig))
	}
	honest := answer(7, text)
	first, err := take(v, signed, honest)
	if err != nil {
		f.Fatalf("the honest answer is not taken: %v", err)
	}
	taken, err := base64.StdEncoding.DecodeString(first.Base64)
	if err != nil {
		f.Fatal(err)
	}
	// Where, and with what, the honest answer is changed; what comes before and behind it.
	f.Add(uint16(0), byte(0), []byte(""), []byte(""))
	f.Add(uint16(30), byte(1), []byte("\n"), []byte(""))
	f.Add(uint16(0), byte(0), []byte("\n\nanother\n\n"), []byte("\n"))
	f.Add(uint16(0), byte(0), []byte(""), []byte("\u2014 x AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, at uint16, change byte, before, behind []byte) {
		changed := bytes.Clone(honest)
		changed[int(at)%len(changed)] ^= change
		sig, err := take(v, signed, slices.Concat(before, changed, behind))
		if err != nil {
			return
		}
		// Not its text: base64 has spare bits, which package note does not look at.
		if raw, err := base64.StdEncoding.DecodeString(sig.Base64); err != nil || !bytes.Equal(raw, taken) {
			t.Error("another signature is taken")
		}
		all, err := merge(signed, sig)
		if err != nil {
			t.Fatalf("what was taken cannot be added: %v", err)
		}
		if n, err := note.Open(all, note.VerifierList(v)); err != nil || n.Text != string(text) {
			t.Errorf("what was added is not read: %v", err)
		}
	})
}
