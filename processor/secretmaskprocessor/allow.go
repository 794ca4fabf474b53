package secretmaskprocessor

import (
	"fmt"

	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// AllowConfig is an entry of the allow-list: what is found but is no secret.
// All keys that are set must hold; of a list one item must. docs/rules.md
// describes them.
type AllowConfig struct {
	// Description says why. Required.
	Description string `mapstructure:"description"`
	// Rules are globs on ids of rules. Default: all rules.
	Rules []string `mapstructure:"rules"`
	// Values are whole secrets, or "sha256:" and their SHA-256.
	Values []configopaque.String `mapstructure:"values"`
	// Patterns are regular expressions that are searched for in Target.
	Patterns []string `mapstructure:"patterns"`
	// Target is secret, match or line.
	Target string `mapstructure:"target"`
	// Words are what the secret may hold.
	Words []string `mapstructure:"words"`
	// Fields are globs on the path of the place.
	Fields []string `mapstructure:"fields"`
	// Resource are globs on the values of resource attributes, by name.
	Resource map[string]string `mapstructure:"resource"`
}

func (a *AllowConfig) entry() pack.Allow {
	out := pack.Allow{
		Description: a.Description, Rules: a.Rules, Patterns: a.Patterns, Target: a.Target, Words: a.Words,
		Fields: a.Fields, Resource: a.Resource,
	}
	for _, v := range a.Values {
		out.Values = append(out.Values, string(v))
	}
	return out
}

// allowPack is the allow-list as a pack: without rules of its own it is about all.
func (c *Config) allowPack() *pack.Pack {
	p := &pack.Pack{Version: 1, Name: "allow"}
	for i := range c.Allow {
		p.Allow = append(p.Allow, c.Allow[i].entry())
	}
	return p
}

func (c *Config) checkAllow(m *mistakes) {
	for i := range c.Allow {
		e := c.Allow[i].entry()
		m.addAll(fmt.Sprintf("allow[%d]", i), e.Validate())
	}
}
