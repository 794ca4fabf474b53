// Package memory knows secrets again that were found once: in other places of
// a batch, in other encodings, in fragments, and in later batches of a trace.
//
// It holds no secret. A Value is made of hashes under keys that are drawn when
// the process starts and are written nowhere: one for each eight bytes in a
// row, so that a text can be searched and fragments be measured, and one for
// each encoded form as a whole.
package memory

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"hash/maphash"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// Tag is what a value is masked as. The zero Digest is none.
type Tag struct {
	// Rule is the id of the rule that found it.
	Rule     string
	Severity pack.Severity
	// Digest is the keyed hash that the mask shows, so that the same secret
	// has the same mask everywhere.
	Digest uint64
	// Form: the form gave it away, not a name beside it.
	Form bool
}

// Value is a known secret. It is immutable.
type Value struct {
	Tag
	size    int
	least   int      // shortest fragment that counts, 0: none does
	block   bool     // of a private key block
	windows []uint32 // of each window bytes in a row
	forms   []form   // what is compared as a whole
	cost    int
}

// form is one way of writing the value.
type form struct {
	starts [maxStride]uint32 // of its first windows; there may be fewer
	sum    uint64
	size   int
	kind   formKind
}

// maxStride is how many bytes a search may go on at a time. Of each form, and
// of each fragment that counts, as many windows in a row must be known.
const maxStride = 8

type formKind uint8

const (
	plainForm   formKind = iota
	escapedForm          // what stands around it goes on unescaped
	base64Form           // no part of the run around it can be taken out
	hexForm
)

const (
	window      = 8       // bytes that are hashed together; the shortest fragment
	minForm     = 10      // bytes of an encoded form
	minSelf     = 12      // bytes of a secret that is known by its form
	maxWindows  = 4 << 10 // bytes of a value that are known in fragments
	maxEncoded  = 512     // bytes of a value that is known in its encodings
	minBorders  = 16      // bytes from which a value counts within a longer word
	minKeyRun   = 40      // bytes in a row that give a key block away
	maxFragment = 512     // bytes of a value of which fragments are known
)

// The keys are drawn once per process.
var (
	key0 = randomWord()
	key1 = randomWord() | 1
	seed = maphash.MakeSeed()
)

func randomWord() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // does not fail (crypto/rand)
	return binary.LittleEndian.Uint64(b[:])
}

// sum32 hashes a window: the upper bits of a product depend on all lower ones.
func sum32(w uint64) uint32 { return uint32((w ^ key0) * key1 >> 32) }

func load(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// New makes a value of a secret, nil if it is none that should be known again:
// too short, or so ordinary that it would be found where it is no secret.
func New(secret []byte, tag Tag) *Value {
	n := len(secret)
	switch {
	case tag.Form && n < minSelf, n < window:
		return nil
	case !tag.Form && !distinct(secret):
		return nil
	}
	v := &Value{Tag: tag, size: n}
	if body, ok := keyBody(secret); ok {
		if body == nil {
			return nil
		}
		v.hash(body)
		v.size, v.least, v.block = len(body), minKeyRun, true
		v.cost = 4*len(v.windows) + 128
		return v
	}
	if n > maxWindows {
		return nil
	}
	v.hash(secret)
	if n <= maxFragment && partible(secret) {
		v.least = max(window, (n+1)/2)
	}
	if n <= maxEncoded {
		v.encode(secret)
	}
	v.cost = 4*len(v.windows) + 56*len(v.forms) + 128
	return v
}

func (v *Value) hash(b []byte) {
	b = b[:min(len(b), maxWindows)]
	if len(b) < window {
		return
	}
	v.windows = make([]uint32, 0, len(b)-window+1)
	for i := 0; i+window <= len(b); i++ {
		v.windows = append(v.windows, sum32(load(b, i)))
	}
}

func (v *Value) add(b []byte, kind formKind) {
	if len(b) < minForm {
		return
	}
	f := form{sum: maphash.Bytes(seed, b), size: len(b), kind: kind}
	for i := range min(maxStride, len(b)-window+1) {
		f.starts[i] = sum32(load(b, i))
	}
	for _, have := range v.forms {
		if have.sum == f.sum && have.size == f.size {
			return
		}
	}
	v.forms = append(v.forms, f)
}

// keyBody returns what is secret of a private key block whose line breaks and
// dashes were taken out, nil if nothing is known to be: not the header, and not
// what stands in the public key as well, which must survive. An RSA key (PKCS
// #1, PKCS #8, OpenSSH) begins with its modulus; an EC key ends with its point.
func keyBody(secret []byte) (body []byte, ok bool) {
	const begin, end = "BEGIN", "END"
	if len(secret) < 100 || string(secret[:len(begin)]) != begin {
		return nil, false
	}
	head := lastIndex(secret[:64], "PRIVATEKEYBLOCK", "PRIVATEKEY")
	if head < 0 {
		return nil, false
	}
	body = secret[head:]
	from := max(0, len(body)-64)
	if tail := lastIndex(body[from:], end); tail >= 0 {
		body = body[:from+tail-len(end)]
	}
	const header, private, short = 32, 92, 600
	switch {
	case len(body) > short:
		return body[2*len(body)/5:], true
	case len(body) < private, bytes.HasPrefix(body, []byte("b3BlbnNza")): // OpenSSH
		return nil, true
	}
	return body[header:private], true
}
