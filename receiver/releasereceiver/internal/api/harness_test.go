package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer = "https://idp.example"
	page   = "the review page"
)

// everything is all permissions.
var everything = []gate.Permission{gate.List, gate.Preview, gate.Decide, gate.Reveal, gate.Audit}

// extension is an auth extension that believes everybody: user and password
// are the same, and a token is the JSON of its attributes.
type extension struct{ asked atomic.Int64 }

func (e *extension) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	e.asked.Add(1)
	r := http.Request{Header: headers}
	data := attributes{}
	if name, password, ok := r.BasicAuth(); ok {
		if name != password {
			return ctx, errors.New("wrong")
		}
		data["username"] = name
	} else {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || json.Unmarshal([]byte(token), &data) != nil {
			return ctx, errors.New("wrong")
		}
	}
	if groups, ok := data["membership"].([]any); ok {
		var names []string
		for _, g := range groups {
			names = append(names, g.(string))
		}
		data["membership"] = names
	}
	info := client.FromContext(ctx)
	info.Auth = data
	return client.NewContext(ctx, info), nil
}

// attributes are what an extension knows of somebody. Nobody may ask for raw.
type attributes map[string]any

func (a attributes) GetAttribute(name string) any {
	if name == "raw" {
		panic("somebody asks for the token")
	}
	return a[name]
}

func (a attributes) GetAttributeNames() []string { panic("somebody asks for all attributes") }

// bearer is the Authorization of somebody with a token.
func bearer(attrs attributes) string {
	b, err := json.Marshal(attrs)
	if err != nil {
		panic(err)
	}
	return "Bearer " + string(b)
}

func person(name string, groups ...string) attributes {
	return attributes{"subject": name, "membership": groups, "claims.iss": issuer, "claims.sub": name}
}

// signIn adds user and password to a request: the right one, or another.
func signIn(r *http.Request, name string, right bool) {
	other := name
	if !right {
		other += "?"
	}
	r.SetBasicAuth(name, other)
}

// option changes what newAPI makes.
type option func(*Options)

func withLogin(o *Options) {
	c := login.NewDefaultConfig()
	c.Issuer, c.ClientID, c.RedirectURL = "http://127.0.0.1:1", "gate", "http://example.com"+login.CallbackPath
	o.Config.Login = configoptional.Some(c)
}

func withLocal(o *Options) {
	o.Authenticator = nil
	o.Local = &gate.Actor{Identity: "local somebody", Subject: "somebody"}
}

func grant(g ...Grant) option { return func(o *Options) { o.Config.Permissions = g } }

// newAPI makes an API with 12 items, for which the group "all" may do everything.
func newAPI(t testing.TB, options ...option) *API {
	t.Helper()
	fake := apitest.New()
	fake.Fill(12)
	log := apitest.NewLog()
	log.Tell(apitest.ID(1), "tracescrub.denied")
	o := Options{
		Gate: fake, Audit: log, Config: NewDefaultConfig(), Authenticator: &extension{},
		Page: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(page))
		}),
	}
	o.Config.Permissions = []Grant{{Groups: []string{"all"}, Users: []string{"all"}, Allow: everything}}
	o.Config.Limits.RequestsPerSecond, o.Config.Limits.Burst = 1e6, 1e6
	for _, option := range options {
		option(&o)
	}
	require.NoError(t, o.Config.Validate())
	a, err := New(o)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a
}

func (a *API) fake() *apitest.Fake { return a.Gate.(*apitest.Fake) }

// request makes one, by somebody who may do everything.
func request(method, target, body string, headers ...string) *http.Request {
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r = httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", bearer(person("root", "all")))
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

// get asks and wants a status; the answer is decoded into v unless v is nil.
func get(t testing.TB, a *API, r *http.Request, status int, v any) *http.Response {
	t.Helper()
	resp, body := send(t, a, r)
	require.Equal(t, status, resp.StatusCode, "%s", body)
	if v != nil {
		dec := json.NewDecoder(bytes.NewReader(body))
		require.NoError(t, dec.Decode(v))
	}
	return resp
}

// refused wants a problem.
func refused(t testing.TB, a *API, r *http.Request, name string) *http.Response {
	t.Helper()
	if r.Method == http.MethodHead {
		return get(t, a, r, titles[name].status, nil)
	}
	var p struct{ Type string }
	resp := get(t, a, r, titles[name].status, &p)
	require.Equal(t, problemBase+name, p.Type)
	return resp
}

func itemPath(i int, rest string) string { return "/api/v1/items/" + apitest.ID(i) + rest }

// logIn logs somebody in, and returns the cookie and the CSRF token.
func logIn(a *API, name string, at time.Time, groups ...string) (cookie, csrf string) {
	token := a.sessions.begin(login.Person{Issuer: issuer, ID: name, Name: name, Groups: groups, At: at})
	return a.cookie("session") + "=" + token, a.sessions.find(token).CSRF
}
