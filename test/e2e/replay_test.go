//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// talk is a session in the GenAI conventions: one message names a critical secret.
func talk(v *vault, id byte, conversation string) ptrace.Traces {
	td := session(v, id, true)
	a := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
	said, err := json.Marshal("the deployment uses " + v.token("a message") + " for the upload")
	if err != nil {
		panic(err) // a text
	}
	a.PutStr("gen_ai.conversation.id", conversation)
	a.PutStr("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"What does the deployment use?"}]}]`)
	a.PutStr("gen_ai.output.messages", fmt.Sprintf(`[{"role":"assistant","parts":[{"type":"text","content":%s}]}]`, said))
	return td
}

// TestReplay: what was held, seen, approved and released is told from the log
// afterwards, with what was said in it, and neither with a secret nor, unless
// that is asked for, with anybody's name.
func TestReplay(t *testing.T) {
	c := startHolding(t, t.TempDir(), `connectors: {verdict: {record: masked}}`)
	a := newAdmin(t, c)
	v := newVault(81)
	mustSend(t, c, tracesBatch(talk(v, 1, "conv-81")))
	it := a.pending(t, 1)[0]
	mustSend(t, c, tracesBatch(lesser(v, 2))) // another trace
	if status, _ := a.call(t, "bob", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", ""); status != http.StatusOK {
		t.Fatalf("preview: status %d", status)
	}
	a.approve(t, it.ID, "masked")
	a.awaitOut(t, hexID(1))
	a.await(t, it.ID, "released", "shredded")
	c.await(t, "the last event", func() bool { return ofItem(c.entries(t), "shredded")[it.ID] })
	c.stop(t)

	page := filepath.Join(t.TempDir(), "page.html")
	outputs := map[string][]byte{}
	for name, args := range map[string][]string{
		"by trace": {"--trace-id", hexID(1)}, "by conversation": {"--conversation", "conv-81"}, "by item": {"--item", it.ID},
		"JSON": {"--trace-id", hexID(1), "--json"}, "page": {"--trace-id", hexID(1), "--html", page},
	} {
		code, said := tool(t, append([]string{"audit", "replay", c.auditDir()}, args...)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d\n%s", name, code, said)
		}
		outputs[name] = []byte(said)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	outputs["page"] = text
	v.check(t, outputs)
	for name, text := range outputs {
		for _, want := range []string{"What does the deployment use?", "[MASKED:github-token:", "released", hexID(1)} {
			if n := strings.Count(string(text), want); n == 0 {
				t.Errorf("%s: nothing of %q", name, want)
			}
		}
		for _, person := range []string{"alice", "bob", hexID(2)} {
			if strings.Contains(string(text), person) {
				t.Errorf("%s: %q is in it", name, person)
			}
		}
	}
	for _, want := range []string{"held as item", "looked at the masked content", "voted to approve", "approved as masked by", "is opened and sent", "the pipelines took item", "key destroyed", "github-token"} {
		if !strings.Contains(string(outputs["by trace"]), want) {
			t.Errorf("by trace: nothing of %q\n%s", want, outputs["by trace"])
		}
	}
	// The item and its release are two records of the same spans.
	if n := strings.Count(string(outputs["by trace"]), "What does the deployment use?"); n != 1 {
		t.Errorf("what was asked once is there %d times\n%s", n, outputs["by trace"])
	}
	if code, said := tool(t, "audit", "replay", "--names", "--item", it.ID, c.auditDir()); code != 0 || !strings.Contains(said, "bob looked at") {
		t.Errorf("with names: exit code %d\n%s", code, said)
	}
	c.verified(t)

	c.swapRecords(t)
	if _, said := tool(t, "audit", "replay", "--trace-id", hexID(1), c.auditDir()); !strings.Contains(said, "CHANGED") {
		t.Errorf("of records that are not those of their entries it is said:\n%s", said)
	}
}

// swapRecords puts each record of the audit log in the place of the one before.
func (c *collector) swapRecords(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(c.auditDir(), "records", "*", "*.zst"))
	if err != nil || len(names) < 2 {
		t.Fatalf("%d records, %v", len(names), err)
	}
	texts := make([]string, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	for i, name := range names {
		write(t, name, texts[(i+1)%len(texts)])
	}
}
