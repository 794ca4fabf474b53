package api

import (
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

//go:embed openapi.yaml
var openapi []byte

func (a *API) openapi(c *call) error { return c.bytes("application/yaml", openapi) }

// page hands over to the review page, which may set its own Cache-Control.
func (a *API) page(c *call) error {
	a.Page.ServeHTTP(c.w, c.r)
	return nil
}

// cookie is a cookie's name. With the prefix __Host- a browser sees to it
// that no other host, and nothing without TLS, can have set it.
func (a *API) cookie(name string) string {
	if a.secure {
		return "__Host-tracescrub-" + name
	}
	return "tracescrub-" + name
}

// setCookie sets a cookie that no script can read; an empty value deletes it.
func (a *API) setCookie(w http.ResponseWriter, name, value string, site http.SameSite, seconds int) {
	if value == "" {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: a.cookie(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: a.secure, SameSite: site,
	})
}

func (a *API) sessionToken(r *http.Request) string {
	if a.login == nil {
		return ""
	}
	c, err := r.Cookie(a.cookie("session"))
	if err != nil {
		return ""
	}
	return c.Value
}

// askLogin sends somebody who opens the page without a session to the login,
// from a page of ours. Only then does the browser send the session that there
// may be although a link of another site was followed; and only a script sees
// the fragment, in which the address names an item.
func (a *API) askLogin(c *call) bool {
	if a.login == nil || !strings.Contains(c.r.Header.Get("Accept"), "text/html") {
		return false
	}
	a.bounce(c, bouncePage{To: pathLogin + "?next=" + url.QueryEscape(c.r.URL.RequestURI()), Script: pathPlace})
	return true
}

// redirect sends the browser elsewhere. The answer has no body: nothing but
// the address bar is to know where a login leads.
func (c *call) redirect(to string) {
	c.w.Header().Set("Location", to)
	c.w.WriteHeader(http.StatusSeeOther)
}

// bouncePage leads on to To, after Script if there is one, and at once unless
// there is something to say.
type bouncePage struct{ To, Script, Say string }

var bounceTemplate = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
{{with .Script}}<script src="{{.}}"></script>{{end}}{{if not .Say}}<meta http-equiv="refresh" content="0;url={{.To}}">{{end}}
<title>tracescrub</title>{{with .Say}}<p>{{.}}</p>{{end}}<p><a href="{{.To}}">{{if .Say}}Sign in{{else}}Continue{{end}}</a></p></html>
`))

//go:embed place.js
var placeScript []byte

// place is the script that remembers which item an address named.
func (a *API) place(c *call) error { return c.bytes("text/javascript; charset=utf-8", placeScript) }

// bounce sends the browser on from a page of ours, not by a redirect.
func (a *API) bounce(c *call, to bouncePage) {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	c.w.WriteHeader(http.StatusOK)
	if c.r.Method == http.MethodHead {
		return
	}
	if err := bounceTemplate.Execute(c.w, to); err != nil {
		a.Logger.Debug("a page of the login was not taken", zap.Error(err))
	}
}

// localPath returns next if it leads to a place here, or else the page.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || len(next) > 500 ||
		!strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) ||
		strings.ContainsFunc(u.RawQuery, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>", r) }) ||
		strings.HasPrefix(u.Path, pathLogin) || u.Path == pathLogout || strings.HasPrefix(u.Path, "/api/") {
		return pathPage
	}
	return u.RequestURI()
}

func (a *API) beginLogin(c *call) error {
	query := c.r.URL.Query()
	next, fresh := localPath(query.Get("next")), query.Get("fresh") == "1"
	if token := a.sessionToken(c.r); !fresh && token != "" && a.sessions.find(token) != nil {
		c.redirect(next)
		return nil
	}
	to, cookie, err := a.login.Begin(c.ctx(), next, fresh)
	if err != nil {
		return loginProblem(err)
	}
	// Lax: the browser comes back from another site.
	a.setCookie(c.w, "login", cookie, http.SameSiteLaxMode, int(login.FlowDuration.Seconds()))
	c.redirect(to)
	return nil
}

func (a *API) finishLogin(c *call) error {
	flow, err := c.r.Cookie(a.cookie("login"))
	if err != nil {
		return loginProblem(login.ErrRefused)
	}
	a.setCookie(c.w, "login", "", http.SameSiteLaxMode, 0)
	who, next, err := a.login.Finish(c.ctx(), flow.Value, c.r.URL.Query())
	if err != nil {
		return loginProblem(err)
	}
	if old := a.sessionToken(c.r); old != "" {
		a.sessions.end(old)
	}
	token := a.sessions.begin(who)
	a.setCookie(c.w, "session", token, http.SameSiteStrictMode, int(a.Config.Login.Get().SessionDuration.Seconds()))
	a.bounce(c, bouncePage{To: next})
	return nil
}

// loginProblem says what a login failed with, and where to try again.
func loginProblem(err error) error {
	var p *problem
	switch {
	case errors.Is(err, login.ErrUnavailable):
		p = newProblem("login-unavailable", "try again in a moment").set("Retry-After", "5")
		p.cause = err
	case errors.Is(err, login.ErrRefused):
		p = newProblem("login-refused", err.Error())
	default:
		return overflow(err)
	}
	return p.with("login_url", pathLogin)
}

// loggedOut is where the page leads who has logged out. The page itself would
// send them to the provider, which may still know them, and so in again.
func (a *API) loggedOut(c *call) error {
	to := bouncePage{To: pathPage}
	if token := a.sessionToken(c.r); token == "" || a.sessions.find(token) == nil {
		to.Say = "You are signed out."
	}
	a.bounce(c, to)
	return nil
}

func (a *API) logout(c *call) error {
	if c.who.by == bySession {
		a.sessions.end(c.who.token)
		a.setCookie(c.w, "session", "", http.SameSiteStrictMode, 0)
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
