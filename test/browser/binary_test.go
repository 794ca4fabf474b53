//go:build e2e

package browser

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// collector is the built binary on deploy/embedded.yaml, with ports and a
// data directory of its own.
type collector struct {
	otlp, admin string // host:port
	data        string
	said        string // the file with what it printed
}

// started starts the binary and waits until its pipelines run. extra makes,
// of the admin API's address, YAML that is merged over the embedded default.
func started(t *testing.T, extra func(admin string) string) *collector {
	t.Helper()
	dir := t.TempDir()
	c := &collector{data: filepath.Join(dir, "data"), said: filepath.Join(dir, "said")}
	bin, err := filepath.Abs("../../bin")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "tracescrub"), "setup", c.data).CombinedOutput(); err != nil {
		t.Fatalf("tracescrub setup (`make e2e` builds it): %v\n%s", err, out)
	}
	ports := loopback.Addresses(t, 5)
	c.otlp, c.admin = ports[0], ports[1]
	_, metrics, _ := net.SplitHostPort(ports[3])
	args := []string{"--config", "../../deploy/embedded.yaml", "--config", "yaml:" + fmt.Sprintf(`
receivers:
  otlp: {protocols: {http: {endpoint: %q}, grpc: {endpoint: %q}}}
  release_gate: {http: {endpoint: %q}}
extensions: {health_check: {endpoint: %q}}
service: {telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %s}}}}]}}}
`, c.otlp, ports[4], c.admin, ports[2], metrics)}
	if extra != nil {
		args = append(args, "--config", "yaml:"+extra(c.admin))
	}
	said, err := os.Create(c.said)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "otelcol-tracescrub"), args...)
	cmd.Env = append(os.Environ(), "TRACESCRUB_DATA="+c.data)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting the collector: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // ProcessState has the outcome
	t.Cleanup(func() {
		select {
		case <-ended:
			t.Errorf("the collector ended, %v:\n%s", cmd.ProcessState, c.printed(t))
		default:
			_ = cmd.Process.Kill()
			<-ended
		}
		said.Close()
	})
	c.await(t, "the collector to be healthy", func() bool {
		select {
		case <-ended:
			t.Fatalf("the collector ended at its start:\n%s", c.printed(t))
		default:
		}
		resp, err := http.Get("http://" + ports[2] + "/")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return c
}

func (c *collector) printed(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(c.said)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// out is what has been written of traces.
func (c *collector) out(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.data, "out", "traces.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return b
}

func (c *collector) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s; the collector says:\n%s", what, c.printed(t))
		}
	}
}

// site is the page that the collector serves to the demo's approvers.
func (c *collector) site(t *testing.T) *site {
	t.Helper()
	s := &site{url: "http://" + c.admin + "/"}
	s.readUsers(t, filepath.Join(c.data, "demo-approvers"))
	return s
}

// holdForFlows sends what TestFlows needs: two traces that take two
// approvals, seven that take one, and one that is masked only.
func (c *collector) holdForFlows(t *testing.T, s *site) {
	t.Helper()
	for i := range 2 {
		c.send(t, fmt.Sprintf("checkout-%d", i), "export GITHUB_TOKEN="+token())
	}
	for i := range 7 {
		var many strings.Builder
		for range 10 { // ten secrets in a trace are held, whatever they are
			fmt.Fprintf(&many, "key %s\n", key())
		}
		c.send(t, fmt.Sprintf("worker-%d", i), many.String())
	}
	c.send(t, "quiet", "key "+key())
	c.await(t, "the items to be listed", func() bool { return len(s.pending(t, 1)) == 7 && len(s.pending(t, 2)) == 2 })
}

// send sends a trace of an agent's two spans; one says what a tool answered.
func (c *collector) send(t *testing.T, service, answer string) {
	t.Helper()
	id := strings.ToLower(fmt.Sprintf("%x", rand.Text()))[:32]
	now := time.Now().UnixNano()
	span := func(n int, name, attributes string) string {
		return fmt.Sprintf(`{"traceId":%q,"spanId":"%016x","name":%q,"kind":1,"startTimeUnixNano":"%d","endTimeUnixNano":"%d","attributes":[%s]}`,
			id, n, name, now+int64(n)*1e6, now+int64(n)*1e6+5e8, attributes)
	}
	attr := func(key, value string) string {
		return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, key, value)
	}
	body := fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[%s]},"scopeSpans":[{"spans":[%s,%s]}]}]}`,
		attr("service.name", service),
		span(1, "chat", attr("gen_ai.operation.name", "chat")+","+attr("gen_ai.prompt.0.role", "user")+","+attr("gen_ai.prompt.0.content", "Why does the deployment fail?")),
		span(2, "execute_tool shell", attr("gen_ai.tool.name", "shell")+","+attr("gen_ai.tool.call.result", answer)))
	resp, err := http.Post("http://"+c.otlp+"/v1/traces", "application/json", bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatalf("sending: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("sending: status %d", resp.StatusCode)
	}
}

// key makes a secret of high severity: one of them is masked, and not held.
func key() string { return "gs" + "k_" + rand.Text() + rand.Text() }

// token makes a GitHub token with its checksum.
func token() string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body := rand.Text()[:15] + rand.Text()[:15]
	sum := crc32.ChecksumIEEE([]byte(body))
	check := ""
	for range 6 {
		check = string(alphabet[sum%62]) + check
		sum /= 62
	}
	return "gh" + "p_" + body + check
}

// TestBinary runs the flows on the built binary and on real held telemetry.
func TestBinary(t *testing.T) {
	c := started(t, nil)
	s := c.site(t)
	c.holdForFlows(t, s)
	flows(t, s)
	expiring(t)
}

// expiring: what nobody decided about in time is shown as expired, at once.
func expiring(t *testing.T) {
	t.Helper()
	c := started(t, func(string) string { return `receivers: {release_gate: {expire_after: 6s}}` })
	s := c.site(t)
	w := s.open(t, s.names[0], desk)
	c.send(t, "checkout", "export GITHUB_TOKEN="+token())
	var it item
	c.await(t, "the item to be listed", func() bool {
		var list struct{ Items []item }
		s.call(t, s.names[0], "GET", "api/v1/items", "", "", &list)
		if len(list.Items) > 0 {
			it = list.Items[0]
		}
		return it.ID != ""
	})
	w.visit(place(it))
	w.until("it is expired", `["Expired", "Shredded"].includes(document.querySelector("#item .item-head .badge.state")?.innerText)`)
	w.until("nothing can be decided", `!document.querySelector(".decision, #approve, #deny")`)
	w.see(".preview", "cannot be shown")
	w.quiet()
}
