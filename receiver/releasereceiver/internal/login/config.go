package login

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/loopback"
)

// CallbackPath is where the identity provider sends the browser back to.
const CallbackPath = "/login/callback"

// maxSession is the longest a login may last.
const maxSession = 24 * time.Hour

// Config says how people log in with a browser.
type Config struct {
	// Issuer is the URL of the OpenID Connect provider, as it stands in the
	// tokens' iss. It is trusted to say who somebody is.
	Issuer string `mapstructure:"issuer"`
	// ClientID is the name under which the provider knows this gate.
	ClientID string `mapstructure:"client_id"`
	// ClientSecretFile holds the secret that goes with ClientID. It is read at
	// each login, so that it can be replaced. Default: none (a public client).
	ClientSecretFile string `mapstructure:"client_secret_file"`
	// RedirectURL is the address of this gate as browsers see it, followed by
	// /login/callback. http is accepted for loopback addresses only.
	RedirectURL string `mapstructure:"redirect_url"`
	// Scopes that are asked for. Default: openid, profile, email.
	Scopes []string `mapstructure:"scopes"`
	// GroupsClaim is the claim that holds the groups. Default: groups.
	GroupsClaim string `mapstructure:"groups_claim"`
	// UsernameClaim is the claim that the auth extension of the telemetry's
	// senders takes for a name (its username_claim), so that a sender is
	// recognised as the same person. Default: sub.
	UsernameClaim string `mapstructure:"username_claim"`
	// SessionDuration is how long a login lasts, at most 24h. Default: 8h.
	SessionDuration time.Duration `mapstructure:"session_duration"`
	// ReauthenticateAfter is how old a login may be when the release of an
	// original is approved; older ones have to be repeated. Default: 5m.
	ReauthenticateAfter time.Duration `mapstructure:"reauthenticate_after"`
	// CAFile holds certificates (PEM) of authorities to trust for the
	// connection to the provider, instead of the system's. Default: none.
	CAFile string `mapstructure:"ca_file"`
}

// NewDefaultConfig returns the defaults; issuer, client_id and redirect_url have none.
func NewDefaultConfig() Config {
	return Config{
		Scopes:              []string{"openid", "profile", "email"},
		GroupsClaim:         "groups",
		UsernameClaim:       "sub",
		SessionDuration:     8 * time.Hour,
		ReauthenticateAfter: 5 * time.Minute,
	}
}

// Validate reports all mistakes of the configuration.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
	}
	if err := checkURL(c.Issuer); err != nil {
		wrong("issuer", "%w", err)
	}
	if c.ClientID == "" {
		wrong("client_id", "must not be empty")
	}
	if err := checkURL(c.RedirectURL); err != nil {
		wrong("redirect_url", "%w", err)
	} else if u, err := url.Parse(c.RedirectURL); err == nil && (u.Path != CallbackPath || u.RawQuery != "") {
		wrong("redirect_url", "must end in %s", CallbackPath)
	}
	if !slices.Contains(c.Scopes, "openid") {
		wrong("scopes", "must contain openid")
	}
	if c.GroupsClaim == "" {
		wrong("groups_claim", "must not be empty")
	}
	if c.UsernameClaim == "" {
		wrong("username_claim", "must not be empty")
	}
	if c.SessionDuration < time.Minute || c.SessionDuration > maxSession {
		wrong("session_duration", "must be between 1m and %v", maxSession)
	}
	if c.ReauthenticateAfter < time.Second {
		wrong("reauthenticate_after", "must be at least 1s")
	}
	return errors.Join(errs...)
}

// checkURL wants https, or http to this machine itself.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("must be an https URL")
	case u.User != nil || u.Fragment != "":
		return errors.New("must have neither user nor fragment")
	case u.Scheme == "https", u.Scheme == "http" && loopback.Is(u.Host):
		return nil
	}
	return errors.New("must be an https URL; http is for loopback addresses only")
}
