//go:build e2e

package runtimes

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// patience is how long anything may take before a test gives up. No test
// depends on something being faster.
const patience = 5 * time.Minute

// collector is the built binary on deploy/embedded.yaml, with ports and a data
// directory of its own, masking and holding nothing back.
type collector struct {
	grpc, http string // host:port
	data, said string // its directory, and the file with what it printed
	metrics    string
	cmd        *exec.Cmd
	ended      chan struct{}
}

func started(t *testing.T) *collector {
	t.Helper()
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := &collector{data: filepath.Join(dir, "data"), said: filepath.Join(dir, "said"), ended: make(chan struct{})}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "tracescrub"), "setup", c.data).CombinedOutput(); err != nil {
		t.Fatalf("tracescrub setup (`make e2e` builds it): %v\n%s", err, out)
	}
	ports := loopback.Addresses(t, 5)
	c.grpc, c.http, c.metrics = ports[0], ports[1], ports[4]
	_, metrics, _ := net.SplitHostPort(c.metrics)
	said, err := os.Create(c.said)
	if err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(filepath.Join(bin, "otelcol-tracescrub"), "--config", "../../deploy/embedded.yaml", "--config", "yaml:"+fmt.Sprintf(`
receivers:
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
  release_gate: {http: {endpoint: %q}}
processors: {secret_mask: {policy: [{action: mask}], annotate: full}}
extensions: {health_check: {endpoint: %q}}
service: {telemetry: {metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}}}
`, c.grpc, c.http, ports[2], ports[3], metrics))
	c.cmd.Env = append(os.Environ(), "TRACESCRUB_DATA="+c.data)
	c.cmd.Stdout, c.cmd.Stderr = said, said
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("starting the collector: %v", err)
	}
	go func() { _ = c.cmd.Wait(); close(c.ended) }() // ProcessState has the outcome
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended already
		<-c.ended
		said.Close()
	})
	c.healthy(t, ports[3])
	return c
}

func (c *collector) healthy(t *testing.T, health string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		select {
		case <-c.ended:
			t.Fatalf("the collector ended at its start:\n%s", read(t, c.said))
		default:
		}
		if resp, err := http.Get("http://" + health + "/"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	t.Fatal("the collector does not become healthy")
}

// stop ends it as an operator would.
func (c *collector) stop(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping the collector: %v", err)
	}
	<-c.ended
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the collector's exit code is %d", code)
	}
}

// lines is what it has written of a signal, a line for each request.
func (c *collector) lines(t *testing.T, signal string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.data, "out", signal+".jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if len(text) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

// surfaces is all that it has written anywhere, by name.
func (c *collector) surfaces(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{"terminal": read(t, c.said)}
	err := filepath.WalkDir(c.data, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			all["file "+filepath.Base(path)] = append(all["file "+filepath.Base(path)], read(t, path)...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
