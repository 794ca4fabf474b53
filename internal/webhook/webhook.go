// Package webhook posts JSON to a webhook, signed if there is a secret for
// that. docs/format/checkpoints.md says how whoever receives it checks it.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/config/configopaque"
)

// MinSecret is the length in bytes that a secret must have.
const MinSecret = 16

// Hook is one webhook. It may be used by many goroutines at once.
type Hook struct {
	url, secret configopaque.String
	// Client sends; tests give it another transport.
	Client *http.Client
	now    func() time.Time
}

// New makes a Hook. Who has the URL of a chat's webhook may write there: it is
// treated as a secret, as the secret is. Without a secret nothing is signed.
func New(url, secret configopaque.String, timeout time.Duration) *Hook {
	return &Hook{url: url, secret: secret, now: time.Now, Client: &http.Client{
		Timeout: timeout,
		// Of its own, so that Close closes nobody else's connections.
		Transport: http.DefaultTransport.(*http.Transport).Clone(),
		// The signature is for the one who was configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Problems are what is wrong with a URL and a secret, if anything.
func Problems(url, secret configopaque.String) []error {
	var errs []error
	if !IsURL(string(url)) {
		errs = append(errs, errors.New("url: must be an http or https URL"))
	}
	if n := len(secret); n > 0 && n < MinSecret {
		errs = append(errs, fmt.Errorf("secret: has %d bytes, at least %d are needed", n, MinSecret))
	}
	return errs
}

// IsURL says whether a text is a URL of HTTP.
func IsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// ErrRefused is of a message that was not taken. It never says by whom.
var ErrRefused = errors.New("the webhook did not take a message")

// Post sends a message once, and says whether to try again. The id is the same
// in every attempt.
func (h *Hook) Post(ctx context.Context, id string, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(h.url), bytes.NewReader(body))
	if err != nil {
		return false, ErrRefused // not err: it has the URL
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tracescrub")
	req.Header.Set("Tracescrub-Message-Id", id)
	if h.secret != "" {
		at := strconv.FormatInt(h.now().Unix(), 10)
		req.Header.Set("Tracescrub-Timestamp", at)
		req.Header.Set("Tracescrub-Signature", Sign(string(h.secret), at, body))
	}
	resp, err := h.Client.Do(req)
	if err != nil {
		return true, fmt.Errorf("%w: %s", ErrRefused, Reason(err)) // not err: it has the URL
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4096))
	resp.Body.Close()
	switch {
	case resp.StatusCode < 300:
		return false, nil
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout, resp.StatusCode >= 500:
		again = true
	}
	return again, fmt.Errorf("%w: it answers %d", ErrRefused, resp.StatusCode)
}

// Close closes connections that nothing goes over.
func (h *Hook) Close() { h.Client.CloseIdleConnections() }

// Sign is the signature: v1= and the hexadecimal HMAC-SHA256 of the timestamp,
// a point and the body.
func Sign(secret, at string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(at + "."))
	m.Write(body)
	return "v1=" + hex.EncodeToString(m.Sum(nil))
}

// Plain takes out of a text what chats take for links, mentions and markup.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f || strings.ContainsRune("<>&@*_~`|[]()#!", r) {
			return '.'
		}
		return r
	}, s)
}
