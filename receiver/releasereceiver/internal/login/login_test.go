package login_test

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
	"github.com/tracescrub/tracescrub/test/idptest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func provider(t *testing.T) *idptest.Provider {
	t.Helper()
	idp := idptest.New()
	t.Cleanup(idp.Close)
	return idp
}

func config(idp *idptest.Provider) login.Config {
	c := login.NewDefaultConfig()
	c.Issuer, c.ClientID, c.RedirectURL = idp.URL, idptest.ClientID, "http://127.0.0.1:8686"+login.CallbackPath
	return c
}

func client(t *testing.T, c login.Config) *login.Provider {
	t.Helper()
	require.NoError(t, c.Validate())
	p, err := login.New(c)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

// browse goes where the gate sends the browser, and returns what it comes back with.
func browse(ctx context.Context, t *testing.T, to string) url.Values {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	require.NoError(t, err)
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	require.NoError(t, err)
	return back.Query()
}

func logIn(ctx context.Context, t *testing.T, p *login.Provider, fresh bool) (login.Person, string, error) {
	t.Helper()
	to, cookie, err := p.Begin(ctx, "/?item=1", fresh)
	require.NoError(t, err)
	return p.Finish(ctx, cookie, browse(ctx, t, to))
}

func TestLogin(t *testing.T) {
	for _, secret := range []string{"", "s3"} {
		idp := provider(t)
		idp.Secret = secret
		c := config(idp)
		if secret != "" {
			c.ClientSecretFile = filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(c.ClientSecretFile, []byte(secret+"\n"), 0o600))
		}
		who, next, err := logIn(t.Context(), t, client(t, c), false)
		require.NoError(t, err)
		require.Equal(t, "/?item=1", next)
		require.WithinDuration(t, time.Now(), who.At, 5*time.Second)
		who.At = time.Time{}
		require.Equal(t, login.Person{Issuer: idp.URL, ID: "alice-7", Name: "alice-7", Names: []string{"alice"}, Groups: []string{"approvers"}}, who)
		asked := idp.Asked()
		require.Equal(t, "S256", asked.Get("code_challenge_method"))
		require.Equal(t, "openid profile email", asked.Get("scope"))
		require.Empty(t, asked.Get("max_age"))
		require.NotContains(t, asked, "client_secret")
	}
}

func TestFreshLogin(t *testing.T) {
	idp := provider(t)
	p := client(t, config(idp))
	_, _, err := logIn(t.Context(), t, p, true)
	require.NoError(t, err)
	require.Equal(t, "0", idp.Asked().Get("max_age"))
	require.Equal(t, "login", idp.Asked().Get("prompt"))

	idp.Claim("auth_time", time.Now().Add(-time.Hour).Unix())
	_, _, err = logIn(t.Context(), t, p, true)
	require.ErrorIs(t, err, login.ErrRefused, "the provider did not ask again")
	idp.Claim("auth_time", nil)
	_, _, err = logIn(t.Context(), t, p, true)
	require.ErrorIs(t, err, login.ErrRefused, "the provider does not say when it asked")
	_, _, err = logIn(t.Context(), t, p, false)
	require.NoError(t, err)
}

// Tokens that must not be accepted, by what is wrong with them.
func TestClaims(t *testing.T) {
	sources := map[string]any{"src1": map[string]any{"endpoint": "https://graph.example/groups"}}
	tests := []struct {
		name   string
		claims map[string]any
		want   error
	}{
		{"honest", nil, nil},
		{"wrong audience", map[string]any{"aud": "another"}, login.ErrRefused},
		{"one of several audiences, for us", map[string]any{"aud": []string{"another", idptest.ClientID}, "azp": idptest.ClientID}, nil},
		{"one of several audiences, for another", map[string]any{"aud": []string{"another", idptest.ClientID}, "azp": "another"}, login.ErrRefused},
		{"one of several audiences, for nobody", map[string]any{"aud": []string{"another", idptest.ClientID}}, login.ErrRefused},
		{"wrong issuer", map[string]any{"iss": "https://another.example"}, login.ErrRefused},
		{"expired", map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}, login.ErrRefused},
		{"never expires", map[string]any{"exp": nil}, login.ErrRefused},
		{"not yet valid", map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, login.ErrRefused},
		{"bad nonce", map[string]any{"nonce": "another"}, login.ErrRefused},
		{"no nonce", map[string]any{"nonce": nil}, login.ErrRefused},
		{"no subject", map[string]any{"sub": nil}, login.ErrRefused},
		{"subject is a number", map[string]any{"sub": 7}, login.ErrRefused},
		{"no groups", map[string]any{"groups": nil}, nil},
		{"one group", map[string]any{"groups": "approvers"}, nil},
		{"groups of another kind", map[string]any{"groups": []any{map[string]any{"id": 1}}}, errAny},
		{"groups elsewhere", map[string]any{"groups": nil, "_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": sources}, login.ErrOverflow},
		{"groups here and elsewhere", map[string]any{"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": sources}, login.ErrOverflow},
		{"something else elsewhere", map[string]any{"_claim_names": map[string]any{"address": "src1"}, "_claim_sources": sources}, nil},
		{"groups nowhere", map[string]any{"_claim_names": map[string]any{"groups": "src1"}}, login.ErrRefused},
		{"elsewhere malformed", map[string]any{"_claim_names": "src1"}, login.ErrRefused},
		{"has groups, somewhere", map[string]any{"groups": nil, "hasgroups": true}, login.ErrOverflow},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			idp := provider(t)
			for name, value := range tt.claims {
				idp.Claim(name, value)
			}
			who, _, err := logIn(t.Context(), t, client(t, config(idp)), false)
			switch {
			case tt.want == nil:
				require.NoError(t, err)
				require.Equal(t, "alice-7", who.ID)
			case tt.want == errAny: //nolint:errorlint // a marker
				require.Error(t, err)
				require.Empty(t, who)
			default:
				require.ErrorIs(t, err, tt.want)
				require.Empty(t, who)
			}
		})
	}
}

var errAny = os.ErrInvalid

func TestUsernameClaim(t *testing.T) {
	idp := provider(t)
	c := config(idp)
	c.UsernameClaim = "email"
	p := client(t, c)
	_, _, err := logIn(t.Context(), t, p, false)
	require.ErrorIs(t, err, login.ErrRefused)
	idp.Claim("email", "alice@example.org")
	who, _, err := logIn(t.Context(), t, p, false)
	require.NoError(t, err)
	require.Equal(t, "alice-7", who.ID)
	require.Equal(t, "alice@example.org", who.Name)
	require.Equal(t, []string{"alice", "alice@example.org"}, who.Names)
}

// What comes back with the browser proves nothing by itself.
func TestAnswers(t *testing.T) {
	idp := provider(t)
	p := client(t, config(idp))
	tests := []struct {
		name   string
		change func(url.Values) url.Values
		want   string
	}{
		{"another state", func(q url.Values) url.Values { q.Set("state", "another"); return q }, "another login"},
		{"no state", func(q url.Values) url.Values { q.Del("state"); return q }, "another login"},
		{"another provider's", func(q url.Values) url.Values { q.Set("iss", "https://another.example"); return q }, "another provider"},
		{"refused there", func(q url.Values) url.Values { q.Set("error", "access_denied"); return q }, "access_denied"},
		{"refused with a story", func(q url.Values) url.Values { q.Set("error", "<b>call 555</b>"); return q }, "an error"},
		{"another code", func(q url.Values) url.Values { q.Set("code", "another"); return q }, "did not take the code"},
		{"no code", func(q url.Values) url.Values { q.Del("code"); return q }, "did not take the code"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to, cookie, err := p.Begin(t.Context(), "/", false)
			require.NoError(t, err)
			_, _, err = p.Finish(t.Context(), cookie, tt.change(browse(t.Context(), t, to)))
			require.ErrorIs(t, err, login.ErrRefused)
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "555")
		})
	}
	t.Run("code used twice", func(t *testing.T) {
		to, cookie, err := p.Begin(t.Context(), "/", false)
		require.NoError(t, err)
		back := browse(t.Context(), t, to)
		_, _, err = p.Finish(t.Context(), cookie, back)
		require.NoError(t, err)
		_, _, err = p.Finish(t.Context(), cookie, back)
		require.ErrorIs(t, err, login.ErrRefused)
	})
	t.Run("code of another browser", func(t *testing.T) {
		to, _, err := p.Begin(t.Context(), "/", false)
		require.NoError(t, err)
		_, cookie, err := p.Begin(t.Context(), "/", false)
		require.NoError(t, err)
		_, _, err = p.Finish(t.Context(), cookie, browse(t.Context(), t, to))
		require.ErrorIs(t, err, login.ErrRefused)
	})
}

func TestCookie(t *testing.T) {
	idp := provider(t)
	p, other := client(t, config(idp)), client(t, config(idp))
	to, cookie, err := p.Begin(t.Context(), "/", false)
	require.NoError(t, err)
	state := browse(t.Context(), t, to)
	for i, bad := range []string{"", "AAAA", "!", cookie[:len(cookie)-2], strings.Replace(cookie, cookie[40:41], string(cookie[40]^1), 1)} {
		_, _, err := p.Finish(t.Context(), bad, state)
		require.ErrorIs(t, err, login.ErrRefused, i)
	}
	_, _, err = other.Finish(t.Context(), cookie, state)
	require.ErrorIs(t, err, login.ErrRefused, "another process cannot open it")
	_, _, err = p.Finish(t.Context(), cookie, state)
	require.NoError(t, err)
}

func TestKeyRotation(t *testing.T) {
	idp := provider(t)
	p := client(t, config(idp))
	for range 3 {
		_, _, err := logIn(t.Context(), t, p, false)
		require.NoError(t, err)
		idp.RotateKey()
	}
	// Keys of somebody else, under the same issuer.
	forger := idptest.New()
	defer forger.Close()
	idp.Break("/keys", 500)
	idp.RotateKey()
	_, _, err := logIn(t.Context(), t, p, false)
	require.Error(t, err, "the new key cannot be had")
	idp.Break("/keys", 0)
	_, _, err = logIn(t.Context(), t, p, false)
	require.NoError(t, err)
}

// TestForgeries: no token is believed but the provider's own.
func TestForgeries(t *testing.T) {
	idp := provider(t)
	p := client(t, config(idp))
	finish := func(token func(nonce string) string) error {
		to, cookie, err := p.Begin(t.Context(), "/", false)
		require.NoError(t, err)
		back := browse(t.Context(), t, to)
		idp.AnswerWith(token(idp.Asked().Get("nonce")))
		_, _, err = p.Finish(t.Context(), cookie, back)
		return err
	}
	claims := func(nonce string) map[string]any { return map[string]any{"nonce": nonce} }
	for name := range idp.Forgeries(idptest.ClientID, nil) {
		t.Run(name, func(t *testing.T) {
			err := finish(func(nonce string) string { return idp.Forgeries(idptest.ClientID, claims(nonce))[name] })
			require.ErrorIs(t, err, login.ErrRefused)
		})
	}
	require.NoError(t, finish(func(nonce string) string { return idp.Token(claims(nonce)) }))
}

func TestProviderAway(t *testing.T) {
	idp := provider(t)
	p := client(t, config(idp))
	idp.Break("/.well-known/openid-configuration", 503)
	_, _, err := p.Begin(t.Context(), "/", false)
	require.ErrorIs(t, err, login.ErrUnavailable)
	idp.Break("/.well-known/openid-configuration", 0)
	to, cookie, err := p.Begin(t.Context(), "/", false)
	require.NoError(t, err, "it is asked again")
	back := browse(t.Context(), t, to)
	idp.Break("/token", 502)
	_, _, err = p.Finish(t.Context(), cookie, back)
	require.ErrorIs(t, err, login.ErrUnavailable)
}

func TestFiles(t *testing.T) {
	idp := provider(t)
	c := config(idp)
	c.ClientSecretFile = filepath.Join(t.TempDir(), "none")
	_, err := login.New(c)
	require.ErrorContains(t, err, "login::client_secret_file")
	require.NoError(t, os.WriteFile(c.ClientSecretFile, []byte(" \n"), 0o600))
	_, err = login.New(c)
	require.ErrorContains(t, err, "is empty")
	c = config(idp)
	c.CAFile = filepath.Join(t.TempDir(), "none")
	_, err = login.New(c)
	require.ErrorContains(t, err, "login::ca_file")
	require.NoError(t, os.WriteFile(c.CAFile, []byte("no certificate"), 0o600))
	_, err = login.New(c)
	require.ErrorContains(t, err, "has no certificate")
}

func TestValidate(t *testing.T) {
	c := login.Config{Issuer: "http://idp.example", RedirectURL: "https://gate.example/elsewhere", SessionDuration: 25 * time.Hour}
	err := c.Validate()
	for _, want := range []string{"issuer: ", "client_id: ", "redirect_url: must end in", "scopes: ", "groups_claim: ", "username_claim: ", "session_duration: ", "reauthenticate_after: "} {
		require.ErrorContains(t, err, want)
	}
	for _, u := range []string{"http://localhost:8080", "http://[::1]:1", "http://[::1]", "https://idp.example/realms/a"} {
		c := login.NewDefaultConfig()
		c.Issuer, c.ClientID, c.RedirectURL = u, "x", "https://gate.example"+login.CallbackPath
		require.NoError(t, c.Validate(), u)
	}
	for _, u := range []string{"", "idp.example", "ftp://idp.example", "https://me@idp.example", "http://localhost.example", "http://10.0.0.1", "https:idp"} {
		c := login.NewDefaultConfig()
		c.Issuer, c.ClientID, c.RedirectURL = u, "x", "https://gate.example"+login.CallbackPath
		require.ErrorContains(t, c.Validate(), "issuer: ", u)
	}
}
