//go:build e2e

package e2e

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// TestKafkaAuditLog: gateway and gates tell one log on another machine. It
// has all that they did and by whom; each gate hands out receipts from it;
// while it is away nothing is held or decided, and nothing is lost by that.
func TestKafkaAuditLog(t *testing.T) {
	k := newCluster(t)
	k.startLog(t)
	gateway := k.gateway(t)
	one, two := k.gate(t, "gate1"), k.gate(t, "gate2")
	v := newVault(79)
	mustSend(t, gateway, tracesBatch(lesser(v, 1)))
	mustSend(t, gateway, tracesBatch(session(v, 2, false)))
	it := one.pending(t, 1)[0]
	if status := one.vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("alice approves: status %d", status)
	}
	two.awaitVotes(t, it.ID, 1)
	if status := two.vote(t, "bob", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("bob approves: status %d", status)
	}
	two.awaitOut(t, hexID(2))
	for _, a := range []*admin{one, two} {
		a.tokens["carol"] = tokenOf(k.issuer, "carol", "auditors")
		file := filepath.Join(t.TempDir(), "receipt")
		write(t, file, string(a.receipt(t, "carol", it.ID)))
		if said := audit(t, 0, "check-proof", "--key", filepath.Join(k.log.auditDir(), "log.pub"), file); !strings.Contains(said, it.ID) {
			t.Errorf("the receipt proves:\n%s", said)
		}
	}

	mustSend(t, gateway, tracesBatch(session(v, 5, false)))
	undecided := one.pending(t, 1)[0]
	kill(t, k.log)
	body, err := tracesBatch(session(v, 3, false)).req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := post(t, gateway, "traces", "application/x-protobuf", body); status != http.StatusServiceUnavailable {
		t.Errorf("while the log is away: status %d, want 503", status)
	}
	if status := one.vote(t, "alice", undecided.ID, "approve", "masked"); status != http.StatusServiceUnavailable {
		t.Errorf("a vote while the log is away: status %d, want 503", status)
	}
	mustSend(t, gateway, tracesBatch(session(v, 4, true)))
	// It comes back under another address, and so do gateway and gates.
	gateway.stop(t)
	one.c.stop(t)
	two.c.stop(t)
	k.startLog(t)
	gateway, one = k.gateway(t), k.gate(t, "gate1")
	mustSend(t, gateway, tracesBatch(session(v, 3, false)))
	held := map[string]int{}
	for _, it := range one.pending(t, 2) {
		held[it.TraceID] = len(it.Votes)
	}
	if n, there := held[hexID(5)]; !there || n != 0 {
		t.Errorf("%d votes on what was voted on while the log was away", n)
	}
	if _, there := held[hexID(3)]; !there {
		t.Errorf("held: %v", held)
	}
	gateway.stop(t)
	one.c.stop(t)
	k.log.stop(t)

	k.log.verified(t)
	all := k.log.entries(t)
	if told := ofTrace(all, "masked", "held"); !told[hexID(1)] || !told[hexID(2)] || !told[hexID(3)] {
		t.Errorf("masked and held: %v", told)
	}
	for _, kind := range []string{"voted", "approved", "releasing", "released"} {
		if !ofItem(all, kind)[it.ID] {
			t.Errorf("no entry %s about the item", kind)
		}
	}
	if instances := tell(all, []string{"started"}, func(it read.Item) string { return it.Instance + it.Component }); len(instances) < 4 {
		t.Errorf("%d instances told that they started", len(instances))
	}
	files := map[string][]byte{}
	readAll(t, k.log.auditDir(), files)
	v.check(t, files)
	nameless(t, files)
}
