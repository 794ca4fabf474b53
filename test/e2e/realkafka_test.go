//go:build e2e

package e2e

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/test/realkafka"
)

// TestRealKafka runs gateways and gates on three brokers of Apache Kafka, set
// up by the commands of docs/format/kafka-topics.md. What kills brokers comes last.
func TestRealKafka(t *testing.T) {
	t.Parallel() // with the other line of Kafka, when all else is done: both mostly wait
	const nodes = 3
	c := startKafka(t, realkafka.Current, nodes)
	if c == nil {
		return
	}
	c.SetUp(t)
	t.Run("with all brokers", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"two people, two gates": func(t *testing.T) {
				holdAndRelease(t, onTopics(t, &realTopics{Cluster: c, prefix: "tracescrub", partitions: 12, nodes: nodes}))
			},
			"the original":   func(t *testing.T) { releaseOriginal(t, newRealCluster(t, c, nodes, "original")) },
			"denied is gone": func(t *testing.T) { denyAndExpire(t, newRealCluster(t, c, nodes, "denied")) },
			"a gate dies":    func(t *testing.T) { takeOver(t, newRealCluster(t, c, nodes, "dies")) },
			"wrong topics":   func(t *testing.T) { refuseTopics(t, newRealCluster(t, c, nodes, "wrong")) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	t.Run("a broker dies", func(t *testing.T) { killBroker(t, newRealCluster(t, c, nodes, "killed")) })
}

// TestRealKafkaPrevious is the life of an item on one broker of the line before.
func TestRealKafkaPrevious(t *testing.T) {
	t.Parallel()
	c := startKafka(t, realkafka.Previous, 1)
	if c == nil {
		return
	}
	for name, test := range map[string]func(*testing.T, *cluster){"released": holdAndRelease, "denied": denyAndExpire} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newRealCluster(t, c, 1, name))
		})
	}
}

// denyAndExpire: what is denied, and what nobody decides about, is shredded
// when Kafka has compacted its index: then the wrapped key is in no file of any broker.
func denyAndExpire(t *testing.T, k *cluster) {
	t.Helper()
	gateway := k.gateway(t)
	one, two := k.gate(t, "gate1"), k.gate(t, "gate2")
	v := newVault(91)
	mustSend(t, gateway, tracesBatch(session(v, 1, false)))
	mustSend(t, gateway, tracesBatch(session(v, 2, false)))
	ids := map[string]string{}
	for _, it := range one.pending(t, 2) {
		ids[it.TraceID] = it.ID
	}
	denied, expired := ids[hexID(1)], ids[hexID(2)]
	keys := [][]byte{k.real.wrappedKey(t, denied), k.real.wrappedKey(t, expired)}
	if status := one.vote(t, "alice", denied, "approve", "masked"); status != http.StatusOK {
		t.Fatalf("approve: status %d", status)
	}
	two.awaitVotes(t, denied, 1)
	if status := two.vote(t, "bob", denied, "deny", ""); status != http.StatusOK {
		t.Fatalf("deny: status %d", status)
	}
	one.await(t, denied, "denied", "shredded")
	if status := one.vote(t, "bob", denied, "approve", "masked"); status != http.StatusConflict {
		t.Errorf("approving what was denied elsewhere: status %d", status)
	}
	two.c.stop(t)
	two = k.gate(t, "gate2", `receivers: {release_gate: {expire_after: 1s}}`)
	soon(t, "tombstones and compaction", func() bool {
		k.compact(t)
		return one.get(t, denied).State == "shredded" && two.get(t, expired).State == "shredded"
	})
	// That is what the leader says; the others compact in their own time.
	soon(t, "no key in any file", func() bool {
		k.compact(t)
		for _, key := range keys {
			if k.real.files(t, key) > 0 {
				return false
			}
		}
		return true
	})
	for _, id := range []string{denied, expired} {
		if status, _ := one.call(t, "alice", http.MethodGet, "/api/v1/items/"+id+"/preview", "", ""); status < 400 || status >= 500 {
			t.Errorf("preview of a shredded item: status %d", status)
		}
	}
	if out := gateway.out(t, "traces"); bytes.Contains(out, []byte(hexID(1))) || bytes.Contains(out, []byte(hexID(2))) {
		t.Error("what was not approved was written")
	}
	for _, want := range []string{"denied", "expired", "shredded"} {
		if one.events(t)["tracescrub."+want] == 0 {
			t.Errorf("no audit event %s: %v", want, one.events(t))
		}
	}
	v.check(t, k.surfaces(t, gateway, one.c, two.c))
}

// wrappedKey is a piece of an item's wrapped key as it is in the index of all
// brokers: behind the item's id come the trace's, the key pair's and a length
// of two bytes.
func (r *realTopics) wrappedKey(t *testing.T, id string) []byte {
	t.Helper()
	name, err := hex.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	var key []byte
	soon(t, "the item in the index of all brokers", func() bool {
		for _, text := range r.Files(t, r.prefix+".index") {
			if at := bytes.LastIndex(text, name); at >= 0 && len(text) > at+16+16+8+2+264 {
				at += 16 + 16 + 8 + 2
				key = bytes.Clone(text[at+200 : at+264])
			}
		}
		return key != nil && r.files(t, key) == r.nodes
	})
	return key
}

// files counts the files of the index that have a text.
func (r *realTopics) files(t *testing.T, text []byte) (n int) {
	t.Helper()
	for _, content := range r.Files(t, r.prefix+".index") {
		if bytes.Contains(content, text) {
			n++
		}
	}
	return n
}

// refuseTopics: neither gateway nor gate starts on topics that are not what
// they must be, and each says which setting of which topic is wrong.
func refuseTopics(t *testing.T, k *cluster) {
	t.Helper()
	topic := k.real.prefix + ".index"
	k.real.Set(t, topic, map[string]string{"cleanup.policy": "delete"})
	want := "topic " + topic + `: cleanup.policy is \"delete\", wanted compact,delete`
	for name, c := range map[string]*collector{"gateway": k.launchGateway(t), "gate": k.launchGate(t, "gate1")} {
		select {
		case <-c.done:
		case <-time.After(patience):
			t.Fatalf("the %s goes on, on wrong topics", name)
		}
		if c.cmd.ProcessState.ExitCode() == 0 || !strings.Contains(strings.ReplaceAll(c.log.String(), `\\`, ``), want) {
			t.Errorf("the %s does not say what is wrong:\n%s", name, c.log)
		}
	}
}

// killBroker: kill -9 of a broker under load, of the one that gateways and
// gates ask first. What was acknowledged is at the gates, and can be released.
func killBroker(t *testing.T, k *cluster) {
	t.Helper()
	gateway, one := k.gateway(t), k.gate(t, "gate1")
	v := newVault(92)
	acked := map[string]bool{}
	var next uint32
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		time.Sleep(2 * time.Second)
		k.real.Kill(t, 1)
		time.Sleep(10 * time.Second)
		kill(t, gateway) // ends the load
	}()
	storm(t, gateway, v, &next, acked)
	<-rest
	t.Logf("%d acknowledged, %d in the spool", len(acked), k.spooled(t))
	if len(acked) == 0 {
		t.Error("nothing was acknowledged")
	}
	gateway = k.gateway(t)
	soon(t, "the spool to be empty, with one broker away", func() bool { return k.spooled(t) == 0 })
	known := map[string]string{}
	soon(t, "all that was acknowledged", func() bool {
		for _, it := range one.list(t, "") {
			known[it.TraceID] = it.ID
		}
		for id := range acked {
			if known[id] == "" {
				return false
			}
		}
		return true
	})
	for id := range acked {
		one.approve(t, known[id], "masked")
		one.awaitOut(t, id)
		break
	}
	k.real.Launch(t, 1)
	k.real.Ready(t)
	v.check(t, k.surfaces(t, gateway, one.c))
	if strings.Contains(k.real.Said(), "OutOfMemory") {
		t.Error("a broker had too little memory")
	}
}
