package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
)

// Whatever is sent, the answer is one that the document describes: never a
// fault of ours, and a problem document if it is an error.
func answersProperly(t *testing.T, a *API, r *http.Request) *http.Response {
	t.Helper()
	resp, _ := send(t, a, r)
	if resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented {
		t.Fatalf("status %d", resp.StatusCode)
	}
	return resp
}

func FuzzQuery(f *testing.F) {
	for _, q := range []string{"", "state=pending&q=a", "page_token=Mg&page_size=3", "page_token=!!", "service=[", "rule=\\", "state=,", "severity=%", "trace_id=" + apitest.TraceID(1), "page_size=-1"} {
		f.Add(q)
	}
	a := newAPI(f)
	f.Fuzz(func(t *testing.T, query string) {
		r := request("GET", "/api/v1/items", "")
		r.URL.RawQuery = query
		if resp := answersProperly(t, a, r); resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusBadRequest {
			t.Fatalf("status %d", resp.StatusCode)
		}
	})
}

func FuzzVote(f *testing.F) {
	for _, b := range []string{`{"reason":"r"}`, `{"reason":"r","mode":"original"}`, `{`, `{"reason":{}}`, `{"reason":"\ud800"}`, "\xef\xbb\xbf{}", `{"a":[[[[]]]]}`, `{"reason":"r"}x`} {
		f.Add(b, `"1"`, "application/json", false)
		f.Add(b, `"2"`, "application/json;charset=utf-8", true)
	}
	a := newAPI(f)
	f.Fuzz(func(t *testing.T, body, match, contentType string, deny bool) {
		verb := ":approve"
		if deny {
			verb = ":deny"
		}
		r := httptest.NewRequest(http.MethodPost, itemPath(0, verb), strings.NewReader(body))
		r.Header = http.Header{"Authorization": {bearer(person("root", "all"))}, "If-Match": {match}, "Content-Type": {contentType}}
		answersProperly(t, a, r)
	})
}

func FuzzBatch(f *testing.F) {
	for _, b := range []string{`{"ids":["` + apitest.ID(1) + `"],"reason":"r"}`, `{"ids":[],"reason":"r"}`, `{"ids":[1],"reason":"r"}`, `{"ids":{"a":1}}`, `{"ids":["x"],"ids":[]}`} {
		f.Add(b)
	}
	a := newAPI(f)
	f.Fuzz(func(t *testing.T, body string) {
		if body == "" {
			body = " "
		}
		answersProperly(t, a, request("POST", "/api/v1/items:batchDeny", body))
	})
}

func FuzzAddress(f *testing.F) {
	for _, p := range []string{"/", "//", "/api/v1/items/", "/api/v1/items/a:b:c", "/api/v1/items/" + apitest.ID(1) + ":approve", "/api/v1/items/{id}", "/login/../api", "/api/v1/me/", "/%00", "/login0"} {
		f.Add("GET", p)
		f.Add("POST", p)
	}
	a := newAPI(f)
	a.Close() // event streams end at once
	f.Fuzz(func(t *testing.T, method, path string) {
		if method == "" || strings.ContainsAny(method, " \r\n\t\x00/:") {
			return // the server does not let them through
		}
		r := request("GET", "/", "")
		r.Method, r.URL = method, &url.URL{Path: path}
		answersProperly(t, a, r)
	})
}

// What localPath returns leads nowhere else, by the rules of browsers.
func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/", "//a", "/\\a", "/\t/a", "https://a", "/?a=b", "/a//b", "/?\""} {
		f.Add(s)
	}
	base, err := url.Parse("https://gate.example/login")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, next string) {
		got := localPath(next)
		u, err := base.Parse(got)
		require.NoError(t, err)
		require.Equal(t, "gate.example", u.Host)
		require.Equal(t, "https", u.Scheme)
		require.False(t, strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t\x00\"<>"))
	})
}
