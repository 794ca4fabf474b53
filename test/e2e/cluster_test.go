//go:build e2e

package e2e

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/tracescrub/tracescrub/test/idptest"
	"github.com/tracescrub/tracescrub/test/loopback"
)

// cluster is all that stands around gateways and gates, which run on the real
// deploy/gateway.yaml and deploy/gate.yaml: a Kafka, a backend, a place for
// audit events, an identity provider, keys and certificates.
type cluster struct {
	dir            string
	pool           *x509.CertPool
	issuer         *idptest.Provider
	backend, audit *sink
	tokens         map[string]string // for the backend, by name of a process
	passwords      map[string]string // for Kafka, by user

	// A fake broker in a process of its own, or a real Kafka.
	broker      *exec.Cmd
	brokerPorts []string
	brokerLog   *buffer
	real        *realTopics

	log *collector // the central audit log, if it was started
}

// processes are those that a cluster may have.
var processes = []string{"gateway", "gate1", "gate2"}

// newCluster starts all but gateways and gates, with a fake broker.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	k := surroundings(t)
	for _, user := range []string{"gateway", "gate"} {
		k.passwords[user] = rand.Text()
	}
	for _, addr := range loopback.Addresses(t, 3) {
		_, port, _ := net.SplitHostPort(addr)
		k.brokerPorts = append(k.brokerPorts, port)
	}
	k.startBroker(t)
	return k
}

// surroundings starts all but Kafka, gateways and gates, and makes what
// docs/gateway.md says they share.
func surroundings(t *testing.T) *cluster {
	t.Helper()
	k := &cluster{dir: t.TempDir(), issuer: newIssuer(t), tokens: map[string]string{}, passwords: map[string]string{}}
	for _, d := range []string{"out", "broker", "tmp"} {
		if err := os.Mkdir(filepath.Join(k.dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cert, pool := loopback.Certificate(t, k.dir, time.Hour)
	k.pool = pool
	names := map[string]string{}
	for _, name := range processes {
		k.tokens[name] = rand.Text()
		names[k.tokens[name]] = name
		write(t, k.path(name+".token"), k.tokens[name])
	}
	k.backend = newSink(t, k.path("out"), cert, names, map[string]string{"traces": "traces.jsonl", "logs": "logs.jsonl", "metrics": "metrics.jsonl"})
	k.audit = newSink(t, k.path("out"), cert, names, map[string]string{"logs": "audit.jsonl"})
	write(t, k.path("fingerprint.key"), rand.Text())
	if code, said := tool(t, "keys", "new", k.path("gate1/keys")); code != 0 {
		t.Fatalf("tracescrub keys new: exit code %d\n%s", code, said)
	}
	k.copyDir(t, "gate1/keys/public", "gateway/keys/public")
	return k
}

func (k *cluster) path(name string) string { return filepath.Join(k.dir, name) }

// copyDir copies the files of a directory, as an administrator would.
func (k *cluster) copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(k.path(to), 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(k.path(from))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(k.path(from), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(k.path(to), e.Name()), string(text))
	}
}

// launch starts a process on one of the configurations in deploy, and does not wait.
func (k *cluster) launch(t *testing.T, name, config, extensions string, overlay func(c *collector) string, extra []string, env ...string) *collector {
	t.Helper()
	c := newCollector(t, k.path(name))
	c.written = k.path("out")
	tlsConfig := &tls.Config{RootCAs: k.pool, MinVersion: tls.VersionTLS12}
	c.door = door{
		scheme: "https", client: &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig}},
		credentials: credentials.NewTLS(tlsConfig), token: tokenOf(k.issuer, "agent"),
	}
	t.Cleanup(c.door.client.CloseIdleConnections)
	_, metricsPort, _ := net.SplitHostPort(c.metrics)
	broker, authority := k.kafka()
	args := []string{"--config", "../../deploy/" + config, "--config", "yaml:" + overlay(c), "--config", "yaml:" + fmt.Sprintf(`
extensions: {health_check: {endpoint: %q}, zpages: {endpoint: %q}}
service:
  extensions: [zpages, health_check, %s]
  telemetry:
    metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}
`, c.health, c.zpages, extensions, metricsPort)}
	for _, e := range extra {
		args = append(args, "--config", "yaml:"+e)
	}
	cert, events, log := k.path("cert.pem"), k.audit.addr, "https://127.0.0.1:1"
	if k.log != nil {
		events, log = k.log.grpc, "https://"+k.log.admin
	}
	c.launch(t, args, append(env,
		"TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+k.path("key.pem"), "OIDC_ISSUER="+k.issuer.URL, "OIDC_AUDIENCE="+audience,
		"BACKEND="+k.backend.addr, "AUDIT="+events, "AUDIT_LOG="+log, "BACKEND_CA_FILE="+cert, "BACKEND_TOKEN_FILE="+k.path(name+".token"),
		"KAFKA_BROKER="+broker, "KAFKA_CA_FILE="+authority,
		"FINGERPRINT_KEY_FILE="+k.path("fingerprint.key"), "TMPDIR="+k.path("tmp"))...)
	return c
}

// startLog starts the central audit log, which gateways and gates that start
// from then on tell their events.
func (k *cluster) startLog(t *testing.T) {
	t.Helper()
	var tokens string
	for _, name := range processes {
		tokens += k.tokens[name] + "\n"
	}
	write(t, k.path("auditors"), tokens)
	k.log = k.launch(t, "log", "audit.yaml", "bearertokenauth/writers, bearertokenauth/readers", func(c *collector) string {
		return fmt.Sprintf(`{receivers: {otlp: {protocols: {grpc: {endpoint: %q}}}}, exporters: {audit_log: {http: {endpoint: %q}}}}`, c.grpc, c.admin)
	}, nil,
		"TRACESCRUB_DATA="+k.path("log"), "AUDIT_KEY_FILE="+k.path("audit.key"),
		"WRITER_TOKEN_FILE="+k.path("auditors"), "READER_TOKEN_FILE="+k.path("auditors"))
	k.log.healthy(t)
}

// gateway starts the gateway and waits until it is healthy.
func (k *cluster) gateway(t *testing.T, extra ...string) *collector {
	t.Helper()
	c := k.launchGateway(t, extra...)
	c.healthy(t)
	return c
}

// launchGateway starts the gateway. It has nothing of the gates' but the public key.
func (k *cluster) launchGateway(t *testing.T, extra ...string) *collector {
	t.Helper()
	return k.launch(t, "gateway", "gateway.yaml", "file_storage/queue, oidc/senders, bearertokenauth/backend", func(c *collector) string {
		return fmt.Sprintf(`receivers: {otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}}`, c.grpc, c.http)
	}, k.real.overlay(extra, "exporters: {quarantine: {store: {kafka: %s}}}"),
		"TRACESCRUB_DATA="+k.path("gateway"), "PUBLIC_KEYS="+k.path("gateway/keys/public"),
		"KAFKA_USER=gateway", "KAFKA_PASSWORD="+k.passwords["gateway"])
}

// gate starts a gate, gate1 or gate2, and waits for its index.
func (k *cluster) gate(t *testing.T, name string, extra ...string) *admin {
	t.Helper()
	c := k.launchGate(t, name, extra...)
	c.healthy(t)
	a := &admin{c: c, tokens: map[string]string{}}
	for _, user := range []string{"alice", "bob"} {
		a.tokens[user] = tokenOf(k.issuer, user, "telemetry-owners")
	}
	a.ready(t)
	return a
}

// launchGate starts a gate. The second has the directory of private keys that
// the first has, gate.mac included.
func (k *cluster) launchGate(t *testing.T, name string, extra ...string) *collector {
	t.Helper()
	if _, err := os.Stat(k.path(name + "/keys")); errors.Is(err, fs.ErrNotExist) {
		k.copyDir(t, "gate1/keys/public", name+"/keys/public")
		k.copyDir(t, "gate1/keys/private", name+"/keys/private")
	}
	return k.launch(t, name, "gate.yaml", "oidc/approvers, bearertokenauth/backend", func(c *collector) string {
		return fmt.Sprintf(`receivers: {release_gate: {http: {endpoint: %q}, limits: {requests_per_second: 10000, burst: 10000}}}`, c.admin)
	}, k.real.overlay(extra, "receivers: {release_gate: {store: {kafka: %[1]s}}}\nexporters: {quarantine: {store: {kafka: %[1]s}}}"),
		"TRACESCRUB_DATA="+k.path(name), "KEYS="+k.path(name+"/keys"), "PAGE=https://127.0.0.1:8686",
		"KAFKA_USER=gate", "KAFKA_PASSWORD="+k.passwords["gate"])
}

// surfaces is everything that a secret could have leaked to: what the
// processes say, their files, the broker's, what came out.
func (k *cluster) surfaces(t *testing.T, all ...*collector) map[string][]byte {
	t.Helper()
	surfaces := k.brokerSurfaces(t)
	for _, c := range all {
		for name, text := range c.told(t) {
			surfaces[filepath.Base(c.data)+"'s "+name] = text
		}
	}
	readAll(t, k.dir, surfaces)
	return surfaces
}

// kill ends a process as a failing machine would.
func kill(t *testing.T, c *collector) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.done
}

// spooled counts the items in the gateway's spool.
func (k *cluster) spooled(t *testing.T) (n int) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(k.path("gateway/spool"), "*.item"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// soon polls until ok.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
	}
}
