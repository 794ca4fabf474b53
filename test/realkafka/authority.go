//go:build e2e

package realkafka

import (
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// valid is how long certificates hold.
const valid = 24 * time.Hour

// authority signs the certificates of brokers and clients.
type authority struct {
	dir    string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	server string // file with the brokers' key and certificates
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	a := &authority{dir: dir}
	key, der := loopback.Certify(t, valid, &x509.Certificate{
		Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	a.key = key
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "ca.pem"), loopback.Block("CERTIFICATE", der))
	a.server = a.issue(t, "broker")
	return a
}

// issue writes a key and a certificate for a name into one file, which it returns.
func (a *authority) issue(t *testing.T, name string) string {
	t.Helper()
	key, der := loopback.Certify(t, valid, &x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{name + ".internal"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, a.key)
	path := filepath.Join(a.dir, name+".pem")
	write(t, path, loopback.KeyBlock(t, key)+loopback.Block("CERTIFICATE", der)+loopback.Block("CERTIFICATE", a.cert.Raw))
	return path
}
