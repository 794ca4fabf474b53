package corpus

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"time"
)

// lookalike are the classes of shapes that only clean text has: public keys,
// media, numbers. n is the number after the colon.
var lookalike map[string]func(r *rand.Rand, n int) string

// Set here because some of them call expand.
func init() {
	lookalike = map[string]func(r *rand.Rand, n int) string{
		// Bytes that are no UTF-8.
		"bad":    func(*rand.Rand, int) string { return "\xff\xe9\x80" },
		"cert":   func(r *rand.Rand, _ int) string { return certificate(r) },
		"pgppub": func(r *rand.Rand, n int) string { return pgpPublic(r, n) },
		"sshrsa": func(r *rand.Rand, _ int) string { return sshRSAPublic(r) },
		"pubpem": func(r *rand.Rand, _ int) string {
			der, err := x509.MarshalPKIXPublicKey(&rsaPair(r).PublicKey)
			return encodePEM("PUBLIC KEY", der, err)
		},
		"modulus": func(r *rand.Rand, _ int) string {
			return base64.RawURLEncoding.EncodeToString(rsaPair(r).N.Bytes())
		},
		"bytesurl": func(r *rand.Rand, n int) string { return base64.RawURLEncoding.EncodeToString(randomBytes(r, n)) },
		"floats":   floats,
		"float32s": func(r *rand.Rand, n int) string {
			var b []byte
			for range n {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(r.NormFloat64()/20)))
			}
			return base64.StdEncoding.EncodeToString(b)
		},
		// Media of n bytes: the head that names them, and noise.
		"jpeg": func(r *rand.Rand, n int) string { return media(r, "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00", n) },
		"wav":  func(r *rand.Rand, n int) string { return media(r, "RIFF\x24\x50\x00\x00WAVEfmt \x10\x00\x00\x00", n) },
		"ogg":  func(r *rand.Rand, n int) string { return media(r, "OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00", n) },
		"pngn": func(r *rand.Rand, n int) string {
			return media(r, "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x02\x00\x00\x00\x02\x00\x08\x06\x00\x00\x00", n)
		},
		"pdf": func(r *rand.Rand, n int) string { return media(r, "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", n) },
	}
}

func media(r *rand.Rand, head string, n int) string {
	return base64.StdEncoding.EncodeToString(append([]byte(head), randomBytes(r, n)...))
}

// floats are the numbers of an embedding, as JSON writes them.
func floats(r *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%.9f", r.NormFloat64()/20)
	}
	return strings.Join(out, ",")
}

// certificate is one of a fresh key, signed by itself. Ed25519, since the
// signature must be the same for the same seed.
func certificate(r *rand.Rand) string {
	key := ed25519.NewKeyFromSeed(randomBytes(r, 32))
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(randomBytes(r, 16)), Subject: pkix.Name{CommonName: expand(r, "{word}.internal")},
		NotBefore: time.Unix(1780000000, 0), NotAfter: time.Unix(1811536000, 0), DNSNames: []string{expand(r, "{word}.internal")},
	}
	der, err := x509.CreateCertificate(nil, t, t, key.Public(), key)
	return encodePEM("CERTIFICATE", der, err)
}

// pgpPublic has the armour and checksum of RFC 9580 around n random bytes.
func pgpPublic(r *rand.Rand, n int) string {
	return pgpArmor("PGP PUBLIC KEY BLOCK", append([]byte{0x99, 0x01, 0x8d, 0x04}, randomBytes(r, n)...))
}

func sshRSAPublic(r *rand.Rand) string {
	b := sshString(nil, []byte("ssh-rsa")...)
	b = sshString(b, 1, 0, 1)
	b = sshString(b, append([]byte{0}, rsaPair(r).N.Bytes()...)...)
	return "ssh-rsa " + base64.StdEncoding.EncodeToString(b)
}
