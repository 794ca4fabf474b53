//go:build e2e

package e2e

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// auditDir is where the embedded default has its log.
func (c *collector) auditDir() string { return filepath.Join(c.data, "audit") }

// entries are those of the audit log so far. None tells again what was told.
func (c *collector) entries(t *testing.T) []read.Item {
	t.Helper()
	l, err := read.Open(c.auditDir())
	if err != nil {
		t.Fatal(err)
	}
	var all []read.Item
	seen := map[string]bool{}
	for it, err := range l.Entries(t.Context(), 0) {
		if err != nil {
			t.Fatalf("reading the audit log: %v", err)
		}
		if seen[it.ID] {
			t.Errorf("entry %d tells again what was told", it.Seq)
		}
		seen[it.ID] = true
		all = append(all, it)
	}
	return all
}

// verified wants `tracescrub audit verify` to find nothing wrong.
func (c *collector) verified(t *testing.T, args ...string) {
	t.Helper()
	if code, said := tool(t, append([]string{"audit", "verify", c.auditDir()}, args...)...); code != 0 {
		t.Fatalf("audit verify: exit code %d\n%s", code, said)
	}
}

// ofTrace and ofItem say which traces, or items, have an entry of a kind.
func ofTrace(all []read.Item, kinds ...string) map[string]bool {
	return tell(all, kinds, func(it read.Item) string { return it.Trace })
}

func ofItem(all []read.Item, kinds ...string) map[string]bool {
	return tell(all, kinds, func(it read.Item) string { s, _ := it.Attributes["tracescrub.item.id"].(string); return s })
}

func tell(all []read.Item, kinds []string, of func(read.Item) string) map[string]bool {
	found := map[string]bool{}
	for _, it := range all {
		for _, k := range kinds {
			if it.Kind == "tracescrub."+k {
				found[of(it)] = true
			}
		}
	}
	return found
}

// lesser is a trace with a secret that is masked, and not held.
func lesser(v *vault, id byte) ptrace.Traces {
	td := session(v, id, true)
	td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("db.password", v.password("a masked span"))
	return td
}

// TestAuditTrail: whatever is done to telemetry and by whom is in the log, in
// the order in which it had to happen; the log verifies, also by its key
// alone, but not by another, nor changed; and no file of it but the side table
// says who anybody is.
func TestAuditTrail(t *testing.T) {
	c := startHolding(t, t.TempDir(), `receivers: {release_gate: {expire_after: 8s}}`)
	a := newAdmin(t, c)
	v := newVault(71)
	mustSend(t, c, tracesBatch(lesser(v, 1)))
	for id := byte(2); id < 5; id++ {
		mustSend(t, c, tracesBatch(session(v, id, false)))
	}
	items := map[string]heldItem{}
	for _, it := range a.pending(t, 3) {
		items[it.TraceID] = it
	}
	released, denied, expired := items[hexID(2)].ID, items[hexID(3)].ID, items[hexID(4)].ID
	if status, _ := a.call(t, "bob", http.MethodGet, "/api/v1/items/"+released+"/preview", "", ""); status != http.StatusOK {
		t.Fatalf("preview: status %d", status)
	}
	a.approve(t, released, "masked")
	a.vote(t, "bob", denied, "deny", "")
	a.await(t, released, "released", "shredded")
	a.await(t, denied, "shredded")
	a.await(t, expired, "shredded")
	c.await(t, "the last events", func() bool {
		gone := ofItem(c.entries(t), "shredded")
		return gone[released] && gone[denied] && gone[expired]
	})
	c.stop(t)

	all := c.entries(t)
	place := map[string]int64{}
	for _, it := range all {
		item, _ := it.Attributes["tracescrub.item.id"].(string)
		key := strings.TrimPrefix(it.Kind, "tracescrub.") + " " + item
		if _, again := place[key]; !again {
			place[key] = it.Seq
		}
	}
	for _, order := range [][]string{
		{"held " + released, "viewed " + released, "voted " + released, "approved " + released, "releasing " + released, "released " + released, "shredded " + released},
		{"held " + denied, "denied " + denied, "shredded " + denied},
		{"held " + expired, "expired " + expired, "shredded " + expired},
		{"log.opened ", "policy.loaded ", "log.closed "},
		{"log.opened ", "key.created "},
		{"log.opened ", "started ", "stopped ", "log.closed "},
	} {
		last := int64(-1)
		for _, key := range order {
			at, there := place[key]
			if !there {
				t.Errorf("no entry %q", key)
			} else if at <= last {
				t.Errorf("entry %q is at %d, not behind %d", key, at, last)
			}
			last = at
		}
	}
	if !ofTrace(all, "masked")[hexID(1)] {
		t.Error("no entry about what was masked")
	}
	c.verified(t)
	public, err := os.ReadFile(filepath.Join(c.auditDir(), "log.pub"))
	if err != nil {
		t.Fatal(err)
	}
	c.verified(t, "--key", strings.TrimSpace(string(public)))
	_, stranger, err := proof.NewKey("example.com/another", nil)
	if err != nil {
		t.Fatal(err)
	}
	if said := audit(t, 1, "verify", "--key", stranger, c.auditDir()); !strings.Contains(said, "signature") {
		t.Errorf("of a log that another key signed it is said:\n%s", said)
	}
	archive := filepath.Join(t.TempDir(), "archive") // as docs/audit.md says: without the side table
	copyTree(t, c.auditDir(), archive)
	if err := os.Remove(filepath.Join(archive, "subjects.jsonl")); err != nil {
		t.Fatal(err)
	}
	audit(t, 0, "verify", "--without-subjects", archive)
	if said := audit(t, 1, "verify", archive); !strings.Contains(said, "subject_missing") {
		t.Errorf("of a log whose side table is gone it is said:\n%s", said)
	}

	files := map[string][]byte{}
	readAll(t, c.auditDir(), files)
	v.check(t, files)
	nameless(t, files)

	segment := filepath.Join(archive, "segment-0001.jsonl")
	text, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	write(t, segment, strings.Replace(string(text), "tracescrub.masked", "tracescrub.passed", 1))
	if said := audit(t, 1, "verify", "--without-subjects", archive); !strings.Contains(said, "entry_changed") {
		t.Errorf("of a log with an entry that was changed it is said:\n%s", said)
	}
}

// TestAuditLogStopsEverything is promise 5 on the real log: when it cannot be
// written, under traffic, nothing with a finding moves, nothing is held,
// viewed, decided or released; senders may try again; what is clean goes on.
// Afterwards all goes on and the log says that there was a gap.
func TestAuditLogStopsEverything(t *testing.T) {
	// The log breaks when it wants to begin a segment whose name is taken.
	c := startHolding(t, t.TempDir(), `exporters: {audit_log: {segment_bytes: 200000}}`)
	a := newAdmin(t, c)
	v := newVault(72)
	mustSend(t, c, tracesBatch(session(v, 1, false)))
	waiting := a.pending(t, 1)[0]
	obstacle := filepath.Join(c.auditDir(), "segment-0002.jsonl")
	if err := os.Symlink(filepath.Join(c.data, "nowhere", "at all"), obstacle); err != nil {
		t.Fatal(err)
	}
	var senders sync.WaitGroup
	var mu sync.Mutex // guards next and the vault
	var next uint32
	for i := range 4 {
		senders.Go(func() {
			for deadline := time.Now().Add(patience); ; {
				mu.Lock()
				next++
				id := trace(next)
				td := lesser(v, 0)
				if i%2 == 0 {
					td = session(v, 0, false)
				}
				mu.Unlock()
				for _, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
					s.SetTraceID(id)
				}
				body, err := tracesBatch(td).req.MarshalProto()
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := c.request("traces", "application/x-protobuf", body)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusServiceUnavailable {
					return
				}
				if resp.StatusCode != http.StatusOK || time.Now().After(deadline) {
					t.Errorf("status %d", resp.StatusCode)
					return
				}
			}
		})
	}
	senders.Wait() // each was refused in the end

	before, held := len(c.out(t, "traces")), len(a.list(t, ""))
	send := func(td ptrace.Traces) int {
		body, err := tracesBatch(td).req.MarshalProto()
		if err != nil {
			t.Fatal(err)
		}
		status, _ := post(t, c, "traces", "application/x-protobuf", body)
		return status
	}
	for i := range 10 {
		if status := send(lesser(v, byte(100+i))); status != http.StatusServiceUnavailable {
			t.Errorf("masked: status %d, want 503", status)
		}
		if status := send(session(v, byte(120+i), false)); status != http.StatusServiceUnavailable {
			t.Errorf("held: status %d, want 503", status)
		}
	}
	if status, _ := a.call(t, "bob", http.MethodGet, "/api/v1/items/"+waiting.ID+"/preview", "", ""); status != http.StatusServiceUnavailable {
		t.Errorf("preview: status %d, want 503", status)
	}
	if status := a.vote(t, "alice", waiting.ID, "approve", "masked"); status != http.StatusServiceUnavailable {
		t.Errorf("vote: status %d, want 503", status)
	}
	quiet()
	if n := len(c.out(t, "traces")); n != before {
		t.Errorf("%d bytes were written without an entry", n-before)
	}
	if n := len(a.list(t, "")); n != held {
		t.Errorf("%d items were held without an entry", n-held)
	}
	mustSend(t, c, tracesBatch(session(v, 150, true)))
	c.await(t, "clean traces", func() bool { return bytes.Contains(c.out(t, "traces"), []byte(hexID(150))) })
	checkEffects(t, c, a)

	if err := os.Remove(obstacle); err != nil {
		t.Fatal(err)
	}
	c.await(t, "the log to be written again", func() bool { return send(lesser(v, 101)) == http.StatusOK })
	a.approve(t, waiting.ID, "masked")
	a.awaitOut(t, hexID(1))
	checkEffects(t, c, a)
	if !tell(c.entries(t), []string{"gap"}, func(it read.Item) string { s, _ := it.Attributes["reason"].(string); return s })["write_failed"] {
		t.Error("the log does not say that there was a gap")
	}
	c.stop(t)
	c.verified(t)
}

// checkEffects wants an entry about everything that was written and held.
func checkEffects(t *testing.T, c *collector, a *admin) {
	t.Helper()
	all := c.entries(t)
	told, approved, holding := ofTrace(all, "masked", "releasing"), ofItem(all, "releasing"), ofItem(all, "held")
	effects := 0
	for line := range bytes.Lines(c.out(t, "traces")) {
		if !bytes.Contains(line, []byte("[MASKED:")) {
			continue
		}
		effects++
		if id := between(line, `"traceId":"`); !told[id] {
			t.Errorf("trace %s was written without an entry", id)
		}
		if item := between(line, `"tracescrub.release.item","value":{"stringValue":"`); item != "" && !approved[item] {
			t.Errorf("item %s was released without an entry", item)
		}
	}
	for _, it := range a.list(t, "") {
		effects++
		if !holding[it.ID] {
			t.Errorf("item %s is held without an entry", it.ID)
		}
	}
	if effects < 3 {
		t.Errorf("only %d effects were seen", effects)
	}
}

// between is what follows begin, up to a quote.
func between(line []byte, begin string) string {
	_, rest, found := bytes.Cut(line, []byte(begin))
	if !found {
		return ""
	}
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(text)
}

// TestAuditKill: kill -9 under load, again and again: whatever was
// acknowledged is in the log, each time the log opens again by itself, and at
// the end it verifies, also against every checkpoint of before.
func TestAuditKill(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := t.TempDir()
	v := newVault(73)
	acked := map[string]bool{}
	var next uint32
	var checkpoints []string
	for i := range 4 {
		c := startHolding(t, data, `exporters: {audit_log: {segment_bytes: 100000}}`)
		time.AfterFunc(time.Duration(100+rng.IntN(1200))*time.Millisecond, func() { _ = c.cmd.Process.Signal(syscall.SIGKILL) })
		storm(t, c, v, &next, acked)
		<-c.done
		signed, err := os.ReadFile(filepath.Join(c.auditDir(), "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(data, "checkpoint-"+string(rune('0'+i)))
		write(t, file, string(signed))
		checkpoints = append(checkpoints, "--checkpoint", file)
	}
	c := startHolding(t, data)
	c.stop(t)
	c.verified(t, checkpoints...)
	all := c.entries(t)
	told := ofTrace(all, "held")
	for id := range acked {
		if !told[id] {
			t.Errorf("trace %s was acknowledged and the log does not know it", id)
		}
	}
	if gaps := tell(all, []string{"gap"}, func(it read.Item) string { return it.ID }); len(gaps) < 4 {
		t.Errorf("%d gaps after 4 kills", len(gaps))
	}
	if len(acked) == 0 {
		t.Error("the storm was none")
	}
}

// TestAuditSecondWriter: another process is refused, and told who writes.
func TestAuditSecondWriter(t *testing.T) {
	data, other := t.TempDir(), t.TempDir()
	c := startHolding(t, data)
	d := launch(t, other, `exporters: {audit_log: {directory: "`+c.auditDir()+`", key_file: "`+filepath.Join(data, "keys", "audit.key")+`"}}`)
	c.await(t, "a second writer to end", func() bool {
		if d.answers() {
			t.Fatal("a second writer is not refused")
		}
		select {
		case <-d.done:
			return true
		default:
			return false
		}
	})
	if code := d.cmd.ProcessState.ExitCode(); code == 0 {
		t.Error("a second writer ended well")
	}
	if said := d.log.String(); !strings.Contains(said, "locked") || !strings.Contains(said, c.auditDir()) {
		t.Errorf("a second writer is not told why:\n%s", said)
	}
	mustSend(t, c, tracesBatch(lesser(newVault(74), 1)))
	c.stop(t)
	c.verified(t)
}
