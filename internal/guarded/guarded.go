// Package guarded holds the configuration of our HTTP servers against what they
// must not be: open to everybody.
package guarded

import (
	"errors"

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
