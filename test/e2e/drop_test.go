//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// dropping is a policy that drops what is found under this name.
const dropping = `
processors: {secret_mask: {policy: [{field: '*.attributes["drop.me"]', action: drop}]}}
exporters: {audit_log: {segment_bytes: 65536}}
`

// condemned is a trace of two spans of which the first is dropped.
func condemned(v *vault, id byte) ptrace.Traces {
	td := session(v, id, true)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("drop.me", v.token("a dropped span"))
	return td
}

// wholly is a trace that is dropped with its resource.
func wholly(v *vault, id byte) ptrace.Traces {
	td := session(v, id, true)
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("drop.me", v.token("a dropped resource"))
	return td
}

// TestDropIsTold: what the policy drops has its entry before the sender has its
// answer; nothing of it is written; and while the audit log cannot be written
// nothing is dropped: the sender is told to try again.
func TestDropIsTold(t *testing.T) {
	c := startHolding(t, t.TempDir(), dropping)
	v := newVault(75)
	mustSend(t, c, tracesBatch(condemned(v, 1)))
	all := c.entries(t)
	if !ofTrace(all, "dropped")[hexID(1)] {
		t.Error("acknowledged, and there is no entry about the dropped span")
	}
	c.await(t, "what is left of the trace", func() bool { return bytes.Contains(c.out(t, "traces"), []byte(hexID(1))) })
	if n := bytes.Count(c.out(t, "traces"), []byte(`"spanId"`)); n != 1 {
		t.Errorf("%d spans were written, want 1", n)
	}
	written := len(c.out(t, "traces"))
	mustSend(t, c, tracesBatch(wholly(v, 2)))
	ld := plog.NewLogs()
	record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	record.SetTraceID(traceID(3))
	record.Body().SetStr("a line that goes with its attribute")
	record.Attributes().PutStr("drop.me", v.token("a dropped log record"))
	mustSend(t, c, logsBatch(ld))
	all = c.entries(t)
	for _, id := range []byte{2, 3} {
		if !ofTrace(all, "dropped")[hexID(id)] {
			t.Errorf("acknowledged, and there is no entry about trace %d", id)
		}
	}
	for _, it := range all {
		if it.Kind == "tracescrub.dropped" && (it.Attributes["tracescrub.rules"] == nil || it.Attributes["tracescrub.policy"] == nil) {
			t.Errorf("entry %d does not say why", it.Seq)
		}
	}
	quiet()
	if len(c.out(t, "traces")) != written || len(c.out(t, "logs")) > 0 {
		t.Error("something of what was dropped was written")
	}

	dropWithoutLog(t, c, v)
	v.check(t, c.surfaces(t))
	c.stop(t)
	c.verified(t)
}

// dropWithoutLog breaks the log, and mends it.
func dropWithoutLog(t *testing.T, c *collector, v *vault) {
	t.Helper()
	obstacle := filepath.Join(c.auditDir(), "segment-0002.jsonl")
	if err := os.Symlink(filepath.Join(c.data, "nowhere", "at all"), obstacle); err != nil {
		t.Fatal(err)
	}
	send := func(td ptrace.Traces) int {
		body, err := tracesBatch(td).req.MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		status, _ := post(t, c, "traces", "application/x-protobuf", body)
		return status
	}
	acked := map[string]bool{}
	refused := false
	for id := byte(10); id < 250 && !refused; id++ {
		status := send(wholly(v, id))
		refused = status == http.StatusServiceUnavailable
		acked[hexID(id)] = status == http.StatusOK
	}
	if !refused {
		t.Fatal("the log is broken and the sender was never told so")
	}
	for range 3 {
		if status := send(wholly(v, 251)); status != http.StatusServiceUnavailable {
			t.Errorf("status %d, want 503", status)
		}
	}
	told := ofTrace(c.entries(t), "dropped")
	for id, ok := range acked {
		if ok && !told[id] {
			t.Errorf("trace %s was acknowledged and the log does not know it", id)
		}
	}
	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	c.await(t, "the log to be written again", func() bool { return send(wholly(v, 251)) == http.StatusOK })
	if told := tell(c.entries(t), []string{"dropped"}, func(it read.Item) string { return it.Trace }); !told[hexID(251)] {
		t.Error("no entry about the second try")
	}
}
