// Package guarded is what our HTTP servers have in common: they must not be open
// to everybody, and a client gets only so much time and room before anybody
// knows who it is.
package guarded

import (
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/collector/config/confighttp"

	"github.com/tracescrub/tracescrub/internal/loopback"
)

// Problems are the mistakes in the section http of a component. login says that
// people are known without http::auth; open is what anybody could do otherwise.
func Problems(cfg *confighttp.ServerConfig, login bool, open string) (errs []error) {
	switch {
	case cfg.NetAddr.Endpoint == "":
		errs = append(errs, errors.New("http::endpoint: must be set"))
	case !cfg.Auth.HasValue() && !login && cfg.NetAddr.Transport != "unix" && !loopback.Is(cfg.NetAddr.Endpoint):
		errs = append(errs, errors.New("http::endpoint: "+open+": only a loopback address is accepted"))
	}
	if cfg.Auth.HasValue() && len(cfg.Auth.Get().RequestParameters) > 0 {
		errs = append(errs, errors.New("http::auth::request_params: must not be set: what is in a URL ends in logs"))
	}
	if cfg.CORS.HasValue() {
		errs = append(errs, errors.New("http::cors: must not be set: pages of other sites have no business here"))
	}
	return errs
}

// maxHeader is the most bytes that the header of a request may have, the URL
// included; net/http adds some slack. Tokens with many groups have up to 48 KiB.
const maxHeader = 64 << 10

// DefaultServer is confighttp's default with bounds for slow clients. Without
// read_timeout a client that never ends a body keeps its connection for good,
// even one that was refused: the server waits for the rest before it answers.
func DefaultServer() confighttp.ServerConfig {
	cfg := confighttp.NewDefaultServerConfig()
	cfg.ReadHeaderTimeout = 10 * time.Second
	cfg.ReadTimeout = 30 * time.Second
	cfg.MaxRequestBodySize = 1 << 20
	return cfg
}

// Bound sets what confighttp has no key for.
func Bound(s *http.Server) { s.MaxHeaderBytes = maxHeader }
