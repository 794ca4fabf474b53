//go:build e2e

package realkafka

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// listener is one of a broker's.
type listener string

const (
	controller listener = "CONTROLLER" // quorum
	internal   listener = "INTERNAL"   // brokers among themselves, and the operator: no authentication, on loopback
	client     listener = "CLIENT"     // TLS and SASL, for gateways and gates
	mutual     listener = "MUTUAL"     // TLS with certificates of clients
)

var listeners = []listener{controller, internal, client, mutual}

// node is a broker that is a controller as well, in a process of its own.
type node struct {
	id    int
	dir   string
	ports map[listener]int
	said  *output

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended; nil: never started
}

func (n *node) address(l listener) string { return fmt.Sprintf("127.0.0.1:%d", n.ports[l]) }

// jvm are arguments for a small and quickly started virtual machine.
func jvm(lib, heap, class string, args ...string) []string {
	return append([]string{
		"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
		"-Dlog4j2.configurationFile=" + filepath.Join(root(), "test/realkafka/testdata/log4j2.properties"),
		"-Dlog4j.configuration=file:" + filepath.Join(root(), "test/realkafka/testdata/log4j.properties"),
		"-cp", filepath.Join(lib, "*"), class,
	}, args...)
}

// start starts the process.
func (n *node) start(tb testing.TB, lib string) {
	tb.Helper()
	cmd := exec.Command("java", jvm(lib, "256m", "kafka.Kafka", filepath.Join(n.dir, "server.properties"))...)
	cmd.Dir = n.dir
	cmd.Stdout, cmd.Stderr = n.said, n.said
	cmd.SysProcAttr = dieWithUs()
	started, done := make(chan error), make(chan struct{})
	go func() {
		// The process dies with the thread that started it, so that lives as long.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed, or its end is noticed
		}
		close(done)
	}()
	if err := <-started; err != nil {
		tb.Fatalf("starting a broker: %v", err)
	}
	n.cmd, n.done = cmd, done
}

func (n *node) signal(tb testing.TB, s syscall.Signal) {
	tb.Helper()
	if err := n.cmd.Process.Signal(s); err != nil {
		tb.Fatalf("broker %d: %v", n.id, err)
	}
}

// running says whether the process is there.
func (n *node) running() bool {
	if n.done == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// end kills the process if it runs, stopped or not.
func (n *node) end() {
	if n.running() {
		_ = n.cmd.Process.Kill() // it may have ended just now
		<-n.done
	}
}

// output keeps the end of what a broker prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer // under mu
}

const keptOutput = 1 << 20

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.text.Len() > keptOutput {
		o.text.Next(keptOutput / 2)
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// tail are the last lines.
func (o *output) tail(lines int) string {
	all := strings.Split(o.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func write(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}
