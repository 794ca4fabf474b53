//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

// flood sends a batch of every signal with secrets in every place, and the
// recorded sessions of the corpus. It adds the latters' secrets to the vault.
func flood(t *testing.T, c *collector, v *vault, id byte) {
	t.Helper()
	for _, b := range batches(v, id) {
		mustSend(t, c, b)
	}
	loaded, err := corpus.Load(os.DirFS("../../testdata/corpus"))
	if err != nil {
		t.Fatal(err)
	}
	cases, err := loaded.Fill(uint64(id), "dirty_semconv_json", "dirty_claude_code", "dirty_mcp")
	if err != nil {
		t.Fatal(err)
	}
	for _, cs := range cases {
		status, _ := post(t, c, cs.Signal, "application/json", cs.Payload)
		if status != http.StatusOK {
			t.Fatalf("sending %s: status %d", cs.Name, status)
		}
		for _, s := range cs.Secrets {
			// Words of a dictionary stand elsewhere as well, with another meaning.
			if text := s.Reveal(); len(text) >= 16 && !s.ContextOnly && !strings.ContainsAny(text, "\n ") {
				v.bodies[text[len(text)-14:]] = cs.Name + " " + s.ID
			}
		}
	}
}

// TestNoPlaintextAtRest: whatever becomes of what is held, approved as masked
// or as original, denied, expired, left alone, killed in between: no form of a
// secret is in any file, answer, page, metric or line of log. What was
// approved as original is in the output, where it belongs, and nowhere else.
func TestNoPlaintextAtRest(t *testing.T) {
	data := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(data, "tmp"))
	if err := os.Mkdir(filepath.Join(data, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := startHolding(t, data, verbose)
	a := newAdmin(t, c)
	v, revealed := newVault(51), newVault(52)

	mustSend(t, c, tracesBatch(session(revealed, 200, false)))
	a.approve(t, a.pending(t, 1)[0].ID, "original")
	a.awaitOut(t, hexID(200))

	flood(t, c, v, 1)
	a.useAll(t)
	surfaces := c.surfaces(t)

	// Killed while a flood comes in; what is left expires.
	go func() { _ = c.cmd.Process.Signal(syscall.SIGKILL) }()
	post(t, c, "traces", "application/x-protobuf", protobuf(t, v))
	<-c.done
	surfaces["terminal before the end"] = []byte(c.log.String())
	c = startHolding(t, data, verbose, `receivers: {release_gate: {expire_after: 1s}}`)
	b := newAdmin(t, c)
	flood(t, c, v, 2)
	c.await(t, "everything to be decided", func() bool {
		return len(b.list(t, "pending"))+len(b.list(t, "denied"))+len(b.list(t, "expired"))+len(b.list(t, "approved"))+len(b.list(t, "releasing")) == 0
	})
	for name, text := range c.surfaces(t) {
		surfaces["second run, "+name] = text
	}
	c.stop(t)
	surfaces["API"] = bytes.Join(append(a.answers, b.answers...), nil)
	v.check(t, surfaces)
	for name := range surfaces {
		if strings.HasSuffix(name, "/out/traces.jsonl") {
			delete(surfaces, name)
		}
	}
	revealed.check(t, surfaces)
}

// useAll asks the admin API for all that it has to say about what is pending,
// approves a third of it, denies another and leaves the rest.
func (a *admin) useAll(t *testing.T) {
	t.Helper()
	for i, it := range a.list(t, "pending") {
		a.call(t, "bob", http.MethodGet, "/api/v1/items/"+it.ID, "", "")
		if status, _ := a.call(t, "bob", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", ""); status != http.StatusOK {
			t.Errorf("preview: status %d", status)
		}
		switch i % 3 {
		case 0:
			a.approve(t, it.ID, "masked")
		case 1:
			a.vote(t, "alice", it.ID, "deny", "")
		}
	}
	for _, path := range []string{"/", "/api/v1/stats", "/api/v1/openapi.yaml", "/api/v1/me", "/no/such/page", "/api/v1/items/00"} {
		a.call(t, "alice", http.MethodGet, path, "", "")
	}
}

// protobuf is a batch of traces full of secrets.
func protobuf(t *testing.T, v *vault) []byte {
	t.Helper()
	body, err := tracesBatch(makeTraces(v, 3)).req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return body
}
