package kafkaclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/tracescrub/tracescrub/internal/loopback"
)

// OAuthConfig is where bearer tokens come from: a file that somebody keeps
// fresh, or an endpoint that gives one for a client's id and secret.
type OAuthConfig struct {
	// TokenFile has the token. It is read again for each connection.
	TokenFile string `mapstructure:"token_file"`
	// TokenURL is asked by the client credentials grant (RFC 6749, 4.4).
	TokenURL     string              `mapstructure:"token_url"`
	ClientID     string              `mapstructure:"client_id"`
	ClientSecret configopaque.String `mapstructure:"client_secret"`
	// Scope is what is asked for, words separated by spaces.
	Scope string `mapstructure:"scope"`
}

const (
	maxToken     = 64 << 10
	tokenTimeout = 10 * time.Second
	// tokenMargin is how long before it runs out a token is not used any more:
	// longer than a connection is (MaxAge).
	tokenMargin = MaxAge + 30*time.Second
)

func (o *OAuthConfig) problems() []error {
	var errs []error
	endpoint := o.TokenURL != "" || o.ClientID != "" || o.ClientSecret != "" || o.Scope != ""
	switch {
	case o.TokenFile != "" && endpoint:
		errs = append(errs, errors.New("sasl::oauth::token_file: must be alone, without token_url and what belongs to it"))
	case o.TokenFile != "":
	case o.TokenURL == "":
		errs = append(errs, errors.New("sasl::oauth: must have token_file or token_url"))
	default:
		u, err := url.Parse(o.TokenURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback.Is(u.Host)) {
			errs = append(errs, errors.New("sasl::oauth::token_url: must be an https URL, or one of http on this machine"))
		}
		if o.ClientID == "" || o.ClientSecret == "" {
			errs = append(errs, errors.New("sasl::oauth::client_id: must be set, and client_secret"))
		}
	}
	return errs
}

// bearer is SASL OAUTHBEARER (RFC 7628), which kafka-go does not have.
type bearer struct {
	cfg    *OAuthConfig
	client *http.Client

	mu      sync.Mutex
	token   string    // under mu
	expires time.Time // under mu
}

func newBearer(cfg *OAuthConfig) *bearer {
	return &bearer{cfg: cfg, client: &http.Client{
		Timeout: tokenTimeout,
		// The secret goes to the address that is configured, nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// A connection that is kept would outlive the store.
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
	}}
}

// Name is the mechanism's name in the protocol.
func (b *bearer) Name() string { return mechanismOAuth }

// Start begins an authentication.
func (b *bearer) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	token, err := b.get(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("getting a token: %w", err)
	}
	return bearerSession{}, []byte("n,,\x01auth=Bearer " + token + "\x01\x01"), nil
}

type bearerSession struct{}

// Next takes the broker's answer: nothing, or a reason for its refusal.
func (bearerSession) Next(_ context.Context, challenge []byte) (bool, []byte, error) {
	if len(challenge) == 0 {
		return true, nil, nil
	}
	var refusal struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(challenge, &refusal); err != nil || refusal.Status == "" || len(refusal.Status) > 64 {
		refusal.Status = "no reason given"
	}
	return false, nil, fmt.Errorf("the broker refuses the token: %q", refusal.Status)
}

func (b *bearer) get(ctx context.Context) (string, error) {
	if b.cfg.TokenFile != "" {
		f, err := os.Open(b.cfg.TokenFile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxToken))
		if err != nil {
			return "", err
		}
		return legalToken(strings.TrimSpace(string(text)))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token != "" && time.Now().Before(b.expires) {
		return b.token, nil
	}
	token, lasts, err := b.ask(ctx)
	if err != nil {
		return "", err
	}
	b.token, b.expires = token, time.Now().Add(lasts-tokenMargin)
	return token, nil
}

// ask gets a token by the client credentials grant.
func (b *bearer) ask(ctx context.Context) (token string, lasts time.Duration, err error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if b.cfg.Scope != "" {
		form.Set("scope", b.cfg.Scope)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.cfg.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(url.QueryEscape(b.cfg.ClientID), url.QueryEscape(string(b.cfg.ClientSecret)))
	res, err := b.client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxToken))
	if err != nil {
		return "", 0, err
	}
	var answer struct {
		Token   string  `json:"access_token"`
		Expires float64 `json:"expires_in"`
	}
	if res.StatusCode != http.StatusOK {
		return "", 0, fmt.Errorf("the token endpoint answers %d", res.StatusCode)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", 0, errors.New("the token endpoint answers something other than JSON")
	}
	token, err = legalToken(answer.Token)
	return token, time.Duration(min(answer.Expires, 86400) * float64(time.Second)), err
}

// legalToken refuses what would break the message that the token goes into.
func legalToken(token string) (string, error) {
	if token == "" {
		return "", errors.New("there is none")
	}
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return "", errors.New("it has characters that a token cannot have")
		}
	}
	return token, nil
}
