//go:build e2e

package e2e

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// sendFlagged sends a trace that is held and returns the status.
func sendFlagged(t *testing.T, c *collector, v *vault, id byte, filler string) int {
	t.Helper()
	td := session(v, id, false)
	if filler != "" {
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).Attributes().PutStr("filler", filler)
	}
	body, err := tracesBatch(td).req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	status, _ := post(t, c, "traces", "application/x-protobuf", body)
	return status
}

// TestKafkaAway: while Kafka is away what is held goes to the spool and the
// sender has its answer; clean traffic goes on. When the spool is full the
// sender of what would be held is told to try again, and nobody else. When
// Kafka is back all items are there, and can be released.
func TestKafkaAway(t *testing.T) {
	k := newCluster(t)
	gateway := k.gateway(t, `exporters: {quarantine: {store: {kafka: {spool: {max_bytes: 2000000}}}}}`)
	one := k.gate(t, "gate1")
	v := newVault(81)
	if status := sendFlagged(t, gateway, v, 1, ""); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	one.pending(t, 1)
	k.stopBroker(t)

	if status := sendFlagged(t, gateway, v, 2, ""); status != http.StatusOK {
		t.Errorf("the first without Kafka: status %d", status)
	}
	if n := k.spooled(t); n != 1 {
		t.Errorf("%d items in the spool, want 1", n)
	}
	mustSend(t, gateway, tracesBatch(session(v, 3, true)))
	one.awaitOut(t, hexID(3))

	rng := rand.New(rand.NewPCG(82, 1))
	var taken []byte
	id := byte(10)
	for ; ; id++ {
		status := sendFlagged(t, gateway, v, id, words(rng, 600_000))
		if status == http.StatusServiceUnavailable {
			break
		}
		if status != http.StatusOK || id == 30 {
			t.Fatalf("status %d, %d items in the spool", status, k.spooled(t))
		}
		taken = append(taken, id)
	}
	mustSend(t, gateway, tracesBatch(session(v, 4, true)))
	one.awaitOut(t, hexID(4))
	gateway.alive(t)

	k.startBroker(t)
	one.pending(t, 2+len(taken))
	soon(t, "the spool to be empty", func() bool { return k.spooled(t) == 0 })
	if status := sendFlagged(t, gateway, v, id, words(rng, 600_000)); status != http.StatusOK {
		t.Errorf("what was refused, sent again: status %d", status)
	}
	for _, it := range one.pending(t, 3+len(taken)) {
		one.approve(t, it.ID, "masked")
	}
	for _, id := range append(taken, 1, 2, id) {
		one.awaitOut(t, hexID(id))
	}
	v.check(t, k.surfaces(t, gateway, one.c))
}

// words is text that neither compresses well nor looks like a secret.
func words(rng *rand.Rand, n int) string {
	var b bytes.Buffer
	for b.Len() < n {
		for range 2 + rng.IntN(7) {
			b.WriteByte("abcdefghijklmnopqrstuvwxyz"[rng.IntN(26)])
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// TestKafkaKillGateway: kill -9 of the gateway under load, again and again,
// with Kafka there and with Kafka away. What was acknowledged is at the gates.
func TestKafkaKillGateway(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	k := newCluster(t)
	one := k.gate(t, "gate1")
	v := newVault(83)
	acked := map[string]bool{}
	var next uint32
	for round := range 5 {
		gateway := k.gateway(t)
		if round%2 == 1 {
			k.stopBroker(t)
			// The first finds out that Kafka is away, which takes its time.
			if status := sendFlagged(t, gateway, v, byte(100+round), ""); status != http.StatusOK {
				t.Errorf("the first without Kafka: status %d", status)
			}
			acked[hexID(byte(100+round))] = true
		}
		time.AfterFunc(time.Duration(500+rng.IntN(1500))*time.Millisecond, func() { _ = gateway.cmd.Process.Signal(syscall.SIGKILL) })
		before := len(acked)
		storm(t, gateway, v, &next, acked)
		<-gateway.done
		t.Logf("round %d: %d acknowledged, %d in the spool", round, len(acked)-before, k.spooled(t))
		if len(acked) == before {
			t.Error("nothing was acknowledged")
		}
		if round%2 == 1 {
			k.startBroker(t)
		}
	}
	gateway := k.gateway(t)
	known := map[string]bool{}
	soon(t, "the spool to be empty", func() bool { return k.spooled(t) == 0 })
	soon(t, "all that was acknowledged", func() bool {
		for _, it := range one.list(t, "") {
			known[it.TraceID] = true
		}
		for id := range acked {
			if !known[id] {
				return false
			}
		}
		return true
	})
	v.check(t, k.surfaces(t, gateway, one.c))
}
