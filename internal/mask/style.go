package mask

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/tracescrub/tracescrub/rules"
)

// Style is how a secret is replaced. The zero Style is label.
type Style struct {
	// Kind is "label" (or empty): `[MASKED:<rule>:<fingerprint>]`;
	// "hash": the same with a fingerprint of 16 digits instead of 8;
	// "fixed": Text; "partial": a label between the First first and the Last
	// last bytes of the secret; "remove": nothing.
	Kind string
	// Text is what fixed writes: printable ASCII without bytes that JSON, XML,
	// URLs, shells or lists would have to escape.
	Text string
	// First and Last are how many bytes partial reveals, 16 together at most
	// and never more than a third of the secret.
	First, Last int
}

// unsafe are the bytes that a mask must not have, whatever it is written into.
const unsafe = `"\<>&%',=`

// Validate says everything that is wrong with s.
func (s Style) Validate() error {
	var errs []error
	switch s.Kind {
	case "", "label", "hash", "remove", "fixed", "partial":
	default:
		errs = append(errs, fmt.Errorf("style %q is none of label, fixed, partial, hash, remove", s.Kind))
	}
	switch {
	case s.Kind != "fixed" && s.Text != "":
		errs = append(errs, errors.New("text is for style fixed only"))
	case s.Kind == "fixed":
		errs = append(errs, validFixed(s.Text))
	}
	switch {
	case s.First < 0 || s.Last < 0:
		errs = append(errs, errors.New("first and last must not be negative"))
	case s.Kind != "partial" && s.First+s.Last > 0:
		errs = append(errs, errors.New("first and last are for style partial only"))
	case s.First+s.Last > 16:
		errs = append(errs, errors.New("first and last must not be more than 16 together"))
	case s.Kind == "partial" && s.First+s.Last == 0:
		errs = append(errs, errors.New("style partial needs first or last"))
	}
	return errors.Join(errs...)
}

func validFixed(text string) error {
	if len(text) < 3 || len(text) > 64 {
		return fmt.Errorf("text has %d bytes, it must have 3 to 64", len(text))
	}
	if strings.TrimSpace(text) != text {
		return errors.New("text must not begin or end with a space")
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte(unsafe, c) >= 0 {
			return fmt.Errorf("text must be printable ASCII without any of %s: byte %d is not", unsafe, i)
		}
	}
	return nil
}

// append writes the replacement of secret.
func (s Style) append(out, secret []byte, h Hit, name bool) []byte {
	if h.Withheld != rules.None {
		return appendWithheld(out, h)
	}
	kind := s.Kind
	if name && kind != "hash" {
		kind = "label"
	}
	switch kind {
	case "remove":
		return out
	case "fixed":
		return append(out, s.Text...)
	case "hash":
		return appendLabel(out, h.RuleID, hex(h.Digest, 16))
	case "partial":
		first, last := s.reveal(secret, h.Evidence)
		out = append(out, secret[:first]...)
		out = appendLabel(out, h.RuleID, h.Fingerprint)
		return append(out, secret[len(secret)-last:]...)
	}
	return appendLabel(out, h.RuleID, h.Fingerprint)
}

// reveal returns how many bytes partial leaves. A secret that stands encoded
// or escaped is not revealed at all: its bytes mean something else, and
// cutting through an escape sequence would break the container.
func (s Style) reveal(secret []byte, e rules.Evidence) (first, last int) {
	if e&(rules.Decoded|rules.Bare) != 0 {
		return 0, 0
	}
	for _, c := range secret {
		if !plain(c) {
			return 0, 0
		}
	}
	first, last = s.First, s.Last
	for first+last > len(secret)/3 {
		if first >= last {
			first--
		} else {
			last--
		}
	}
	return first, last
}

// plain reports whether c stands for itself in every container.
func plain(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte(unsafe, c) < 0 && c != '[' && c != ']'
}

func appendLabel(out []byte, rule, fingerprint string) []byte {
	out = append(out, "[MASKED:"...)
	out = append(out, rule...)
	out = append(out, ':')
	out = append(out, fingerprint...)
	return append(out, ']')
}

func appendWithheld(out []byte, h Hit) []byte {
	out = append(out, "[WITHHELD:"...)
	out = append(out, h.Withheld.String()...)
	out = append(out, ':')
	out = append(out, h.Fingerprint...)
	return append(out, ']')
}

func newHash(key []byte) hash.Hash { return hmac.New(sha256.New, key) }

// sum64 returns the first 8 bytes of the hash of b.
func sum64(h hash.Hash, b []byte) uint64 {
	var sum [sha256.Size]byte
	h.Reset()
	h.Write(b)
	return binary.BigEndian.Uint64(h.Sum(sum[:0]))
}

// hex returns the first digits of d.
func hex(d uint64, digits int) string { return fmt.Sprintf("%016x", d)[:digits] }
