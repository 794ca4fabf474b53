package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// served returns a source that asks a handler over HTTP.
func served(t *testing.T, h http.Handler) Source {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	client := server.Client()
	t.Cleanup(client.CloseIdleConnections)
	return URL(client, server.URL+"/")
}

func TestHTTP(t *testing.T) {
	l := start(t, t.TempDir())
	local := Directory(l.dir)
	far := served(t, Handler(local))
	_, err := far.Decision(context.Background(), id(0))
	require.ErrorIs(t, err, ErrNone)
	_, err = far.Decision(context.Background(), "../status")
	require.ErrorIs(t, err, ErrNone)
	at := l.tell("denied", id(0))
	l.sign()
	require.Equal(t, at, decision(t, far, l.dir, id(0)))
	want, err := local.Status(context.Background())
	require.NoError(t, err)
	got, err := far.Status(context.Background())
	require.NoError(t, err)
	require.Equal(t, want, got)
	for path, body := range map[string]string{"/checkpoint": want.Checkpoint, "/log.pub": want.Keys[0] + "\n"} {
		w := httptest.NewRecorder()
		Handler(local).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		require.Equal(t, body, w.Body.String())
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		w := httptest.NewRecorder()
		Handler(local).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/status", nil))
		require.Equal(t, http.StatusMethodNotAllowed, w.Code)
	}
}

// away is a source that cannot be asked.
type away struct{}

var errAway = errors.New("open /a/secret/path: away")

func (away) Decision(context.Context, string) ([]byte, error) { return nil, errAway }
func (away) Status(context.Context) (Status, error)           { return Status{}, errAway }

func TestHTTPTrouble(t *testing.T) {
	l := start(t, t.TempDir())
	l.tell("denied", id(0))
	l.sign()
	other, err := Directory(l.dir).Decision(context.Background(), id(0))
	require.NoError(t, err)
	says := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body) //nolint:errcheck // the client may have read enough
		}
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
	}{
		{"the log cannot be asked", Handler(away{})},
		{"another server's 404", says(404, "404 page not found\n")},
		{"a refusal", says(401, "")},
		{"no answer of ours", says(200, "<html>")},
		{"a receipt about another item", says(200, string(other))},
		{"a status without signature", says(200, `{"checkpoint":"x"}`)},
		{"an answer without end", says(200, strings.Repeat("x", maxAnswer+1))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := served(t, tt.handler)
			_, err := s.Decision(context.Background(), id(1))
			require.Error(t, err)
			require.NotErrorIs(t, err, ErrNone)
			require.NotContains(t, err.Error(), "secret")
			_, err = s.Status(context.Background())
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}
