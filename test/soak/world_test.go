//go:build e2e

package soak

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/idptest"
	"github.com/tracescrub/tracescrub/test/loopback"
)

// world is a deployment: two gateways, two gates and the audit log, on the
// real configurations in deploy, between senders and people, a Kafka and a
// backend that are of the test. The second gateway and the second gate are
// never killed: theirs is the memory that must stay as it is.
type world struct {
	t       *testing.T
	dir     string
	ledger  *ledger
	issuer  *idptest.Provider
	backend *backend
	client  *http.Client
	tls     *tls.Config

	gateways, gates []*collector
	log             *collector
	kafka           kafka
	tokens          map[string]string // for the backend and the log, by process
	disks, clocks   bool              // whether this machine lets them be small, and set
}

// collector is a process on one of our configurations.
type collector struct {
	*process
	grpc, http, health, metrics, pprof, admin string // host:port each
	data                                      string
}

func bin(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("a binary is missing, run `make e2e`: %v", err)
	}
	return path
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{
		t: t, dir: workDir(t), ledger: newLedger(seed), issuer: newIssuer(t),
		tokens: map[string]string{},
	}
	cert, pool := loopback.Certificate(t, w.path("keys"), valid)
	w.tls = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	w.client = &http.Client{Transport: &http.Transport{TLSClientConfig: w.tls, MaxIdleConnsPerHost: 16}, Timeout: 10 * time.Second}
	t.Cleanup(w.client.CloseIdleConnections)
	names := map[string]string{}
	var all string
	for _, name := range []string{"gateway1", "gateway2", "gate1", "gate2"} {
		w.tokens[name] = rand.Text()
		names[w.tokens[name]] = name
		all += w.tokens[name] + "\n"
		write(t, w.path("keys/"+name+".token"), w.tokens[name])
	}
	write(t, w.path("keys/auditors"), all)
	write(t, w.path("keys/fingerprint.key"), rand.Text())
	w.backend = newBackend(t, cert, names, w.ledger)
	if out, err := exec.Command(bin(t, "tracescrub"), "keys", "new", w.path("keys/gate")).CombinedOutput(); err != nil {
		t.Fatalf("tracescrub keys new: %v\n%s", err, out)
	}
	w.clocks, w.disks = w.canSetClocks(), true
	for name, size := range map[string]string{"gateway1/spool": "16m", "gateway2/spool": "16m", "log": "512m"} {
		if err := smallDisk(t, w.path("disks/"+name), size); err != nil {
			w.leftOut("full disks", err)
			w.disks = false
			break
		}
	}
	if err := os.Mkdir(w.path("logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	w.kafka = w.startKafka(pool)
	w.startAll()
	return w
}

// leftOut says what this machine cannot do; with E2E=all that is a failure.
func (w *world) leftOut(what string, err error) {
	w.t.Helper()
	if os.Getenv("E2E") == "all" {
		w.t.Fatalf("%s: %v", what, err)
	}
	w.t.Logf("%s are left out: %v", what, err)
}

func (w *world) canSetClocks() bool {
	w.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), tellTime+"=1") // reads nothing, and ends
	c, err := startWithClock(cmd)
	if err != nil {
		w.leftOut("clocks", err)
		return false
	}
	c.close()
	return cmd.Wait() == nil
}

// workDir is SOAK_DIR, which stays, or one that goes with the test.
func workDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SOAK_DIR")
	if dir == "" {
		return t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// newProcess is a program that prints to a file.
func (w *world) newProcess(name string, ready func(*process) bool, env []string, args ...string) *process {
	w.t.Helper()
	log, err := os.OpenFile(w.path("logs/"+name), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = log.Close() }) // it was read already
	return &process{name: name, args: args, env: env, log: log, ready: ready, t: w.t}
}

// works waits until a process does.
func (w *world) works(p *process) {
	w.t.Helper()
	if !soon(func() bool { _, yes := p.working(); return yes }) {
		text, _ := os.ReadFile(p.log.Name())
		w.t.Fatalf("%s does not work:\n%s", p.name, text[max(0, len(text)-4000):])
	}
}

// patience is how long anything may take when nothing is broken.
const patience = 4 * time.Minute

// soon polls until ok, and says whether it came to be.
func soon(ok func() bool) bool {
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// collector makes a process on a configuration.
func (w *world) collector(name, config, extensions string, overlay func(*collector) string, env ...string) *collector {
	w.t.Helper()
	ports := loopback.Addresses(w.t, 6)
	c := &collector{
		grpc: ports[0], http: ports[1], health: ports[2], metrics: ports[3], pprof: ports[4], admin: ports[5],
		data: w.path("disks/" + name),
	}
	_, metricsPort, _ := net.SplitHostPort(c.metrics)
	cert, events, log := w.path("keys/cert.pem"), "127.0.0.1:1", "https://127.0.0.1:1"
	if w.log != nil {
		events, log = w.log.grpc, "https://"+w.log.admin
	}
	c.process = w.newProcess(name, healthy(c.health), append(env,
		"TLS_CERT_FILE="+cert, "TLS_KEY_FILE="+w.path("keys/key.pem"), "OIDC_ISSUER="+w.issuer.URL, "OIDC_AUDIENCE=telemetry",
		"BACKEND="+w.backend.addr, "AUDIT="+events, "AUDIT_LOG="+log, "BACKEND_CA_FILE="+cert, "BACKEND_TOKEN_FILE="+w.path("keys/"+name+".token"),
		"KAFKA_BROKER="+w.kafka.brokers(), "KAFKA_CA_FILE="+w.kafka.authority(),
		"FINGERPRINT_KEY_FILE="+w.path("keys/fingerprint.key"), "TRACESCRUB_DATA="+c.data),
		bin(w.t, "otelcol-tracescrub"), "--config", "../../deploy/"+config, "--config", "yaml:"+overlay(c), "--config", "yaml:"+fmt.Sprintf(`
extensions: {health_check: {endpoint: %q}, pprof: {endpoint: %q}}
service:
  extensions: [health_check, pprof, %s]
  telemetry:
    metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}
`, c.health, c.pprof, extensions, metricsPort))
	c.clocks = w.clocks
	c.start()
	return c
}

// startAll starts the audit log, two gates and two gateways.
func (w *world) startAll() {
	w.t.Helper()
	w.log = w.collector("log", "audit.yaml", "bearertokenauth/writers, bearertokenauth/readers", func(c *collector) string {
		return fmt.Sprintf(`{receivers: {otlp: {protocols: {grpc: {endpoint: %q}}}}, exporters: {audit_log: {http: {endpoint: %q}}}}`, c.grpc, c.admin)
	}, "AUDIT_KEY_FILE="+w.path("keys/audit.key"), "WRITER_TOKEN_FILE="+w.path("keys/auditors"), "READER_TOKEN_FILE="+w.path("keys/auditors"))
	w.works(w.log.process)
	for _, name := range []string{"gate1", "gate2"} {
		g := w.collector(name, "gate.yaml", "oidc/approvers, bearertokenauth/backend", func(c *collector) string {
			return fmt.Sprintf(`receivers: {release_gate: {release: {lease: 20s}, http: {endpoint: %q}, limits: {requests_per_second: 10000, burst: 10000}}}`, c.admin)
		}, "KEYS="+w.path("keys/gate"), "PAGE=https://127.0.0.1:8686", "KAFKA_USER=gate", "KAFKA_PASSWORD="+w.kafka.password("gate"))
		w.works(g.process)
		w.gates = append(w.gates, g)
	}
	for _, name := range []string{"gateway1", "gateway2"} {
		g := w.collector(name, "gateway.yaml", "file_storage/queue, oidc/senders, bearertokenauth/backend", func(c *collector) string {
			return fmt.Sprintf(`
receivers: {otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}}
exporters: {otlp_grpc/backend: {sending_queue: {queue_size: %d}}} # it overflows when the backend stalls
`, c.grpc, c.http, queueBytes)
		}, "PUBLIC_KEYS="+w.path("keys/gate/public"), "KAFKA_USER=gateway", "KAFKA_PASSWORD="+w.kafka.password("gateway"))
		w.works(g.process)
		w.gateways = append(w.gateways, g)
	}
}

// queueBytes is the size of a gateway's queue.
const queueBytes = 250_000

// collectors are all of them.
func (w *world) collectors() []*collector {
	return append(append([]*collector{w.log}, w.gates...), w.gateways...)
}
