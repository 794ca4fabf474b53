//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// buildBroker builds the fake broker once; it is of another module.
var buildBroker = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "-C", "../kafka", "build", "-o", "../../bin/kafka-broker", "./cmd/broker")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return filepath.Abs("../../bin/kafka-broker")
})

// startBroker starts Kafka, with what it had before, and waits for its topics.
func (k *cluster) startBroker(t *testing.T) {
	t.Helper()
	path, err := buildBroker()
	if err != nil {
		t.Fatalf("building the broker: %v", err)
	}
	k.brokerLog = &buffer{}
	k.broker = exec.Command(path, "-data", k.path("broker"), "-ports", strings.Join(k.brokerPorts, ","),
		"-cert", k.path("cert.pem"), "-key", k.path("key.pem"))
	k.broker.Env = append(os.Environ(), "GATEWAY_PASSWORD="+k.passwords["gateway"], "GATE_PASSWORD="+k.passwords["gate"])
	k.broker.Stderr = k.brokerLog
	out, err := k.broker.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.broker.Start(); err != nil {
		t.Fatalf("starting the broker: %v", err)
	}
	broker := k.broker
	t.Cleanup(func() {
		_ = broker.Process.Kill() // it may have ended already
		_ = broker.Wait()
	})
	if lines := bufio.NewScanner(out); !lines.Scan() {
		t.Fatalf("the broker ended at its start:\n%s", k.brokerLog)
	}
}

// stopBroker ends Kafka; connections break, and nobody listens any more.
func (k *cluster) stopBroker(t *testing.T) {
	t.Helper()
	if err := k.broker.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := k.broker.Wait(); err != nil {
		t.Fatalf("the broker ended badly: %v\n%s", err, k.brokerLog)
	}
}

// compact lets the broker remove what tombstones are for.
func (k *cluster) compact(t *testing.T) {
	t.Helper()
	if k.real != nil {
		k.real.compact(t)
		return
	}
	if err := k.broker.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
}
