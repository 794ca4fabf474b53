//go:build e2e

package realkafka_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/kafkaclient"
	"github.com/tracescrub/tracescrub/test/realkafka"
)

// mechanisms: each way to say who we are is taken by a real broker, and a wrong
// password is not, nor told to anybody.
func mechanisms(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, 1)
	bearer := filepath.Join(t.TempDir(), "token")
	part := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	now := time.Now().Unix()
	require.NoError(t, os.WriteFile(bearer, []byte(part(`{"alg":"none"}`)+"."+
		part(fmt.Sprintf(`{"sub":"operator","iat":%d,"exp":%d}`, now, now+3600))+"."), 0o600))
	for n, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"} {
		t.Run(mechanism, func(t *testing.T) {
			user := "operator"
			if mechanism == "SCRAM-SHA-256" {
				user = "someone"
				c.User(t, user)
				c.Grant(t, user, "gate", prefix)
			}
			cfg := c.StoreConfig(t, user, prefix, 1)
			cfg.Timeout = 5 * time.Second
			cfg.SASL.Mechanism = mechanism
			if mechanism == "OAUTHBEARER" {
				cfg.SASL = kafkaclient.SASLConfig{Mechanism: mechanism, OAuth: kafkaclient.OAuthConfig{TokenFile: bearer}}
			}
			s, logs := openLogged(t, cfg)
			require.Zero(t, logs.Len())
			it := item(uint64(n))
			require.NoError(t, s.Put(t.Context(), it))
			requireItem(t, s, it, replay(t, s).refs[it.ID])

			require.NoError(t, s.Close())
			wrong := rand.Text()
			if mechanism == "OAUTHBEARER" {
				require.NoError(t, os.WriteFile(bearer, []byte(wrong), 0o600))
			} else {
				cfg.SASL.Password = configopaque.String(wrong)
			}
			core, said := observer.New(zapcore.DebugLevel)
			s, err := kafka.Open(t.Context(), cfg, zap.New(core))
			if mechanism == "OAUTHBEARER" { // the next token may be a better one
				require.NoError(t, err)
				err = s.Put(t.Context(), item(99))
				require.NoError(t, s.Close())
			}
			require.Error(t, err, "a broker that says no is another thing than one that is away")
			require.False(t, strings.Contains(err.Error(), wrong), "the error has the password")
			for _, e := range said.All() {
				require.False(t, strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), wrong), "the log has the password")
			}
		})
	}
}

// certificates: brokers are known by theirs, and we by ours where they ask for it.
func certificates(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, 1)
	c.Grant(t, "CN=sealer", "sealer", prefix)
	ours, stranger := c.Certificate(t, "sealer"), c.Certificate(t, "stranger")
	for _, test := range []struct {
		name string
		tls  kafkaclient.TLSConfig
		ok   bool
	}{
		{"with our certificate", kafkaclient.TLSConfig{CAFile: c.CA, CertFile: ours, KeyFile: ours}, true},
		{"by another name", kafkaclient.TLSConfig{CAFile: c.CA, CertFile: ours, KeyFile: ours, ServerName: "broker.internal"}, true},
		{"a wrong name", kafkaclient.TLSConfig{CAFile: c.CA, CertFile: ours, KeyFile: ours, ServerName: "elsewhere.internal"}, false},
		{"another authority", kafkaclient.TLSConfig{CAFile: ours, CertFile: ours, KeyFile: ours, ServerName: "sealer.internal"}, false},
		{"no certificate of ours", kafkaclient.TLSConfig{CAFile: c.CA}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := c.StoreConfig(t, "operator", prefix, 1)
			cfg.Brokers, cfg.SASL, cfg.Timeout = c.Mutual(), kafkaclient.SASLConfig{}, 3*time.Second
			cfg.TLS = test.tls
			cfg.TLS.Enabled = true
			s := open(t, cfg)
			err := s.Put(t.Context(), item(1))
			if test.ok {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
			require.NoError(t, s.Close())
		})
	}
	t.Run("one that may do nothing", func(t *testing.T) {
		cfg := c.StoreConfig(t, "operator", prefix, 1)
		cfg.Brokers, cfg.SASL = c.Mutual(), kafkaclient.SASLConfig{}
		cfg.TLS = kafkaclient.TLSConfig{Enabled: true, CAFile: c.CA, CertFile: stranger, KeyFile: stranger}
		requireRefused(t, cfg)
	})
}

// permissions: with those that are documented a sealer holds items and can
// neither read nor decide; a gate does everything that gates do; neither needs more.
func permissions(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, 1)
	c.User(t, "sealer")
	c.Grant(t, "sealer", "sealer", prefix)
	c.User(t, "keeper")
	c.Grant(t, "keeper", "gate", prefix)
	sealing := c.StoreConfig(t, "sealer", prefix, 1)
	sealer, gate := open(t, sealing), open(t, c.StoreConfig(t, "keeper", prefix, 1))

	it := item(1)
	require.NoError(t, sealer.Put(t.Context(), it))
	all := replay(t, gate)
	requireItem(t, gate, it, all.refs[it.ID])
	const refused = "refused by the brokers"
	_, err := sealer.Append(t.Context(), about(it, "approve"))
	require.ErrorContains(t, err, refused)
	_, err = sealer.Capsule(t.Context(), it.ID, all.refs[it.ID])
	require.ErrorContains(t, err, refused)
	require.Empty(t, replay(t, gate).log, "a sealer has written a decision")

	_, err = gate.Append(t.Context(), about(it, "deny"))
	require.NoError(t, err)
	require.NoError(t, gate.Put(t.Context(), item(2)), "what a release turns up")
	require.NoError(t, gate.Shred(t.Context(), it.ID, it.Trace))
	_, err = gate.Shredded(t.Context(), it.ID, all.refs[it.ID])
	require.NoError(t, err)
	require.Equal(t, []string{"deny"}, replay(t, gate).log)

	c.User(t, "nobody")
	requireRefused(t, c.StoreConfig(t, "nobody", prefix, 1))
	elsewhere := newPrefix()
	c.Grant(t, "keeper", "gate", elsewhere)
	requireRefused(t, c.StoreConfig(t, "keeper", elsewhere, 1)) // it may not make topics
	c.Grant(t, "keeper", "gate", elsewhere, "Create")
	fresh := open(t, c.StoreConfig(t, "keeper", elsewhere, 1))
	require.NoError(t, fresh.Put(t.Context(), it))
}
