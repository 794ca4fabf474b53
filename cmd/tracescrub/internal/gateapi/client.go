package gateapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/loopback"
)

// The bounds of what is read and waited for.
const (
	maxAnswer  = 512 << 20 // a preview may be a trace of many megabytes
	maxProblem = 64 << 10
	answerTime = 60 * time.Second
	batchTime  = 6 * time.Minute // of a batch of 500
)

// Client asks one server as one person. Safe for concurrent use.
type Client struct {
	base      *url.URL
	authorize func(*http.Request)
	http      *http.Client
}

// Credentials are a user with a password, or a bearer token, or nothing.
type Credentials struct{ User, Password, Token string }

// New makes a client. Credentials go over https only, except to this machine itself.
func New(server string, c Credentials) (*Client, error) {
	base, err := url.Parse(server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, errors.New("the server must be an http or https URL") // the error may quote a password
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("the server's URL must have neither user nor query: credentials do not belong into URLs")
	}
	if base.Scheme == "http" && c != (Credentials{}) && !loopback.Is(base.Host) {
		return nil, fmt.Errorf("%s: a password or token is sent over https only, except to this machine itself", base)
	}
	base.Path = strings.TrimSuffix(base.Path, "/") + "/api/v1/"
	return &Client{
		base: base,
		authorize: func(r *http.Request) {
			switch {
			case c.Token != "":
				r.Header.Set("Authorization", "Bearer "+c.Token)
			case c.User != "":
				r.SetBasicAuth(c.User, c.Password)
			}
		},
		http: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
				TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: batchTime, ForceAttemptHTTP2: true,
			},
			// Credentials are for this server; whoever it points to is another.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close ends connections that are open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// List returns items and the token of the next page, "" if there is none.
func (c *Client) List(ctx context.Context, f Filter, size int, token string) ([]Item, string, error) {
	q := url.Values{"page_size": {strconv.Itoa(size)}}
	for name, v := range map[string]string{
		"state": strings.Join(f.States, ","), "service": f.Service, "rule": f.Rule, "severity": f.Severity,
		"trace_id": f.TraceID, "q": f.Text, "page_token": token,
	} {
		if v != "" {
			q.Set(name, v)
		}
	}
	var page struct {
		Items []Item `json:"items"`
		Next  string `json:"next_page_token"`
	}
	err := c.call(ctx, http.MethodGet, "items?"+q.Encode(), 0, nil, &page)
	return page.Items, page.Next, err
}

// Get returns an item with findings and history.
func (c *Client) Get(ctx context.Context, id string) (Detail, error) {
	var d Detail
	err := c.call(ctx, http.MethodGet, "items/"+url.PathEscape(id), 0, nil, &d)
	return d, err
}

// Preview returns the masked telemetry as OTLP/JSON. The server records a view.
func (c *Client) Preview(ctx context.Context, id string) ([]byte, error) {
	var doc json.RawMessage
	err := c.call(ctx, http.MethodGet, "items/"+url.PathEscape(id)+"/preview", 0, nil, &doc)
	return doc, err
}

// Decision is a vote on items.
type Decision struct {
	Approve      bool
	Reason, Mode string
}

func (d Decision) word(one, other string) string {
	if d.Approve {
		return one
	}
	return other
}

// Decide votes on an item that is at this version, and returns it as it is then.
func (c *Client) Decide(ctx context.Context, id string, version uint64, d Decision) (Item, error) {
	body := map[string]any{"reason": d.Reason}
	if d.Approve {
		body["mode"] = d.Mode
	}
	var it Item
	err := c.call(ctx, http.MethodPost, "items/"+url.PathEscape(id)+":"+d.word("approve", "deny"), version, body, &it)
	return it, err
}

// MaxBatch is the most items that one DecideMany may name.
const MaxBatch = 500

// DecideMany votes on items whatever their version, for a masked release.
func (c *Client) DecideMany(ctx context.Context, ids []string, d Decision) ([]Result, error) {
	var answer struct {
		Results []Result `json:"results"`
	}
	err := c.call(ctx, http.MethodPost, "items:"+d.word("batchApprove", "batchDeny"), 0, map[string]any{"ids": ids, "reason": d.Reason}, &answer)
	return answer.Results, err
}

// call asks once and decodes the answer.
func (c *Client) call(ctx context.Context, method, path string, version uint64, body, answer any) error {
	resp, err := c.do(ctx, method, path, version, body, "application/json")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the server's answer: %w", err)
	case len(b) > maxAnswer:
		return errors.New("the server's answer is too large")
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("the server's answer is not what the admin API answers: %w", err)
	}
	return nil
}

// do sends a request; any answer that is no success is a *Problem.
func (c *Client) do(ctx context.Context, method, path string, version uint64, body any, accept string) (*http.Response, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept+", application/problem+json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if version > 0 {
		req.Header.Set("If-Match", strconv.Quote(strconv.FormatUint(version, 10)))
	}
	c.authorize(req)
	resp, err := c.http.Do(req)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) { // the URL may hold what was searched for
			err = e.Err
		}
		return nil, fmt.Errorf("asking %s://%s: %w", c.base.Scheme, c.base.Host, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, problemOf(resp)
}
