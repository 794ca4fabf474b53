package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// route is one method of one address.
type route struct {
	method string
	// path is a template; what stands for {id} is call.id.
	path string
	// need is the permission; empty: whoever is known may.
	need gate.Permission
	// or is another permission that will do, if it is set.
	or gate.Permission
	// open routes are for those who are not known yet.
	open bool
	// unready routes work before the index is complete.
	unready bool
	// effect: a GET that leaves a trace, or does not end; there is no HEAD of it.
	effect bool
	handle func(*call) error
}

// The templates that are used in more than one place.
const (
	pathPage  = "/"
	pathLogin = "/login"
	// pathPlace is the script that remembers where somebody wanted to go.
	pathPlace  = pathLogin + "/place.js"
	pathLogout = "/logout"
	pathItem   = "/api/v1/items/{id}"
)

// table lists all routes; openapi.yaml describes the same ones.
func (a *API) table() map[string]map[string]*route {
	all := []*route{
		{method: http.MethodGet, path: "/api/v1/items", need: gate.List, handle: a.list},
		{method: http.MethodGet, path: pathItem, need: gate.List, handle: a.item},
		{method: http.MethodGet, path: pathItem + "/preview", need: gate.Preview, effect: true, handle: a.preview},
		{method: http.MethodGet, path: pathItem + "/receipt", need: gate.Audit, handle: a.receipt},
		{method: http.MethodPost, path: pathItem + ":approve", need: gate.Decide, handle: a.approve},
		{method: http.MethodPost, path: pathItem + ":deny", need: gate.Decide, handle: a.deny},
		{method: http.MethodPost, path: "/api/v1/items:batchApprove", need: gate.Decide, handle: a.batchApprove},
		{method: http.MethodPost, path: "/api/v1/items:batchDeny", need: gate.Decide, handle: a.batchDeny},
		{method: http.MethodGet, path: "/api/v1/stats", need: gate.List, handle: a.stats},
		{method: http.MethodGet, path: "/api/v1/events", need: gate.List, effect: true, handle: a.events},
		{method: http.MethodGet, path: "/api/v1/audit", need: gate.List, or: gate.Audit, unready: true, handle: a.audit},
		{method: http.MethodGet, path: "/api/v1/me", unready: true, handle: a.me},
		{method: http.MethodGet, path: "/api/v1/openapi.yaml", unready: true, handle: a.openapi},
	}
	if a.Page != nil {
		all = append(all, &route{method: http.MethodGet, path: pathPage, unready: true, handle: a.page})
	}
	if a.login != nil {
		all = append(all,
			&route{method: http.MethodGet, path: pathLogin, open: true, unready: true, effect: true, handle: a.beginLogin},
			&route{method: http.MethodGet, path: login.CallbackPath, open: true, unready: true, effect: true, handle: a.finishLogin},
			&route{method: http.MethodGet, path: pathPlace, open: true, unready: true, handle: a.place},
			&route{method: http.MethodGet, path: pathLogout, open: true, unready: true, effect: true, handle: a.loggedOut},
			&route{method: http.MethodPost, path: pathLogout, unready: true, handle: a.logout})
	}
	table := map[string]map[string]*route{}
	for _, r := range all {
		methods := table[r.path]
		if methods == nil {
			methods = map[string]*route{}
			table[r.path] = methods
		}
		methods[r.method] = r
		if r.method == http.MethodGet && !r.effect {
			methods[http.MethodHead] = r
		}
	}
	return table
}

// find returns the route of a request, and what stands for {id}.
func (a *API) find(r *http.Request) (*route, string, error) {
	path, id := templateOf(r.URL.Path)
	methods := a.routes[path]
	if methods == nil && !strings.HasPrefix(path, "/api/") && path != pathLogin && !strings.HasPrefix(path, pathLogin+"/") {
		methods = a.routes[pathPage]
	}
	if methods == nil {
		return nil, "", newProblem("not-found", "the gate has nothing at this address")
	}
	found := methods[r.Method]
	if found == nil {
		var allow []string
		for m := range methods {
			allow = append(allow, m)
		}
		slices.Sort(allow)
		return nil, "", newProblem("method-not-allowed", "the header Allow names those that are").set("Allow", strings.Join(allow, ", "))
	}
	return found, id, nil
}

// templateOf puts {id} in the place of an item's id.
func templateOf(path string) (tmpl, id string) {
	rest, ok := strings.CutPrefix(path, "/api/v1/items/")
	if !ok {
		return path, ""
	}
	end := strings.IndexAny(rest, "/:")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return path, ""
	}
	return pathItem + rest[end:], rest[:end]
}
