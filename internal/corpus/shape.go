package corpus

import (
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

const (
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits = "0123456789"
	base62 = digits + upper + lower
)

// alphabets of the classes {class:length}.
var alphabets = map[string]string{
	"hex": digits + "abcdef", "digits": digits, "lower": lower, "upper": upper, "alnum": base62,
	"lownum": digits + lower, "upnum": digits + upper, "base32": upper + "234567",
	"b64": base62 + "+/", "b64url": base62 + "-_", "azure": base62 + "_.~-",
	"django": lower + digits + "!@#$%^&*(-_=+)",
	"nz":     "123456789", "hexup": digits + "ABCDEF", "crock": digits + "ABCDEFGHJKMNPQRSTVWXYZ",
	"base58": "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", "bech32": bech32Alphabet,
	"repX": "X", "repx": "x", "rep0": "0", "repstar": "*",
}

// specials are the classes that are no alphabet. n is the number after the colon.
var specials map[string]func(r *rand.Rand, n int, before string) string

// Set here because some of them call expand again.
func init() {
	specials = map[string]func(r *rand.Rand, n int, before string) string{
		"word": func(r *rand.Rand, _ int, _ string) string { return words[r.IntN(len(words))] },
		"Word": func(r *rand.Rand, _ int, _ string) string {
			w := words[r.IntN(len(words))]
			return strings.ToUpper(w[:1]) + w[1:]
		},
		"uuid": func(r *rand.Rand, _ int, _ string) string {
			return expand(r, "{hex:8}-{hex:4}-4{hex:3}-a{hex:3}-{hex:12}")
		},
		"bytes": func(r *rand.Rand, n int, _ string) string {
			return base64.StdEncoding.EncodeToString(randomBytes(r, n))
		},
		// The last six characters of GitHub's and npm's tokens: CRC-32 in base 62 of what follows the prefix.
		"crc": func(_ *rand.Rand, _ int, before string) string {
			return crc62(before[strings.LastIndexByte(before, '_')+1:])
		},
		"sshpub": func(r *rand.Rand, _ int, _ string) string { return sshPublicKey(r) },
		"spki": func(r *rand.Rand, n int, _ string) string {
			return "MIIBIjANBgkqhkiG9w0B" + "AQEFAAOCAQ8A" + expand(r, fmt.Sprintf("{b64:%d}", n))
		},
		"png": func(r *rand.Rand, _ int, _ string) string {
			return base64.StdEncoding.EncodeToString([]byte(pngWith(r, "")))
		},
		"b64text": base64Text,
		// The examples of public documentation, split so that this file holds none.
		"doc":       func(*rand.Rand, int, string) string { return "IOSFODNN7" + "EXAMPLE" },
		"docsecret": func(*rand.Rand, int, string) string { return "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY" },
		"docuri":    func(*rand.Rand, int, string) string { return "postgres://user:" + "password@localhost:5432/dbname" },
	}
}

var words = strings.Fields("river delta winter falcon tiger ember raven saffron mango juniper stone maple " +
	"lantern orchid orbit harbor walnut meadow quartz copper granite tundra")

var classRE = regexp.MustCompile(`\{([a-zA-Z0-9]+)(?::(\d+))?\}`)

// expand fills the classes of a shape, such as "{Word}-{digits:4}!". What is no known class is literal.
func expand(r *rand.Rand, shape string) string {
	var b strings.Builder
	pos := 0
	for _, m := range classRE.FindAllStringSubmatchIndex(shape, -1) {
		name, n := shape[m[2]:m[3]], 1
		if m[4] >= 0 {
			n, _ = strconv.Atoi(shape[m[4]:m[5]])
		}
		b.WriteString(shape[pos:m[0]])
		pos = m[1]
		switch fn, like := specials[name], lookalike[name]; {
		case fn != nil:
			b.WriteString(fn(r, n, b.String()))
		case like != nil:
			b.WriteString(like(r, n))
		case alphabets[name] != "":
			for range n {
				b.WriteByte(alphabets[name][r.IntN(len(alphabets[name]))])
			}
		default:
			b.WriteString(shape[m[0]:m[1]])
		}
	}
	return b.String() + shape[pos:]
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func crc62(s string) string {
	out, x := make([]byte, 6), crc32.ChecksumIEEE([]byte(s))
	for i := 5; i >= 0; i-- {
		out[i] = base62[x%62]
		x /= 62
	}
	return string(out)
}

// base64Text is plain English in base64, which a decoder sees through.
func base64Text(r *rand.Rand, _ int, _ string) string {
	s := "The quick brown fox jumps over the lazy dog while the build is running. " + expand(r, "{word} {word} {word}.")
	return base64.StdEncoding.EncodeToString([]byte(s))
}
