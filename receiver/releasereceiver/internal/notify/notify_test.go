package notify

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/webhook"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hook is a webhook: it answers with what answers has, then 200.
type hook struct {
	mu      sync.Mutex
	got     []*http.Request
	bodies  []string
	answers []int // 0: no answer
}

func (h *hook) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got, h.bodies = append(h.got, r), append(h.bodies, string(body))
	status := http.StatusOK
	if len(h.answers) > 0 {
		status, h.answers = h.answers[0], h.answers[1:]
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("thanks"))}, nil
}

func (h *hook) all() ([]*http.Request, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]*http.Request{}, h.got...), append([]string{}, h.bodies...)
}

func testConfig() Config {
	c := NewDefaultConfig()
	c.URL, c.Secret, c.Page = "https://chat.example.org/hook", "a secret of the tests", "https://gate.example.org/"
	return c
}

func testItem(id string) gate.Item {
	return gate.Item{
		ID: id, State: gate.Pending, Service: "agent <!channel> @here", Severity: "critical", Rules: []string{"aws-key"},
		Findings: 3, RequiredVotes: 2, ExpiresAt: time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC),
		Votes: []gate.Vote{{By: "issuer ann", Reason: "private words"}}, Producer: "somebody",
	}
}

type counts struct {
	mu sync.Mutex
	m  map[string]int
}

func (c *counts) add(result string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.m[result] += n
}

func (c *counts) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.m)
}

func start(t *testing.T, cfg Config, h *hook) (*Notifier, *counts) {
	t.Helper()
	c := &counts{m: map[string]int{}}
	n := New(cfg, c.add)
	n.hook.Client.Transport = h
	n.Start()
	t.Cleanup(n.Shutdown)
	return n, c
}

func TestMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hook{}
		n, c := start(t, testConfig(), h)
		n.Tell("held", testItem("0011"))
		time.Sleep(time.Minute)
		requests, bodies := h.all()
		require.Len(t, requests, 1)
		r, body := requests[0], bodies[0]
		require.Equal(t, webhook.Sign("a secret of the tests", r.Header.Get("Tracescrub-Timestamp"), []byte(body)), r.Header.Get("Tracescrub-Signature"))
		require.NotEqual(t, webhook.Sign("another secret", "1", []byte(body)), webhook.Sign("a secret of the tests", "1", []byte(body)))
		var m message
		require.NoError(t, json.Unmarshal([]byte(body), &m))
		require.Equal(t, "held: item 0011 of service agent ..channel. .here (critical, 3 findings: aws-key), needs 2 approvals until 2026-03-08T00:00:00Z\nhttps://gate.example.org/", m.Text)
		require.Equal(t, r.Header.Get("Tracescrub-Message-Id"), m.ID)
		for _, private := range []string{"private words", "issuer", "somebody"} {
			require.NotContains(t, body, private)
		}
		require.Equal(t, map[string]int{"sent": 1}, c.all())
	})
}

func TestRetry(t *testing.T) {
	for name, c := range map[string]struct {
		answers  []int
		requests int
		result   string
	}{
		"trouble passes": {[]int{0, 500, 503, 429}, 5, "sent"},
		"refused":        {[]int{404}, 1, "failed"},
		"redirected":     {[]int{302}, 1, "failed"},
		"never":          {make([]int, 100), maxAttempts, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &hook{answers: c.answers}
				n, counts := start(t, testConfig(), h)
				n.Tell("denied", testItem("0011"))
				time.Sleep(time.Hour)
				requests, bodies := h.all()
				require.Len(t, requests, c.requests)
				for i := range bodies {
					require.Equal(t, bodies[0], bodies[i])
				}
				require.Equal(t, map[string]int{c.result: 1}, counts.all())
			})
		})
	}
}

// TestFlood: many things make few messages, and what does not fit is counted.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hook{}
		c := &counts{m: map[string]int{}}
		n := New(testConfig(), c.add)
		n.hook.Client.Transport = h
		for range maxQueue + 7 {
			n.Tell("held", testItem("0011"))
		}
		n.Start()
		defer n.Shutdown()
		time.Sleep(10 * time.Minute)
		requests, bodies := h.all()
		require.Len(t, requests, maxQueue/maxMessage)
		require.Contains(t, bodies[0], "and 7 more")
		require.NotContains(t, bodies[1], "more")
		require.Equal(t, map[string]int{"sent": maxQueue, "dropped": 7}, c.all())
	})
}

func TestOnlyWhatIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.On, cfg.Secret = []string{"expired"}, ""
		h := &hook{}
		n, _ := start(t, cfg, h)
		n.Tell("held", testItem("0011"))
		n.Tell("expired", testItem("0022"))
		time.Sleep(time.Minute)
		requests, bodies := h.all()
		require.Len(t, bodies, 1)
		require.Contains(t, bodies[0], "0022")
		require.Empty(t, requests[0].Header.Get("Tracescrub-Signature"))
	})
}

func TestValidate(t *testing.T) {
	c := testConfig()
	require.NoError(t, c.Validate())
	c = Config{URL: "ftp://x", Secret: "short", On: []string{"held", "stolen", ""}, Page: "x", RemindBefore: -1}
	err := c.Validate()
	for _, want := range []string{"url: ", "secret: has 5 bytes", `on[1]: "stolen"`, `on[2]: ""`, "page: ", "remind_before: ", "timeout: "} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "ftp")
}

func TestErrorsHaveNoURL(t *testing.T) {
	n := New(testConfig(), func(string, int) {})
	n.hook.Client.Transport = &hook{answers: []int{0}}
	_, err := n.hook.Post(t.Context(), "1", nil)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "chat.example.org")
}
