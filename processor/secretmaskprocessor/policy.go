package secretmaskprocessor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/rules/pack"
)

var actions = map[string]mask.Action{"pass": mask.Pass, "mask": mask.Mask, "hold": mask.Hold, "drop": mask.Drop}

// holdByDefault stands behind the user's entries where sealing is on: a dump
// of many secrets is as bad as a critical one.
var holdByDefault = []PolicyConfig{
	{Severity: "critical", Action: "hold"},
	{DistinctSecrets: 10, Action: "hold"},
}

const (
	maxDistinct     = 1000 // of distinct_secrets: so many hashes are kept of a trace
	maxDistinctUses = 30   // entries that may have it
)

// policy returns the policy in force.
func (c *Config) policy() []PolicyConfig {
	if !c.Seal.on() {
		return c.Policy
	}
	return append(slices.Clone(c.Policy), holdByDefault...)
}

// MaskOnly makes a configuration one that masks what it would hold, for where
// there is neither a key nor a quarantine.
func (c *Config) MaskOnly() {
	c.Seal = SealConfig{}
	c.Policy = slices.DeleteFunc(slices.Clone(c.Policy), func(p PolicyConfig) bool {
		return p.Action == "hold" && p.DistinctSecrets > 0 // what it is about is masked anyway
	})
	for i := range c.Policy {
		if c.Policy[i].Action == "hold" {
			c.Policy[i].Action = "mask"
		}
	}
}

func (c *Config) checkPolicy(m *mistakes) {
	if c.Seal.ReloadInterval < 0 {
		m.add("seal::reload_interval", "must not be negative")
	}
	late := 0
	for i := range c.Policy {
		p, path := &c.Policy[i], fmt.Sprintf("policy[%d]", i)
		p.check(m, path)
		if p.Action == "hold" && !c.Seal.on() {
			m.add(path+"::action", "hold needs seal::public_keys: without a quarantine use mask or drop")
		}
		if p.DistinctSecrets != 0 {
			late++
		} else if p.Action == "pass" && late > 0 {
			m.add(path+"::action", "pass must stand before all entries with distinct_secrets")
		}
	}
	if late > maxDistinctUses {
		m.add("policy", "%d entries have distinct_secrets, %d may", late, maxDistinctUses)
	}
}

func (p *PolicyConfig) check(m *mistakes, path string) {
	if p.Severity != "" {
		if err := new(pack.Severity).UnmarshalText([]byte(p.Severity)); err != nil {
			m.add(path+"::severity", "%w", err)
		}
	}
	if p.Evidence != "" {
		m.oneOf(path+"::evidence", p.Evidence, "example")
	}
	m.oneOf(path+"::action", p.Action, "pass", "mask", "hold", "drop")
	if p.Mask != nil {
		m.addAll(path+"::mask", p.Mask.style().Validate())
		if p.Action == "pass" {
			m.add(path+"::mask", "has no meaning with action pass")
		}
	}
	p.checkDistinct(m, path)
}

func (p *PolicyConfig) checkDistinct(m *mistakes, path string) {
	if p.DistinctSecrets == 0 {
		return
	}
	if p.DistinctSecrets < 2 || p.DistinctSecrets > maxDistinct {
		m.add(path+"::distinct_secrets", "must be 2 to %d", maxDistinct)
	}
	if p.Action == "pass" || p.Action == "mask" {
		m.add(path+"::distinct_secrets", "is for actions hold and drop only")
	}
	if p.Mask != nil {
		m.add(path+"::mask", "has no meaning with distinct_secrets: masks are written before all are counted")
	}
}

// entries translates the policy in force; key makes commitments to producers.
func (c *Config) entries(key []byte) ([]mask.Entry, error) {
	var m mistakes
	policy := c.policy()
	entries := make([]mask.Entry, 0, len(policy))
	for i, p := range policy {
		e := mask.Entry{
			Rule: p.Rule, Field: p.Field, Resource: p.Resource, Distinct: p.DistinctSecrets,
			Example: p.Evidence == "example", Action: actions[p.Action],
		}
		if p.Severity != "" {
			if err := e.Severity.UnmarshalText([]byte(p.Severity)); err != nil {
				m.add(fmt.Sprintf("policy[%d]::severity", i), "%w", err)
			}
		}
		if p.Producer != "" {
			e.Producer = verdict.Commit(key, p.Producer)
		}
		if p.Mask != nil {
			style := p.Mask.style()
			e.Style = &style
		}
		entries = append(entries, e)
	}
	return entries, errors.Join(m...)
}
