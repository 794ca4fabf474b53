//go:build e2e

package soak

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// listed is an item as the API has it.
type listed struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Version uint64 `json:"version"`
	TraceID string `json:"trace_id"`
	Votes   []struct {
		By string `json:"by"`
	} `json:"votes"`
}

// call asks the admin API of a gate, as somebody who just logged in.
func (w *world) call(ctx context.Context, g *collector, user, method, path, body, ifMatch string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "https://"+g.admin+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+tokenOf(w.issuer, user, "telemetry-owners"))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("If-Match", ifMatch)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if w.ledger.leaks(answer) {
		w.ledger.complain("a secret is in an answer of %s", g.name)
	}
	return resp.StatusCode, answer, err
}

// list returns the items of a state; empty: all.
func (w *world) list(ctx context.Context, g *collector, state string) (all []listed, err error) {
	for token := ""; ; {
		path := "/api/v1/items?page_size=500&state=" + state
		if state == "" {
			path = "/api/v1/items?page_size=500"
		}
		if token != "" {
			path += "&page_token=" + token
		}
		code, answer, err := w.call(ctx, g, "alice", http.MethodGet, path, "", "")
		if err != nil || code != http.StatusOK {
			return nil, fmt.Errorf("%s lists nothing: status %d, %w", g.name, code, err)
		}
		var page struct {
			Items []listed `json:"items"`
			Next  string   `json:"next_page_token"`
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if token = page.Next; token == "" {
			return all, nil
		}
	}
}

// approvers look at what is pending and decide, until ctx is done. What fails
// they try again the next time.
func (w *world) approvers(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		g := w.gates[n%len(w.gates)]
		items, err := w.list(ctx, g, "pending")
		if err == nil {
			for _, it := range items {
				if ctx.Err() != nil {
					return
				}
				if !w.settle(ctx, g, it) {
					break // this gate is not what it was
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(700 * time.Millisecond):
		}
	}
}

// settle looks at an item and votes on it, and says whether the gate answers.
func (w *world) settle(ctx context.Context, g *collector, it listed) bool {
	trace, err := parseTrace(it.TraceID)
	if err != nil {
		w.ledger.complain("item %s: %v", it.ID, err)
		return true
	}
	if !w.look(ctx, g, it) {
		return false
	}
	verb, mode := "approve", "masked"
	switch w.ledger.decide(trace) {
	case leave:
		return true
	case deny:
		verb, mode = "deny", ""
	case releaseOriginal:
		mode = "original"
	}
	for _, user := range []string{"alice", "bob"} {
		code, answer, err := w.call(ctx, g, user, http.MethodGet, "/api/v1/items/"+it.ID, "", "")
		var now listed
		if err != nil || code != http.StatusOK || json.Unmarshal(answer, &now) != nil {
			return false
		}
		if now.State != "pending" {
			return true
		}
		body, err := json.Marshal(map[string]string{"reason": "seen in a test", "mode": mode})
		if verb == "deny" {
			body, err = json.Marshal(map[string]string{"reason": "seen in a test"})
		}
		if err != nil {
			return false
		}
		code, _, err = w.call(ctx, g, user, http.MethodPost, "/api/v1/items/"+it.ID+":"+verb, string(body), strconv.Quote(strconv.FormatUint(now.Version, 10)))
		if err != nil || code >= 500 {
			return false
		}
		if code >= 400 && code != http.StatusConflict && code != http.StatusPreconditionFailed && code != http.StatusForbidden {
			w.ledger.complain("%s answers a vote of %s with status %d", g.name, user, code)
		}
		if verb == "deny" {
			return true
		}
	}
	return true
}

// look previews an item once, for the ids of its spans.
func (w *world) look(ctx context.Context, g *collector, it listed) bool {
	w.ledger.mu.Lock()
	known := w.ledger.items[it.ID]
	w.ledger.mu.Unlock()
	if known != nil && known.keys != nil {
		return true
	}
	code, answer, err := w.call(ctx, g, "bob", http.MethodGet, "/api/v1/items/"+it.ID+"/preview", "", "")
	if err != nil || code != http.StatusOK {
		return false
	}
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(answer)
	if err != nil {
		w.ledger.complain("the preview of item %s is no OTLP: %v", it.ID, err)
		return true
	}
	trace, err := parseTrace(it.TraceID)
	if err != nil {
		w.ledger.complain("item %s: %v", it.ID, err)
		return true
	}
	seen := &item{id: it.ID, trace: trace, state: it.State}
	for _, s := range allSpans(td) {
		seen.keys = append(seen.keys, key{s.TraceID(), s.SpanID()})
	}
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	w.ledger.items[it.ID] = seen
	return true
}
