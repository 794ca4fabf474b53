package api

import (
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
	"github.com/tracescrub/tracescrub/test/idptest"
)

// What a page of another site can make a browser send, and what it cannot.
func TestCrossSite(t *testing.T) {
	deny, preview := itemPath(0, ":deny"), itemPath(0, "/preview")
	for _, tt := range []struct {
		name, method, target string
		headers              []string
		want                 string
	}{
		{"program", "POST", deny, nil, ""},
		{"own page", "POST", deny, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, ""},
		{"own page, older browser", "POST", deny, []string{"Origin", "http://example.com"}, ""},
		{"another site", "POST", deny, []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, "cross-site"},
		{"another site, older browser", "POST", deny, []string{"Origin", "https://evil.example"}, "cross-site"},
		{"another port", "POST", deny, []string{"Origin", "http://example.com:81"}, "cross-site"},
		{"same site", "POST", deny, []string{"Sec-Fetch-Site", "same-site"}, "cross-site"},
		{"no origin", "POST", deny, []string{"Origin", "null"}, "cross-site"},
		{"another site asks for a preview", "GET", preview, []string{"Sec-Fetch-Site", "cross-site"}, "cross-site"},
		{"same site asks for a preview", "GET", preview, []string{"Sec-Fetch-Site", "same-site"}, "cross-site"},
		{"own page asks for a preview", "GET", preview, []string{"Sec-Fetch-Site", "same-origin"}, ""},
		{"address bar", "GET", preview, []string{"Sec-Fetch-Site", "none"}, ""},
		{"link to the page", "GET", "/", []string{"Sec-Fetch-Site", "cross-site"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			for _, basic := range []bool{false, true} {
				body := ""
				if tt.method == "POST" {
					body = `{"reason":"r"}`
				}
				r := request(tt.method, tt.target, body, append([]string{"If-Match", `"1"`}, tt.headers...)...)
				if basic {
					signIn(r, "all", true)
				}
				if tt.want != "" {
					refused(t, a, r, tt.want)
				} else if resp, _ := send(t, a, r); resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusConflict {
					t.Errorf("status %d", resp.StatusCode)
				}
			}
			if tt.want != "" {
				require.Empty(t, a.fake().Viewed())
				var it gate.Item
				get(t, a, request("GET", itemPath(0, ""), ""), 200, &it)
				require.Equal(t, gate.Pending, it.State)
			}
		})
	}
}

func TestCSRF(t *testing.T) {
	a := newAPI(t, withLogin)
	cookie, csrf := logIn(a, "alice", time.Now(), "all")
	_, others := logIn(a, "bob", time.Now(), "all")
	post := func(token string) *http.Request {
		return request("POST", itemPath(1, ":deny"), `{"reason":"r"}`, "If-Match", `"1"`, "Authorization", "", "Cookie", cookie, csrfHeader, token)
	}
	for _, token := range []string{"", "nonsense", others, csrf[1:]} {
		refused(t, a, post(token), "csrf")
		refused(t, a, request("POST", "/logout", "", "Authorization", "", "Cookie", cookie, csrfHeader, token), "csrf")
	}
	// A proxy may hide the name that browsers use for the gate.
	r := post(csrf)
	r.Host = "gate.internal:8686"
	r.Header.Set("Origin", "http://example.com")
	get(t, a, r, 200, nil)

	resp := get(t, a, request("POST", "/logout", "", "Authorization", "", "Cookie", cookie, csrfHeader, csrf), 204, nil)
	require.Contains(t, resp.Header.Get("Set-Cookie"), "Max-Age=0")
	refused(t, a, request("GET", "/api/v1/me", "", "Authorization", "", "Cookie", cookie), "unauthenticated")
	get(t, a, request("POST", "/logout", ""), 204, nil)
}

// browser is a real server, an identity provider, and a client that keeps cookies.
type browser struct {
	*http.Client
	api *API
	idp *idptest.Provider
	url string
}

func newBrowser(t *testing.T, secure bool) *browser {
	t.Helper()
	b := &browser{idp: idptest.New()}
	t.Cleanup(b.idp.Close)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.api.ServeHTTP(w, r) }))
	scheme := "http://"
	if secure {
		scheme = "https://"
	}
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	b.url = scheme + "127.0.0.1:" + port
	b.api = newAPI(t, func(o *Options) {
		c := login.NewDefaultConfig()
		c.Issuer, c.ClientID, c.RedirectURL = b.idp.URL, idptest.ClientID, b.url+login.CallbackPath
		require.NoError(t, c.Validate())
		o.Config.Login = configoptional.Some(c)
		o.Config.Permissions = []Grant{{Groups: []string{"approvers"}, Issuer: b.idp.URL, Allow: everything}}
	})
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b.Client = server.Client()
	b.Jar = jar
	return b
}

// open goes to a place as a browser does, meta refreshes included.
func (b *browser) open(t *testing.T, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+path, nil)
		require.NoError(t, err)
		r.Header.Set("Accept", "text/html")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		resp, err := b.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		_, after, refresh := strings.Cut(string(body), `content="0;url=`)
		if !refresh {
			return resp, string(body)
		}
		path, _, _ = strings.Cut(after, `"`)
		path = html.UnescapeString(path)
		headers = []string{"Sec-Fetch-Site", "same-origin"}
	}
	t.Fatal("sent on and on")
	return nil, ""
}

func (b *browser) cookies(t *testing.T) []*http.Cookie {
	t.Helper()
	u, err := url.Parse(b.url)
	require.NoError(t, err)
	return b.Jar.Cookies(u)
}

func TestLogin(t *testing.T) {
	for _, secure := range []bool{false, true} {
		b := newBrowser(t, secure)
		resp, body := b.open(t, "/?item="+apitest.ID(1))
		require.Equal(t, page, body)
		require.Equal(t, "/?item="+apitest.ID(1), resp.Request.URL.RequestURI())
		cookies := b.cookies(t)
		require.Len(t, cookies, 1, "that of the login is gone")
		require.Equal(t, b.api.cookie("session"), cookies[0].Name)
		require.Equal(t, secure, strings.HasPrefix(cookies[0].Name, "__Host-"))

		_, body = b.open(t, "/api/v1/me")
		require.Contains(t, body, `"identity":"`+b.idp.URL+` alice-7"`)
		require.Contains(t, body, `"auth":"session"`)
		require.NotContains(t, body, cookies[0].Value)

		// Once logged in, the provider is not needed any more.
		b.idp.Close()
		resp, _ = b.open(t, "/login?next=/x")
		require.Equal(t, "/x", resp.Request.URL.Path)
	}
}

// A link from another site works, though the browser does not send the session with it.
func TestLoginFromElsewhere(t *testing.T) {
	b := newBrowser(t, true)
	resp, body := b.open(t, "/?item=1&a=b", "Sec-Fetch-Site", "cross-site")
	require.Equal(t, page, body)
	require.Equal(t, "/?item=1&a=b", resp.Request.URL.RequestURI())
}

// What a session cookie is protected with.
func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		b := newBrowser(t, secure)
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		step := func(target string) (*http.Response, string) {
			resp, err := b.Get(target)
			require.NoError(t, err)
			resp.Body.Close()
			return resp, resp.Header.Get("Location")
		}
		resp, to := step(b.url + "/login?next=/x")
		c := resp.Cookies()[0]
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.True(t, c.HttpOnly)
		require.Equal(t, secure, c.Secure)
		require.Equal(t, 600, c.MaxAge)
		u, err := url.Parse(to)
		require.NoError(t, err)
		require.Equal(t, b.url+login.CallbackPath, u.Query().Get("redirect_uri"))

		_, to = step(to)
		resp, _ = step(to)
		require.Equal(t, 200, resp.StatusCode)
		require.Len(t, resp.Cookies(), 2)
		require.Equal(t, -1, resp.Cookies()[0].MaxAge)
		c = resp.Cookies()[1]
		require.Equal(t, http.SameSiteStrictMode, c.SameSite)
		require.True(t, c.HttpOnly)
		require.Equal(t, secure, c.Secure)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
		require.Equal(t, 8*3600, c.MaxAge)
		require.Equal(t, secure, resp.Header.Get("Strict-Transport-Security") != "")

		resp, _ = step(to)
		require.Equal(t, 403, resp.StatusCode, "the same answer again")
		require.Empty(t, resp.Cookies())
	}
}

// A fresh login replaces the session, and permits the release of an original.
func TestLoginAgain(t *testing.T) {
	b := newBrowser(t, false)
	b.idp.Claim("auth_time", time.Now().Add(-time.Hour).Unix())
	_, body := b.open(t, "/")
	require.Equal(t, page, body)
	old := b.cookies(t)[0].Value
	s := b.api.sessions.find(old)
	require.Error(t, b.api.mayReveal(b.api.sessionCaller(s, old)))
	b.idp.Claim("auth_time", time.Now().Unix())
	_, body = b.open(t, "/login?fresh=1&next=/")
	require.Equal(t, page, body)
	renewed := b.cookies(t)[0].Value
	require.NotEqual(t, old, renewed)
	require.Nil(t, b.api.sessions.find(old))
	require.NoError(t, b.api.mayReveal(b.api.sessionCaller(b.api.sessions.find(renewed), renewed)))
}

func TestLoginRefused(t *testing.T) {
	for _, tt := range []struct {
		name  string
		plant func(*idptest.Provider)
		want  string
	}{
		{"wrong audience", func(p *idptest.Provider) { p.Claim("aud", "another") }, "login-refused"},
		{"wrong issuer", func(p *idptest.Provider) { p.Claim("iss", "https://another.example") }, "login-refused"},
		{"expired", func(p *idptest.Provider) { p.Claim("exp", time.Now().Add(-time.Hour).Unix()) }, "login-refused"},
		{"bad nonce", func(p *idptest.Provider) { p.Claim("nonce", "another") }, "login-refused"},
		{"groups elsewhere", func(p *idptest.Provider) { p.Claim("hasgroups", true) }, "group-overflow"},
		{"groups of another type", func(p *idptest.Provider) { p.Claim("groups", 7) }, "no-identity"},
		{"provider away", func(p *idptest.Provider) { p.Break("/token", 500) }, "login-unavailable"},
		{"provider never there", func(p *idptest.Provider) { p.Break("/.well-known/openid-configuration", 500) }, "login-unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBrowser(t, false)
			tt.plant(b.idp)
			resp, body := b.open(t, "/")
			require.Equal(t, titles[tt.want].status, resp.StatusCode)
			require.Contains(t, body, problemBase+tt.want)
			require.NoError(t, theContract().check("GET", resp.Request.URL.Path, resp, []byte(body)))
			require.Nil(t, b.api.sessions.find("x"))
			require.Empty(t, b.api.sessions.open)
		})
	}
	b := newBrowser(t, false)
	resp, _ := b.open(t, login.CallbackPath+"?code=x&state=y")
	require.Equal(t, 403, resp.StatusCode, "no login was begun")
}

// Whoever has logged out stays out until they ask to come in.
func TestLoggedOut(t *testing.T) {
	a := newAPI(t, withLogin)
	cookie, csrf := logIn(a, "alice", time.Now(), "all")
	_, body := send(t, a, request("GET", pathLogout, "", "Authorization", "", "Cookie", cookie))
	require.Contains(t, string(body), `content="0;url=/"`, "there is a session")
	get(t, a, request("POST", pathLogout, "", "Authorization", "", "Cookie", cookie, csrfHeader, csrf), 204, nil)
	_, body = send(t, a, request("GET", pathLogout, "", "Authorization", "", "Cookie", cookie))
	require.Contains(t, string(body), "You are signed out")
	require.NotContains(t, string(body), "refresh")
}

// Nobody is sent elsewhere by a link to the login.
func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"":                             "/",
		"/":                            "/",
		"/?item=1#x":                   "/?item=1",
		"/a/b?c=d&e":                   "/a/b?c=d&e",
		"https://evil.example":         "/",
		"//evil.example":               "/",
		"/\\evil.example":              "/",
		`\\evil.example`:               "/",
		"javascript:alert(1)":          "/",
		"evil.example":                 "/",
		"/login?next=/login":           "/",
		"/api/v1/items":                "/",
		"/logout":                      "/",
		"/\n//evil.example":            "/",
		"/%0d%0aX: y":                  "/%0D%0AX:%20y",
		"/" + strings.Repeat("x", 500): "/",
	} {
		require.Equal(t, want, localPath(next), next)
	}
}

// Programs get problems where browsers are sent to the login.
func TestNoLoginForPrograms(t *testing.T) {
	a := newAPI(t, withLogin)
	refused(t, a, request("GET", "/", "", "Authorization", "", "Accept", "application/json"), "unauthenticated")
	resp, body := send(t, a, request("GET", "/?a=b&c", "", "Authorization", "", "Accept", "text/html"))
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, string(body), `content="0;url=/login?next=%2F%3Fa%3Db%26c"`)
	require.Less(t, strings.Index(string(body), pathPlace), strings.Index(string(body), "refresh"), "the script comes first")
	refused(t, a, request("GET", "/api/v1/items", "", "Authorization", "", "Accept", "text/html"), "unauthenticated")
	refused(t, newAPI(t), request("GET", "/", "", "Authorization", "", "Accept", "text/html"), "unauthenticated")
}

func TestSessions(t *testing.T) {
	now := time.Now()
	s := newSessions(time.Hour, func() time.Time { return now })
	alice, bob := login.Person{Issuer: issuer, ID: "alice"}, login.Person{Issuer: issuer, ID: "bob"}
	bobs := s.begin(bob)
	var tokens []string
	for range sessionsOfOne + 1 {
		tokens = append(tokens, s.begin(alice))
		now = now.Add(time.Second)
	}
	require.Nil(t, s.find(tokens[0]), "the oldest had to go")
	for _, token := range tokens[1:] {
		require.Equal(t, alice, s.find(token).Person)
	}
	require.NotNil(t, s.find(bobs), "but nobody else's")
	s.end(tokens[1])
	require.Nil(t, s.find(tokens[1]))
	now = now.Add(time.Hour - time.Second)
	require.Nil(t, s.find(tokens[2]))
	s.begin(bob)
	require.Len(t, s.open, 1, "what is over is forgotten")
	s.limit = 100
	for i := range 105 {
		s.begin(login.Person{Issuer: issuer, ID: string(rune('a' + i))})
	}
	require.Len(t, s.open, 100)
}
