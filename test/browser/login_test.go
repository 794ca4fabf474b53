//go:build e2e

package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/test/idptest"
)

// withLogin lets people in by the provider: with a browser, and programs with
// a bearer token that the oidc extension checks.
func withLogin(p *idptest.Provider) func(admin string) string {
	return func(admin string) string {
		return fmt.Sprintf(`
extensions: {oidc: {providers: [{issuer_url: %[1]q, audience: %[2]s}]}}
service: {extensions: [health_check, oidc]}
receivers:
  release_gate:
    http: {auth: {authenticator: oidc}}
    login: {issuer: %[1]q, client_id: %[2]s, redirect_url: "http://%[3]s/login/callback"}
    permissions: [{groups: [reviewers], allow: [list, preview, decide, reveal]}]
`, p.URL, idptest.ClientID, admin)
	}
}

// at waits until the window is at an address that begins so.
func (w *window) at(prefix string) {
	w.t.Helper()
	w.until("the window is at "+prefix, fmt.Sprintf(`location.href.startsWith(%q) && document.readyState === "complete"`, prefix))
}

// signInAt fills in the provider's form.
func (w *window) signInAt(p *idptest.Provider, name string) {
	w.t.Helper()
	w.at(p.URL + "/authorize")
	w.write("input[name=name]", name)
	w.click("button")
	w.at(w.site.url)
	w.until("the list is there", `!!document.querySelector("#rows") && !document.querySelector("#rows[aria-busy]") && document.querySelector("#feed").dataset.state === "live"`)
}

// TestLogin: a login by OpenID Connect with code and PKCE, the way back to
// where somebody was, signing out, and the fresh login that an original takes.
func TestLogin(t *testing.T) {
	p := idptest.New()
	t.Cleanup(p.Close)
	p.AskForNames(false)
	p.Claim("groups", []string{"reviewers"})
	c := started(t, withLogin(p))
	s := &site{url: "http://" + c.admin + "/", also: p.URL, bearer: p.Token(map[string]any{"sub": "program"})}
	secret := token()
	c.send(t, "checkout", "export GITHUB_TOKEN="+secret)
	var it item
	c.await(t, "the item to be listed", func() bool {
		list := s.pending(t, 2)
		if len(list) > 0 {
			it = list[0]
		}
		return it.ID != ""
	})
	alice, bob := s.open(t, "", desk), s.open(t, "", desk)
	flow := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			alice.t, bob.t = t, t
			f(t)
			alice.quiet()
			bob.quiet()
		})
	}
	flow("sign in", func(t *testing.T) {
		alice.do("opening the page", navigate(s.url))
		alice.signInAt(p, "alice")
		alice.see("#who", "alice")
		if ask[string](alice, `document.cookie`) != "" || strings.Contains(ask[string](alice, `location.href`), "code=") {
			t.Error("the login is open to scripts, or its code stays in the address")
		}
	})
	flow("come back to a place", func(t *testing.T) {
		bob.do("opening a link to an item", navigate(s.url+place(it)))
		bob.signInAt(p, "bob")
		bob.head(it)
	})
	flow("sign out", func(t *testing.T) { signOut(t, p, s, alice, it) })
	flow("original", func(t *testing.T) { originalByTwo(t, p, s, alice, bob, it) })
	c.await(t, "the original to be written", func() bool { return strings.Contains(string(c.out(t)), secret) })
	for _, w := range []*window{alice, bob} {
		if w.asked != 0 {
			t.Error("the browser asked for a password")
		}
	}
}

// signOut: whoever signs out is out, though the provider still knows them.
func signOut(t *testing.T, p *idptest.Provider, s *site, w *window, it item) {
	w.do("opening an item", navigate(s.url+place(it)))
	w.head(it)
	w.click("#open-preview")
	w.until("the content is shown", `document.querySelectorAll(".preview [role=tab]").length > 0`)
	w.click("#who button")
	w.see("body", "You are signed out")
	if n := w.count(".row, .preview, #item > *, #who button"); n != 0 {
		t.Errorf("%d parts of what was shown are left", n)
	}
	if status := ask[int](w, `fetch("api/v1/me").then((r) => r.status)`); status != 401 {
		t.Errorf("the session still works: status %d", status)
	}
	asked := p.TimesAsked()
	w.click("a")
	w.at(s.url)
	w.until("the list is there", `document.querySelector("#feed")?.dataset.state === "live"`)
	if p.TimesAsked() != asked {
		t.Error("the provider asked again")
	}
}

// originalByTwo: an original takes a login of the last minutes, of both.
func originalByTwo(t *testing.T, p *idptest.Provider, s *site, alice, bob *window, it item) {
	vote := func(w *window) {
		w.t.Helper()
		w.click("#approve")
		w.click("#mode-original")
		w.write("dialog textarea", "the destination needs it")
		w.click("dialog button.primary")
	}
	for _, w := range []*window{alice, bob} {
		name := map[*window]string{alice: "alice", bob: "bob"}[w]
		w.do("opening the item", navigate(s.url+place(it)))
		w.head(it)
		before := len(s.get(t, it.ID).Votes)
		vote(w)
		w.see("dialog .notice.bad", "a login of the last")
		if n := len(s.get(t, it.ID).Votes); n != before {
			t.Fatal("a vote for the original counts after a login of an hour ago")
		}
		p.AskForNames(true)
		w.click("dialog .notice.bad a")
		w.see("body", "did not ask for a new proof of identity")
		p.AskForNames(false)
		w.do("opening the item", navigate(s.url+place(it)))
		w.head(it)
		vote(w)
		w.click("dialog .notice.bad a")
		w.signInAt(p, name)
		w.head(it) // back where they were
		vote(w)
		w.until("the vote is counted", fmt.Sprintf(`document.querySelectorAll(".ballot").length === %d`, before+1))
	}
	bob.until("it is approved", `["Approved", "Being released", "Released"].includes(document.querySelector("#item .item-head .badge.state").innerText)`)
}
