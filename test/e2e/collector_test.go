//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// patience is how long anything may take before a test gives up. No test
// depends on something being faster.
const patience = 2 * time.Minute

// binary is the distribution; that it is missing is a failure, not a reason to skip.
func binary(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/otelcol-tracescrub")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the binary is missing, run `make e2e`: %v", err)
	}
	return path
}

// collector is a running distribution on the real deploy/embedded.yaml, with
// ports of its own.
type collector struct {
	grpc, http, health, metrics, zpages, admin string // host:port each

	data    string // its data directory
	written string // directory of what comes out of it
	door    door
	program func(args ...string) *exec.Cmd // nil: the binary
	cmd     *exec.Cmd
	log     *buffer
	done    chan struct{} // closed when the process has ended
}

// onlyMask is the policy of tests that look at what is written at once.
const onlyMask = `processors: {secret_mask: {policy: [{action: mask}]}}`

// start starts a collector that masks and holds nothing back, and waits until
// it is healthy. Each of extra is YAML that is merged over the embedded default.
func start(t *testing.T, data string, extra ...string) *collector {
	t.Helper()
	return startHolding(t, data, append([]string{onlyMask}, extra...)...)
}

// startHolding starts a collector on the embedded default's own policy.
func startHolding(t *testing.T, data string, extra ...string) *collector {
	t.Helper()
	c := launch(t, data, extra...)
	c.healthy(t)
	return c
}

// healthy waits until the collector is.
func (c *collector) healthy(t *testing.T) {
	t.Helper()
	c.await(t, "the collector to be healthy", func() bool {
		select {
		case <-c.done:
			t.Fatalf("the collector ended at its start:\n%s", c.log)
		default:
		}
		return c.answers()
	})
}

// answers says whether the collector runs, and says that it is healthy.
func (c *collector) answers() bool {
	resp, err := http.Get("http://" + c.health + "/")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// launch starts a collector and does not wait.
func launch(t *testing.T, data string, extra ...string) *collector {
	t.Helper()
	if code, said := tool(t, "setup", data); code != 0 {
		t.Fatalf("tracescrub setup: exit code %d\n%s", code, said)
	}
	c := newCollector(t, data)
	args := append([]string{"--config", "../../deploy/embedded.yaml"}, c.ownPorts()...)
	for _, e := range extra {
		args = append(args, "--config", "yaml:"+e)
	}
	c.launch(t, args, "TRACESCRUB_DATA="+data)
	return c
}

// ownPorts are the arguments that put a collector on the embedded default on its own ports.
func (c *collector) ownPorts() []string {
	_, metricsPort, _ := net.SplitHostPort(c.metrics)
	return []string{"--config", "yaml:" + fmt.Sprintf(`
receivers:
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
  release_gate: {http: {endpoint: %q}, limits: {requests_per_second: 10000, burst: 10000}}
extensions: {health_check: {endpoint: %q}, zpages: {endpoint: %q}}
service:
  extensions: [health_check, zpages, basicauth/approvers]
  telemetry:
    metrics: {level: detailed, readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}
`, c.grpc, c.http, c.admin, c.health, c.zpages, metricsPort)}
}

// newCollector has ports of its own and does not run.
func newCollector(t *testing.T, data string) *collector {
	t.Helper()
	ports := loopback.Addresses(t, 6)
	return &collector{
		grpc: ports[0], http: ports[1], health: ports[2], metrics: ports[3], zpages: ports[4], admin: ports[5],
		data: data, written: filepath.Join(data, "out"), door: openDoor, log: &buffer{}, done: make(chan struct{}),
	}
}

// launch starts the process; it is killed when the test ends.
func (c *collector) launch(t *testing.T, args []string, env ...string) {
	t.Helper()
	if c.program == nil {
		c.program = func(args ...string) *exec.Cmd { return exec.Command(binary(t), args...) }
	}
	c.cmd = c.program(args...)
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("starting the collector: %v", err)
	}
	go func() {
		_ = c.cmd.Wait() // ProcessState has the outcome
		close(c.done)
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // it may have ended already
		<-c.done
	})
}

// await polls until ok.
func (c *collector) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stop ends the collector as an operator would and wants it to end well.
func (c *collector) stop(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("stopping the collector: %v", err)
	}
	<-c.done
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// alive fails the test if the process has ended or is not healthy.
func (c *collector) alive(t *testing.T) {
	t.Helper()
	select {
	case <-c.done:
		t.Fatal("the collector has died")
	default:
	}
	get(t, "http://"+c.health+"/")
}

// out is what has been written of a signal: traces, logs or metrics.
func (c *collector) out(t *testing.T, signal string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.written, signal+".jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatalf("reading the output: %v", err)
	}
	return text
}

// surfaces is everything that a secret could have leaked to, by name.
func (c *collector) surfaces(t *testing.T) map[string][]byte {
	t.Helper()
	all := c.told(t)
	readAll(t, c.data, all)
	return all
}

// told is what a running collector says on the terminal and to whoever asks.
func (c *collector) told(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{
		"terminal": []byte(c.log.String()),
		"metrics":  get(t, "http://"+c.metrics+"/metrics"),
	}
	for _, page := range []string{"servicez", "pipelinez", "extensionz", "featurez"} {
		all["zpages "+page] = get(t, "http://"+c.zpages+"/debug/"+page)
	}
	return all
}

// readAll adds the files below a directory. Those that go away meanwhile are left out.
func readAll(t *testing.T, dir string, all map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) && path != dir {
			return nil
		}
		if err != nil || !d.Type().IsRegular() { // the audit log has a socket
			return err
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		all["file "+strings.TrimPrefix(path, dir)] = text
		return err
	})
	if err != nil {
		t.Fatalf("reading %s: %v", filepath.Base(dir), err)
	}
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatalf("asking the collector: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("asking %s: status %d, %v", url, resp.StatusCode, err)
	}
	return body
}

// run runs the binary to its end and returns exit code and output.
func run(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	return runProgram(t, binary(t), args...)
}

// tool runs the command line, bin/tracescrub, in the same way.
func tool(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	return runProgram(t, filepath.Join(filepath.Dir(binary(t)), "tracescrub"), args...)
}

func runProgram(t *testing.T, program string, args ...string) (code int, output string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TRACESCRUB_DATA="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if exited := new(exec.ExitError); err != nil && !errors.As(err, &exited) {
		t.Fatalf("running %s: %v", filepath.Base(program), err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// buffer collects what a process prints.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
