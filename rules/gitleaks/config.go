package gitleaks

import "slices"

// config is a configuration file, with the keys of gitleaks 8.
type config struct {
	Title       string      `toml:"title"`
	Description string      `toml:"description"`
	MinVersion  string      `toml:"minVersion"`
	Extend      extend      `toml:"extend"`
	Rules       []rule      `toml:"rules"`
	Allowlist   *allowlist  `toml:"allowlist"`
	Allowlists  []allowlist `toml:"allowlists"`
}

type extend struct {
	Path          string   `toml:"path"`
	URL           string   `toml:"url"`
	UseDefault    bool     `toml:"useDefault"`
	DisabledRules []string `toml:"disabledRules"`
}

type rule struct {
	ID          string      `toml:"id"`
	Description string      `toml:"description"`
	Regex       string      `toml:"regex"`
	Path        string      `toml:"path"`
	SecretGroup int         `toml:"secretGroup"`
	Entropy     float64     `toml:"entropy"`
	Keywords    []string    `toml:"keywords"`
	Tags        []string    `toml:"tags"`
	SkipReport  bool        `toml:"skipReport"`
	Required    []any       `toml:"required"`
	Allowlist   *allowlist  `toml:"allowlist"`
	Allowlists  []allowlist `toml:"allowlists"`

	where string // for messages
}

type allowlist struct {
	ID          string   `toml:"id"`
	Description string   `toml:"description"`
	Condition   string   `toml:"condition"`
	RegexTarget string   `toml:"regexTarget"`
	Regexes     []string `toml:"regexes"`
	StopWords   []string `toml:"stopwords"`
	Paths       []string `toml:"paths"`
	Commits     []string `toml:"commits"`
	TargetRules []string `toml:"targetRules"`
}

func (c *config) allowlists() []allowlist { return both(c.Allowlist, c.Allowlists) }
func (r *rule) allowlists() []allowlist   { return both(r.Allowlist, r.Allowlists) }

func both(one *allowlist, more []allowlist) []allowlist {
	all := slices.Clone(more)
	if one != nil {
		all = append(all, *one)
	}
	return all
}

// merge adds what a configuration extends: rules of the same id take what
// they do not set themselves from there; lists are put together.
func merge(cfg, base *config) {
	if base == nil {
		return
	}
	for _, b := range base.Rules {
		i := slices.IndexFunc(cfg.Rules, func(r rule) bool { return r.ID == b.ID && b.ID != "" })
		if i < 0 {
			cfg.Rules = append(cfg.Rules, b)
			continue
		}
		r := &cfg.Rules[i]
		if r.Description == "" {
			r.Description = b.Description
		}
		if r.Regex == "" {
			r.Regex, r.SecretGroup = b.Regex, max(r.SecretGroup, b.SecretGroup)
		}
		if r.Entropy == 0 {
			r.Entropy = b.Entropy
		}
		if r.Path == "" {
			r.Path = b.Path
		}
		r.Keywords = append(r.Keywords, b.Keywords...)
		r.Tags = append(r.Tags, b.Tags...)
		r.Allowlists = append(r.Allowlists, b.allowlists()...)
	}
	cfg.Allowlists = append(cfg.Allowlists, base.allowlists()...)
	cfg.Extend.UseDefault = cfg.Extend.UseDefault || base.Extend.UseDefault
}
