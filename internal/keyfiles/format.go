package keyfiles

import (
	"crypto/hpke"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// The kinds of files, by the ends of their names.
const (
	publicExt    = ".pub"
	privateExt   = ".key"
	destroyedExt = ".destroyed"
)

const (
	publicKind    = "TRACESCRUB PUBLIC KEY"
	privateKind   = "TRACESCRUB PRIVATE KEY"
	destroyedKind = "TRACESCRUB DESTROYED KEY"
	algorithm     = "MLKEM768-X25519"
	columns       = 64
	maxFile       = 8 << 10
)

// encode writes a key file: PEM (RFC 7468) with headers. body is empty, and
// destroyed set, for what stands in place of a destroyed key.
func encode(kind string, id envelope.KeyID, created, destroyed time.Time, body []byte) []byte {
	var b strings.Builder
	b.WriteString("-----BEGIN " + kind + "-----\n")
	b.WriteString("Algorithm: " + algorithm + "\n")
	b.WriteString("Id: " + id.String() + "\n")
	b.WriteString("Created: " + created.UTC().Format(time.RFC3339) + "\n")
	if kind == destroyedKind {
		b.WriteString("Destroyed: " + destroyed.UTC().Format(time.RFC3339) + "\n")
	} else {
		b.WriteString("\n")
	}
	for text := base64.StdEncoding.EncodeToString(body); text != ""; {
		n := min(columns, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("-----END " + kind + "-----\n")
	return []byte(b.String())
}

// parsed is a key file, read.
type parsed struct {
	id                 envelope.KeyID
	created, destroyed time.Time
	body               []byte
}

// reader reads a key file line by line, so that mistakes have a place.
type reader struct {
	lines []string
	n     int // of the line last read, from 1
}

// next returns the next line. Errors of the reader never quote a line: it may
// be a private key.
func (r *reader) next() (string, error) {
	if r.n >= len(r.lines) {
		return "", errors.New("the file ends here")
	}
	r.n++
	return r.lines[r.n-1], nil
}

// value returns what stands behind "name: " in the next line.
func (r *reader) value(name string) (string, error) {
	line, err := r.next()
	if err != nil {
		return "", err
	}
	v, ok := strings.CutPrefix(line, name+": ")
	if !ok {
		return "", fmt.Errorf("not %q", name+": ...")
	}
	return v, nil
}

func (r *reader) time(name string) (time.Time, error) {
	v, err := r.value(name)
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse("2006-01-02T15:04:05Z", v)
	if err != nil || t.Format(time.RFC3339) != v {
		return time.Time{}, fmt.Errorf("%s is no time such as 2026-01-31T12:00:00Z", name)
	}
	return t, nil
}

// exactly wants the next line to be want.
func (r *reader) exactly(want string) error {
	line, err := r.next()
	if err == nil && line != want {
		err = fmt.Errorf("not %q", want)
	}
	return err
}

// decode reads what encode wrote, nothing else: what it takes encodes to the
// same bytes. Errors begin with the number of the line.
func decode(kind string, text []byte) (p parsed, err error) {
	if len(text) > maxFile {
		return p, fmt.Errorf("%d bytes: this is no key file", len(text))
	}
	s, ok := strings.CutSuffix(string(text), "\n")
	r := &reader{lines: strings.Split(s, "\n")}
	if !ok {
		return p, fmt.Errorf("line %d: it has no end", len(r.lines))
	}
	if err := r.read(kind, &p); err != nil {
		return parsed{}, fmt.Errorf("line %d: %w", r.n, err)
	}
	return p, nil
}

func (r *reader) read(kind string, p *parsed) error {
	if err := r.exactly("-----BEGIN " + kind + "-----"); err != nil {
		return err
	}
	if err := r.exactly("Algorithm: " + algorithm); err != nil {
		return err
	}
	id, err := r.value("Id")
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != len(p.id) || hex.EncodeToString(raw) != id {
		return fmt.Errorf("the id is not %d hex digits", 2*len(p.id))
	}
	copy(p.id[:], raw)
	if p.created, err = r.time("Created"); err != nil {
		return err
	}
	if kind == destroyedKind {
		if p.destroyed, err = r.time("Destroyed"); err != nil {
			return err
		}
	} else if err := r.exactly(""); err != nil {
		return err
	} else if p.body, err = r.body(); err != nil {
		return err
	}
	if err := r.exactly("-----END " + kind + "-----"); err != nil {
		return err
	}
	if r.n != len(r.lines) {
		r.n++
		return errors.New("there is more behind the end")
	}
	return nil
}

// body reads the lines of base64 and stops before the one that ends them.
func (r *reader) body() ([]byte, error) {
	var text strings.Builder
	for short := false; r.n < len(r.lines) && !strings.HasPrefix(r.lines[r.n], "-"); {
		line, err := r.next()
		switch {
		case err != nil:
			return nil, err
		case short || line == "" || len(line) > columns:
			return nil, fmt.Errorf("not a line of %d characters", columns)
		}
		short = len(line) < columns
		text.WriteString(line)
	}
	body, err := base64.StdEncoding.Strict().DecodeString(text.String())
	if err != nil {
		return nil, errors.New("the key up to here is not base64")
	}
	return body, nil
}

func (k PublicKey) encode() []byte {
	return encode(publicKind, k.ID, k.Created, time.Time{}, k.Key.Bytes())
}

func (k PrivateKey) encode() ([]byte, error) {
	seed, err := k.key.Bytes()
	if err != nil {
		return nil, err
	}
	return encode(privateKind, k.ID, k.Created, time.Time{}, seed), nil
}

func decodePublic(text []byte) (PublicKey, error) {
	p, err := decode(publicKind, text)
	if err != nil {
		return PublicKey{}, err
	}
	key, err := hpke.MLKEM768X25519().NewPublicKey(p.body)
	if err != nil {
		return PublicKey{}, errors.New("line 6: this is no public key of " + algorithm)
	}
	if idOf(key) != p.id {
		return PublicKey{}, errors.New("line 3: this is not the id of the key")
	}
	return PublicKey{ID: p.id, Created: p.created, Key: key}, nil
}

func decodePrivate(text []byte) (PrivateKey, error) {
	p, err := decode(privateKind, text)
	if err != nil {
		return PrivateKey{}, err
	}
	k, err := newPrivateKey(p.body, p.created)
	if err != nil {
		return PrivateKey{}, errors.New("line 6: this is no private key of " + algorithm)
	}
	if k.ID != p.id {
		return PrivateKey{}, errors.New("line 3: this is not the id of the key")
	}
	return k, nil
}
