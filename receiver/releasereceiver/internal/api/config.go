package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/login"
)

// Config is the part of the receiver's configuration that is about who may
// use the API, and how much of it.
type Config struct {
	// Permissions say who may do what. Whoever no entry names may do nothing.
	Permissions []Grant `mapstructure:"permissions"`
	// GroupsClaim is the claim of a bearer token that holds the groups, for
	// auth extensions that were not told themselves (oidc: groups_claim). Default: groups.
	GroupsClaim string `mapstructure:"groups_claim"`
	// Login lets people log in with a browser, by OpenID Connect. Default: none.
	Login configoptional.Optional[login.Config] `mapstructure:"login"`
	// Limits keep one client from taking everything.
	Limits Limits `mapstructure:"limits"`
}

// Grant gives permissions to the people that it names.
type Grant struct {
	// Groups that have the permissions, as the identity provider calls them.
	Groups []string `mapstructure:"groups"`
	// Users that have them: "ISSUER SUBJECT" for people with a token, the
	// plain name for people with a password (basicauth).
	Users []string `mapstructure:"users"`
	// Issuer limits the entry to people of this identity provider. Set it
	// where the auth extension trusts more than one: each may call a group as it likes.
	Issuer string `mapstructure:"issuer"`
	// Allow lists what they may do: list, preview, decide, reveal, audit.
	Allow []gate.Permission `mapstructure:"allow"`
}

// Limits bound what clients may do.
type Limits struct {
	// RequestsPerSecond of one person, on average. All people behind one
	// address together may make ten times as many. Default: 20.
	RequestsPerSecond float64 `mapstructure:"requests_per_second"`
	// Burst is how many requests a person may make at once. Default: 100.
	Burst int `mapstructure:"burst"`
	// FailedLoginsPerMinute from one address; further ones are refused
	// without a look at the password or token. Default: 10.
	FailedLoginsPerMinute int `mapstructure:"failed_logins_per_minute"`
	// Streams is how many event streams may be open; one person may have a
	// tenth of them, but at least 4. Default: 200.
	Streams int `mapstructure:"streams"`
}

// NewDefaultConfig returns the defaults. Without permissions nobody may do anything.
func NewDefaultConfig() Config {
	return Config{
		GroupsClaim: "groups",
		Login:       configoptional.Default(login.NewDefaultConfig()),
		Limits:      Limits{RequestsPerSecond: 20, Burst: 100, FailedLoginsPerMinute: 10, Streams: 200},
	}
}

var permissions = []gate.Permission{gate.List, gate.Preview, gate.Decide, gate.Reveal, gate.Audit}

// Validate reports all mistakes of the configuration, except those of login,
// which validates itself.
func (c *Config) Validate() error {
	var errs []error
	wrong := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
	}
	for i, g := range c.Permissions {
		path := fmt.Sprintf("permissions[%d]", i)
		if len(g.Groups) == 0 && len(g.Users) == 0 {
			wrong(path, "names neither groups nor users")
		}
		if slices.ContainsFunc(slices.Concat(g.Groups, g.Users), func(s string) bool { return strings.TrimSpace(s) == "" }) {
			wrong(path, "has an empty group or user")
		}
		if len(g.Allow) == 0 {
			wrong(path+"::allow", "must not be empty")
		}
		for _, p := range g.Allow {
			if !slices.Contains(permissions, p) {
				wrong(path+"::allow", "%q is none of list, preview, decide, reveal, audit", p)
			}
		}
	}
	if c.Limits.RequestsPerSecond <= 0 {
		wrong("limits::requests_per_second", "must be more than 0")
	}
	for _, l := range []struct {
		path  string
		value int
	}{
		{"limits::burst", c.Limits.Burst},
		{"limits::failed_logins_per_minute", c.Limits.FailedLoginsPerMinute},
		{"limits::streams", c.Limits.Streams},
	} {
		if l.value < 1 {
			wrong(l.path, "must be at least 1")
		}
	}
	return errors.Join(errs...)
}
