package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// asked is a gate that keeps the last question.
type asked struct {
	gate.Gate
	query gate.Query
}

func (a *asked) List(q gate.Query) (gate.Page, error) {
	a.query = q
	return gate.Page{}, nil
}

func TestQuery(t *testing.T) {
	trace := strings.Repeat("0123456789ABCDEF", 2)
	for _, tt := range []struct {
		query string
		want  gate.Query
		where string // of the mistake
	}{
		{"", gate.Query{PageSize: 50}, ""},
		{"state=pending", gate.Query{PageSize: 50, States: []gate.State{gate.Pending}}, ""},
		{"state=pending,denied&state=denied&state=shredded", gate.Query{PageSize: 50, States: []gate.State{gate.Pending, gate.Denied, gate.Shredded}}, ""},
		{"service=a*&rule=b%3F&severity=high&q=c+d&page_token=e&page_size=500", gate.Query{PageSize: 500, Service: "a*", Rule: "b?", Severity: "high", Text: "c d", Token: "e"}, ""},
		{"trace_id=" + trace, gate.Query{PageSize: 50, TraceID: strings.ToLower(trace)}, ""},
		{"service=%C3%A9", gate.Query{PageSize: 50, Service: "é"}, ""},

		{"state=open", gate.Query{}, "state"},
		{"state=", gate.Query{}, "state"},
		{"severity=none", gate.Query{}, "severity"},
		{"severity=low&severity=high", gate.Query{}, "severity"},
		{"trace_id=12", gate.Query{}, "trace_id"},
		{"trace_id=" + strings.Repeat("x", 32), gate.Query{}, "trace_id"},
		{"page_size=0", gate.Query{}, "page_size"},
		{"page_size=501", gate.Query{}, "page_size"},
		{"page_size=1e2", gate.Query{}, "page_size"},
		{"service=" + strings.Repeat("x", 201), gate.Query{}, "service"},
		{"q=%00", gate.Query{}, "q"},
		{"q=%ff", gate.Query{}, "q"},
		{"page_token=" + strings.Repeat("x", 1025), gate.Query{}, "page_token"},
		{"limit=5", gate.Query{}, "query"},
		{"a=%zz", gate.Query{}, "query"},
		{"a;b", gate.Query{}, "query"},
	} {
		t.Run(tt.query, func(t *testing.T) {
			g := &asked{Gate: apitest.New()}
			a := newAPI(t, func(o *Options) { o.Gate = g })
			r := request("GET", "/api/v1/items", "")
			r.URL.RawQuery = tt.query
			if tt.where == "" {
				get(t, a, r, 200, nil)
				require.Equal(t, tt.want, g.query)
				return
			}
			var p struct{ Where string }
			get(t, a, r, 400, &p)
			require.Equal(t, tt.where, p.Where)
		})
	}
}

// All pages together hold each item once.
func TestPages(t *testing.T) {
	a := newAPI(t)
	seen := map[string]bool{}
	token := ""
	for pages := 1; ; pages++ {
		var p gate.Page
		get(t, a, request("GET", "/api/v1/items?page_size=5&page_token="+token, ""), 200, &p)
		for _, it := range p.Items {
			require.False(t, seen[it.ID])
			seen[it.ID] = true
		}
		if token = p.Next; token == "" {
			require.Equal(t, 3, pages)
			break
		}
	}
	require.Len(t, seen, 12)
	var p struct{ Where string }
	get(t, a, request("GET", "/api/v1/items?page_token=another", ""), 400, &p)
	require.Equal(t, "page_token", p.Where)
}

func TestItem(t *testing.T) {
	a := newAPI(t)
	var d gate.Detail
	resp := get(t, a, request("GET", itemPath(4, ""), ""), 200, &d)
	require.Equal(t, apitest.ID(4), d.ID)
	require.NotEmpty(t, d.FindingList)
	require.NotEmpty(t, d.History)
	tag := resp.Header.Get("ETag")
	require.Equal(t, `"1"`, tag)
	for _, match := range []string{tag, "W/" + tag, `"7", ` + tag, "*"} {
		resp := get(t, a, request("GET", itemPath(4, ""), "", "If-None-Match", match), 304, nil)
		require.Equal(t, tag, resp.Header.Get("ETag"))
	}
	get(t, a, request("GET", itemPath(4, ""), "", "If-None-Match", `"7"`), 200, nil)
	get(t, a, request("HEAD", itemPath(4, ""), ""), 200, nil)
}

// Lists are lists even if nothing is in them.
func TestEmptyLists(t *testing.T) {
	a := newAPI(t)
	a.fake().Add(gate.Detail{Item: gate.Item{ID: strings.Repeat("ab", 16), State: gate.Pending, Signal: "logs", Severity: "low", RequiredVotes: 1}}, "", nil)
	get(t, a, request("GET", "/api/v1/items/"+strings.Repeat("ab", 16), ""), 200, nil)
	get(t, a, request("GET", "/api/v1/items", ""), 200, nil)
	get(t, a, request("GET", "/api/v1/items?q=nothing", ""), 200, nil)
	get(t, newAPI(t, func(o *Options) { o.Gate = apitest.New() }), request("GET", "/api/v1/stats", ""), 200, nil)
}

func TestPreview(t *testing.T) {
	a := newAPI(t)
	get(t, a, request("GET", itemPath(4, "/preview"), ""), 200, nil)
	require.Equal(t, []string{issuer + " root " + apitest.ID(4)}, a.fake().Viewed())
	a.fake().Move(apitest.ID(4), gate.Shredded, "shredded")
	refused(t, a, request("GET", itemPath(4, "/preview"), ""), "destroyed")
	refused(t, a, request("HEAD", itemPath(5, "/preview"), ""), "method-not-allowed")
	require.Len(t, a.fake().Viewed(), 1, "what is refused is no view")
}

// Addresses that are none, and methods that are not allowed.
func TestAddresses(t *testing.T) {
	a := newAPI(t)
	id := apitest.ID(1)
	for _, tt := range []struct{ method, target, want, allow string }{
		{"GET", "/api/v1/items/" + id + "/content", "not-found", ""},
		{"GET", "/api/v1/items/" + id + "/preview/x", "not-found", ""},
		{"POST", "/api/v1/items/" + id + ":reveal", "not-found", ""},
		{"GET", "/api/v1/items/", "not-found", ""},
		{"GET", "/api/v2/items", "not-found", ""},
		{"GET", "/api/v1/items/:approve", "not-found", ""},
		{"GET", "/login", "not-found", ""},
		{"GET", "/login/callback", "not-found", ""},
		{"GET", "/api/v1/items/" + strings.ToUpper(id), "no-such-item", ""},
		{"GET", "/api/v1/items/1", "no-such-item", ""},
		{"GET", "/api/v1/items/" + strings.Repeat("0", 32), "no-such-item", ""},
		{"GET", "/api/v1/items/..%2fstats", "not-found", ""},
		{"GET", "/api/v1/items/" + strings.Repeat("0", 32) + "/receipt", "no-such-item", ""},
		{"DELETE", "/api/v1/items/" + id, "method-not-allowed", "GET, HEAD"},
		{"OPTIONS", "/api/v1/items", "method-not-allowed", "GET, HEAD"},
		{"GET", "/api/v1/items/" + id + ":approve", "method-not-allowed", "POST"},
		{"PUT", "/api/v1/items:batchDeny", "method-not-allowed", "POST"},
		{"HEAD", "/api/v1/events", "method-not-allowed", "GET"},
		{"POST", "/", "method-not-allowed", "GET, HEAD"},
		{"POST", "/app.js", "method-not-allowed", "GET, HEAD"},
	} {
		resp := refused(t, a, request(tt.method, tt.target, ""), tt.want)
		require.Equal(t, tt.allow, resp.Header.Get("Allow"), "%s %s", tt.method, tt.target)
	}
	_, body := send(t, a, request("GET", "/some/where", ""))
	require.Equal(t, page, string(body))
	refused(t, newAPI(t, func(o *Options) { o.Page = nil }), request("GET", "/", ""), "not-found")
}

func TestReady(t *testing.T) {
	a := newAPI(t)
	a.fake().SetLoading(250)
	for path, methods := range a.routes {
		for method, r := range methods {
			if method == http.MethodHead || r.unready {
				continue
			}
			body := access[method+" "+path].body
			req := request(method, strings.ReplaceAll(path, "{id}", apitest.ID(1)), body, "If-Match", `"1"`)
			var p struct{ Done, Total int }
			resp := get(t, a, req, 503, &p)
			require.Equal(t, "250 1000", fmt.Sprint(p.Done, p.Total), path)
			require.Equal(t, "1", resp.Header.Get("Retry-After"))
		}
	}
	for _, path := range []string{"/", "/api/v1/me", "/api/v1/openapi.yaml"} {
		get(t, a, request("GET", path, ""), 200, nil)
	}
	a.fake().SetLoading(1000)
	get(t, a, request("GET", "/api/v1/items", ""), 200, nil)
}

// What a gate may fail with, and what its callers get to know of that.
func TestGateErrors(t *testing.T) {
	hidden := errors.New("the disk /var/lib/x is full")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{gate.ErrNotFound, "no-such-item"},
		{gate.ErrNotReady, "not-ready"},
		{gate.ErrDestroyed, "destroyed"},
		{gate.ErrAudit, "audit-unavailable"},
		{fmt.Errorf("%w: %w", gate.ErrAudit, hidden), "audit-unavailable"},
		{&gate.Conflict{State: gate.Denied, Version: 9, Why: "too late"}, "conflict"},
		{&gate.Forbidden{Why: "your own"}, "vote-refused"},
		{hidden, "unavailable"},
	} {
		a := newAPI(t)
		a.fake().Fail(tt.err)
		rec, body := send(t, a, request("POST", itemPath(1, ":approve"), `{"reason":"r"}`, "If-Match", `"9"`))
		require.Equal(t, titles[tt.want].status, rec.StatusCode, tt.want)
		require.NotContains(t, string(body), "/var/lib")
		require.Contains(t, string(body), tt.want)
	}
	a := newAPI(t)
	a.fake().Fail(hidden)
	refused(t, a, request("GET", "/api/v1/stats", ""), "unavailable")
	refused(t, a, request("GET", "/api/v1/items", ""), "unavailable")
}

// bad is a gate that is not what it should be.
type bad struct{ gate.Gate }

func (bad) List(gate.Query) (gate.Page, error) { panic("what is held") }

func (bad) Vote(context.Context, gate.Actor, gate.Ballot, bool) (gate.Item, error) {
	panic("what is held")
}

func (bad) Stats() (gate.Stats, error) { panic(http.ErrAbortHandler) }

func TestPanic(t *testing.T) {
	a := newAPI(t, func(o *Options) { o.Gate = bad{o.Gate} })
	for _, path := range []string{"/api/v1/items", "/api/v1/stats"} {
		resp, body := send(t, a, request("GET", path, ""))
		require.Equal(t, 500, resp.StatusCode)
		require.NotContains(t, string(body), "what is held")
	}
	// After the answer has begun, it must not look whole.
	a = newAPI(t, func(o *Options) {
		o.Page = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("half"))
			panic("what is held")
		})
	})
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { send(t, a, request("GET", "/", "")) })
}

// confighttp answers for bodies that it cannot read, in our words.
func TestHandleError(t *testing.T) {
	a := newAPI(t)
	rec := httptest.NewRecorder()
	a.HandleError(rec, request("POST", itemPath(1, ":deny"), `{"reason":"r"}`), "the body says", 400)
	require.Equal(t, 415, rec.Code)
	require.NotContains(t, rec.Body.String(), "the body says")
	require.NoError(t, theContract().check("POST", itemPath(1, ":deny"), rec.Result(), rec.Body.Bytes()))
}

// The server's metrics name routes, not items.
func TestPattern(t *testing.T) {
	a := newAPI(t)
	r := request("GET", itemPath(1, "/preview"), "")
	get(t, a, r, 200, nil)
	require.Equal(t, "GET /api/v1/items/{id}/preview", r.Pattern)
}
