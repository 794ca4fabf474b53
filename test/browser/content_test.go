//go:build e2e

package browser

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// named returns the newest item of a service whose name begins so.
func (s *site) named(t *testing.T, service string) item {
	t.Helper()
	var list struct{ Items []item }
	s.call(t, s.names[0], "GET", "api/v1/items?page_size=500", "", "", &list)
	i := slices.IndexFunc(list.Items, func(it item) bool { return strings.HasPrefix(it.Service, service) })
	if i < 0 {
		t.Fatalf("there is no item of %s", service)
	}
	return list.Items[i]
}

// content opens an item's preview.
func (w *window) content(it item) {
	w.t.Helper()
	w.visit(place(it))
	w.head(it)
	w.click("#open-preview")
	w.until("the content is shown", `document.querySelectorAll(".preview [role=tab]").length > 0`)
}

// tab chooses a view of the content by the first word of its name.
func (w *window) tab(word string) {
	w.t.Helper()
	w.ask(fmt.Sprintf(`[...document.querySelectorAll("[role=tab]")].find((b) => b.innerText.startsWith(%q)).click()`, word))
}

// unfold opens everything that is folded, so many times.
const unfold = `for (let i = 0; i < 40; i++) { document.querySelectorAll("#item details").forEach((d) => { d.open = true; d.fillNow?.(); }); document.querySelectorAll("#item button.more, #item .wide-button").forEach((b) => b.click()); }`

// TestHostile: what a sender writes stays text, and does not hide.
func TestHostile(t *testing.T) {
	s := served(t, "")
	it := s.named(t, "<img")
	for _, l := range []look{desk, {width: 320, height: 640}} {
		w := s.open(t, "alice", l)
		w.content(it)
		for _, tab := range []string{"Conversation", "Timeline"} {
			w.tab(tab)
			w.ask(unfold)
			w.narrow(tab)
			for what, selector := range map[string]string{
				"elements that text became":   "#item script, #item img, #item style, #item form, #item iframe, #item svg, #item base, #item object",
				"links that text became":      "#item .preview a",
				"handlers that text became":   "[onerror], [onload], [onclick]",
				"scripts that are not ours":   `script:not([src="assets/app.js"]):not([src="assets/check.js"])`,
				"parts that are loaded twice": "#item ~ #item",
			} {
				if n := w.count(selector); n != 0 {
					t.Errorf("%s: %d %s", tab, n, what)
				}
			}
			shown := ask[string](w, `document.querySelector("#item").innerText`)
			for _, want := range []string{"<script>document.title='owned'</script>", "javascript:", "U+202E", "U+200B", "U+00AD", "ESC", "U+009B", "U+E0041", "U+2066"} {
				if !strings.Contains(shown, want) {
					t.Errorf("%s: %q is not shown as it is", tab, want)
				}
			}
			for _, r := range "\u202e\u202c\u2066\u200b\u00ad\x1b\u009b\x00" {
				if strings.ContainsRune(shown, r) {
					t.Errorf("%s: %U gets onto the page", tab, r)
				}
			}
		}
		if title := ask[string](w, `document.title`); !strings.HasSuffix(title, "tracescrub review") {
			t.Error("a script of the sender ran")
		}
		if ask[bool](w, `({}).polluted !== undefined || [].polluted !== undefined`) {
			t.Error("the prototype of all objects was changed")
		}
		if n := w.count(`mark[data-severity="unlisted"]`); n == 0 {
			t.Error("a forged mask looks like a finding")
		}
		if n := w.count(`mark[data-severity="high"]`); n == 0 {
			t.Error("the real mask is not shown as a finding")
		}
		if shown := ask[string](w, `document.querySelector(".preview").innerText`); !strings.Contains(shown, "12345678901234567890") || strings.Count(shown, `"a":`) < 2 {
			t.Error("JSON is changed by being laid out")
		}
		w.quiet()
	}
}

// TestMarkupIsRefused: even a mistake of ours could not turn text into markup.
func TestMarkupIsRefused(t *testing.T) {
	s := served(t, "")
	w := s.open(t, "alice", desk)
	w.visit("")
	for _, attempt := range []string{`document.body.innerHTML = "<p>x"`, `document.body.insertAdjacentHTML("beforeend", "<p>x")`, `document.write("x")`} {
		if !ask[bool](w, `(() => { try { `+attempt+`; return false; } catch { return true; } })()`) {
			t.Errorf("%s is not refused", attempt)
		}
	}
	w.ask(`(() => { const s = document.createElement("style"); s.textContent = "body { display: none }"; document.head.append(s); })()`)
	if ask[string](w, `getComputedStyle(document.body).display`) == "none" {
		t.Error("a style in the document takes effect")
	}
}

func TestDialects(t *testing.T) {
	s := served(t, "")
	w := s.open(t, "alice", desk)
	for _, tt := range []struct {
		service, tab string
		want         []string
		absent       string
	}{
		{"checkout-agent", "Conversation", []string{
			"System\nYou are the release agent", "User\nThe deployment of checkout fails", "Reasoning\nThe job reads", "Calls the tool run_command", "Answer of the tool run_command\nLANG=C.UTF-8",
			"aws-access-key", "earlier messages sent again, shown above", "Assistant finished: stop\nThe payment job starts with",
		}, "undefined"},
		{"checkout-agent", "Timeline", []string{"6 spans in 8.4 s", "invoke_agent checkout-agent", "process.spawn", "POST /v1/comments", "error", "400 ms"}, "undefined"},
		{"research-agent", "Conversation", []string{
			"System\nYou research prices.", "User\nUse my key", "for the search.", "Calls the tool search", `{"q":"price of tin"`,
			"User\nAnd the price of lead?", "Lead costs less than tin.", "User\nThanks.",
		}, "object Object"},
		{"codex-runner", "Conversation", []string{"User\nPush with"}, "undefined"},
		{"codex-runner", "Log records", []string{"remote: accepted", "push.log", "step\nnotify", "4 B of bytes", "ERROR"}, "object Object"},
		{"metering", "Metrics", []string{"http.server.requests", "9007199254740993", "Requests by session", "jwt"}, "object Object"},
	} {
		t.Run(tt.service+" "+tt.tab, func(t *testing.T) {
			w.t = t
			w.content(s.named(t, tt.service))
			w.tab(tt.tab)
			shown := ask[string](w, `document.querySelector("[role=tabpanel]:not([hidden])").innerText.replace(/\n\s*\n/g, "\n")`)
			for _, want := range tt.want {
				if !strings.Contains(shown, want) {
					t.Errorf("%q is not shown in:\n%s", want, shown)
				}
			}
			if strings.Contains(shown, tt.absent) {
				t.Errorf("%q is shown", tt.absent)
			}
			w.quiet()
		})
	}
}

// TestOnce: what an agent sends along with every call is shown once.
func TestOnce(t *testing.T) {
	s := served(t, "")
	w := s.open(t, "alice", desk)
	w.content(s.named(t, "checkout-agent"))
	shown := ask[string](w, `document.querySelector(".talk").innerText`)
	for _, text := range []string{"You are the release agent", "The deployment of checkout fails", "Calls the tool", "LANG=C.UTF-8"} {
		if n := strings.Count(shown, text); n != 1 {
			t.Errorf("%q is shown %d times", text, n)
		}
	}
	w.click(".source-top button")
	w.until("the message's span is open in the timeline", `document.activeElement.matches(".span-row[open] > summary")`)
}

func TestPermissions(t *testing.T) {
	s := served(t, "")
	it := s.pending(t, 1)[0]
	viewer, voter, alice := s.open(t, "viewer", desk), s.open(t, "voter", desk), s.open(t, "alice", desk)
	viewer.visit(place(it))
	viewer.head(it)
	viewer.see(".decision", "not decide")
	if viewer.count("#approve, #deny") != 0 {
		t.Error("somebody who may not decide is offered to")
	}
	voter.visit(place(it))
	voter.head(it)
	voter.click("#approve")
	if !ask[bool](voter, `document.querySelector("#mode-original").disabled && document.querySelector("#mode-masked").checked`) {
		t.Error("somebody without the permission reveal may choose the original")
	}
	own := s.named(t, "alices-own-agent")
	alice.visit(place(own))
	alice.head(own)
	alice.click("#approve")
	alice.write("dialog textarea", "it is mine")
	alice.click("dialog button.primary")
	alice.see("dialog .notice.bad", "your own")
	for _, w := range []*window{viewer, voter, alice} {
		w.quiet()
	}
}

// test makes happen what a gate does by itself.
func (s *site) test(t *testing.T, path string) {
	t.Helper()
	if status := s.call(t, s.names[0], http.MethodPost, "test/"+path, "", "", nil); status != http.StatusOK {
		t.Fatalf("%s: status %d", path, status)
	}
}

func TestLive(t *testing.T) {
	s := served(t, "")
	w := s.open(t, "alice", desk)
	it := s.pending(t, 1)[0]
	w.visit(place(it))
	w.head(it)
	rows := w.count(".row")
	s.test(t, "hold")
	w.see("#fresh", "1 new or changed item: show")
	if w.count(".row") != rows {
		t.Error("the list jumps under the reader's hand")
	}
	w.click("#fresh button")
	w.until("the new item is listed", `document.querySelector("#fresh").hidden`)
	s.test(t, "move/"+it.ID+"/expired")
	w.state("Expired")
	w.see(".meaning", "Nobody decided in time")
	w.see(".preview", "cannot be shown")
	w.until("its row says so", fmt.Sprintf(`(document.querySelector('.row[data-id=%q]')?.innerText ?? "Expired").includes("Expired")`, it.ID))
	if w.count("#approve, #deny, #open-preview") != 0 {
		t.Error("an expired item can still be decided on")
	}
	s.stop()
	w.see("#feed", "not live")
	s.start(t)
	w.see("#feed", "live")
	w.until("the list is that of the new server", fmt.Sprintf(`document.querySelector("#feed").dataset.state === "live" && document.querySelectorAll(".row").length === %d && document.querySelector("#banner").innerText === ""`, rows))
}
