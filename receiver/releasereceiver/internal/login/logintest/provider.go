// Package logintest is an OpenID Connect provider for tests: it asks nobody
// anything, and lies where it is told to.
package logintest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ClientID is the only client that a Provider knows.
const ClientID = "tracescrub-gate"

// Provider is a running one. Close it.
type Provider struct {
	*httptest.Server
	// Secret is what the client has to send; empty: it is a public client.
	Secret string

	mu sync.Mutex
	// All below is guarded by mu.
	keys   []jose.JSONWebKey // the last one signs
	claims map[string]any    // of the next tokens, over the honest ones
	codes  map[string]url.Values
	broken map[string]int // status by path
	asked  url.Values
}

// New starts a provider.
func New() *Provider {
	p := &Provider{claims: map[string]any{}, codes: map[string]url.Values{}, broken: map[string]int{}}
	p.RotateKey()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		status := p.broken[r.URL.Path]
		p.mu.Unlock()
		if status != 0 {
			http.Error(w, "broken", status)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return p
}

// RotateKey makes a new key; tokens of old ones are no longer valid.
func (p *Provider) RotateKey() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // never fails
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []jose.JSONWebKey{{Key: key, KeyID: rand.Text(), Algorithm: string(jose.ES256), Use: "sig"}}
}

// Claim sets a claim of the next tokens; nil leaves it out.
func (p *Provider) Claim(name string, value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims[name] = value
}

// Break makes a path answer with a status; 0 mends it.
func (p *Provider) Break(path string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken[path] = status
}

// Asked returns the parameters of the last authorization request.
func (p *Provider) Asked() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Token makes a signed token, as the provider would.
func (p *Provider) Token(nonce string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": ClientID, "sub": "alice-7", "nonce": nonce, "auth_time": now.Unix(),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"preferred_username": "alice", "groups": []string{"approvers"},
	}
	maps.Copy(claims, p.claims)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.keys[len(p.keys)-1]}, nil)
	if err != nil {
		panic(err) // the key is ours
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err) // claims are what JSON can hold
	}
	return raw
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		panic(err) // maps and strings
	}
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"},
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

// authorize says yes to whatever is asked, and sends the browser back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q, code := r.URL.Query(), rand.Text()
	p.mu.Lock()
	p.codes[code], p.asked = q, q
	p.mu.Unlock()
	back := url.Values{"state": {q.Get("state")}, "code": {code}, "iss": {p.URL}}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

// token takes each code once, with the verifier and the secret that go with it.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	asked, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	p.mu.Unlock()
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	if !known || id != ClientID || secret != p.Secret || asked.Get("code_challenge_method") != "S256" ||
		asked.Get("redirect_uri") != r.FormValue("redirect_uri") ||
		asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"error": "invalid_grant"})
		return
	}
	answer(w, map[string]any{"token_type": "Bearer", "access_token": rand.Text(), "id_token": p.Token(asked.Get("nonce"))})
}
