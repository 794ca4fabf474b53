package idptest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// form is the page to sign in at. As real providers do it remembers who has
// signed in, and asks them again only if told to.
type form struct {
	on bool
	// careless: it ignores that it should ask again.
	careless bool
	// shown is how often it was.
	shown int
	// known are those who are signed in here, by cookie.
	known map[string]visitor
}

type visitor struct {
	name string
	at   time.Time
}

// AskForNames makes the provider show a page to sign in at, to those it does
// not know. If it is careless it ignores that it should ask again.
func (p *Provider) AskForNames(careless bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.form.on, p.form.careless = true, careless
}

// TimesAsked is how often the page to sign in at was shown.
func (p *Provider) TimesAsked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.form.shown
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // maps and strings; the client may be gone
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range p.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	answer(w, set)
}

// authorize sends the browser back with a code, after the page to sign in at if there is one.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q, code := r.URL.Query(), rand.Text()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = q
	if q.Get("response_type") != "code" || q.Get("client_id") != ClientID || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		http.Error(w, "this is no request of the code flow with PKCE", http.StatusBadRequest)
		return
	}
	var who visitor
	if p.form.on {
		if who = p.signIn(w, r, q.Get("prompt") == "login"); who.name == "" {
			p.form.shown++
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,">
<form method="post" action="%s"><label>Name <input name="name" autofocus></label> <button>Sign in</button></form>`, html.EscapeString(r.URL.RequestURI()))
			return
		}
	}
	p.codes[code] = grant{who, q}
	back := url.Values{"state": {q.Get("state")}, "code": {code}, "iss": {p.URL}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// signIn says who is there, nobody if they must be asked. p.mu must be held.
func (p *Provider) signIn(w http.ResponseWriter, r *http.Request, again bool) visitor {
	if r.Method == http.MethodPost {
		who := visitor{r.PostFormValue("name"), time.Now()}
		if !again {
			who.at = who.at.Add(-time.Hour) // who signs in at first did so long ago, for something else
		}
		token := rand.Text()
		p.form.known[token] = who
		http.SetCookie(w, &http.Cookie{Name: "provider", Value: token, Path: "/", HttpOnly: true})
		return who
	}
	c, err := r.Cookie("provider")
	if err != nil || again && !p.form.careless {
		return visitor{}
	}
	return p.form.known[c.Value]
}

// token takes each code once, with the verifier and the secret that go with it.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	raw := p.forged
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	if !known || id != ClientID || secret != p.Secret || g.asked.Get("redirect_uri") != r.FormValue("redirect_uri") ||
		g.asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{"nonce": g.asked.Get("nonce")}
	if g.name != "" {
		claims["sub"], claims["preferred_username"], claims["auth_time"] = g.name+"-7", g.name, g.at.Unix()
	}
	if raw == "" {
		raw = p.Token(claims)
	}
	answer(w, map[string]any{"token_type": "Bearer", "access_token": rand.Text(), "id_token": raw})
}
