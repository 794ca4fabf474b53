// Package idptest is an OpenID Connect provider for tests. It says yes to every
// login or asks for a name, and lies where it is told to: tokens with other
// claims, broken endpoints, other keys, and the forgeries of forge.go.
package idptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"net"
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
	// URL is the issuer's. It is another site than 127.0.0.1 to a browser, as
	// a provider is outside of tests.
	URL string
	// Secret is what the client has to send; empty: it is a public client.
	Secret string

	server *httptest.Server

	mu sync.Mutex
	// All below is guarded by mu.
	keys   []jose.JSONWebKey // the last one signs
	claims map[string]any    // of the next tokens, over the honest ones
	codes  map[string]grant
	broken map[string]int // status by path
	asked  url.Values
	form   form
	forged string // what the token endpoint answers, unless it is empty
}

// grant is what a code stands for.
type grant struct {
	visitor
	asked url.Values
}

// New starts a provider that asks nobody anything: everybody is alice.
func New() *Provider {
	p := &Provider{claims: map[string]any{}, codes: map[string]grant{}, broken: map[string]int{}, form: form{known: map[string]visitor{}}}
	p.RotateKey()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.jwks)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		status := p.broken[r.URL.Path]
		p.mu.Unlock()
		if status != 0 {
			http.Error(w, "broken", status)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	_, port, err := net.SplitHostPort(p.server.Listener.Addr().String())
	if err != nil {
		panic(err) // the address is a listener's
	}
	p.URL = "http://localhost:" + port
	return p
}

// Close ends it.
func (p *Provider) Close() { p.server.Close() }

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

// AnswerWith makes the token endpoint answer with this ID token.
func (p *Provider) AnswerWith(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forged = token
}

// Asked returns the parameters of the last authorization request.
func (p *Provider) Asked() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Token makes a signed token as the provider would, of somebody who has just
// logged in; claims come over those of an honest one, and nil leaves one out.
func (p *Provider) Token(claims map[string]any) string {
	all := p.honest(claims)
	p.mu.Lock()
	defer p.mu.Unlock()
	return signed(jose.ES256, p.keys[len(p.keys)-1], nil, all)
}

// honest are the claims of a token: those of alice, those given, and over both what Claim has set.
func (p *Provider) honest(given map[string]any) map[string]any {
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "aud": ClientID, "sub": "alice-7", "auth_time": now.Unix(),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"preferred_username": "alice", "groups": []string{"approvers"},
	}
	maps.Copy(claims, given)
	p.mu.Lock()
	maps.Copy(claims, p.claims)
	p.mu.Unlock()
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return claims
}

// signed makes a token of claims. The header more may be nil.
func signed(alg jose.SignatureAlgorithm, key any, more map[jose.HeaderKey]any, claims map[string]any) string {
	o := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range more {
		o = o.WithHeader(name, value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		panic(err) // the key is ours
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		panic(err) // claims are what JSON can hold
	}
	return raw
}
