package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// What a login fails with, beside ErrOverflow.
var (
	// ErrRefused: the provider, or what came back with the browser, does not prove anything.
	ErrRefused = errors.New("login refused")
	// ErrUnavailable: the provider did not answer as it should; later it may.
	ErrUnavailable = errors.New("the identity provider cannot be used now")
)

// The bounds of what a provider may take: time, and bytes of one answer.
const (
	providerTimeout = 10 * time.Second
	maxAnswer       = 1 << 20
)

// clockSkew is how far the provider's clock may be from ours.
const clockSkew = time.Minute

// Provider leads logins at one identity provider. Safe for concurrent use.
type Provider struct {
	cfg    Config
	client *http.Client
	flows  sealer
	now    func() time.Time

	mu sync.Mutex
	// found is what discovery found, nil until it worked once. Guarded by mu.
	found *oidc.Provider
}

// New makes a Provider. The identity provider is asked at the first login: if
// it is away, all else still works.
func New(cfg Config) (*Provider, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("login::ca_file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("login::ca_file: has no certificate")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	p := &Provider{cfg: cfg, flows: newSealer(), now: time.Now}
	p.client = &http.Client{
		Timeout:   providerTimeout,
		Transport: limited{transport},
		// No endpoint of OpenID Connect redirects a server, and a redirect
		// would carry the code and the client's secret elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if _, err := p.secret(); err != nil {
		return nil, fmt.Errorf("login::client_secret_file: %w", err)
	}
	return p, nil
}

// Close closes connections to the provider that nobody uses.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// limited cuts answers off that are longer than any honest one.
type limited struct{ *http.Transport }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

func (p *Provider) secret() (string, error) {
	if p.cfg.ClientSecretFile == "" {
		return "", nil
	}
	b, err := os.ReadFile(p.cfg.ClientSecretFile)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", errors.New("is empty")
	}
	return s, nil
}

// discover finds the provider's endpoints. Until that has worked, each login tries again.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: discovery: %w", ErrUnavailable, err)
	}
	for _, u := range []string{found.Endpoint().AuthURL, found.Endpoint().TokenURL} {
		if err := checkURL(u); err != nil {
			return nil, fmt.Errorf("%w: an endpoint %w", ErrUnavailable, err)
		}
	}
	p.found = found
	return found, nil
}

func (p *Provider) oauth(found *oidc.Provider, secret string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     p.cfg.ClientID,
		ClientSecret: secret,
		Endpoint:     found.Endpoint(),
		RedirectURL:  p.cfg.RedirectURL,
		Scopes:       p.cfg.Scopes,
	}
}

// Begin starts a login: it returns where to send the browser, and what the
// browser keeps (for FlowDuration, out of reach of scripts) until it comes
// back. next is where the person wants to go; fresh asks for a new proof of
// presence even if the provider still knows the person.
func (p *Provider) Begin(ctx context.Context, next string, fresh bool) (to, cookie string, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Next: next, Fresh: fresh, Started: p.now(),
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if fresh {
		options = append(options, oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login"))
	}
	return p.oauth(found, "").AuthCodeURL(f.State, options...), p.flows.seal(f), nil
}

// errorCode is what a provider may answer instead of a code; anything else is not repeated.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// Finish ends a login: cookie is what Begin gave the browser, query what it came back with.
func (p *Provider) Finish(ctx context.Context, cookie string, query url.Values) (who Person, next string, err error) {
	f, err := p.flows.open(cookie, p.now())
	if err != nil {
		return Person{}, "", err
	}
	if subtle.ConstantTimeCompare([]byte(f.State), []byte(query.Get("state"))) != 1 {
		return Person{}, "", fmt.Errorf("%w: the answer belongs to another login", ErrRefused)
	}
	// RFC 9207: the answer of another provider, mixed up on purpose.
	if iss := query.Get("iss"); iss != "" && iss != p.cfg.Issuer {
		return Person{}, "", fmt.Errorf("%w: the answer is another provider's", ErrRefused)
	}
	if code := query.Get("error"); code != "" {
		if !errorCode.MatchString(code) {
			code = "an error"
		}
		return Person{}, "", fmt.Errorf("%w: the provider answered %s", ErrRefused, code)
	}
	found, err := p.discover(ctx)
	if err != nil {
		return Person{}, "", err
	}
	raw, err := p.exchange(ctx, found, query.Get("code"), f.Verifier)
	if err != nil {
		return Person{}, "", err
	}
	who, err = p.verify(ctx, found, raw, f)
	return who, f.Next, err
}

// exchange turns the code into an ID token.
func (p *Provider) exchange(ctx context.Context, found *oidc.Provider, code, verifier string) (string, error) {
	secret, err := p.secret()
	if err != nil {
		return "", fmt.Errorf("%w: client_secret_file: %w", ErrUnavailable, err)
	}
	token, err := p.oauth(found, secret).Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(verifier))
	var answer *oauth2.RetrieveError
	switch {
	case errors.As(err, &answer) && answer.Response.StatusCode < 500:
		return "", fmt.Errorf("%w: the provider did not take the code", ErrRefused)
	case err != nil:
		return "", fmt.Errorf("%w: no token for the code", ErrUnavailable) // err may quote the answer, and tokens with it
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return "", fmt.Errorf("%w: the provider sent no ID token", ErrRefused)
	}
	return raw, nil
}

// verify checks an ID token and reads who it is about.
func (p *Provider) verify(ctx context.Context, found *oidc.Provider, raw string, f flow) (Person, error) {
	verifier := found.VerifierContext(oidc.ClientContext(ctx, p.client), &oidc.Config{ClientID: p.cfg.ClientID, Now: p.now})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return Person{}, fmt.Errorf("%w: the ID token is not valid", ErrRefused) // err may quote claims
	}
	if subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(f.Nonce)) != 1 {
		return Person{}, fmt.Errorf("%w: the ID token belongs to another login", ErrRefused)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return Person{}, fmt.Errorf("%w: the ID token's claims are no object", ErrRefused)
	}
	claim := func(name string) any { return claims[name] }
	if azp, ok := claim("azp").(string); ok && azp != p.cfg.ClientID || len(token.Audience) > 1 && !ok {
		return Person{}, fmt.Errorf("%w: the ID token was made for another client", ErrRefused)
	}
	who := Person{Issuer: token.Issuer, ID: token.Subject, Names: Names(claim), At: p.now()}
	if who.ID == "" {
		return Person{}, fmt.Errorf("%w: the ID token names nobody", ErrRefused)
	}
	if who.Name, _ = claim(p.cfg.UsernameClaim).(string); who.Name == "" {
		return Person{}, fmt.Errorf("%w: the ID token has no %s", ErrRefused, p.cfg.UsernameClaim)
	}
	at, proven := claim("auth_time").(float64)
	if proven {
		who.At = time.Unix(int64(at), 0)
	}
	if f.Fresh && (!proven || who.At.Before(f.Started.Add(-clockSkew))) {
		return Person{}, fmt.Errorf("%w: the provider did not ask for a new proof of identity", ErrRefused)
	}
	if who.Groups, err = Groups(claim, p.cfg.GroupsClaim); err != nil {
		return Person{}, err
	}
	slices.Sort(who.Groups)
	return who, nil
}
