//go:build e2e

package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEvidence: the report of a running Collector's log checks itself in the
// browser, under its own Content-Security-Policy, and finds what was changed.
func TestEvidence(t *testing.T) {
	c := started(t, nil)
	s := c.site(t)
	c.send(t, "checkout", "export GITHUB_TOKEN="+token())
	var it item
	c.await(t, "the item to be listed", func() bool {
		var list struct{ Items []item }
		s.call(t, s.names[0], "GET", "api/v1/items", "", "", &list)
		if len(list.Items) > 0 {
			it = list.Items[0]
		}
		return it.ID != ""
	})
	if code := s.call(t, s.names[0], "POST", "api/v1/items/"+it.ID+":deny", fmt.Sprint(it.Version), `{"reason":"a test of the report"}`, nil); code != http.StatusOK {
		t.Fatalf("denying: %d", code)
	}
	c.await(t, "the receipt", func() bool {
		return s.call(t, s.names[0], "GET", "api/v1/items/"+it.ID+"/receipt", "", "", nil) == http.StatusOK
	})
	dir := filepath.Join(t.TempDir(), "evidence")
	cmd := exec.CommandContext(t.Context(), "../../bin/tracescrub", "audit", "report", "--names", "--out", dir, filepath.Join(c.data, "audit")) //nolint:gosec // the test's own
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("audit report: %v\n%s", err, out)
	}
	lines, err := os.ReadFile(filepath.Join(dir, "entries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	for _, l := range []look{desk, {width: 1280, height: 900, dark: true}, {width: 390, height: 844}} {
		w := (&site{url: server.URL + "/"}).open(t, "", l)
		w.do("opening the report", navigate(server.URL+"/report.html"))
		w.see("h1 + .period", "UTC")
		w.see(".verdict.ok", "Verified.")
		w.until("the page is not wider than the window", `document.documentElement.scrollWidth <= innerWidth`)
		w.click("#run")
		w.see("#result[data-ok=yes]", "receipts proven")
		if n := w.count("pre.receipt"); n < 2 {
			t.Fatalf("%d receipts on the page", n)
		}
		choose := func(text string) {
			w.ask(fmt.Sprintf(`(() => {
				const files = new DataTransfer(), input = document.getElementById("lines");
				files.items.add(new File([%q], "entries.jsonl"));
				document.getElementById("lines-result").dataset.ok = "";
				input.files = files.files;
				input.dispatchEvent(new Event("change"));
			})()`, text))
		}
		choose(string(lines))
		w.see("#lines-result[data-ok=yes]", "all of them")
		choose(strings.Replace(string(lines), "checkout", "checkoux", 1))
		w.see("#lines-result[data-ok=no]", "NOT proven")
		choose(string(lines[strings.IndexByte(string(lines), '\n')+1:]))
		w.see("#lines-result[data-ok=no]", "NOT proven")
		w.ask(`document.querySelector("pre.receipt").textContent = document.querySelector("pre.receipt").textContent.replace(/\n[A-Za-z]/, (s) => s === "\nA" ? "\nB" : "\nA")`)
		w.click("#run")
		w.see("#result[data-ok=no]", "receipts proven")
		w.ask(`document.getElementById("keys").value = "example.com/other+00000000+AAAA"`)
		w.click("#run")
		w.see("#result[data-ok=no]", "0 of ")
		w.quiet()
	}
}
