//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// audit runs `tracescrub audit`, wants an exit code and returns what it said.
func audit(t *testing.T, want int, args ...string) string {
	t.Helper()
	code, said := tool(t, append([]string{"audit"}, args...)...)
	if code != want {
		t.Fatalf("tracescrub audit %s: exit code %d, want %d\n%s", strings.Join(args, " "), code, want, said)
	}
	return said
}

// nameless wants nobody's name in the files of a log but in the side table.
func nameless(t *testing.T, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		if strings.HasSuffix(name, "subjects.jsonl") {
			continue
		}
		for _, person := range []string{"alice", "bob", "carol"} {
			if bytes.Contains(text, []byte(person)) {
				t.Errorf("a person's name is in %s", name)
			}
		}
	}
}

// TestAuditOffBox: a log that is put back to an older copy, or grown anew from
// one with its own key, verifies by itself; the checkpoint that was copied to
// another place meanwhile gives it away.
func TestAuditOffBox(t *testing.T) {
	data, elsewhere := t.TempDir(), t.TempDir()
	publishing := fmt.Sprintf(`exporters: {audit_log: {publish: {file: {worm: {path: %q, min_interval: 0s}}}}}`, filepath.Join(elsewhere, "checkpoint"))
	v := newVault(75)
	c := startHolding(t, data, publishing)
	mustSend(t, c, tracesBatch(lesser(v, 1)))
	c.stop(t)
	older := filepath.Join(t.TempDir(), "audit")
	copyTree(t, c.auditDir(), older)
	kept := filepath.Join(elsewhere, "kept")

	c = startHolding(t, data, publishing)
	mustSend(t, c, tracesBatch(lesser(v, 2)))
	at := int64(len(c.entries(t)))
	c.await(t, "the checkpoint elsewhere", func() bool {
		signed, err := os.ReadFile(filepath.Join(elsewhere, "checkpoint"))
		if err != nil {
			return false
		}
		point, err := proof.Read(signed)
		if err != nil {
			t.Fatalf("what was published is no checkpoint: %v", err)
		}
		if point.Size < at {
			return false
		}
		write(t, kept, string(signed))
		return true
	})
	c.stop(t)
	c.verified(t, "--checkpoint", kept)

	if err := os.RemoveAll(c.auditDir()); err != nil {
		t.Fatal(err)
	}
	copyTree(t, older, c.auditDir())
	c.verified(t)
	if said := audit(t, 1, "verify", "--checkpoint", kept, c.auditDir()); !strings.Contains(said, "rolled_back") {
		t.Errorf("of a log that was rolled back it is said:\n%s", said)
	}
	c = startHolding(t, data)
	for id := byte(3); id < 20; id++ {
		mustSend(t, c, tracesBatch(lesser(v, id)))
	}
	c.stop(t)
	c.verified(t)
	if said := audit(t, 1, "verify", "--checkpoint", kept, c.auditDir()); !strings.Contains(said, "forked") {
		t.Errorf("of a log that was grown anew it is said:\n%s", said)
	}
}

// TestReceipt: the receipt that the API hands out is checked without the log;
// it is of this decision, and of no other, of nothing that was changed and of
// no other log.
func TestReceipt(t *testing.T) {
	c := startHolding(t, t.TempDir())
	a := newAdmin(t, c)
	v := newVault(76)
	mustSend(t, c, tracesBatch(session(v, 1, false)))
	mustSend(t, c, tracesBatch(session(v, 2, false)))
	items := a.pending(t, 2)
	it, other := items[0], items[1]
	path := "/api/v1/items/" + it.ID + "/receipt"
	if status, _ := a.call(t, "alice", http.MethodGet, path, "", ""); status != http.StatusNotFound {
		t.Errorf("the receipt of what is not decided: status %d", status)
	}
	a.approve(t, it.ID, "masked")
	a.await(t, it.ID, "released", "shredded")
	if status, _ := a.call(t, "alice", http.MethodGet, "/api/v1/items/"+other.ID+"/receipt", "", ""); status != http.StatusNotFound {
		t.Errorf("the receipt of what is not decided, after another was: status %d", status)
	}
	a.vote(t, "bob", other.ID, "deny", "")
	a.await(t, other.ID, "denied", "shredded")
	dir := t.TempDir()
	file, denied, key := filepath.Join(dir, "receipt"), filepath.Join(dir, "denied"), filepath.Join(dir, "log.pub")
	receipt := a.receipt(t, "alice", it.ID)
	write(t, file, string(receipt))
	write(t, denied, string(a.receipt(t, "alice", other.ID)))
	public, err := os.ReadFile(filepath.Join(c.auditDir(), "log.pub"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, key, string(public))
	c.stop(t)
	if err := os.RemoveAll(c.data); err != nil {
		t.Fatal(err)
	}
	if said := audit(t, 0, "check-proof", "--key", key, file); !strings.Contains(said, it.ID) || !strings.Contains(said, " approved ") {
		t.Errorf("the receipt proves:\n%s", said)
	}
	if said := audit(t, 0, "check-proof", "--key", key, denied); !strings.Contains(said, other.ID) || !strings.Contains(said, " denied ") {
		t.Errorf("the receipt of a denial proves:\n%s", said)
	}
	_, stranger, err := proof.NewKey("example.com/another", nil)
	if err != nil {
		t.Fatal(err)
	}
	audit(t, 1, "check-proof", "--key", stranger, file)
	changed := filepath.Join(dir, "changed")
	r, err := proof.ParseReceipt(receipt)
	if err != nil {
		t.Fatal(err)
	}
	r.Extra = []byte(strings.Replace(string(r.Extra), it.ID, strings.Repeat("0", 32), 1))
	write(t, changed, string(r.Marshal()))
	audit(t, 1, "check-proof", "--key", key, changed)
}

// receipt waits until there is a receipt of the decision about an item.
func (a *admin) receipt(t *testing.T, user, id string) (receipt []byte) {
	t.Helper()
	a.c.await(t, "the receipt", func() bool {
		var status int
		status, receipt = a.call(t, user, http.MethodGet, "/api/v1/items/"+id+"/receipt", "", "")
		return status == http.StatusOK
	})
	return receipt
}

// TestAuditErase: beside a running collector a person is forgotten: neither
// their name nor what they wrote is in a file of the log any more, what others
// wrote is, and the log still verifies.
func TestAuditErase(t *testing.T) {
	c := startHolding(t, t.TempDir())
	a := newAdmin(t, c)
	mustSend(t, c, tracesBatch(session(newVault(77), 1, false)))
	it := a.pending(t, 1)[0]
	a.approve(t, it.ID, "masked")
	a.await(t, it.ID, "released", "shredded")
	named := func() (files []string) {
		all := map[string][]byte{}
		readAll(t, c.auditDir(), all)
		for name, text := range all {
			if strings.Contains(string(text), "alice") {
				files = append(files, filepath.Base(name))
			}
		}
		return files
	}
	reasons := func() int {
		text, err := os.ReadFile(filepath.Join(c.auditDir(), "subjects.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), "seen in a test")
	}
	if n := reasons(); n != 2 {
		t.Fatalf("before the erasure %d reasons are there, want 2", n)
	}
	if files := named(); len(files) != 1 || files[0] != "subjects.jsonl" {
		t.Fatalf("before the erasure alice is in %v", files)
	}
	who := ""
	for _, e := range a.get(t, it.ID).Votes {
		if strings.Contains(e.By, "alice") {
			who = e.By
		}
	}
	audit(t, 0, "erase-subject", "--yes", who, c.auditDir())
	if files := named(); len(files) != 0 {
		t.Errorf("after the erasure alice is in %v", files)
	}
	if n := reasons(); n != 1 {
		t.Errorf("after the erasure %d reasons are there, want 1, that of bob", n)
	}
	audit(t, 0, "rotate-key", c.auditDir())
	mustSend(t, c, tracesBatch(lesser(newVault(78), 2)))
	c.stop(t)
	c.verified(t)
	if said := audit(t, 0, "verify", c.auditDir()); !strings.Contains(said, "erased") {
		t.Errorf("verify does not say that somebody was erased:\n%s", said)
	}
}

// copyTree copies a directory as a thief, or a backup, would.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() && !d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o600)
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}
