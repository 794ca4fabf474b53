package main

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthy(t *testing.T) {
	answers := func(status int) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if status == http.StatusFound {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(status)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	hanging := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hanging }))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(hanging) })
	hidden := rand.Text()
	named := strings.Replace(gone.URL, "//", "//"+hidden+"@", 1)

	for _, tt := range []struct {
		name string
		args []string
		want int
		says string
	}{
		{"well", []string{"--timeout", "5m", answers(200)}, exitDone, ""},
		{"unavailable", []string{"--timeout", "5m", answers(503)}, exitFindings, "answered 503"},
		{"a redirect is no answer", []string{"--timeout", "5m", answers(302)}, exitFindings, "answered 302"},
		{"nobody listens", []string{gone.URL}, exitFindings, "not healthy"},
		{"the address is not told", []string{named}, exitFindings, "not healthy"},
		{"too slow", []string{"--timeout", "50ms", slow.URL}, exitFindings, "deadline"},
		{"no URL", []string{"13133"}, exitWrong, "URL"},
		{"another scheme", []string{"file:///etc"}, exitWrong, "URL"},
		{"two", []string{"a", "b"}, exitWrong, "unexpected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, err bytes.Buffer
			term := osTerminal()
			term.out, term.err = &out, &err
			if got := run(append([]string{"healthy"}, tt.args...), term); got != tt.want {
				t.Errorf("exit code %d, want %d: %s", got, tt.want, &err)
			}
			if out.Len() > 0 || !strings.Contains(err.String(), tt.says) || (tt.says == "") != (err.Len() == 0) {
				t.Errorf("said %q and %q, want %q", &out, &err, tt.says)
			}
			if strings.Contains(err.String(), hidden) {
				t.Error("the password of the URL was told")
			}
		})
	}
}
