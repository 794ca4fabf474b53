//go:build e2e

package e2e

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/test/idptest"
)

// browser is a person's: it keeps cookies and goes nowhere by itself.
type browser struct {
	*http.Client
	base string
}

func newBrowser(t *testing.T, c *collector) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, "http://" + c.admin}
}

// visit asks for an address, and returns status, body and where it leads.
func (b *browser) visit(t *testing.T, method, to string, headers ...string) (status int, body []byte, next string) {
	t.Helper()
	if strings.HasPrefix(to, "/") {
		to = b.base + to
	}
	req, err := http.NewRequestWithContext(t.Context(), method, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatalf("visiting: %v", err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	next = resp.Header.Get("Location")
	if _, after, ok := strings.Cut(string(body), `content="0;url=`); ok {
		next, _, _ = strings.Cut(after, `"`)
		next = html.UnescapeString(next)
	}
	return resp.StatusCode, body, next
}

// toProvider begins a login and returns what the browser comes back with.
func (b *browser) toProvider(t *testing.T, place string) (back string) {
	t.Helper()
	_, _, to := b.visit(t, http.MethodGet, "/login?next="+url.QueryEscape(place))
	if _, _, back = b.visit(t, http.MethodGet, to); !strings.HasPrefix(back, b.base+"/login/callback?") {
		t.Fatal("the provider does not lead back to the gate")
	}
	return back
}

// logIn logs in and returns where that leads.
func (b *browser) logIn(t *testing.T, place string) string {
	t.Helper()
	status, _, next := b.visit(t, http.MethodGet, b.toProvider(t, place))
	if status != http.StatusOK {
		t.Fatalf("logging in: status %d", status)
	}
	return next
}

// me is the status of whoever asks who they are, and their CSRF token.
func (b *browser) me(t *testing.T) (status int, identity, csrf string) {
	t.Helper()
	status, body, _ := b.visit(t, http.MethodGet, "/api/v1/me")
	if status == http.StatusOK {
		identity, csrf = whoami(t, body)
	}
	return status, identity, csrf
}

// TestIdentityInBrowser: the login of the built binary with code and PKCE. It
// is refused for any answer that is not to its own question, leads nowhere
// else, and ends by logging out and by itself.
func TestIdentityInBrowser(t *testing.T) {
	c, p, _ := startIdentified(t)
	(&admin{c: c, tokens: map[string]string{"alice": tokenOf(p, "alice", "reviewers")}}).ready(t)
	early := newBrowser(t, c)
	p.Claim("sub", "early-7") // one person has ten sessions at most, and alice will have more
	early.logIn(t, "/")
	p.Claim("sub", "alice-7")
	if status, identity, _ := early.me(t); status != http.StatusOK || identity != p.URL+" early-7" {
		t.Fatalf("logged in: status %d as %s", status, identity)
	}
	t.Run("what is asked", func(t *testing.T) {
		q := p.Asked()
		if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 20 || len(q.Get("nonce")) < 20 || q.Get("redirect_uri") != early.base+"/login/callback" {
			t.Error("the question lacks PKCE, state, nonce or the address of this gate")
		}
		before := q.Get("state") + q.Get("nonce") + q.Get("code_challenge")
		newBrowser(t, c).toProvider(t, "/")
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if strings.Contains(before, p.Asked().Get(name)) {
				t.Errorf("%s is used twice", name)
			}
		}
	})
	t.Run("refused", func(t *testing.T) { refusedLogins(t, c) })
	t.Run("forged", func(t *testing.T) { forgedLogins(t, c, p) })
	t.Run("leads home", func(t *testing.T) {
		for _, place := range []string{"//evil.example", "https://evil.example/", `/\evil.example`, "/%5cevil.example", "http:evil.example", "javascript:alert(1)", "/login?next=/", "/logout", "/\tx", "/a\r\nSet-Cookie: a=b"} {
			next := newBrowser(t, c).logIn(t, place)
			u, err := url.Parse(next)
			if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
				t.Errorf("a login leads to %q", next)
			}
		}
		if next := newBrowser(t, c).logIn(t, "/?state=pending#x"); next != "/?state=pending" {
			t.Errorf("a login leads to %q", next)
		}
	})
	t.Run("log out", func(t *testing.T) {
		b := newBrowser(t, c)
		b.logIn(t, "/")
		_, _, csrf := b.me(t)
		if status, _, _ := b.visit(t, http.MethodPost, "/logout"); status != http.StatusForbidden {
			t.Errorf("without the CSRF token: status %d", status)
		}
		stolen := b.Jar.Cookies(mustParse(t, b.base))
		if status, _, _ := b.visit(t, http.MethodPost, "/logout", "X-CSRF-Token", csrf); status != http.StatusNoContent {
			t.Errorf("logging out: status %d", status)
		}
		b.Jar.SetCookies(mustParse(t, b.base), stolen)
		if status, _, _ := b.me(t); status != http.StatusUnauthorized {
			t.Errorf("a session that was ended: status %d", status)
		}
	})
	t.Run("ends by itself", func(t *testing.T) {
		if status, _, _ := early.me(t); status != http.StatusOK {
			t.Fatalf("it has ended already: status %d", status)
		}
		kept := early.Jar.Cookies(mustParse(t, early.base)) // a thief does not heed Max-Age
		soon(t, "the session to end", func() bool {
			early.Jar.SetCookies(mustParse(t, early.base), kept)
			status, _, _ := early.me(t)
			return status == http.StatusUnauthorized
		})
	})
	c.alive(t)
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// refusedLogins are answers that belong to no question, or to another one.
func refusedLogins(t *testing.T, c *collector) {
	t.Helper()
	with := func(back, name, value string) string {
		u := mustParse(t, back)
		q := u.Query()
		q.Set(name, value)
		u.RawQuery = q.Encode()
		return u.String()
	}
	try := func(name string, answer func(b *browser) string) {
		t.Helper()
		b := newBrowser(t, c)
		if status, _, _ := b.visit(t, http.MethodGet, answer(b)); status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, status)
		}
		if status, _, _ := b.me(t); status != http.StatusUnauthorized {
			t.Errorf("%s: somebody is logged in, status %d", name, status)
		}
	}
	try("another state", func(b *browser) string { return with(b.toProvider(t, "/"), "state", "x") })
	try("another code", func(b *browser) string { return with(b.toProvider(t, "/"), "code", "x") })
	try("another provider", func(b *browser) string { return with(b.toProvider(t, "/"), "iss", "https://another.example") })
	try("an error", func(b *browser) string { return with(b.toProvider(t, "/"), "error", "access_denied") })
	try("no question", func(b *browser) string { return b.base + "/login/callback?code=x&state=y" })
	try("the question of another browser", func(*browser) string { return newBrowser(t, c).toProvider(t, "/") })
	try("the answer to another question of the same browser", func(b *browser) string {
		first := b.toProvider(t, "/")
		b.toProvider(t, "/")
		return first
	})
	try("the same answer again", func(b *browser) string {
		back := b.toProvider(t, "/")
		b.visit(t, http.MethodGet, back)
		b.Jar, _ = cookiejar.New(nil) // a new browser that has only the address
		return back
	})
	// A code that was made without PKCE, or for another verifier: the gate sends its own.
	try("a code of somebody else", func(b *browser) string {
		stolen := mustParse(t, newBrowser(t, c).toProvider(t, "/")).Query().Get("code")
		return with(b.toProvider(t, "/"), "code", stolen)
	})
}

// forgedLogins: no ID token is believed but the provider's own, for this login.
func forgedLogins(t *testing.T, c *collector, p *idptest.Provider) {
	t.Helper()
	defer p.AnswerWith("")
	for name := range p.Forgeries(idptest.ClientID, nil) {
		b := newBrowser(t, c)
		back := b.toProvider(t, "/")
		p.AnswerWith(p.Forgeries(idptest.ClientID, map[string]any{"nonce": p.Asked().Get("nonce"), "groups": []string{"reviewers"}})[name])
		if status, _, _ := b.visit(t, http.MethodGet, back); status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, status)
		}
	}
	b := newBrowser(t, c)
	back := b.toProvider(t, "/")
	p.AnswerWith(p.Token(map[string]any{"nonce": "another"}))
	if status, _, _ := b.visit(t, http.MethodGet, back); status != http.StatusForbidden {
		t.Errorf("the nonce of another login: status %d", status)
	}
}
