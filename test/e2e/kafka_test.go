//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"testing"
)

// TestKafkaHoldAndRelease: a gateway seals, two people approve at two gates,
// and the trace is released once, masked and marked.
func TestKafkaHoldAndRelease(t *testing.T) {
	k := newCluster(t)
	gateway := k.gateway(t, verbose)
	one := k.gate(t, "gate1", verbose)
	two := k.gate(t, "gate2", verbose)
	v := newVault(71)
	mustSend(t, gateway, tracesBatch(session(v, 1, true)))
	one.awaitOut(t, "traces", hexID(1))
	mustSend(t, gateway, tracesBatch(session(v, 2, false)))
	it := one.pending(t, 1)[0]
	if other := two.pending(t, 1)[0]; other.ID != it.ID {
		t.Error("the gates show different items")
	}
	if it.TraceID != hexID(2) || it.Severity != "critical" || it.Required != 2 || it.Spans != 2 {
		t.Errorf("the item is %+v", it)
	}
	for _, a := range []*admin{one, two} {
		status, preview := a.call(t, "bob", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", "")
		if status != http.StatusOK || !bytes.Contains(preview, []byte("[MASKED:")) || !bytes.Contains(preview, []byte(hexID(2))) {
			t.Errorf("preview: status %d, %d bytes", status, len(preview))
		}
	}
	if status := one.vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("alice approves: status %d", status)
	}
	soon(t, "the vote at the other gate", func() bool { return len(two.get(t, it.ID).Votes) == 1 })
	if status := two.vote(t, "alice", it.ID, "approve", "masked"); status < 400 || status >= 500 {
		t.Errorf("alice's second vote, at the other gate: status %d", status)
	}
	quiet()
	if bytes.Contains(gateway.out(t, "traces"), []byte(hexID(2))) {
		t.Error("written before it was approved")
	}
	if status := two.vote(t, "bob", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("bob approves: status %d", status)
	}
	line := two.awaitOut(t, "traces", hexID(2))
	for _, want := range []string{"[MASKED:", "tracescrub.release.item", it.ID, "tracescrub.release.attempt"} {
		if !bytes.Contains(line, []byte(want)) {
			t.Errorf("what was released lacks %s", want)
		}
	}
	one.await(t, it.ID, "released", "shredded")
	two.await(t, it.ID, "released", "shredded")
	quiet()
	if n := bytes.Count(gateway.out(t, "traces"), []byte(hexID(2))); n != 2 {
		t.Errorf("%d spans were released, want 2", n)
	}
	for _, want := range []string{"held", "viewed", "voted", "approved", "released"} {
		if one.events(t)["tracescrub."+want] == 0 {
			t.Errorf("no audit event %s: %v", want, one.events(t))
		}
	}
	v.check(t, k.surfaces(t, gateway, one.c, two.c))
	v.check(t, map[string][]byte{"API": bytes.Join(append(one.answers, two.answers...), nil)})
	for _, c := range []*collector{gateway, one.c, two.c} {
		c.stop(t)
	}
}
