// Package loopback is what tests need to run servers on 127.0.0.1: addresses
// that stay free while a server is away, and certificates.
package loopback

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// nextPort is where the search for free ports goes on: no two searches of a
// process find the same, and those of two processes begin elsewhere.
var nextPort atomic.Int64

// Ports below those that outgoing connections get.
const firstPort, ports = 20000, 12000

// Ports finds ports that nobody listens on and no outgoing connection takes:
// who is away for a while finds its own free again.
func Ports(tb testing.TB, count int) []int {
	tb.Helper()
	var all []int
	for len(all) < count {
		port := firstPort + int((nextPort.Add(1)+int64(os.Getpid())*1009)%ports)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		defer l.Close()
		all = append(all, port)
	}
	return all
}

// Addresses are host:port of such ports.
func Addresses(tb testing.TB, count int) []string {
	tb.Helper()
	var all []string
	for _, port := range Ports(tb, count) {
		all = append(all, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	}
	return all
}

// Certify makes a key and a certificate, in DER, that is valid for so long
// before and after now. Without a parent it is its own.
func Certify(tb testing.TB, valid time.Duration, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-valid), time.Now().Add(valid)
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		tb.Fatal(err)
	}
	return key, der
}

// Certificate makes one for 127.0.0.1 that is its own authority, in cert.pem and
// key.pem of dir, which it makes if it is not there.
func Certificate(tb testing.TB, dir string, valid time.Duration) (tls.Certificate, *x509.CertPool) {
	tb.Helper()
	key, der := Certify(tb, valid, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "tests"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, nil, nil)
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	for name, text := range map[string]string{"cert.pem": Block("CERTIFICATE", der), "key.pem": KeyBlock(tb, key)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// Block is der in PEM.
func Block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// KeyBlock is a private key in PEM.
func KeyBlock(tb testing.TB, key *ecdsa.PrivateKey) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return Block("PRIVATE KEY", der)
}
