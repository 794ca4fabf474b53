//go:build e2e

package packages

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// running starts the built binary with args and a health check on port, and
// waits until it is healthy. It ends with the test.
func running(t *testing.T, cmd *exec.Cmd, port string) {
	t.Helper()
	said := filepath.Join(t.TempDir(), "said")
	out, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case err := <-ended:
			t.Logf("the Collector ended: %v", err)
		case <-time.After(patience):
			cmd.Process.Kill() //nolint:errcheck // as above
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		if _, err := command(t, "", nil, binary(t, "tracescrub"), "healthy", "http://127.0.0.1:"+port+"/"); err == nil {
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("it ended at its start: %v\n%s", err, read(t, said))
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("it did not become healthy\n%s", read(t, said))
		}
	}
}

// collectorMetrics are those of the Collector itself that alerts and dashboard use.
var collectorMetrics = []string{
	"otelcol_exporter_queue_capacity", "otelcol_exporter_queue_size", "otelcol_process_cpu_seconds", "otelcol_process_memory_rss",
	"otelcol_process_uptime", "otelcol_receiver_refused_log_records", "otelcol_receiver_refused_spans",
}

// exposed asks a running Collector for its metrics: with a queue for a backend
// that is away, after a span and a log record.
func exposed(t *testing.T) map[string]instrument {
	t.Helper()
	otlp, health, metrics, backend := freePort(t), freePort(t), freePort(t), freePort(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yaml")
	write(t, config, fmt.Appendf(nil, `
extensions: {health_check: {endpoint: 127.0.0.1:%s}}
receivers: {otlp: {protocols: {http: {endpoint: 127.0.0.1:%s}}}}
processors: {secret_mask: {}}
exporters: {otlp_grpc: {endpoint: 127.0.0.1:%s, tls: {insecure: true}, sending_queue: {queue_size: 9}}}
service:
  extensions: [health_check]
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}}
  pipelines:
    traces: &p {receivers: [otlp], processors: [secret_mask], exporters: [otlp_grpc]}
    logs: *p
`, health, otlp, backend, metrics), 0o600)
	cmd := exec.CommandContext(t.Context(), binary(t, "otelcol-tracescrub"), "--config", config)
	cmd.Env = append(os.Environ(), "TRACESCRUB_DATA="+dir)
	running(t, cmd, health)
	for signal, body := range map[string]string{
		"traces": `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef","name":"a"}]}]}]}`,
		"logs":   `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}}]}]}]}`,
	} {
		resp, err := http.Post("http://127.0.0.1:"+otlp+"/v1/"+signal, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: answered %d", signal, resp.StatusCode)
		}
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		all := scrape(t, "http://127.0.0.1:"+metrics+"/metrics")
		missing := slices.DeleteFunc(slices.Clone(collectorMetrics), func(name string) bool { _, ok := all[name]; return ok })
		if len(missing) == 0 {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("a running Collector does not show %v", missing)
		}
	}
}

var (
	typeLine   = regexp.MustCompile(`^# TYPE (\w+) (\w+)$`)
	sampleLine = regexp.MustCompile(`^(\w+)\{(.*)\} `)
	labelName  = regexp.MustCompile(`(\w+)="`)
)

// scrape reads the metrics of the Collector itself from its page.
func scrape(t *testing.T, url string) map[string]instrument {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]instrument{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if m := typeLine.FindStringSubmatch(lines.Text()); m != nil && slices.Contains(collectorMetrics, m[1]) {
			all[m[1]] = instrument{kind: m[2]}
		}
		if m := sampleLine.FindStringSubmatch(lines.Text()); m != nil {
			if in, ok := all[m[1]]; ok {
				for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
					in.labels = append(in.labels, l[1])
				}
				all[m[1]] = in
			}
		}
	}
	return all
}
