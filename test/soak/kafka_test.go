//go:build e2e

package soak

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/loopback"
	"github.com/tracescrub/tracescrub/test/realkafka"
)

// kafka is the brokers, fake or real.
type kafka interface {
	// brokers, authority and password are what gateways and gates are told.
	brokers() string
	authority() string
	password(user string) string
	// kill ends a broker with -9; after a while it starts again.
	kill(away time.Duration) error
	// freeze lets all stand still.
	freeze() (thaw func())
	// files are what brokers have of all topics, if it is not below the world's directory.
	files() map[string][]byte
	// end ends them.
	end()
}

// startKafka starts SOAK_KAFKA: the fake one of module test/kafka, or three
// brokers of Apache Kafka if it is `real`.
func (w *world) startKafka(pool *x509.CertPool) kafka {
	w.t.Helper()
	if os.Getenv("SOAK_KAFKA") != "real" {
		return w.startFake(pool)
	}
	if tool := realkafka.Missing(); tool != "" {
		w.t.Fatalf("no %s is installed, and so there is no real Kafka", tool)
	}
	k := &realBrokers{t: w.t, cluster: realkafka.Start(w.t, realkafka.Current, 3), users: map[string]string{}}
	k.cluster.SetUp(w.t)
	for _, user := range []string{"gateway", "gate"} {
		k.users[user] = k.cluster.User(w.t, user)
	}
	return k
}

// fakeBrokers are three in one process, which keeps what it has in a directory.
type fakeBrokers struct {
	*process
	ports     []string
	cert      string
	passwords map[string]string
}

func (w *world) startFake(pool *x509.CertPool) kafka {
	w.t.Helper()
	k := &fakeBrokers{cert: w.path("keys/cert.pem"), passwords: map[string]string{"gateway": rand.Text(), "gate": rand.Text()}}
	for _, addr := range loopback.Addresses(w.t, 3) {
		_, port, _ := net.SplitHostPort(addr)
		k.ports = append(k.ports, port)
	}
	build := exec.Command("go", "-C", "../kafka", "build", "-o", "../../bin/kafka-broker", "./cmd/broker")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		w.t.Fatalf("building the broker: %v\n%s", err, out)
	}
	if err := os.Mkdir(w.path("broker"), 0o700); err != nil {
		w.t.Fatal(err)
	}
	ready := func(*process) bool {
		d := &tls.Dialer{Config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, NetDialer: &net.Dialer{Timeout: time.Second}}
		conn, err := d.DialContext(w.t.Context(), "tcp", k.brokers())
		if err != nil {
			return false
		}
		return conn.Close() == nil
	}
	k.process = w.newProcess("kafka", ready, []string{"GATEWAY_PASSWORD=" + k.passwords["gateway"], "GATE_PASSWORD=" + k.passwords["gate"]},
		bin(w.t, "kafka-broker"), "-data", w.path("broker"), "-ports", strings.Join(k.ports, ","),
		"-cert", w.path("keys/cert.pem"), "-key", w.path("keys/key.pem"))
	k.start()
	w.works(k.process)
	time.Sleep(2 * time.Second) // it makes its topics
	return k
}

func (k *fakeBrokers) brokers() string             { return "127.0.0.1:" + k.ports[0] }
func (k *fakeBrokers) authority() string           { return k.cert }
func (k *fakeBrokers) password(user string) string { return k.passwords[user] }
func (*fakeBrokers) files() map[string][]byte      { return nil }
func (k *fakeBrokers) end()                        { k.process.end(syscall.SIGTERM) }

// freeze may meet a process that is dead just now, which is as good.
func (k *fakeBrokers) freeze() (thaw func()) {
	_ = k.signal(syscall.SIGSTOP)
	return func() { _ = k.signal(syscall.SIGCONT) }
}

// realBrokers are three of Apache Kafka, one of which is away at a time, or
// all stand still.
type realBrokers struct {
	t       *testing.T
	cluster *realkafka.Cluster
	users   map[string]string

	mu   sync.Mutex // one fault at a time; guards what follows
	next int
}

func (k *realBrokers) brokers() string             { return strings.Join(k.cluster.Brokers(), ",") }
func (k *realBrokers) authority() string           { return k.cluster.CA }
func (k *realBrokers) password(user string) string { return k.users[user] }
func (*realBrokers) end()                          {} // with the test

func (k *realBrokers) kill(away time.Duration) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	id := 1 + k.next%3
	k.next++
	k.cluster.Kill(k.t, id)
	time.Sleep(away)
	k.cluster.Launch(k.t, id)
	k.cluster.Ready(k.t)
	return nil
}

func (k *realBrokers) freeze() (thaw func()) {
	k.mu.Lock()
	warm := k.cluster.Freeze(k.t)
	return func() {
		warm()
		k.mu.Unlock()
	}
}

func (k *realBrokers) files() map[string][]byte {
	all := map[string][]byte{"brokers' terminals": []byte(k.cluster.Said())}
	for _, topic := range []string{"items", "index", "decisions"} {
		for name, text := range k.cluster.Files(k.t, "tracescrub."+topic) {
			all[name] = text
		}
	}
	return all
}
