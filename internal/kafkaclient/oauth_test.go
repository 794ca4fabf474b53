package kafkaclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func initial(t *testing.T, b *bearer) string {
	t.Helper()
	_, first, err := b.Start(t.Context())
	require.NoError(t, err)
	return string(first)
}

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	b := newBearer(&OAuthConfig{TokenFile: path})
	_, _, err := b.Start(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	for _, token := range []string{"one", "two"} {
		require.NoError(t, os.WriteFile(path, []byte(token+"\n"), 0o600))
		require.Equal(t, "n,,\x01auth=Bearer "+token+"\x01\x01", initial(t, b), "it is read each time")
	}
	for _, bad := range []string{"", "a b", "a\x01b", "ä"} {
		require.NoError(t, os.WriteFile(path, []byte(bad), 0o600))
		_, _, err := b.Start(t.Context())
		require.Error(t, err)
		if bad != "" {
			require.NotContains(t, err.Error(), bad)
		}
	}
}

func TestTokenEndpoint(t *testing.T) {
	asked, lasts, status := 0, 3600, http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		id, secret, _ := r.BasicAuth()
		if id != "edge" || secret != "s%2Fcret" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "kafka" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"access_token": "t%d", "expires_in": %d, "token_type": "Bearer"}`, asked, lasts)
	}))
	t.Cleanup(srv.Close)
	b := newBearer(&OAuthConfig{TokenURL: srv.URL, ClientID: "edge", ClientSecret: "s/cret", Scope: "kafka"})
	require.Contains(t, initial(t, b), "Bearer t1\x01")
	require.Contains(t, initial(t, b), "Bearer t1\x01", "it is used as long as it lasts")
	b.expires = time.Now()
	lasts = 60
	require.Contains(t, initial(t, b), "Bearer t2\x01")
	require.Contains(t, initial(t, b), "Bearer t3\x01", "one that would run out during a connection is not used again")
	status = http.StatusFound
	_, _, err := b.Start(t.Context())
	require.ErrorContains(t, err, "answers 302")
	b = newBearer(&OAuthConfig{TokenURL: srv.URL, ClientID: "edge", ClientSecret: "wrong"})
	_, _, err = b.Start(t.Context())
	require.ErrorContains(t, err, "answers 401")
	require.NotContains(t, err.Error(), "wrong")
}

func TestBearerSession(t *testing.T) {
	done, _, err := bearerSession{}.Next(t.Context(), nil)
	require.NoError(t, err)
	require.True(t, done)
	for challenge, want := range map[string]string{
		`{"status":"invalid_token","scope":"x"}`:        "invalid_token",
		`not json`:                                      "no reason",
		`{"status":"` + strings.Repeat("x", 100) + `"}`: "no reason",
	} {
		done, _, err := bearerSession{}.Next(t.Context(), []byte(challenge))
		require.ErrorContains(t, err, want)
		require.False(t, done)
	}
}
