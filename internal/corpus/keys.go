package corpus

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"
)

// encodePEM wraps at 64 columns and leaves out the last newline.
func encodePEM(kind string, der []byte, err error) string {
	if err != nil {
		panic("encoding a fresh key: " + err.Error())
	}
	return strings.TrimSuffix(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})), "\n")
}

func ed25519Key(r *rand.Rand) string {
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(randomBytes(r, 32)))
	return encodePEM("PRIVATE KEY", der, err)
}

func ecKey(r *rand.Rand) string {
	raw := randomBytes(r, 32)
	raw[0] &= 0x7f // below the order of the curve
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw)
	if err != nil {
		panic("making a fresh key: " + err.Error())
	}
	der, err := x509.MarshalECPrivateKey(key)
	return encodePEM("EC PRIVATE KEY", der, err)
}

func rsaKey(r *rand.Rand) string {
	return encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaPair(r)), nil)
}

func pkcs8Key(r *rand.Rand) string {
	der, err := x509.MarshalPKCS8PrivateKey(rsaPair(r))
	return encodePEM("PRIVATE KEY", der, err)
}

// rsaPrimes are made once per process: finding them is what takes time, and
// crypto/rsa would not make the same key twice from one seed. Two of eight give 28 keys.
var rsaPrimes = sync.OnceValue(func() (primes []*big.Int) {
	r := rand.New(rand.NewPCG(8, 1024))
	for len(primes) < 8 {
		b := randomBytes(r, 128)
		b[0], b[127] = b[0]|0xc0, b[127]|1
		p := new(big.Int).SetBytes(b)
		for !p.ProbablyPrime(0) {
			p.Add(p, big.NewInt(2))
		}
		if new(big.Int).Mod(p, big.NewInt(65537)).Cmp(big.NewInt(1)) != 0 {
			primes = append(primes, p)
		}
	}
	return primes
})

func rsaPair(r *rand.Rand) *rsa.PrivateKey {
	primes := rsaPrimes()
	i := r.IntN(len(primes))
	j := (i + 1 + r.IntN(len(primes)-1)) % len(primes)
	p, q, one := primes[i], primes[j], big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537},
		D:         new(big.Int).ModInverse(big.NewInt(65537), phi),
		Primes:    []*big.Int{p, q},
	}
	key.Precompute()
	return key
}

// sshString is a length and the bytes, as in RFC 4251.
func sshString(b []byte, s ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func sshPublic(key ed25519.PrivateKey) []byte {
	b := sshString(nil, []byte("ssh-ed25519")...)
	return sshString(b, key[32:]...)
}

func sshPublicKey(r *rand.Rand) string {
	key := ed25519.NewKeyFromSeed(randomBytes(r, 32))
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(sshPublic(key))
}

// openSSHKey is an unencrypted key in OpenSSH's own format (PROTOCOL.key).
func openSSHKey(r *rand.Rand) string {
	key := ed25519.NewKeyFromSeed(randomBytes(r, 32))
	check := randomBytes(r, 4)
	priv := append(append([]byte{}, check...), check...)
	priv = append(priv, sshPublic(key)...)
	priv = sshString(priv, key...)
	priv = sshString(priv, []byte("deploy@ci")...)
	for i := byte(1); len(priv)%8 != 0; i++ {
		priv = append(priv, i)
	}
	b := []byte("openssh-key-v1\x00")
	b = sshString(b, []byte("none")...)
	b = sshString(b, []byte("none")...)
	b = sshString(b)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = sshString(b, sshPublic(key)...)
	b = sshString(b, priv...)
	return armor("OPENSSH PRIVATE KEY", "", base64.StdEncoding.EncodeToString(b), 70, "")
}

// pgpKey has the armour and checksum of RFC 9580 around random bytes.
func pgpKey(r *rand.Rand) string {
	return pgpArmor("PGP PRIVATE KEY BLOCK", append([]byte{0x95, 0x03, 0xbe, 0x04}, randomBytes(r, 500)...))
}

func pgpArmor(kind string, b []byte) string {
	crc := uint32(0xb704ce)
	for _, c := range b {
		crc ^= uint32(c) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
	}
	sum := base64.StdEncoding.EncodeToString([]byte{byte(crc >> 16), byte(crc >> 8), byte(crc)})
	return armor(kind, "\n", base64.StdEncoding.EncodeToString(b), 64, "="+sum+"\n")
}

func armor(kind, head, body string, width int, tail string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-----BEGIN %s-----\n%s", kind, head)
	for len(body) > width {
		b.WriteString(body[:width] + "\n")
		body = body[width:]
	}
	fmt.Fprintf(&b, "%s\n%s-----END %s-----", body, tail, kind)
	return b.String()
}
