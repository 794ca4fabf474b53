package verify

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // vectors.tsv
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// vectorsTSV lists documented example credentials: SHA-256 in hex, provider,
// where they are documented. Only hashes, so that this repository holds nothing
// that looks like a credential.
//
//go:embed vectors.tsv
var vectorsTSV string

var vectors = parseVectors(vectorsTSV)

func parseVectors(tsv string) map[[sha256.Size]byte]bool {
	set := map[[sha256.Size]byte]bool{}
	for line := range strings.Lines(tsv) {
		sum, _, ok := strings.Cut(line, "\t")
		var key [sha256.Size]byte
		if n, err := hex.Decode(key[:], []byte(sum)); ok && err == nil && n == len(key) {
			set[key] = true
		}
	}
	return set
}

// exampleWords say of a value that it is no real one. They are compared in
// lower case and long enough not to appear in random text.
var exampleWords = [][]byte{
	[]byte("example"), []byte("placeholder"), []byte("changeme"), []byte("change_me"), []byte("change-me"),
	[]byte("redacted"), []byte("your_"), []byte("your-"), []byte("dummy"), []byte("insert_"), []byte("replace_me"),
}

// begins is 1 for the hash of four bytes that stand at the first or second place of a
// word: every second place of a text is looked at.
var begins = func() (t [1 << 12]uint8) {
	for _, w := range exampleWords {
		t[hash4(w)], t[hash4(w[1:])] = 1, 1
	}
	return t
}()

func hash4(b []byte) uint32 { return (binary.LittleEndian.Uint32(b) | 0x20202020) * 0x9E3779B1 >> 20 }

// hasExampleWord looks for the words in the first bytes of a secret.
func hasExampleWord(secret []byte) bool {
	secret = secret[:min(len(secret), maxWordsIn)]
	some := uint8(0)
	for i := 0; i+4 <= len(secret); i += 2 {
		some |= begins[hash4(secret[i:])]
	}
	if some == 0 {
		return false
	}
	var buf [maxWordsIn]byte
	folded := buf[:0]
	for _, c := range secret {
		folded = append(folded, lower(c))
	}
	for _, w := range exampleWords {
		if bytes.Contains(folded, w) {
			return true
		}
	}
	return false
}

// maxWordsIn is how many bytes of a secret are searched for words.
const maxWordsIn = 256

// DocExample says whether secret is a test vector of public documentation or
// says of itself that it is none: it holds the word EXAMPLE, a run of xxxx,
// counts up (12345678, abcdefgh), or is mostly one character. Such a value is
// masked like any other unless policy says otherwise.
func DocExample(secret []byte) bool {
	if len(secret) < 4 {
		return false
	}
	if vectors[sha256.Sum256(secret)] {
		return true
	}
	return hasExampleWord(secret) || runs(secret)
}

// runs says whether secret holds xxxx or XXXX, eight characters that count up,
// or one character over at least half of its length.
func runs(secret []byte) bool {
	// In a run there are three pairs, one behind the other, of the same byte twice or of a
	// byte and the next, and an odd place has the first two or the last two of them.
	for i := 1; i+1 < len(secret); i += 2 {
		if secret[i]-secret[i-1] < 2 && secret[i+1]-secret[i] < 2 {
			return hasRun(secret)
		}
	}
	return false
}

func hasRun(secret []byte) bool {
	same, up := 1, 1
	for i := 1; i < len(secret); i++ {
		a, b := secret[i-1], secret[i]
		if a == b {
			same++
		} else {
			same = 1
		}
		if b == a+1 || a == '9' && (b == '0' || b == 'a' || b == 'A') || a == '0' && b == 'a' {
			up++
		} else {
			up = 1
		}
		if up >= 8 || same >= 4 && (a == 'x' || a == 'X' || a == '*') || same >= 6 && 2*same >= len(secret) {
			return true
		}
	}
	return false
}
