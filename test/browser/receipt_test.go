//go:build e2e

package browser

import (
	"fmt"
	"strings"
	"testing"
)

// receipt: a decision's proof is shown, checked in the browser and can be
// saved; what is wrong with another one is said. approved and pending are other items.
func receipt(t *testing.T, s *site, w *window, denied, approved, pending item) {
	t.Helper()
	w.visit(place(pending))
	w.head(pending)
	w.until("nothing is decided, so there is no receipt", `document.querySelector("#item .receipt").hidden`)
	w.visit(place(denied))
	w.head(denied)
	w.see("#item .receipt-facts", "is entry")
	w.see("#item .receipt-facts .badge", "Denied")
	w.click("#check-receipt")
	w.see("#check-result", "The receipt holds, by the keys that the gate names")
	if n := w.count(`.steps [data-ok="true"]`); n != len(steps)+1 || w.count(".steps li") != n {
		t.Errorf("%d steps hold, want %d", n, len(steps)+1)
	}
	var log struct {
		Keys []string `json:"keys"`
		Size int64    `json:"size"`
		Root string   `json:"root"`
	}
	if status := s.call(t, s.somebody(), "GET", "api/v1/audit", "", "", &log); status != 200 {
		t.Fatalf("api/v1/audit: status %d", status)
	}
	checkWith := func(key, says string) {
		w.ask(fmt.Sprintf(`document.querySelector(".receipt details").open = true, document.querySelector("#receipt-keys").value = %q`, key))
		w.click("#check-receipt")
		w.see("#check-result", says)
	}
	checkWith(strings.Join(log.Keys, "\n"), "The receipt holds, by the keys that you gave")
	checkWith(keyOf(t, "somebody else's").public, "The receipt does not hold")
	if ask[string](w, `document.querySelector(".steps li:last-child").dataset.ok`) != "false" {
		t.Error("the step that fails is not marked")
	}
	if saved := ask[string](w, `fetch(document.querySelector(".receipt a.button").href).then((r) => r.text())`); !strings.HasPrefix(saved, "c2sp.org/tlog-proof@v1\n") {
		t.Error("the file is no receipt")
	}

	// A gate that hands out the receipt of another item is found out.
	w.visit(place(pending))
	w.ask(fmt.Sprintf(`((real) => { globalThis.fetch = (url, o) => real(String(url).endsWith("/receipt") ? String(url).replace(%q, %q) : url, o); })(fetch)`, denied.ID, approved.ID))
	w.ask(fmt.Sprintf(`location.hash = %q`, place(denied)))
	w.head(denied)
	w.click("#check-receipt")
	w.see("#check-result", "this receipt belongs elsewhere")

	// So is one that takes the place of a receipt that was checked: an item
	// goes on while somebody looks at it, and no answer gets lost by that.
	w.visit(place(denied))
	w.see("#item .receipt-facts", "is entry")
	checkWith(strings.Join(log.Keys, "\n"), "The receipt holds, by the keys that you gave")
	w.ask(fmt.Sprintf(`((real) => {
		globalThis.fetch = async (url, o) => {
			if (String(url).endsWith("/receipt")) return real(String(url).replace(%[1]q, %[2]q), o);
			const got = await real(url, o);
			if (!String(url).endsWith("/items/" + %[1]q)) return got;
			const it = await got.json();
			return Response.json({ ...it, version: it.version + 1 }, { headers: got.headers });
		};
		dispatchEvent(new Event("pagehide"));
		dispatchEvent(new Event("pageshow"));
	})(fetch)`, denied.ID, approved.ID))
	w.see("#check-result", "this receipt belongs elsewhere")
	if ask[string](w, `document.querySelector("#receipt-keys").value`) != strings.Join(log.Keys, "\n") {
		t.Error("the keys that were typed are gone")
	}

	w.click("#open-log")
	w.until("the log's size and root are shown", `+document.querySelector("dialog #log-size")?.innerText.replaceAll(",", "") > 0 && /^[A-Za-z0-9+/]{43}=$/.test(document.querySelector("dialog #log-root").innerText)`)
	w.until("it is said where checkpoints went", `document.querySelector("dialog #log-copies") !== null`)
	w.dismiss()
}

// TestReceiptPermission: without the permission there are no receipts, and no
// request for one, but everybody sees how the log is.
func TestReceiptPermission(t *testing.T) {
	s := served(t, "")
	it := s.named(t, "ledger-agent") // released
	for name, may := range map[string]bool{"alice": true, "voter": false} {
		w := s.open(t, name, desk)
		w.visit("#/items/" + it.ID + "?state=all")
		w.head(it)
		if may {
			w.see("#item .receipt-facts", "Approved")
		} else if !ask[bool](w, `document.querySelector("#item .receipt").hidden`) {
			t.Error("somebody without the permission sees a receipt")
		}
		w.click("#open-log")
		w.see("dialog #log-copies", "webhook/siem")
		w.narrow("log")
		w.quiet()
	}
}
