package webhook

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configopaque"
)

func TestProblems(t *testing.T) {
	require.Empty(t, Problems("https://chat.example.org/hook", ""))
	require.Empty(t, Problems("http://chat.example.org/hook", configopaque.String(strings.Repeat("s", MinSecret))))
	require.Len(t, Problems("ftp://chat.example.org", "short"), 2)
	require.Len(t, Problems("https:///hook", ""), 1)
}

func TestPost(t *testing.T) {
	secret := configopaque.String(rand.Text())
	for _, c := range []struct {
		name   string
		status int
		again  bool
		says   string
	}{
		{"taken", 204, false, ""},
		{"redirected", 302, false, "answers 302"},
		{"refused", 403, false, "answers 403"},
		{"too often", 429, true, "answers 429"},
		{"in trouble", 503, true, "answers 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got http.Header
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.Header.Clone()
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
			}))
			defer srv.Close()
			h := New(configopaque.String(srv.URL+"/private"), secret, time.Minute)
			defer h.Close()
			h.now = func() time.Time { return time.Unix(17, 0) }
			again, err := h.Post(t.Context(), "id", []byte("body"))
			require.Equal(t, c.again, again)
			require.Equal(t, "17", got.Get("Tracescrub-Timestamp"))
			require.Equal(t, Sign(string(secret), "17", []byte("body")), got.Get("Tracescrub-Signature"))
			require.Equal(t, "id", got.Get("Tracescrub-Message-Id"))
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "private")
		})
	}
}

// TestReasons: none has an address in it, which errors of the network do.
func TestReasons(t *testing.T) {
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	defer tls.Close()
	tls.Config.ErrorLog = nil
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	for _, c := range []struct{ name, url, want string }{
		{"refused", gone.URL, "connection refused"},
		{"not trusted", tls.URL, "the server's certificate is not trusted"},
		{"slow", slow.URL, "no answer in time"},
		{"no name", "http://nowhere.invalid", "the host's name is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := New(configopaque.String(c.url), "", 2*time.Second)
			if c.name == "slow" {
				h.Client.Timeout = 20 * time.Millisecond
			}
			defer h.Close()
			again, err := h.Post(t.Context(), "id", nil)
			require.True(t, again)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "127.0.0.1")
		})
	}
	require.Equal(t, "no connection", Reason(errors.New("secret.example:1")))
	require.Equal(t, "no connection", Reason(x509.UnknownAuthorityError{}))
}
