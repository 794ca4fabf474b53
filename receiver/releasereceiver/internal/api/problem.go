package api

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// problemBase is where a problem's type leads: what it means and what to do.
const problemBase = "https://github.com/tracescrub/tracescrub/blob/main/docs/api.md#"

// problem is an RFC 9457 problem document. As an error it ends a request.
type problem struct {
	status int
	name   string // the last part of type; stable
	title  string
	detail string
	// more are extension members, beside the standard ones.
	more   map[string]any
	header http.Header
	// cause is what went wrong with us; it is logged and not shown.
	cause error
}

func (p *problem) Error() string { return p.title + ": " + p.detail }

// titles are all problems there are, by name; docs/api.md has a section for each.
var titles = map[string]struct {
	status int
	title  string
}{
	"bad-request":               {http.StatusBadRequest, "The request is malformed"},
	"unauthenticated":           {http.StatusUnauthorized, "Who are you?"},
	"forbidden":                 {http.StatusForbidden, "You do not have the permission"},
	"no-identity":               {http.StatusForbidden, "The credentials name nobody"},
	"group-overflow":            {http.StatusForbidden, "The token does not hold all your groups"},
	"cross-site":                {http.StatusForbidden, "The request comes from another site"},
	"csrf":                      {http.StatusForbidden, "The CSRF token is missing or wrong"},
	"reauthentication-required": {http.StatusForbidden, "Prove again who you are"},
	"vote-refused":              {http.StatusForbidden, "You may not vote on this item"},
	"login-refused":             {http.StatusForbidden, "The login did not succeed"},
	"not-found":                 {http.StatusNotFound, "There is no such address"},
	"no-such-item":              {http.StatusNotFound, "There is no such item"},
	"no-receipt":                {http.StatusNotFound, "There is no receipt yet"},
	"method-not-allowed":        {http.StatusMethodNotAllowed, "The method is not allowed here"},
	"conflict":                  {http.StatusConflict, "The item is no longer what you saw"},
	"destroyed":                 {http.StatusGone, "The item's key has been destroyed"},
	"body-too-large":            {http.StatusRequestEntityTooLarge, "The request's body is too large"},
	"unsupported-media-type":    {http.StatusUnsupportedMediaType, "The request's body is not JSON"},
	"misdirected":               {http.StatusMisdirectedRequest, "This gate does not go by that name"},
	"precondition-required":     {http.StatusPreconditionRequired, "The version is missing"},
	"too-many-requests":         {http.StatusTooManyRequests, "Too many requests"},
	"internal":                  {http.StatusInternalServerError, "Something is wrong with the gate"},
	"not-implemented":           {http.StatusNotImplemented, "This gate does not have that"},
	"not-ready":                 {http.StatusServiceUnavailable, "The index is being rebuilt"},
	"audit-unavailable":         {http.StatusServiceUnavailable, "The audit log does not accept entries"},
	"unavailable":               {http.StatusServiceUnavailable, "The gate cannot do this now"},
	"login-unavailable":         {http.StatusServiceUnavailable, "The identity provider cannot be used now"},
}

// newProblem makes the problem called name, which must be one of titles.
func newProblem(name, detail string) *problem {
	t, ok := titles[name]
	if !ok {
		name, t = "internal", titles["internal"]
	}
	return &problem{status: t.status, name: name, title: t.title, detail: detail}
}

func badRequest(where, detail string) *problem {
	return newProblem("bad-request", detail).with("where", where)
}

func (p *problem) with(member string, value any) *problem {
	if p.more == nil {
		p.more = map[string]any{}
	}
	p.more[member] = value
	return p
}

func (p *problem) set(header, value string) *problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(header, value)
	return p
}

func (p *problem) retryAfter(d time.Duration) *problem {
	return p.set("Retry-After", strconv.Itoa(max(1, int((d+time.Second-1)/time.Second))))
}

// problemOf turns whatever a handler fails with into a problem.
func problemOf(err error) *problem {
	var p *problem
	var conflict *gate.Conflict
	var refused *gate.Forbidden
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &conflict):
		return newProblem("conflict", conflict.Why).with("state", conflict.State).with("version", conflict.Version).set("ETag", etag(conflict.Version))
	case errors.As(err, &refused):
		return newProblem("vote-refused", refused.Why)
	case errors.Is(err, gate.ErrNotFound):
		return newProblem("no-such-item", "no item has this id")
	case errors.Is(err, gate.ErrNotReady):
		return newProblem("not-ready", "ask again in a moment").retryAfter(time.Second)
	case errors.Is(err, gate.ErrToken):
		return badRequest("page_token", gate.ErrToken.Error())
	case errors.Is(err, gate.ErrDestroyed):
		return newProblem("destroyed", "nobody can open the item any more")
	case errors.Is(err, gate.ErrAudit):
		p = newProblem("audit-unavailable", "nothing was done, since it could not be recorded").retryAfter(5 * time.Second)
	case errors.Is(err, login.ErrOverflow):
		return newProblem("group-overflow", "have the identity provider send only the groups of this application")
	default:
		p = newProblem("unavailable", "try again; the gate's log has the reason under the request id").retryAfter(5 * time.Second)
	}
	p.cause = err
	return p
}

// document is the problem as JSON; instance names this one occurrence.
func (p *problem) document(instance string) map[string]any {
	doc := map[string]any{}
	maps.Copy(doc, p.more)
	doc["type"] = problemBase + p.name
	doc["title"] = p.title
	doc["status"] = p.status
	doc["detail"] = p.detail
	doc["instance"] = instance
	return doc
}

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter, instance string) {
	body, err := json.Marshal(p.document(instance))
	if err != nil { // an extension member of ours that JSON cannot hold
		body = []byte(`{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"","instance":""}`)
	}
	maps.Copy(w.Header(), p.header)
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.status)
	w.Write(body)
}
