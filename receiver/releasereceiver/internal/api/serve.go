package api

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/loopback"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// securityHeaders are on every answer. Nothing is loaded from elsewhere, and
// nobody may put the page into a frame.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Referrer-Policy":              "no-referrer",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Cache-Control":                "no-store",
	"Vary":                         "Authorization, Cookie",
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := &beginning{ResponseWriter: w}
	c := a.begin(began, r)
	defer func() {
		if v := recover(); v != nil {
			// What a panic says may hold content; where it was does not.
			a.Logger.Error("the admin API panicked", c.request(), zap.String("type", fmt.Sprintf("%T", v)), zap.Stack("stack"))
			if began.began {
				panic(http.ErrAbortHandler) // an answer cut short must not look whole
			}
			newProblem("internal", "the gate's log has more under the request id").write(began, c.instance)
		}
	}()
	if err := a.handle(c); err != nil { //nolint:contextcheck // c has the request, and its context
		p := problemOf(err)
		a.log(c, p)
		p.write(began, c.instance)
	}
}

// HandleError is for confighttp.WithErrorHandler: it answers requests whose
// body confighttp cannot decompress, and which never come here.
func (a *API) HandleError(w http.ResponseWriter, r *http.Request, _ string, _ int) {
	c := a.begin(w, r)
	newProblem("unsupported-media-type", "send the body as it is, without Content-Encoding").write(w, c.instance)
}

// begin sets what is on every answer.
func (a *API) begin(w http.ResponseWriter, r *http.Request) *call {
	id := requestID()
	for name, value := range securityHeaders {
		w.Header().Set(name, value)
	}
	if a.secure || r.TLS != nil {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	w.Header().Set("X-Request-Id", id)
	c := &call{w: w, r: r, instance: requestPrefix + id}
	c.more()
	c.readBy()
	return c
}

// beginning remembers whether an answer has begun.
type beginning struct {
	http.ResponseWriter
	began bool
}

// Unwrap is for http.ResponseController.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }

func (b *beginning) WriteHeader(status int) {
	b.began = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.began = true
	return b.ResponseWriter.Write(p)
}

const requestPrefix = "urn:uuid:"

// request is the request's id, for the log.
func (c *call) request() zap.Field {
	return zap.String("request", strings.TrimPrefix(c.instance, requestPrefix))
}

// requestID returns a random UUID. One that comes with the request is not
// taken over: it would go into logs as it is.
func requestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// log writes down what went wrong with us: neither what the request asked nor who sent it.
func (a *API) log(c *call, p *problem) {
	if p.cause != nil {
		a.Logger.Error("a request to the admin API failed", c.request(), zap.String("problem", p.name), zap.Error(p.cause))
	}
}

// handle leads a request through all checks to its handler.
func (a *API) handle(c *call) error {
	address := addressOf(c.r.RemoteAddr)
	if wait, ok := a.addresses.take(address); !ok {
		return newProblem("too-many-requests", "from your address").retryAfter(wait)
	}
	if err := a.checkSite(c.r); err != nil {
		return err
	}
	found, id, err := a.find(c.r)
	if err != nil {
		return err
	}
	c.id = id
	c.r.Pattern = c.r.Method + " " + found.path // for the server's metrics, which must not hold ids
	if found.open {
		return found.handle(c)
	}
	if c.who, err = a.identify(c, address); err != nil {
		if found.path == pathPage && a.askLogin(c) {
			return nil
		}
		return err
	}
	// The page is thirty files, which are cheap: reloading it must not take
	// what its reader needs to work with it, and leave half a page.
	if found.path != pathPage {
		if wait, ok := a.people.take(c.who.Identity); !ok {
			return newProblem("too-many-requests", "from you").retryAfter(wait)
		}
	}
	if err := c.checkCSRF(); err != nil {
		return err
	}
	if found.need != "" && !c.who.may(found.need) && (found.or == "" || !c.who.may(found.or)) {
		return newProblem("forbidden", "it takes the permission "+string(found.need)).with("permission", found.need)
	}
	if !found.unready {
		if err := a.checkReady(); err != nil {
			return err
		}
	}
	return found.handle(c)
}

func (a *API) checkReady() error {
	ready, done, total := a.Gate.Ready()
	if ready {
		return nil
	}
	p := problemOf(gate.ErrNotReady)
	return p.with("done", done).with("total", total)
}

// checkSite refuses what a page of another site sends with the help of
// somebody's browser: everything that changes something, and all of the API,
// since a preview that another site asks for would be recorded as a view.
func (a *API) checkSite(r *http.Request) error {
	if a.Local != nil && !isLocal(r) {
		return newProblem("misdirected", "without auth the gate answers to loopback names only, and to no proxy")
	}
	err := a.origin.Check(r)
	if site := r.Header.Get("Sec-Fetch-Site"); err == nil && strings.HasPrefix(r.URL.Path, "/api/") && site != "" && site != "same-origin" && site != "none" {
		err = errors.New(site)
	}
	if err != nil {
		return newProblem("cross-site", "the gate takes requests from its own page and from programs only")
	}
	return nil
}

// isLocal says whether a request was sent to this machine as such. A page of
// another site can have its own name point to 127.0.0.1 (DNS rebinding), and
// a proxy would let everybody in; both give themselves away.
func isLocal(r *http.Request) bool {
	if r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != "" {
		return false
	}
	return loopback.Is(r.Host)
}
