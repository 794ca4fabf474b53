//go:build e2e

package browser

import (
	"fmt"
	"strings"
	"testing"
)

// TestFlows is what reviewers do, from signing in to the keyboard.
func TestFlows(t *testing.T) { flows(t, given(t)) }

func flows(t *testing.T, s *site) {
	t.Helper()
	one, two := s.pending(t, 1), s.pending(t, 2)
	if len(one) < 6 || len(two) < 2 {
		t.Fatalf("%d pending items that take one approval and %d that take two; the flows need 6 and 2", len(one), len(two))
	}
	alice := s.open(t, s.names[0], desk)
	bob := s.open(t, s.names[1], desk)
	flow := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			alice.t, bob.t = t, t
			f(t)
			alice.quiet()
			bob.quiet()
		})
	}
	flow("sign in", func(t *testing.T) { signIn(t, s, alice) })
	flow("filter", func(t *testing.T) { filter(t, alice, two[0]) })
	flow("expiry", func(*testing.T) { expiry(alice, one[0]) })
	flow("preview", func(t *testing.T) { preview(t, alice, two[0]) })
	flow("approve by two people", func(t *testing.T) { approveByTwo(t, s, alice, bob, two[0]) })
	flow("deny", func(t *testing.T) { deny(t, s, alice, one[0]) })
	flow("receipt", func(t *testing.T) { receipt(t, s, alice, one[0], two[0], one[5]) })
	flow("conflict", func(t *testing.T) { conflict(t, s, alice, one[1]) })
	flow("bulk", func(t *testing.T) { bulk(t, s, alice, one[2], one[3]) })
	flow("keyboard only", func(t *testing.T) { keyboard(t, s, bob, one[4]) })
	flow("phone", func(t *testing.T) { phone(t, s, one[5]) })
	flow("dark", func(t *testing.T) { dark(t, s, alice) })
}

func place(it item) string { return "#/items/" + it.ID }

// head waits until an item is open.
func (w *window) head(it item) {
	w.t.Helper()
	w.until("the item is open", fmt.Sprintf(`document.querySelector("#item .facts")?.innerText.includes(%q)`, it.ID))
}

// state waits until the open item has a state.
func (w *window) state(words string) {
	w.t.Helper()
	w.see("#item .item-head .badge.state", words)
}

func signIn(t *testing.T, s *site, alice *window) {
	nobody := s.open(t, "", desk)
	nobody.do("opening the page", navigate(s.url))
	if nobody.count("#rows, script") != 0 {
		t.Error("somebody without a password gets the page")
	}
	wrong := s.open(t, "mallory", desk)
	wrong.do("opening the page", navigate(s.url))
	if wrong.count("#rows, script") != 0 {
		t.Error("somebody unknown gets the page")
	}
	alice.visit("")
	alice.see("#who .name", s.names[0])
	alice.see("#feed", "live")
	alice.see("#stats", "pending")
	if alice.count(".row") == 0 {
		t.Error("the list is empty")
	}
	alice.mu.Lock()
	defer alice.mu.Unlock()
	if alice.asked != 1 {
		t.Errorf("the browser asked %d times for the password, want once", alice.asked)
	}
}

func filter(t *testing.T, w *window, it item) {
	w.visit("")
	all := w.count(".row")
	w.ask(`document.querySelector("#f-severity").value = "critical", document.querySelector("#f-severity").dispatchEvent(new Event("input", {bubbles: true}))`)
	w.until("only critical items are listed", `location.hash.includes("severity=critical") && !document.querySelector("#rows[aria-busy]") && [...document.querySelectorAll(".row")].every((r) => r.dataset.severity === "critical")`)
	if n := w.count(".row"); n == 0 || n >= all {
		t.Errorf("%d rows with the filter, %d without", n, all)
	}
	w.write("#f-q", it.ID)
	w.until("only one item is listed", `document.querySelectorAll(".row").length === 1`)
	if got := ask[string](w, `document.querySelector(".row").dataset.id`); got != it.ID {
		t.Error("the row is another item's")
	}
	w.write("#f-rule", "no-such-rule")
	w.see("#list-end", "No item matches")
	w.click("#list-end button")
	w.until("all items are back", fmt.Sprintf(`document.querySelectorAll(".row").length >= %d && location.hash === "#/"`, all))
	if ask[string](w, `document.querySelector("#f-q").value`) != "" {
		t.Error("the search is not cleared")
	}
	w.visit("#/?severity=critical&q=" + it.ID)
	if w.count(".row") != 1 || ask[string](w, `document.querySelector("#f-severity").value`) != "critical" {
		t.Error("an address with filters does not lead to the filtered list")
	}
}

func expiry(w *window, it item) {
	w.visit(place(it))
	w.head(it)
	w.until("the time left is shown", `/^Expires in \d+ (d|h|min|s)/.test(document.querySelector("#item .deadline").innerText)`)
	w.until("the list shows it as well", fmt.Sprintf(`/expires in \d/.test(document.querySelector('.row[data-id=%q]')?.innerText ?? "expires in 1")`, it.ID))
}

func preview(t *testing.T, w *window, it item) {
	w.visit(place(it))
	w.head(it)
	w.see("#preview-note", "recorded as a view")
	if n := w.count(".preview mark, .turn, .spans"); n != 0 {
		t.Errorf("%d parts of the content are there before anybody asked", n)
	}
	w.click("#open-preview")
	w.until("the content is shown", `document.querySelectorAll(".preview [role=tab]").length > 0`)
	w.press("n")
	w.until("a mask is found", `document.activeElement.matches("mark.mask.here")`)
	w.click("#item .finding .in-preview")
	w.until("the finding is shown in place", `document.activeElement.matches("mark.mask.here") && document.activeElement.checkVisibility()`)
	if fp := ask[string](w, `document.querySelector(".finding").dataset.fingerprint`); !strings.HasPrefix(ask[string](w, `document.activeElement.dataset.fingerprint`), fp[:8]) {
		t.Error("another secret's mask is shown")
	}
}

func approveByTwo(t *testing.T, s *site, alice, bob *window, it item) {
	alice.visit(place(it))
	bob.visit(place(it))
	alice.head(it)
	bob.head(it)
	alice.see(".decision", "0 of 2 approvals")
	alice.click("#approve")
	alice.click("dialog button.primary")
	alice.see("dialog", "Say why")
	if got := s.get(t, it.ID); len(got.Votes) != 0 {
		t.Error("a vote without a reason was sent")
	}
	alice.write("dialog textarea", "a test account, rotated")
	alice.click("dialog button.primary")
	alice.see(".decision", "1 of 2 approvals")
	alice.state("Pending")
	bob.see(".decision", "1 of 2 approvals") // without a reload
	bob.see(".votes", "a test account, rotated")
	bob.click("#approve")
	bob.see("dialog", "the last one needed")
	bob.write("dialog textarea", "checked with the owner")
	bob.click("dialog button.primary")
	bob.until("it is approved", `["Approved", "Being released", "Released"].includes(document.querySelector("#item .item-head .badge.state").innerText)`)
	alice.until("it is approved for her as well", `["Approved", "Being released", "Released"].includes(document.querySelector("#item .item-head .badge.state").innerText) && document.querySelectorAll(".ballot").length === 2 && !document.querySelector(".decision")`)
	if got := s.get(t, it.ID); len(got.Votes) != 2 || got.Votes[0].By == got.Votes[1].By {
		t.Error("there are not two votes of two people")
	}
}

func deny(t *testing.T, s *site, w *window, it item) {
	w.visit(place(it))
	w.head(it)
	w.click("#deny")
	w.see("dialog", "cannot be undone")
	w.write("dialog textarea", "holds customer data")
	w.click("dialog button.danger")
	w.until("it is denied", `["Denied", "Shredded"].includes(document.querySelector("#item .item-head .badge.state").innerText)`)
	w.see(".votes", "holds customer data")
	w.see(".preview", "cannot be shown")
	if got := s.get(t, it.ID); got.State != "denied" && got.State != "shredded" {
		t.Errorf("the item is %s", got.State)
	}
}

func conflict(t *testing.T, s *site, w *window, it item) {
	w.visit(place(it))
	w.head(it)
	w.click("#approve")
	w.write("dialog textarea", "fine with me")
	s.decide(t, s.names[1], it, "deny")
	w.click("dialog button.primary")
	w.see("dialog [data-conflict]", "Somebody else was faster")
	w.until("the new state is named", `/The item is now: (Denied|Shredded)/.test(document.querySelector("dialog").innerText)`)
	w.dismiss()
	w.until("it is denied", `["Denied", "Shredded"].includes(document.querySelector("#item .item-head .badge.state").innerText)`)
	if got := s.get(t, it.ID); len(got.Votes) != 1 {
		t.Errorf("%d votes, want the one that was faster", len(got.Votes))
	}
}

// decide votes as somebody, beside the browser.
func (s *site) decide(t *testing.T, who string, it item, verb string) {
	t.Helper()
	now := s.get(t, it.ID)
	if status := s.call(t, who, "POST", "api/v1/items/"+it.ID+":"+verb, fmt.Sprint(now.Version), `{"reason":"a test of conflicts"}`, nil); status != 200 {
		t.Fatalf("%s of %s: status %d", verb, it.ID, status)
	}
}

func bulk(t *testing.T, s *site, w *window, good, late item) {
	w.visit("#/?q=" + good.ID)
	pick := func(it item) {
		w.ask(fmt.Sprintf(`location.hash = "#/?q=%s"`, it.ID))
		w.until("the item is listed", fmt.Sprintf(`document.querySelector('.row[data-id=%q]') !== null`, it.ID))
	}
	pick(good)
	w.visit("")
	w.until("both are listed", fmt.Sprintf(`[...document.querySelectorAll("#list-end button")].forEach((b) => b.click()) ?? [%q, %q].every((id) => document.querySelector('.row[data-id="' + id + '"]'))`, good.ID, late.ID))
	for _, it := range []item{good, late} {
		w.click(fmt.Sprintf(`.row[data-id=%q] input`, it.ID))
	}
	w.see("#bulk", "2 selected")
	w.click("#bulk .primary")
	w.write("dialog textarea", "load test of last night")
	s.decide(t, s.names[1], late, "deny")
	w.click("dialog button.primary")
	w.see("dialog", "1 of 2 decisions recorded")
	w.see(fmt.Sprintf(`.results [data-id=%q].done`, good.ID), "Recorded")
	w.see(fmt.Sprintf(`.results [data-id=%q].failed`, late.ID), "Not recorded")
	w.dismiss()
	if got := s.get(t, good.ID); len(got.Votes) != 1 {
		t.Errorf("%d votes on the item that was free", len(got.Votes))
	}
}

func keyboard(t *testing.T, s *site, w *window, it item) {
	w.visit("")
	w.press("?")
	w.see("dialog", "One-key commands")
	w.dismiss()
	w.press("/")
	w.until("the search has the focus", `document.activeElement.id === "f-q"`)
	w.press(strings.Split(it.ID, "")...)
	w.until("one item is listed", `document.querySelectorAll(".row").length === 1`)
	w.press(escape, "j")
	w.until("the row has the focus", `document.activeElement.matches(".row-link:focus-visible")`)
	w.press("x")
	w.see("#bulk", "1 selected")
	w.press("x")
	w.until("it is not selected any more", `document.querySelector("#bulk").hidden`)
	w.press(enter)
	w.head(it)
	w.press("p")
	w.until("the content is shown", `document.querySelectorAll(".preview [role=tab]").length > 0`)
	w.press("d")
	w.until("the reason has the focus", `document.activeElement.matches("dialog textarea")`)
	for range 12 {
		w.press(tab)
		if !ask[bool](w, `document.activeElement === document.body || !!document.activeElement.closest("dialog")`) {
			t.Fatal("the focus leaves the dialog")
		}
	}
	w.ask(`document.querySelector("dialog textarea").focus()`)
	w.press(strings.Split("by keyboard", "")...)
	w.press(tab, enter)
	w.until("it is denied", `["Denied", "Shredded"].includes(document.querySelector("#item .item-head .badge.state").innerText)`)
	w.until("the focus is not lost", `document.activeElement !== document.body`)
	if got := s.get(t, it.ID); len(got.Votes) != 1 {
		t.Errorf("%d votes", len(got.Votes))
	}
	w.press("?")
	w.ask(`document.querySelector("dialog input[type=checkbox]").click()`)
	w.dismiss()
	w.press("/")
	if ask[string](w, `document.activeElement.id`) == "f-q" {
		t.Error("one-key commands work though they are off")
	}
}

// narrow fails the test if something is wider than the window.
func (w *window) narrow(where string) {
	w.t.Helper()
	if over := ask[int](w, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		w.t.Errorf("%s: %d pixels wider than the window: %s", where, over, ask[string](w,
			`[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map((e) => e.tagName + "." + e.className).join(" ")`))
	}
}

func phone(t *testing.T, s *site, it item) {
	w := s.open(t, s.names[0], look{width: 320, height: 640})
	w.visit("")
	w.narrow("list")
	if ask[bool](w, `document.querySelector("#item").checkVisibility()`) {
		t.Error("list and item are shown side by side")
	}
	w.visit(place(it))
	w.head(it)
	w.narrow("item")
	w.click("#open-preview")
	w.until("the content is shown", `document.querySelectorAll(".preview [role=tab]").length > 0`)
	w.narrow("preview")
	for i := range w.count("[role=tab]") {
		w.click(fmt.Sprintf("#tab-%d", i))
		w.ask(`document.querySelectorAll("details").forEach((d) => { d.open = true; })`)
		w.narrow("view of the content")
	}
	w.click("#approve")
	w.narrow("dialog")
	w.until("the dialog fits", `(({left, right, top, bottom}) => left >= 0 && right <= innerWidth && top >= 0 && bottom <= innerHeight)(document.querySelector("dialog").getBoundingClientRect())`)
	w.dismiss()
	w.click(".back")
	w.until("the list is back", `document.querySelector("#rows").checkVisibility() && !document.querySelector("#item").checkVisibility()`)
	w.quiet()
}

func dark(t *testing.T, s *site, light *window) {
	w := s.open(t, s.names[0], look{width: 1280, height: 900, dark: true})
	w.visit("")
	light.visit("")
	const brightness = `getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)`
	if night, day := ask[int](w, brightness), ask[int](light, brightness); night > 150 || day < 600 {
		t.Errorf("the ground's brightness is %d in the dark and %d in the light", night, day)
	}
	w.quiet()
}
