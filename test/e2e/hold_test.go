//go:build e2e

package e2e

import (
	"bytes"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// session is a trace of two spans, one of them with a critical secret.
func session(v *vault, id byte, clean bool) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "agent")
	ss := rs.ScopeSpans().AppendEmpty()
	for i := range 2 {
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(traceID(id))
		s.SetSpanID(spanID(byte(i)))
		s.SetName("step")
		s.SetStartTimestamp(timestamp(i))
		s.SetEndTimestamp(timestamp(i + 5))
		if i == 0 && !clean {
			s.Attributes().PutStr("tool.result", "export GITHUB_TOKEN="+v.token("a held span"))
		}
	}
	return td
}

// hexID is a trace id as the API writes it.
func hexID(id byte) string { return traceID(id).String() }

// TestHoldAndRelease: what is critical waits, the whole trace with it, until
// two people approve; then it is written once more, masked and marked.
func TestHoldAndRelease(t *testing.T) {
	c := startHolding(t, t.TempDir(), verbose)
	a := newAdmin(t, c)
	v := newVault(41)
	mustSend(t, c, tracesBatch(session(v, 1, true)))
	a.awaitOut(t, hexID(1))
	mustSend(t, c, tracesBatch(session(v, 2, false)))
	it := a.pending(t, 1)[0]
	if it.TraceID != hexID(2) || it.Severity != "critical" || it.Required != 2 || it.Findings < 1 || it.Spans != 2 || len(it.Rules) == 0 {
		t.Errorf("the item is %+v", it)
	}
	status, preview := a.call(t, "bob", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", "")
	if status != http.StatusOK || !bytes.Contains(preview, []byte("[MASKED:")) || !bytes.Contains(preview, []byte(hexID(2))) {
		t.Errorf("preview: status %d, %d bytes", status, len(preview))
	}
	if status := a.vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Errorf("the first vote: status %d", status)
	}
	a.vote(t, "alice", it.ID, "approve", "masked") // one person is one vote
	quiet()
	if now := a.get(t, it.ID); now.State != "pending" || len(now.Votes) != 1 {
		t.Errorf("after one person's votes: %+v", now)
	}
	if bytes.Contains(c.out(t, "traces"), []byte(hexID(2))) {
		t.Error("written before it was approved")
	}
	if status := a.vote(t, "bob", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Errorf("the second vote: status %d", status)
	}
	line := a.awaitOut(t, hexID(2))
	for _, want := range []string{"[MASKED:", "tracescrub.release.item", it.ID, "tracescrub.release.attempt"} {
		if !bytes.Contains(line, []byte(want)) {
			t.Errorf("what was released lacks %s", want)
		}
	}
	if n := bytes.Count(line, []byte(`"spanId"`)); n != 2 {
		t.Errorf("%d spans were released, want 2", n)
	}
	a.await(t, it.ID, "released", "shredded")
	events := a.events(t)
	for _, want := range []string{"held", "viewed", "approved", "released"} {
		if events["tracescrub."+want] == 0 {
			t.Errorf("no audit event %s: %v", want, events)
		}
	}
	v.check(t, c.surfaces(t))
	v.check(t, map[string][]byte{"API": bytes.Join(a.answers, nil)})
	c.stop(t)
}

// TestReleaseOriginal: approved as original it comes out as it was sent.
func TestReleaseOriginal(t *testing.T) {
	c := startHolding(t, t.TempDir())
	a := newAdmin(t, c)
	v := newVault(42)
	mustSend(t, c, tracesBatch(session(v, 3, false)))
	it := a.pending(t, 1)[0]
	for body := range v.bodies {
		for name, text := range c.surfaces(t) {
			if bytes.Contains(text, []byte(body)) {
				t.Errorf("while it is held the secret is in %s", name)
			}
		}
	}
	a.approve(t, it.ID, "original")
	line := a.awaitOut(t, hexID(3))
	v.checkOriginal(t, line)
}

// checkOriginal wants a released trace to have all secrets of the vault, and
// to say that this was approved.
func (v *vault) checkOriginal(t *testing.T, line []byte) {
	t.Helper()
	for body := range v.bodies {
		if !bytes.Contains(line, []byte(body)) {
			t.Error("what was approved as original is not the original")
		}
	}
	if bytes.Contains(line, []byte("tracescrub.restore")) || bytes.Contains(line, []byte("[MASKED:")) {
		t.Error("a patch or a mask is left")
	}
	if !bytes.Contains(line, []byte(`"original"`)) {
		t.Error("the mode is not marked")
	}
}

// capsule finds a piece of an item's key in the files: in a store of one item
// it is what is random beside the item's id.
func (c *collector) capsule(t *testing.T, id string) []byte {
	t.Helper()
	name, err := hex.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(c.data, "quarantine", "keys-*.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, after := range bytes.Split(text, name)[1:] {
			different := map[byte]bool{}
			for _, b := range after[:min(len(after), 512)] {
				different[b] = true
			}
			if len(different) > 180 {
				return after[256:320]
			}
		}
	}
	t.Fatalf("the item's key is in none of %d files", len(files))
	return nil
}

// gone fails the test if a file of the collector still has a piece of a key.
func (c *collector) gone(t *testing.T, key []byte) {
	t.Helper()
	for name, text := range c.surfaces(t) {
		if bytes.Contains(text, key) {
			t.Errorf("a key that was destroyed is in %s", name)
		}
	}
}

// TestDeny: what one person denies never comes out, and its key is destroyed.
func TestDeny(t *testing.T) {
	c := startHolding(t, t.TempDir())
	a := newAdmin(t, c)
	mustSend(t, c, tracesBatch(session(newVault(43), 4, false)))
	it := a.pending(t, 1)[0]
	key := c.capsule(t, it.ID)
	if status := a.vote(t, "bob", it.ID, "deny", ""); status != http.StatusOK {
		t.Fatalf("deny: status %d", status)
	}
	if status := a.vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusConflict {
		t.Errorf("approving what was denied: status %d", status)
	}
	a.await(t, it.ID, "shredded")
	if status, _ := a.call(t, "alice", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", ""); status < 400 || status >= 500 {
		t.Errorf("preview of a shredded item: status %d", status)
	}
	c.gone(t, key)
	quiet()
	if bytes.Contains(c.out(t, "traces"), []byte(hexID(4))) {
		t.Error("a denied trace was written")
	}
	events := a.events(t)
	if events["tracescrub.denied"] != 1 || events["tracescrub.shredded"] != 1 {
		t.Errorf("audit events: %v", events)
	}
}

// TestExpire: what nobody decides is destroyed.
func TestExpire(t *testing.T) {
	c := startHolding(t, t.TempDir(), `receivers: {release_gate: {expire_after: 2s}}`)
	a := newAdmin(t, c)
	mustSend(t, c, tracesBatch(session(newVault(44), 5, false)))
	var id string
	c.await(t, "the item", func() bool {
		for _, it := range a.list(t, "") {
			id = it.ID
		}
		return id != ""
	})
	key := c.capsule(t, id)
	a.await(t, id, "shredded")
	c.gone(t, key)
	if events := a.events(t); events["tracescrub.expired"] != 1 || events["tracescrub.shredded"] != 1 {
		t.Errorf("audit events: %v", events)
	}
	if bytes.Contains(c.out(t, "traces"), []byte(hexID(5))) {
		t.Error("an expired trace was written")
	}
}

// TestLaterSpansWait: clean spans of a held trace wait with it; those of another do not.
func TestLaterSpansWait(t *testing.T) {
	c := startHolding(t, t.TempDir())
	a := newAdmin(t, c)
	v := newVault(45)
	mustSend(t, c, tracesBatch(session(v, 6, false)))
	a.pending(t, 1)
	later := session(v, 6, true)
	later.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetName("later")
	mustSend(t, c, tracesBatch(later))
	mustSend(t, c, tracesBatch(session(v, 7, true)))
	a.awaitOut(t, hexID(7))
	a.pending(t, 2)
	if bytes.Contains(c.out(t, "traces"), []byte(hexID(6))) {
		t.Error("a span of a held trace was written")
	}
}

// TestNoAuditNoEffect: while the audit pipeline fails from the start nothing
// moves and senders may try again; not even what is clean, since nobody could
// be told that we run, and by what rules. Once it works all goes on.
func TestNoAuditNoEffect(t *testing.T) {
	addr := loopback.Addresses(t, 1)[0]
	c := startHolding(t, t.TempDir(), `
exporters:
  otlp_http/audit:
    endpoint: http://`+addr+`
    sending_queue: {enabled: false}
    retry_on_failure: {enabled: false}
service: {pipelines: {logs/audit: {exporters: [otlp_http/audit]}}}
`)
	v := newVault(46)
	sessions := []ptrace.Traces{session(v, 8, false), session(v, 9, true)}
	for _, td := range sessions {
		body, err := tracesBatch(td).req.MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := post(t, c, "traces", "application/x-protobuf", body); status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", status)
		}
	}
	if len(c.out(t, "traces")) > 0 {
		t.Error("written without an audit entry")
	}
	a := newAdmin(t, c)
	if len(a.list(t, "")) != 0 {
		t.Error("held without an audit entry")
	}

	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/x-protobuf")
	})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	for _, td := range sessions {
		mustSend(t, c, tracesBatch(td))
	}
	c.await(t, "clean traces", func() bool { return bytes.Contains(c.out(t, "traces"), []byte(hexID(9))) })
	a.pending(t, 1)
}

// TestNoSelfApproval: whoever sent a trace does not approve it.
func TestNoSelfApproval(t *testing.T) {
	c := startHolding(t, t.TempDir(), `receivers: {otlp: {protocols: {http: {auth: {authenticator: basicauth/approvers}}}}}`)
	a := newAdmin(t, c)
	body, err := tracesBatch(session(newVault(47), 10, false)).req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.http+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.SetBasicAuth("alice", a.passwords["alice"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("sending: status %d", resp.StatusCode)
	}
	it := a.pending(t, 1)[0]
	if status := a.vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusForbidden {
		t.Errorf("the sender's vote: status %d, want 403", status)
	}
	if status := a.vote(t, "bob", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Errorf("another's vote: status %d", status)
	}
}

// TestBypass: a configuration in which telemetry could go around secret_mask
// or verdict is refused, with the pipeline's name.
func TestBypass(t *testing.T) {
	tests := map[string]struct{ config, want string }{
		"no secret_mask": {`service: {pipelines: {traces/raw: {receivers: [otlp], exporters: [file/traces]}}}`, "traces/raw"},
		"beside verdict": {`service: {pipelines: {logs: {exporters: [verdict, file/logs]}}}`, "logs"},
		"held to a file": {`service: {pipelines: {traces/held: {exporters: [file/traces]}}}`, "traces/held"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			said := refused(t, tt.config)
			if !strings.Contains(said, tt.want) {
				t.Errorf("the message does not name the pipeline %s:\n%s", tt.want, said)
			}
		})
	}
}
