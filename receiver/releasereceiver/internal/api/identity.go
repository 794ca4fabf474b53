package api

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"time"

	"go.opentelemetry.io/collector/client"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// noIssuer stands for the issuer of people whom an extension knows without
// one: those with user name and password.
const noIssuer = "local"

// How somebody proved who they are.
const (
	byNothing = "none"
	byToken   = "bearer"
	byName    = "basic"
	bySession = "session"
)

// caller is who sends a request.
type caller struct {
	gate.Actor
	by    string
	allow []gate.Permission
	// session and token are set with bySession.
	session *session
	token   string
}

func (w *caller) may(p gate.Permission) bool { return slices.Contains(w.allow, p) }

// identify says who sends a request. Credentials in the request itself come
// before the session that a browser adds to any.
func (a *API) identify(c *call, address string) (*caller, error) {
	if a.Local != nil {
		who := *a.Local
		who.Via = via(c.r)
		return &caller{Actor: who, by: byNothing, allow: permissions}, nil
	}
	credentials := c.r.Header.Get("Authorization") != ""
	if token := a.sessionToken(c.r); token != "" && !credentials {
		if s := a.sessions.find(token); s != nil {
			return a.sessionCaller(s, token), nil
		}
	}
	if a.Authenticator == nil {
		return nil, a.unauthenticated("log in")
	}
	if wait, empty := a.failures.empty(address); empty && credentials {
		return nil, newProblem("too-many-requests", "failed logins from your address").retryAfter(wait)
	}
	ctx, err := a.Authenticator.Authenticate(c.ctx(), c.r.Header)
	if err != nil {
		if !credentials {
			return nil, a.unauthenticated("the request has no credentials")
		}
		a.failures.take(address)
		// The extension's error may quote the token.
		a.Logger.Warn("a login to the admin API was refused", c.request(), zap.String("address", address))
		return nil, a.unauthenticated("the credentials are not valid")
	}
	auth := client.FromContext(ctx).Auth
	if auth == nil {
		return nil, newProblem("no-identity", "the auth extension does not say who you are")
	}
	who, err := a.person(auth)
	if err != nil {
		return nil, err
	}
	who.Via = via(c.r)
	return who, nil
}

// via says whether a request comes from the page or from a program.
func via(r *http.Request) string {
	if r.Header.Get("Sec-Fetch-Site") != "" {
		return "page"
	}
	return "api"
}

// person reads who somebody is from what an auth extension found out. It asks
// for nothing but what it needs: `raw` is the password or the token.
func (a *API) person(auth client.AuthData) (*caller, error) {
	claim := func(name string) any { return auth.GetAttribute("claims." + name) }
	subject, _ := auth.GetAttribute("subject").(string)
	issuer, _ := claim("iss").(string)
	if issuer == "" || subject == "" {
		name, _ := auth.GetAttribute("username").(string)
		if name == "" || issuer != "" || subject != "" {
			return nil, newProblem("no-identity", "the auth extension does not say who you are: that takes oidc or basicauth")
		}
		actor := gate.Actor{Identity: noIssuer + " " + name, Subject: name}
		return &caller{Actor: actor, by: byName, allow: a.allowed("", name, nil)}, nil
	}
	id, _ := claim("sub").(string)
	if id == "" {
		id = subject
	}
	groups, err := login.Groups(claim, a.Config.GroupsClaim)
	if err != nil {
		return nil, overflow(err)
	}
	// What the extension was told to take for groups is what counts.
	if v, ok := auth.GetAttribute("membership").([]string); ok && len(v) > 0 {
		groups = v
	}
	actor := gate.Actor{Identity: issuer + " " + id, Subject: subject, Names: login.Names(claim), Groups: groups}
	return &caller{Actor: actor, by: byToken, allow: a.allowed(issuer, id, groups)}, nil
}

// overflow turns an error of login.Groups into a refusal: a list of groups
// that cannot be read may be one of those that take a permission away.
func overflow(err error) error {
	if errors.Is(err, login.ErrOverflow) {
		return problemOf(err)
	}
	return newProblem("no-identity", err.Error())
}

func (a *API) sessionCaller(s *session, token string) *caller {
	actor := gate.Actor{Identity: s.Issuer + " " + s.ID, Subject: s.Name, Names: s.Names, Groups: s.Groups, Via: "page"}
	return &caller{Actor: actor, by: bySession, allow: a.allowed(s.Issuer, s.ID, s.Groups), session: s, token: token}
}

// allowed collects the permissions of a person. The name of one without an
// issuer is not mistaken for the same subject of an identity provider.
func (a *API) allowed(issuer, id string, groups []string) []gate.Permission {
	name := id
	if issuer != "" {
		name = issuer + " " + id
	}
	var allow []gate.Permission
	for _, g := range a.Config.Permissions {
		if g.Issuer != "" && g.Issuer != issuer {
			continue
		}
		if slices.Contains(g.Users, name) || slices.ContainsFunc(groups, func(s string) bool { return slices.Contains(g.Groups, s) }) {
			allow = append(allow, g.Allow...)
		}
	}
	slices.Sort(allow)
	return slices.Compact(allow)
}

// unauthenticated asks for credentials, and names the ways there are.
func (a *API) unauthenticated(detail string) *problem {
	p := newProblem("unauthenticated", detail)
	if a.login != nil {
		p = p.with("login_url", pathLogin)
	}
	switch {
	case a.Authenticator == nil:
		return p.set("WWW-Authenticate", `Cookie realm="tracescrub"`)
	case a.Basic:
		return p.set("WWW-Authenticate", `Basic realm="tracescrub", charset="UTF-8"`)
	default:
		return p.set("WWW-Authenticate", `Bearer realm="tracescrub"`)
	}
}

// csrfHeader has to come with each change that a browser with a session asks for.
const csrfHeader = "X-CSRF-Token"

// checkCSRF wants the proof that our page, not just the browser, sends the request.
func (c *call) checkCSRF() error {
	if c.who.by != bySession || c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return nil
	}
	if subtle.ConstantTimeCompare([]byte(c.r.Header.Get(csrfHeader)), []byte(c.who.session.CSRF)) != 1 {
		return newProblem("csrf", "send the csrf_token of /api/v1/me in the header "+csrfHeader)
	}
	return nil
}

// mayReveal says whether somebody may vote for the release of an original now.
func (a *API) mayReveal(who *caller) error {
	if !who.may(gate.Reveal) {
		return newProblem("forbidden", "it takes the permission reveal").with("permission", gate.Reveal)
	}
	if who.by == bySession {
		if limit := a.Config.Login.Get().ReauthenticateAfter; a.now().Sub(who.session.At) > limit {
			return newProblem("reauthentication-required", "the release of an original takes a login of the last "+limit.String()).
				with("login_url", pathLogin+"?fresh=1")
		}
	}
	return nil
}

// me is what a person may know about themselves.
type me struct {
	Identity    string            `json:"identity"`
	Name        string            `json:"name"`
	Auth        string            `json:"auth"`
	Permissions []gate.Permission `json:"permissions"`
	CSRF        string            `json:"csrf_token,omitempty"`
	Expires     *time.Time        `json:"expires_at,omitempty"`
	Logout      string            `json:"logout_url,omitempty"`
}

func (a *API) me(c *call) error {
	m := me{Identity: c.who.Identity, Name: c.who.Subject, Auth: c.who.by, Permissions: c.who.allow}
	if m.Permissions == nil {
		m.Permissions = []gate.Permission{}
	}
	if len(c.who.Names) > 0 {
		m.Name = c.who.Names[0]
	}
	if s := c.who.session; s != nil {
		expires := s.Expires.UTC()
		m.CSRF, m.Expires, m.Logout = s.CSRF, &expires, pathLogout
	}
	return c.json(m)
}
