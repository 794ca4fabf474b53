//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// admin speaks to the admin API as the approvers of a collector.
type admin struct {
	c         *collector
	passwords map[string]string // of the embedded default's approvers
	tokens    map[string]string // of a gate's
	answers   [][]byte          // everything that was answered, for the search for secrets
}

// heldItem is what tests need of an item.
type heldItem struct {
	ID       string   `json:"id"`
	State    string   `json:"state"`
	Version  uint64   `json:"version"`
	Signal   string   `json:"signal"`
	TraceID  string   `json:"trace_id"`
	Severity string   `json:"severity"`
	Rules    []string `json:"rules"`
	Findings int      `json:"findings"`
	Spans    int      `json:"spans"`
	Required int      `json:"required_votes"`
	Votes    []struct {
		By string `json:"by"`
	} `json:"votes"`
}

// newAdmin reads the passwords and waits until the index is complete.
func newAdmin(t *testing.T, c *collector) *admin {
	t.Helper()
	a := &admin{c: c, passwords: map[string]string{}}
	text, err := os.ReadFile(filepath.Join(c.data, "demo-approvers"))
	if err != nil {
		t.Fatalf("reading the approvers: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		user, password, _ := strings.Cut(strings.TrimSpace(line), ":")
		a.passwords[user] = password
	}
	a.ready(t)
	return a
}

// ready waits for the index.
func (a *admin) ready(t *testing.T) {
	t.Helper()
	a.c.await(t, "the index", func() bool {
		status, _ := a.call(t, "alice", http.MethodGet, "/api/v1/items", "", "")
		return status == http.StatusOK
	})
}

// call sends a request and returns status and answer.
func (a *admin) call(t *testing.T, user, method, path, body, ifMatch string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.c.door.scheme+"://"+a.c.admin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token, ok := a.tokens[user]; ok {
		req.Header.Set("Authorization", "Bearer "+token)
	} else {
		req.SetBasicAuth(user, a.passwords[user])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if ifMatch != "" {
		req.Header.Set("If-Match", ifMatch)
	}
	resp, err := a.c.door.client.Do(req)
	if err != nil {
		t.Fatalf("asking the admin API: %v", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the admin API's answer: %v", err)
	}
	a.answers = append(a.answers, answer)
	return resp.StatusCode, answer
}

// list returns the items of a state; empty: all.
func (a *admin) list(t *testing.T, state string) []heldItem {
	t.Helper()
	var all []heldItem
	token := ""
	for {
		path := "/api/v1/items?page_size=500"
		if state != "" {
			path += "&state=" + state
		}
		if token != "" {
			path += "&page_token=" + token
		}
		status, answer := a.call(t, "alice", http.MethodGet, path, "", "")
		if status != http.StatusOK {
			t.Fatalf("listing items: status %d", status)
		}
		var page struct {
			Items []heldItem `json:"items"`
			Next  string     `json:"next_page_token"`
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			t.Fatalf("the list is no JSON: %v", err)
		}
		all = append(all, page.Items...)
		if token = page.Next; token == "" {
			return all
		}
	}
}

// item waits for exactly n pending items and returns the first.
func (a *admin) pending(t *testing.T, n int) []heldItem {
	t.Helper()
	var items []heldItem
	a.c.await(t, strconv.Itoa(n)+" pending items", func() bool {
		items = a.list(t, "pending")
		return len(items) >= n
	})
	if len(items) != n {
		t.Fatalf("%d pending items, want %d", len(items), n)
	}
	return items
}

func (a *admin) get(t *testing.T, id string) heldItem {
	t.Helper()
	status, answer := a.call(t, "alice", http.MethodGet, "/api/v1/items/"+id, "", "")
	var it heldItem
	if err := json.Unmarshal(answer, &it); err != nil || status != http.StatusOK {
		t.Fatalf("asking for an item: status %d, %v", status, err)
	}
	return it
}

// vote votes on what the item is now and returns the status.
func (a *admin) vote(t *testing.T, user, id, verb, mode string) int {
	t.Helper()
	body := `{"reason": "seen in a test"}`
	if mode != "" {
		body = `{"reason": "seen in a test", "mode": "` + mode + `"}`
	}
	version := strconv.FormatUint(a.get(t, id).Version, 10)
	status, _ := a.call(t, user, http.MethodPost, "/api/v1/items/"+id+":"+verb, body, `"`+version+`"`)
	return status
}

// approve lets both approvers approve.
func (a *admin) approve(t *testing.T, id, mode string) {
	t.Helper()
	for _, user := range []string{"alice", "bob"} {
		if status := a.vote(t, user, id, "approve", mode); status != http.StatusOK {
			t.Fatalf("%s approves: status %d", user, status)
		}
	}
}

// await waits until an item has come to a state.
func (a *admin) await(t *testing.T, id string, states ...string) {
	t.Helper()
	a.c.await(t, "an item to be "+strings.Join(states, " or "), func() bool {
		now := a.get(t, id).State
		for _, s := range states {
			if now == s {
				return true
			}
		}
		return false
	})
}

// awaitOut waits until something stands in the traces that are written.
func (a *admin) awaitOut(t *testing.T, text string) []byte {
	t.Helper()
	var line []byte
	a.c.await(t, "released traces", func() bool {
		for l := range bytes.Lines(a.c.out(t, "traces")) {
			if bytes.Contains(l, []byte(text)) {
				line = l
				return true
			}
		}
		return false
	})
	return line
}

// events are the names of the audit events so far, with how many there are:
// those in the collector's own log, or those that it sent away.
func (a *admin) events(t *testing.T) map[string]int {
	t.Helper()
	names := map[string]int{}
	if _, err := os.Stat(a.c.auditDir()); err == nil {
		for _, it := range a.c.entries(t) {
			names[it.Kind]++
		}
		return names
	}
	for line := range bytes.Lines(a.c.out(t, "audit")) {
		var export struct {
			ResourceLogs []struct {
				ScopeLogs []struct {
					LogRecords []struct {
						EventName string `json:"eventName"`
					} `json:"logRecords"`
				} `json:"scopeLogs"`
			} `json:"resourceLogs"`
		}
		if err := json.Unmarshal(line, &export); err != nil {
			t.Fatalf("an audit event is no OTLP/JSON: %v", err)
		}
		for _, r := range export.ResourceLogs {
			for _, s := range r.ScopeLogs {
				for _, l := range s.LogRecords {
					names[l.EventName]++
				}
			}
		}
	}
	return names
}

// quiet waits a little, for what must not happen.
func quiet() { time.Sleep(700 * time.Millisecond) }

// awaitVote waits until this gate knows of one vote.
func (a *admin) awaitVote(t *testing.T, id string) {
	t.Helper()
	a.c.await(t, "a vote", func() bool { return len(a.get(t, id).Votes) == 1 })
}
