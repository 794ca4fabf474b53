//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// trace is the n-th trace of a crash test.
func trace(n uint32) (id pcommon.TraceID) {
	id[0] = 0xcc
	id[13], id[14], id[15] = byte(n>>16), byte(n>>8), byte(n)
	return id
}

// storm sends sessions from several senders until the collector dies, and
// notes which were acknowledged.
func storm(t *testing.T, c *collector, v *vault, next *uint32, acked map[string]bool) {
	t.Helper()
	var mu sync.Mutex // guards next, the vault and acked
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				mu.Lock()
				*next++
				id := trace(*next)
				td := session(v, 0, false)
				mu.Unlock()
				for _, s := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
					s.SetTraceID(id)
				}
				body, err := tracesBatch(td).req.MarshalProto()
				if err != nil {
					t.Error(err)
					return
				}
				resp, err := c.request("traces", "application/x-protobuf", body)
				if err != nil {
					return // it is dead
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					mu.Lock()
					acked[id.String()] = true
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
}

// TestKillWhileHolding: kill -9 under load, again and again, while traces are
// held and while others are released. What was acknowledged is there, what
// was denied never comes out, what was approved comes out, and what comes out
// twice says so.
func TestKillWhileHolding(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	data := t.TempDir()
	v := newVault(61)
	acked, denied, approved := map[string]bool{}, map[string]bool{}, map[string]bool{}
	var next uint32
	for range 4 {
		c := startHolding(t, data)
		a := newAdmin(t, c)
		for i, it := range a.list(t, "pending") {
			switch i % 4 {
			case 0:
				if a.vote(t, "bob", it.ID, "deny", "") == http.StatusOK {
					denied[it.TraceID] = true
				}
			case 1, 2:
				if a.vote(t, "bob", it.ID, "approve", "masked") == http.StatusOK && a.vote(t, "alice", it.ID, "approve", "masked") == http.StatusOK {
					approved[it.TraceID] = true
				}
			}
			if i == 12 {
				break
			}
		}
		time.AfterFunc(time.Duration(200+rng.IntN(1200))*time.Millisecond, func() { _ = c.cmd.Process.Signal(syscall.SIGKILL) })
		storm(t, c, v, &next, acked)
		<-c.done
	}
	c := startHolding(t, data)
	a := newAdmin(t, c)
	c.await(t, "what was approved to be released", func() bool {
		return len(a.list(t, "approved"))+len(a.list(t, "releasing")) == 0
	})
	known := map[string]bool{}
	for _, it := range a.list(t, "") {
		known[it.TraceID] = true
	}
	if len(acked) == 0 || len(denied) == 0 || len(approved) == 0 {
		t.Fatalf("the storm was none: %d acknowledged, %d denied, %d approved", len(acked), len(denied), len(approved))
	}
	for id := range acked {
		if !known[id] {
			t.Errorf("trace %s was acknowledged and is lost", id)
		}
	}
	out := releases(t, c.out(t, "traces"))
	for id := range approved {
		if len(out[id]) == 0 {
			t.Errorf("trace %s was approved and did not come out", id)
		}
	}
	for id, markers := range out {
		if denied[id] {
			t.Errorf("trace %s was denied and came out", id)
		}
		if !approved[id] {
			t.Errorf("trace %s came out without approval", id)
		}
		for _, m := range markers {
			if m != markers[0] || m == "" {
				t.Errorf("trace %s came out twice under different marks", id)
			}
		}
	}
	t.Logf("%d acknowledged, %d denied, %d approved, %d lines out", len(acked), len(denied), len(approved), len(out))
	v.check(t, c.surfaces(t))
}

// TestKillWhileReleasing: kill -9 in the middle of a release, whose back end
// has taken it and not answered. The next start releases it, as another attempt.
func TestKillWhileReleasing(t *testing.T) {
	data, arrived := t.TempDir(), make(chan struct{}, 10)
	hang := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived <- struct{}{}; <-hang }))
	defer backend.Close()
	defer close(hang)
	c := startHolding(t, data, fmt.Sprintf(`
exporters: {otlp_http/backend: {endpoint: %q, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}}
service: {pipelines: {traces/clean: {exporters: [otlp_http/backend]}}}
`, backend.URL))
	a := newAdmin(t, c)
	mustSend(t, c, tracesBatch(session(newVault(62), 11, false)))
	it := a.pending(t, 1)[0]
	a.approve(t, it.ID, "masked")
	<-arrived
	if now := a.get(t, it.ID); now.State != "releasing" {
		t.Errorf("the item is %s", now.State)
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-c.done
	c = startHolding(t, data)
	a = newAdmin(t, c)
	line := a.awaitOut(t, hexID(11))
	if !regexp.MustCompile(`"tracescrub.release.attempt","value":\{"intValue":"2"`).Match(line) {
		t.Error("what may have come twice is not marked as the second attempt")
	}
	a.await(t, it.ID, "released")
	// Both attempts told of the approval first, as one entry.
	if !ofItem(c.entries(t), "approved")[it.ID] {
		t.Error("no entry about the approval")
	}
	c.stop(t)
	c.verified(t)
}

// releases are the marks under which each trace came out.
func releases(t *testing.T, text []byte) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for line := range bytes.Lines(text) {
		var export struct {
			ResourceSpans []struct {
				Resource struct {
					Attributes []struct {
						Key   string `json:"key"`
						Value struct {
							String string `json:"stringValue"`
						} `json:"value"`
					} `json:"attributes"`
				} `json:"resource"`
				ScopeSpans []struct {
					Spans []struct {
						TraceID string `json:"traceId"`
					} `json:"spans"`
				} `json:"scopeSpans"`
			} `json:"resourceSpans"`
		}
		if err := json.Unmarshal(line, &export); err != nil {
			continue // the last line before a kill may be cut
		}
		for _, r := range export.ResourceSpans {
			mark := ""
			for _, attr := range r.Resource.Attributes {
				if attr.Key == "tracescrub.release.item" {
					mark = attr.Value.String
				}
			}
			out[r.ScopeSpans[0].Spans[0].TraceID] = append(out[r.ScopeSpans[0].Spans[0].TraceID], mark)
		}
	}
	return out
}
