package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// access is what each route takes, written down a second time: a route that
// is missing here fails, and so does one whose need is changed without a word.
var access = map[string]struct {
	need   gate.Permission // empty: whoever is known; two have a bar between them
	body   string
	status int
}{
	"GET /api/v1/items":               {gate.List, "", 200},
	"GET /api/v1/items/{id}":          {gate.List, "", 200},
	"GET /api/v1/items/{id}/preview":  {gate.Preview, "", 200},
	"GET /api/v1/items/{id}/receipt":  {gate.Audit, "", 200},
	"POST /api/v1/items/{id}:approve": {gate.Decide, `{"reason":"r"}`, 200},
	"POST /api/v1/items/{id}:deny":    {gate.Decide, `{"reason":"r"}`, 200},
	"POST /api/v1/items:batchApprove": {gate.Decide, `{"reason":"r","ids":["` + apitest.ID(2) + `"]}`, 200},
	"POST /api/v1/items:batchDeny":    {gate.Decide, `{"reason":"r","ids":["` + apitest.ID(3) + `"]}`, 200},
	"GET /api/v1/stats":               {gate.List, "", 200},
	"GET /api/v1/events":              {gate.List, "", 200},
	"GET /api/v1/audit":               {gate.List + "|" + gate.Audit, "", 200},
	"GET /api/v1/me":                  {"", "", 200},
	"GET /api/v1/openapi.yaml":        {"", "", 200},
	"GET /":                           {"", "", 200},
	"POST /logout":                    {"", "", 204},
	"GET /login":                      {"open", "", 503}, // the provider of this test is away
	"GET /login/callback":             {"open", "", 403},
	"GET /login/place.js":             {"open", "", 200},
	"GET /logout":                     {"open", "", 200},
}

// kinds are the ways to be somebody with the given permission, and what goes with a request of theirs.
var kinds = []struct {
	name  string
	grant Grant
	sign  func(a *API, r *http.Request)
}{
	{"token, by group", Grant{Groups: []string{"some"}}, func(_ *API, r *http.Request) {
		r.Header.Set("Authorization", bearer(person("alice", "other", "some")))
	}},
	{"token, by name", Grant{Users: []string{issuer + " alice"}}, func(_ *API, r *http.Request) {
		r.Header.Set("Authorization", bearer(person("alice")))
	}},
	{"token, by claim", Grant{Groups: []string{"some"}}, func(_ *API, r *http.Request) {
		attrs := person("alice")
		attrs["claims.groups"] = []any{"some"}
		r.Header.Set("Authorization", bearer(attrs))
	}},
	{"password", Grant{Users: []string{"alice"}}, func(_ *API, r *http.Request) { signIn(r, "alice", true) }},
	{"session, by group", Grant{Groups: []string{"some"}, Issuer: issuer}, func(a *API, r *http.Request) {
		cookie, csrf := logIn(a, "alice", time.Now(), "some")
		r.Header.Del("Authorization")
		r.Header.Set("Cookie", cookie)
		r.Header.Set(csrfHeader, csrf)
	}},
	{"session, by name", Grant{Users: []string{issuer + " alice"}}, func(a *API, r *http.Request) {
		cookie, csrf := logIn(a, "alice", time.Now())
		r.Header.Del("Authorization")
		r.Header.Set("Cookie", cookie)
		r.Header.Set(csrfHeader, csrf)
	}},
	{"extension knows other groups", Grant{Groups: []string{"some"}}, func(_ *API, r *http.Request) {
		attrs := person("alice", "other")
		attrs["claims.groups"] = []any{"some"}
		r.Header.Set("Authorization", bearer(attrs))
	}},
	{"nobody", Grant{Groups: []string{"some"}}, func(_ *API, r *http.Request) { r.Header.Del("Authorization") }},
	{"wrong password", Grant{Users: []string{"alice"}}, func(_ *API, r *http.Request) { signIn(r, "alice", false) }},
	{"another issuer", Grant{Groups: []string{"some"}, Issuer: "https://another.example"}, func(_ *API, r *http.Request) {
		r.Header.Set("Authorization", bearer(person("alice", "some")))
	}},
	{"subject like a user's name", Grant{Users: []string{"alice"}}, func(_ *API, r *http.Request) {
		r.Header.Set("Authorization", bearer(person("alice")))
	}},
	{"name like a subject", Grant{Users: []string{issuer + " alice"}}, func(_ *API, r *http.Request) { signIn(r, "alice", true) }},
}

// Each route, with each permission, for each kind of person.
func TestAccess(t *testing.T) {
	for route, want := range access {
		method, path, _ := strings.Cut(route, " ")
		for _, kind := range kinds {
			for _, has := range append([]gate.Permission{""}, everything...) {
				t.Run(fmt.Sprintf("%s/%s/%s", route, kind.name, has), func(t *testing.T) {
					g := kind.grant
					g.Allow = []gate.Permission{has}
					if has == "" {
						g = Grant{Users: []string{"somebody else"}, Allow: everything}
					}
					a := newAPI(t, withLogin, grant(g))
					if strings.HasSuffix(path, "/events") {
						a.Close() // the stream ends at once
					}
					r := request(method, strings.ReplaceAll(path, "{id}", apitest.ID(1)), want.body, "If-Match", `"1"`)
					kind.sign(a, r)
					get(t, a, r, expected(kind.name, want.need, has, want.status), nil)
				})
			}
		}
	}
	routes := 0
	for path, methods := range newAPI(t, withLogin).routes {
		for method := range methods {
			if method != http.MethodHead {
				routes++
				require.Contains(t, access, method+" "+path)
			}
		}
	}
	require.Len(t, access, routes)
}

func expected(kind string, need, has gate.Permission, status int) int {
	switch {
	case need == "open" && status == 503 && strings.HasPrefix(kind, "session"):
		return http.StatusSeeOther // there is no need to ask the provider
	case need == "open":
		return status
	case kind == "nobody", kind == "wrong password":
		return http.StatusUnauthorized
	case need == "":
		return status
	case has == "" || !slices.Contains(strings.Split(string(need), "|"), string(has)), kind == "another issuer", kind == "extension knows other groups", kind == "subject like a user's name", kind == "name like a subject":
		return http.StatusForbidden
	}
	return status
}

// The release of an original takes both permissions.
func TestReveal(t *testing.T) {
	body := `{"reason":"r","mode":"original"}`
	for _, tt := range []struct {
		allow []gate.Permission
		want  string
	}{
		{[]gate.Permission{gate.Decide}, "forbidden"},
		{[]gate.Permission{gate.Reveal}, "forbidden"},
		{[]gate.Permission{gate.Decide, gate.Reveal}, ""},
	} {
		a := newAPI(t, grant(Grant{Groups: []string{"all"}, Allow: tt.allow}))
		r := request("POST", itemPath(0, ":approve"), body, "If-Match", `"1"`)
		if tt.want == "" {
			get(t, a, r, 200, nil)
		} else {
			refused(t, a, r, tt.want)
		}
	}
}

// In a browser it also takes a login that is not old.
func TestRevealTakesFreshLogin(t *testing.T) {
	a := newAPI(t, withLogin)
	for _, tt := range []struct {
		age  time.Duration
		mode string
		want string
	}{
		{6 * time.Minute, "original", "reauthentication-required"},
		{6 * time.Minute, "masked", ""},
		{4 * time.Minute, "original", ""},
	} {
		cookie, csrf := logIn(a, "alice"+tt.mode+tt.want, time.Now().Add(-tt.age), "all")
		r := request("POST", itemPath(0, ":approve"), `{"reason":"r","mode":"`+tt.mode+`"}`, "If-Match", "", "Authorization", "", "Cookie", cookie, csrfHeader, csrf)
		var it gate.Item
		get(t, a, request("GET", itemPath(0, ""), ""), 200, &it)
		r.Header.Set("If-Match", etag(it.Version))
		if tt.want == "" {
			get(t, a, r, 200, nil)
		} else {
			refused(t, a, r, tt.want)
		}
		a.fake().Move(apitest.ID(0), gate.Pending, "held")
	}
}

// Who somebody is, as the gate and the person get to know it.
func TestMe(t *testing.T) {
	attrs := func(more ...any) attributes {
		a := person("alice")
		for i := 0; i < len(more); i += 2 {
			if more[i+1] == nil {
				delete(a, more[i].(string))
			} else {
				a[more[i].(string)] = more[i+1]
			}
		}
		return a
	}
	for _, tt := range []struct {
		name  string
		attrs attributes
		want  me
		fails string
	}{
		{"token", attrs(), me{Identity: issuer + " alice", Name: "alice"}, ""},
		{"extension with username_claim", attrs("subject", "alice@example.org", "claims.sub", "a-7"), me{Identity: issuer + " a-7", Name: "alice@example.org"}, ""},
		{"names", attrs("claims.preferred_username", "al", "claims.email", "alice@example.org"), me{Identity: issuer + " alice", Name: "al"}, ""},
		{"no sub", attrs("claims.sub", nil), me{Identity: issuer + " alice", Name: "alice"}, ""},
		{"no issuer", attrs("claims.iss", nil), me{}, "no-identity"},
		{"no issuer, but a name", attrs("claims.iss", nil, "username", "alice"), me{}, "no-identity"},
		{"no subject, but a name", attrs("subject", nil, "username", "alice"), me{}, "no-identity"},
		{"nothing", attributes{}, me{}, "no-identity"},
		{"subject of another type", attrs("subject", 7), me{}, "no-identity"},
		{"groups elsewhere", attrs("claims._claim_names", map[string]any{"groups": "src1"}), me{}, "group-overflow"},
		{"groups of another type", attrs("claims.groups", 7), me{}, "no-identity"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			r := request("GET", "/api/v1/me", "", "Authorization", bearer(tt.attrs))
			if tt.fails != "" {
				refused(t, a, r, tt.fails)
				return
			}
			tt.want.Auth, tt.want.Permissions = byToken, []gate.Permission{}
			var got me
			get(t, a, r, 200, &got)
			require.Equal(t, tt.want, got)
		})
	}
	t.Run("session", func(t *testing.T) {
		a := newAPI(t, withLogin)
		cookie, csrf := logIn(a, "alice", time.Now(), "all")
		var got me
		get(t, a, request("GET", "/api/v1/me", "", "Authorization", "", "Cookie", cookie), 200, &got)
		require.Equal(t, csrf, got.CSRF)
		require.Equal(t, "/logout", got.Logout)
		require.WithinDuration(t, time.Now().Add(8*time.Hour), *got.Expires, time.Minute)
		require.Len(t, got.Permissions, len(everything))
	})
	t.Run("local", func(t *testing.T) {
		var got me
		get(t, newAPI(t, withLocal), request("GET", "http://127.0.0.1:8686/api/v1/me", ""), 200, &got)
		require.Equal(t, me{Identity: "local somebody", Name: "somebody", Auth: byNothing, Permissions: permissions}, got)
	})
}

// Credentials in a request come before a session, and bad ones are not made up for by one.
func TestCredentialsBeforeSession(t *testing.T) {
	a := newAPI(t, withLogin)
	cookie, _ := logIn(a, "alice", time.Now(), "all")
	var got me
	get(t, a, request("GET", "/api/v1/me", "", "Cookie", cookie), 200, &got)
	require.Equal(t, issuer+" root", got.Identity)
	refused(t, a, request("GET", "/api/v1/me", "", "Cookie", cookie, "Authorization", "Bearer nonsense"), "unauthenticated")
	refused(t, a, request("GET", "/api/v1/me", "", "Cookie", a.cookie("session")+"=nonsense", "Authorization", ""), "unauthenticated")
}

func TestChallenge(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options []option
		want    string
	}{
		{"password", []option{func(o *Options) { o.Basic = true }}, `Basic realm="tracescrub", charset="UTF-8"`},
		{"token", nil, `Bearer realm="tracescrub"`},
		{"login only", []option{withLogin, func(o *Options) { o.Authenticator = nil }}, `Cookie realm="tracescrub"`},
	} {
		resp := refused(t, newAPI(t, tt.options...), request("GET", "/api/v1/me", "", "Authorization", ""), "unauthenticated")
		require.Equal(t, tt.want, resp.Header.Get("WWW-Authenticate"), tt.name)
	}
}

// Without auth everybody on this machine may do everything, and nobody else anything.
func TestLocal(t *testing.T) {
	a := newAPI(t, withLocal)
	for _, host := range []string{"127.0.0.1:8686", "localhost:8686", "[::1]:8686", "localhost", "127.0.0.1"} {
		get(t, a, request("GET", "http://"+host+"/api/v1/items", "", "Authorization", ""), 200, nil)
	}
	for _, host := range []string{"example.com", "localhost.example.com", "10.0.0.1:8686", "rebound.example:8686"} {
		refused(t, a, request("GET", "http://"+host+"/api/v1/items", ""), "misdirected")
	}
	refused(t, a, request("GET", "http://localhost/api/v1/items", "", "X-Forwarded-For", "10.0.0.1"), "misdirected")
	refused(t, a, request("GET", "http://localhost/api/v1/items", "", "Forwarded", "for=10.0.0.1"), "misdirected")
}

func TestNew(t *testing.T) {
	fake := apitest.New()
	some := &extension{}
	who := &gate.Actor{Identity: "local x"}
	granted := NewDefaultConfig()
	granted.Permissions = []Grant{{Users: []string{"x"}, Allow: everything}}
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"no gate", Options{Authenticator: some, Config: granted}, "needs a gate"},
		{"nobody is asked who they are", Options{Gate: fake, Config: granted}, "anybody could use"},
		{"both", Options{Gate: fake, Authenticator: some, Local: who, Config: granted}, "the same person"},
		{"nobody may do anything", Options{Gate: fake, Authenticator: some, Config: NewDefaultConfig()}, "nobody could use"},
		{"auth", Options{Gate: fake, Authenticator: some, Config: granted}, ""},
		{"local", Options{Gate: fake, Local: who, Config: NewDefaultConfig()}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, err := New(tt.o)
			if tt.want != "" {
				require.ErrorContains(t, err, tt.want)
				return
			}
			require.NoError(t, err)
			a.Close()
		})
	}
}

func TestValidate(t *testing.T) {
	c := NewDefaultConfig()
	require.NoError(t, c.Validate())
	c = Config{Permissions: []Grant{{Allow: []gate.Permission{"all"}}, {Users: []string{" "}}}}
	err := c.Validate()
	for _, want := range []string{
		"permissions[0]: names neither", `permissions[0]::allow: "all" is none of`, "permissions[1]: has an empty", "permissions[1]::allow: must not be empty",
		"limits::requests_per_second", "limits::burst", "limits::failed_logins_per_minute", "limits::streams",
	} {
		require.ErrorContains(t, err, want)
	}
}
