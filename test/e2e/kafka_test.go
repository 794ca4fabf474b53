//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKafkaHoldAndRelease: a gateway seals, two people approve at two gates,
// and the trace is released once, masked and marked.
func TestKafkaHoldAndRelease(t *testing.T) { holdAndRelease(t, newCluster(t)) }

func holdAndRelease(t *testing.T, k *cluster) {
	t.Helper()
	gateway := k.gateway(t, verbose)
	one := k.gate(t, "gate1", verbose)
	two := k.gate(t, "gate2", verbose)
	v := newVault(71)
	mustSend(t, gateway, tracesBatch(session(v, 1, true)))
	one.awaitOut(t, hexID(1))
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
	line := two.awaitOut(t, hexID(2))
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

// TestKafkaReleaseOriginal: approved as original it comes out as it was sent,
// and until then the secret is nowhere.
func TestKafkaReleaseOriginal(t *testing.T) { releaseOriginal(t, newCluster(t)) }

func releaseOriginal(t *testing.T, k *cluster) {
	t.Helper()
	gateway := k.gateway(t, verbose)
	one := k.gate(t, "gate1", verbose)
	v := newVault(72)
	mustSend(t, gateway, tracesBatch(session(v, 3, false)))
	it := one.pending(t, 1)[0]
	v.check(t, k.surfaces(t, gateway, one.c))
	one.approve(t, it.ID, "original")
	line := one.awaitOut(t, hexID(3))
	v.checkOriginal(t, line)
}

// TestKafkaHeldAnew: what the gate's rules of today find in an original that
// was approved under older ones is held anew, by the gate, and comes out only
// when that was approved as well.
func TestKafkaHeldAnew(t *testing.T) {
	k := newCluster(t)
	gateway := k.gateway(t)
	pack := k.path("own.yaml")
	write(t, pack, ownPack("acmefour"))
	one := k.gate(t, "gate1", `processors: {secret_mask: {rules: {packs: [`+pack+`]}, policy: [{rule: own-token, action: hold}]}}`)
	v := newVault(77)
	body := v.random("abcdefghijklmnopqrstuvwxyz0123456789", 24)
	td := session(v, 6, false)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes().PutStr("note", "see acmefour_"+body)
	mustSend(t, gateway, tracesBatch(td))
	old := one.pending(t, 1)[0]
	one.approve(t, old.ID, "original")
	one.await(t, old.ID, "released", "shredded")
	anew := one.pending(t, 1)[0]
	if anew.ID == old.ID || anew.TraceID != hexID(6) || !slices.Contains(anew.Rules, "own-token") || anew.Required != 2 {
		t.Errorf("held anew is %+v", anew)
	}
	if status, _ := one.call(t, "bob", http.MethodGet, "/api/v1/items/"+anew.ID+"/preview", "", ""); status != http.StatusOK {
		t.Errorf("preview: status %d", status)
	}
	v.bodies[body] = "what today's rules find"
	v.check(t, k.surfaces(t, gateway, one.c))
	v.check(t, map[string][]byte{"API": bytes.Join(one.answers, nil)})
	one.approve(t, anew.ID, "original")
	line := one.awaitOut(t, body)
	for body, place := range v.bodies {
		if !bytes.Contains(line, []byte(body)) {
			t.Errorf("not the original: %s", place)
		}
	}
}

// TestKafkaDeny: what is denied at one gate cannot be approved at the other,
// never comes out, and once Kafka has compacted its topic its key is gone.
func TestKafkaDeny(t *testing.T) { deny(t, newCluster(t)) }

func deny(t *testing.T, k *cluster) {
	t.Helper()
	gateway := k.gateway(t)
	one, two := k.gate(t, "gate1"), k.gate(t, "gate2")
	mustSend(t, gateway, tracesBatch(session(newVault(73), 4, false)))
	it := two.pending(t, 1)[0]
	one.pending(t, 1)
	if status := one.vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("approve: status %d", status)
	}
	two.awaitVotes(t, it.ID, 1)
	if status := two.vote(t, "bob", it.ID, "deny", ""); status != http.StatusOK {
		t.Fatalf("deny: status %d", status)
	}
	one.await(t, it.ID, "denied", "shredded")
	if status := one.vote(t, "bob", it.ID, "approve", "masked"); status != http.StatusConflict {
		t.Errorf("approving what was denied elsewhere: status %d", status)
	}
	soon(t, "a tombstone and compaction", func() bool {
		k.compact(t)
		return one.get(t, it.ID).State == "shredded" && two.get(t, it.ID).State == "shredded"
	})
	for _, a := range []*admin{one, two} {
		if status, _ := a.call(t, "alice", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", ""); status < 400 || status >= 500 {
			t.Errorf("preview of a shredded item: status %d", status)
		}
	}
	quiet()
	if bytes.Contains(gateway.out(t, "traces"), []byte(hexID(4))) {
		t.Error("a denied trace was written")
	}
	if events := one.events(t); events["tracescrub.denied"] == 0 || events["tracescrub.shredded"] == 0 {
		t.Errorf("audit events: %v", events)
	}
}

// TestKafkaTakeOver: a gate is killed while the backend has an item and has
// not acknowledged it. The other gate takes over when the lease has ended; all
// copies carry the same mark, and the attempts tell them apart.
func TestKafkaTakeOver(t *testing.T) { takeOver(t, newCluster(t)) }

func takeOver(t *testing.T, k *cluster) {
	t.Helper()
	const lease = `receivers: {release_gate: {release: {lease: 4s}}}`
	gateway := k.gateway(t)
	gates := map[string]*admin{"gate1": k.gate(t, "gate1", lease), "gate2": k.gate(t, "gate2", lease)}
	mustSend(t, gateway, tracesBatch(session(newVault(74), 5, false)))
	it := gates["gate1"].pending(t, 1)[0]
	gates["gate2"].pending(t, 1)

	sender, dead := make(chan string, 1), make(chan struct{})
	k.backend.whenTraces(func(name string, _ []byte) {
		select {
		case sender <- name: // the first
			<-dead
		default:
		}
	})
	if status := gates["gate1"].vote(t, "alice", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("alice approves: status %d", status)
	}
	gates["gate2"].awaitVotes(t, it.ID, 1)
	if status := gates["gate2"].vote(t, "bob", it.ID, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("bob approves: status %d", status)
	}
	var first string
	select {
	case first = <-sender:
	case <-time.After(patience):
		t.Fatal("nothing was released")
	}
	kill(t, gates[first].c)
	close(dead)
	left := gates["gate1"]
	if first == "gate1" {
		left = gates["gate2"]
	}
	left.await(t, it.ID, "released", "shredded")
	marks := releases(t, left.c.out(t, "traces"))[hexID(5)]
	if len(marks) < 2 {
		t.Errorf("%d copies, want that of the dead gate and one more", len(marks))
	}
	for _, m := range marks {
		if m != it.ID {
			t.Error("a copy has another mark than the item's")
		}
	}
	if n := bytes.Count(left.c.out(t, "traces"), []byte(`"tracescrub.release.attempt","value":{"intValue":"1"}`)); n != 1 {
		t.Errorf("%d copies are of the first attempt, want 1", n)
	}
}

// TestKafkaNoPlaintextAtRest: whatever is held, viewed, released, denied,
// expired, spooled while Kafka is away, or left when a process is killed: no
// form of a secret is in Kafka's files, the spool, the queue, a log or an
// answer. What was approved as original is in the output and nowhere else.
func TestKafkaNoPlaintextAtRest(t *testing.T) {
	const lease = `receivers: {release_gate: {release: {lease: 4s}}}`
	k := newCluster(t)
	gateway := k.gateway(t, verbose)
	one := k.gate(t, "gate1", verbose, lease)
	v, revealed := newVault(75), newVault(76)
	mustSend(t, gateway, tracesBatch(session(revealed, 200, false)))
	one.approve(t, one.pending(t, 1)[0].ID, "original")
	one.awaitOut(t, hexID(200))

	flood(t, gateway, v, 1)
	soon(t, "items", func() bool { return len(one.list(t, "pending")) > 5 })
	one.useAll(t)
	surfaces := k.surfaces(t, gateway, one.c)
	keep := func(when string, more map[string][]byte) {
		for name, text := range more {
			surfaces[when+", "+name] = text
		}
	}

	k.stopBroker(t)
	flood(t, gateway, v, 2) // to the spool
	if n := k.spooled(t); n == 0 {
		t.Error("nothing is in the spool")
	}
	keep("without Kafka", k.surfaces(t, gateway, one.c))
	kill(t, gateway)
	kill(t, one.c)
	surfaces["terminals before the end"] = []byte(gateway.log.String() + one.c.log.String())
	k.startBroker(t)
	gateway = k.gateway(t, verbose)
	two := k.gate(t, "gate2", verbose, lease, `receivers: {release_gate: {expire_after: 1s}}`)
	soon(t, "everything to be decided and the spool to be empty", func() bool {
		return k.spooled(t) == 0 &&
			len(two.list(t, "pending"))+len(two.list(t, "approved"))+len(two.list(t, "releasing")) == 0
	})
	keep("in the end", k.surfaces(t, gateway, two.c))
	surfaces["API"] = bytes.Join(append(one.answers, two.answers...), nil)
	v.check(t, surfaces)
	for name := range surfaces {
		if strings.HasSuffix(name, "/out/traces.jsonl") {
			delete(surfaces, name)
		}
	}
	revealed.check(t, surfaces)
}
