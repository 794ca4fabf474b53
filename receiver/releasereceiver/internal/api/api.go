package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/collector/extension/extensionauth"
	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// Options are what an API is made of.
type Options struct {
	Gate   gate.Gate
	Config Config
	// Authenticator is the auth extension that confighttp's `auth:` names, or
	// nil. The API calls it itself: if confighttp did, a browser with a session
	// would be turned away. So the server must be made without `auth:`.
	Authenticator extensionauth.Server
	// Basic says that Authenticator takes user and password: browsers are told to ask for them.
	Basic bool
	// Local is who everybody is if there is no authentication at all: may do
	// everything. Only for servers on a loopback address; the API refuses
	// requests that call it by any other name.
	Local *gate.Actor
	// Audit is the log that decisions are in, or nil: then there are no receipts.
	Audit source.Source
	// Page is the review page: it gets all GET requests outside /api/ and
	// /login, from people who are known. nil: there is none.
	Page http.Handler
	// Logger gets refused logins and failures. nil: none.
	Logger *zap.Logger
}

// API is the handler of the admin API and of the page.
type API struct {
	Options
	routes   map[string]map[string]*route // by template and method
	login    *login.Provider              // nil: none
	sessions *sessions
	origin   *http.CrossOriginProtection
	secure   bool // browsers come by https

	addresses, people, failures *buckets

	streams, previews *streams
	ctx               context.Context // of all event streams; Close ends it
	close             context.CancelFunc
	now               func() time.Time
}

// addressFactor is how many people may work behind one address.
const addressFactor = 10

// New makes an API. It refuses options under which nobody, or anybody, could use it.
func New(o Options) (*API, error) {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	hasLogin := o.Config.Login.HasValue()
	switch known := o.Authenticator != nil || hasLogin; {
	case o.Gate == nil:
		return nil, errors.New("the API needs a gate")
	case o.Local == nil && !known:
		return nil, errors.New("neither auth nor login is set: anybody could use the API")
	case o.Local != nil && known:
		return nil, errors.New("auth or login is set, yet everybody is to be the same person")
	case known && len(o.Config.Permissions) == 0:
		return nil, errors.New("permissions is empty: nobody could use the API")
	}
	a := &API{Options: o, now: time.Now, origin: http.NewCrossOriginProtection()}
	l := o.Config.Limits
	perSecond := rate.Limit(l.RequestsPerSecond)
	a.people = newBuckets(perSecond, l.Burst, a.clock)
	a.addresses = newBuckets(perSecond*addressFactor, l.Burst*addressFactor, a.clock)
	a.failures = newBuckets(rate.Limit(l.FailedLoginsPerMinute)/60, l.FailedLoginsPerMinute, a.clock)
	a.streams, a.previews = newStreams(l.Streams), newStreams(maxPreviews)
	a.ctx, a.close = context.WithCancel(context.Background())
	if hasLogin {
		if err := a.setLogin(*o.Config.Login.Get()); err != nil {
			return nil, err
		}
	}
	a.routes = a.table()
	return a, nil
}

func (a *API) setLogin(cfg login.Config) (err error) {
	if a.login, err = login.New(cfg); err != nil {
		return err
	}
	a.sessions = newSessions(cfg.SessionDuration, a.clock)
	u, err := url.Parse(cfg.RedirectURL)
	if err != nil {
		return fmt.Errorf("login::redirect_url: %w", err)
	}
	a.secure = u.Scheme == "https"
	// A proxy in front may hide the name that browsers use.
	return a.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host)
}

func (a *API) clock() time.Time { return a.now() }

// Close ends the event streams, which would keep the server from shutting
// down: call it first, for instance by http.Server.RegisterOnShutdown.
func (a *API) Close() {
	a.close()
	if a.login != nil {
		a.login.Close()
	}
}
