package releasereceiver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/tracescrub/tracescrub/internal/guarded"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/page"
)

// server is the HTTP server of the API and of the page.
type server struct {
	http *http.Server
	api  *api.API
	// endLog is called when nobody asks any more.
	endLog func()
	wg     sync.WaitGroup
}

// local is who everybody is without authentication.
var localActor = gate.Actor{Identity: "local somebody", Subject: "somebody"}

// serve starts the server. It answers at once; that the index is not complete
// yet is one of its answers.
func (c *core) serve(ctx context.Context, host component.Host, g gate.Gate) (*server, error) {
	log, endLog, err := c.log(ctx, host)
	if err != nil {
		return nil, err
	}
	o := api.Options{Gate: g, Audit: log, Config: c.cfg.API, Page: page.Handler(), Logger: c.set.Logger}
	cfg := c.cfg.HTTP
	switch {
	case cfg.Auth.HasValue():
		id := cfg.Auth.Get().Config.AuthenticatorID
		authenticator, err := cfg.Auth.Get().Config.GetServerAuthenticator(ctx, host.GetExtensions())
		if err != nil {
			return nil, fmt.Errorf("http::auth: %w", err)
		}
		o.Authenticator, o.Basic = authenticator, strings.Contains(id.Type().String(), "basic")
		cfg.Auth = configoptional.None[confighttp.AuthConfig]() // the API asks it itself
	case !c.cfg.API.Login.HasValue():
		o.Local = &localActor
	}
	handler, err := api.New(o)
	if err != nil {
		return nil, fmt.Errorf("making the admin API: %w", err)
	}
	s := &server{api: handler, endLog: endLog}
	listener, err := cfg.ToListener(ctx)
	if err != nil {
		handler.Close()
		return nil, fmt.Errorf("http::endpoint: %w", err)
	}
	if s.http, err = cfg.ToServer(ctx, host.GetExtensions(), c.set.TelemetrySettings, handler,
		confighttp.WithErrorHandler(handler.HandleError)); err != nil {
		handler.Close()
		return nil, errors.Join(fmt.Errorf("http: %w", err), listener.Close())
	}
	guarded.Bound(s.http)
	s.http.RegisterOnShutdown(handler.Close)
	s.wg.Go(func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(fmt.Errorf("the admin API ended: %w", err)))
		}
	})
	return s, nil
}

// end lets requests that are under way end until ctx does.
func (s *server) end(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.wg.Wait()
	s.endLog()
	return err
}
