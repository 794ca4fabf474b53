package kafka_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
	"github.com/tracescrub/tracescrub/internal/kafkaclient"
	"github.com/tracescrub/tracescrub/test/loopback"
)

const (
	gateUser   = "gate"
	bothUser   = "both" // a process that is both, and makes the topics
	sealerUser = "edge"
)

// password is made when the test runs.
var password = configopaque.String(rand.Text())

// certificate makes one for 127.0.0.1, signed by itself, and writes it to a file.
func certificate(t *testing.T) (cert tls.Certificate, file string) {
	t.Helper()
	key, der := loopback.Certify(t, time.Hour, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "broker"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"broker.internal"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, nil, nil)
	dir := t.TempDir()
	file = filepath.Join(dir, "cert.pem")
	require.NoError(t, os.WriteFile(file, []byte(loopback.Block("CERTIFICATE", der)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), []byte(loopback.KeyBlock(t, key)), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// secured is a cluster with TLS, three mechanisms, and the permissions that
// docs/format/kafka-topics.md asks for.
func secured(cert tls.Certificate) []kfake.Opt {
	allow := func(topic string, ops ...kmsg.ACLOperation) []kfake.ACL {
		var all []kfake.ACL
		for _, op := range ops {
			all = append(all, kfake.ACL{
				Resource: kmsg.ACLResourceTypeTopic, Name: topic, Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true,
			})
		}
		return all
	}
	sealer := slices.Concat(
		allow("tracescrub.items", kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationWrite),
		allow("tracescrub.index", kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationWrite),
		allow("tracescrub.decisions", kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs),
	)
	gate := slices.Concat(
		allow("tracescrub.items", kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationRead),
		allow("tracescrub.index", kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationRead, kmsg.ACLOperationWrite),
		allow("tracescrub.decisions", kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationRead, kmsg.ACLOperationWrite),
	)
	both := slices.Concat(sealer, gate)
	for _, topic := range []string{"tracescrub.items", "tracescrub.index", "tracescrub.decisions"} {
		both = append(both, allow(topic, kmsg.ACLOperationCreate)...)
	}
	opts := []kfake.Opt{
		kfake.EnableSASL(), kfake.EnableACLs(), kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), //nolint:gosec // G402: a test's server
		kfake.Superuser("SCRAM-SHA-512", "admin", rand.Text()),
	}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		opts = append(opts, kfake.User(mechanism, bothUser, string(password), both...))
	}
	return append(opts,
		kfake.User("SCRAM-SHA-256", gateUser, string(password), gate...),
		kfake.User("SCRAM-SHA-256", sealerUser, string(password), sealer...))
}

func TestMechanisms(t *testing.T) {
	cert, ca := certificate(t)
	b := newBroker(t, secured(cert)...)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cfg := b.config("")
			cfg.TLS.Enabled, cfg.TLS.CAFile = true, ca
			cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = mechanism, bothUser, password
			s, logs := openLogged(t, cfg)
			require.Zero(t, logs.Len())
			it := storetest.Item(uint64(len(mechanism)), 1000, 10)
			require.NoError(t, s.Put(t.Context(), it))
			requireItem(t, s, it, replay(t, s).refs[it.ID])

			wrong := configopaque.String(rand.Text())
			cfg.SASL.Password = wrong
			s, logs = openLogged(t, cfg)
			err := s.Put(t.Context(), it)
			require.Error(t, err)
			for _, text := range append(texts(logs), err.Error()) {
				require.NotContains(t, text, string(wrong))
			}
			require.NoError(t, s.Close())
		})
	}
}

// texts are what was logged, with fields.
func texts(l logged) []string {
	var all []string
	for _, e := range l.All() {
		all = append(all, e.Message)
		for _, v := range e.ContextMap() {
			if s, ok := v.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

func TestTLS(t *testing.T) {
	cert, ca := certificate(t)
	_, otherCA := certificate(t)
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	require.NoError(t, err)
	pool.AddCert(leaf)
	b := newBroker(t, kfake.TLS(&tls.Config{ //nolint:gosec // G402: a test's server
		Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
	}))
	key := filepath.Join(filepath.Dir(ca), "key.pem")
	for _, test := range []struct {
		name string
		tls  kafkaclient.TLSConfig
		ok   bool
	}{
		{"with our certificate", kafkaclient.TLSConfig{CAFile: ca, CertFile: ca, KeyFile: key}, true},
		{"by another name", kafkaclient.TLSConfig{CAFile: ca, CertFile: ca, KeyFile: key, ServerName: "broker.internal"}, true},
		{"a wrong name", kafkaclient.TLSConfig{CAFile: ca, CertFile: ca, KeyFile: key, ServerName: "elsewhere.internal"}, false},
		{"another authority", kafkaclient.TLSConfig{CAFile: otherCA, CertFile: ca, KeyFile: key}, false},
		{"any authority", kafkaclient.TLSConfig{InsecureSkipVerify: true, CertFile: ca, KeyFile: key}, true},
		{"no certificate of ours", kafkaclient.TLSConfig{CAFile: ca}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := b.config("")
			cfg.TLS = test.tls
			cfg.TLS.Enabled = true
			s := open(t, cfg)
			err := s.Put(t.Context(), storetest.Item(1, 100, 10))
			if test.ok {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
			require.NoError(t, s.Close())
		})
	}
	cfg := b.config("")
	cfg.TLS = kafkaclient.TLSConfig{Enabled: true, CAFile: key}
	_, err = kafka.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "tls::ca_file: no certificate")
}

// TestPermissions: a sealer with the documented permissions can hold items and
// can neither read them nor decide.
func TestPermissions(t *testing.T) {
	cert, ca := certificate(t)
	b := newBroker(t, secured(cert)...)
	as := func(user string) *kafka.Store {
		cfg := b.config("")
		cfg.TLS.Enabled, cfg.TLS.CAFile = true, ca
		cfg.SASL.Mechanism, cfg.SASL.Username, cfg.SASL.Password = "SCRAM-SHA-256", user, password
		return open(t, cfg)
	}
	as(bothUser) // makes the topics
	gate, sealer := as(gateUser), as(sealerUser)
	it := storetest.Item(1, 1000, 10)
	require.NoError(t, sealer.Put(t.Context(), it))
	ref := replay(t, gate).refs[it.ID]
	requireItem(t, gate, it, ref)
	_, err := sealer.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("approve")})
	require.ErrorContains(t, err, "refused by the brokers")
	_, err = sealer.Capsule(t.Context(), it.ID, ref)
	require.ErrorContains(t, err, "refused by the brokers")
	require.Empty(t, replay(t, gate).log)
	require.ErrorContains(t, gate.Put(t.Context(), storetest.Item(2, 1000, 10)), "refused by the brokers")
	_, err = gate.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("deny")})
	require.NoError(t, err)
	require.NoError(t, gate.Shred(t.Context(), it.ID, it.Trace))
	_, err = gate.Shredded(t.Context(), it.ID, ref)
	require.NoError(t, err)
}

// TestBearer plays the broker's part of OAUTHBEARER, which the fake broker does not know.
func TestBearer(t *testing.T) {
	cert, ca := certificate(t)
	b := newBroker(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}})) //nolint:gosec // G402: a test's server
	path := filepath.Join(t.TempDir(), "token")
	token := rand.Text()
	require.NoError(t, os.WriteFile(path, []byte(token), 0o600))
	var refused, taken atomic.Int64
	b.ControlKey(int16(kmsg.SASLHandshake), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.SASLHandshakeResponse)
		if kreq.(*kmsg.SASLHandshakeRequest).Mechanism != "OAUTHBEARER" {
			resp.ErrorCode = 33
		}
		return resp, nil, true
	})
	b.ControlKey(int16(kmsg.SASLAuthenticate), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		if string(kreq.(*kmsg.SASLAuthenticateRequest).SASLAuthBytes) == "n,,\x01auth=Bearer "+token+"\x01\x01" {
			taken.Add(1)
		} else {
			refused.Add(1)
			resp.SASLAuthBytes = []byte(`{"status":"invalid_token"}`)
		}
		return resp, nil, true
	})
	cfg := b.config("")
	cfg.TLS.Enabled, cfg.TLS.CAFile = true, ca
	cfg.SASL.Mechanism = "OAUTHBEARER"
	cfg.SASL.OAuth.TokenFile = path
	s := open(t, cfg)
	it := storetest.Item(1, 1000, 10)
	require.NoError(t, s.Put(t.Context(), it))
	require.Positive(t, taken.Load())
	require.Zero(t, refused.Load())

	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	b.cut()
	_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("x")})
	require.Error(t, err)
	require.False(t, strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "old\""))
	require.Positive(t, refused.Load())
	require.NoError(t, os.WriteFile(path, []byte(token), 0o600))
	eventually(t, "the new token is read", func() bool {
		_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("x")})
		return err == nil
	})
}
