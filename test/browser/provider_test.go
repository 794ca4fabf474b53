//go:build e2e

package browser

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is the only one that a provider knows.
const client = "tracescrub-gate"

// provider is an OpenID Connect provider with a page to sign in at. As real
// ones do it remembers who has signed in, and asks them again only if told to.
type provider struct {
	url string
	key *ecdsa.PrivateKey

	mu sync.Mutex
	// All below is guarded by mu.
	codes map[string]grant
	// people are those who are signed in here, by cookie.
	people map[string]signedIn
	// asked is how often the page to sign in was shown, careless whether the
	// provider ignores that it should ask again.
	asked    int
	careless bool
}

type signedIn struct {
	name string
	at   time.Time
}

// grant is what a code stands for.
type grant struct {
	signedIn
	challenge, redirect, nonce string
}

// newProvider starts a provider. Its address is another site's than that of
// the page, as it is outside of tests.
func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{key: key, codes: map[string]grant{}, people: map[string]signedIn{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer": p.url, "authorization_endpoint": p.url + "/authorize", "token_endpoint": p.url + "/token",
			"jwks_uri": p.url + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
		})
	})
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p.url = "http://localhost:" + port
	return p
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // maps and strings; the client may be gone
}

func number(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (p *provider) keys(w http.ResponseWriter, _ *http.Request) {
	point, err := p.key.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": number(point[1:33]), "y": number(point[33:]),
	}}})
}

// authorize shows the page to sign in, or sends who is known back at once.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != client || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		http.Error(w, "this is no request of the code flow with PKCE", http.StatusBadRequest)
		return
	}
	var who signedIn
	if c, err := r.Cookie("provider"); err == nil {
		who = p.people[c.Value]
	}
	again := q.Get("prompt") == "login" && !p.careless
	if r.Method == http.MethodPost {
		who, again = signedIn{name: r.PostFormValue("name"), at: time.Now()}, false
		// Who signs in at first did so long ago, for something else.
		if q.Get("prompt") != "login" {
			who.at = who.at.Add(-time.Hour)
		}
		token := rand.Text()
		p.people[token] = who
		http.SetCookie(w, &http.Cookie{Name: "provider", Value: token, Path: "/", HttpOnly: true})
	}
	if who.name == "" || again {
		p.asked++
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>Provider</title><link rel="icon" href="data:,">
<form method="post" action="%s"><label>Name <input name="name" autofocus></label> <button>Sign in</button></form>`, html.EscapeString(r.URL.RequestURI()))
		return
	}
	code := rand.Text()
	p.codes[code] = grant{who, q.Get("code_challenge"), q.Get("redirect_uri"), q.Get("nonce")}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"state": {q.Get("state")}, "code": {code}, "iss": {p.url}}.Encode(), http.StatusFound)
}

// token takes each code once, with the verifier that goes with it.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	g, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || g.redirect != r.FormValue("redirect_uri") || g.challenge != number(sum[:]) {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]string{"error": "invalid_grant"})
		return
	}
	answer(w, map[string]string{"token_type": "Bearer", "access_token": rand.Text(), "id_token": p.sign(g)})
}

// sign makes the ID token, or a bearer token of a program.
func (p *provider) sign(g grant) string {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": p.url, "aud": client, "sub": g.name + "-7", "nonce": g.nonce, "auth_time": g.at.Unix(),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "name": strings.ToUpper(g.name), "preferred_username": g.name, "groups": []string{"reviewers"},
	})
	if err != nil {
		panic(err) // strings and numbers
	}
	text := number([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + number(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.key, sum[:])
	if err != nil {
		panic(err) // the key is ours
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + number(sig)
}

func (p *provider) timesAsked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// set makes the provider ignore that it should ask again, or not.
func (p *provider) set(careless bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.careless = careless
}
