package mask

import (
	"errors"
	"fmt"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// Action is what policy makes of a finding.
type Action uint8

// The actions, in rising order: the strongest of an item's findings decides about the item.
const (
	Pass Action = iota // report only
	Mask               // replace the secret
	Hold               // mask, and keep the item back until it is approved
	Drop               // remove the whole span, log record or data point
)

// String returns the action as it is written in a policy.
func (a Action) String() string { return [...]string{"pass", "mask", "hold", "drop"}[a] }

// Entry is one line of a policy. All matchers that are set must match. It is
// not asked about what could not be scanned: that is withheld whatever a policy says.
type Entry struct {
	// Rule is a glob on the rule's id: * is any number of bytes, ? is one. Empty: any rule.
	Rule string
	// Severity is the lowest severity; 0: any.
	Severity pack.Severity
	// Field is a glob on the path of the place. Empty: any.
	Field string
	// Resource maps names of resource attributes to globs on their values;
	// one that is absent does not match.
	Resource map[string]string
	// Example: only what public documentation shows as an example.
	Example bool
	// Action is what becomes of it.
	Action Action
	// Style replaces Options.Style; nil keeps it.
	Style *Style
}

func (e Entry) validate() error {
	var errs []error
	if e.Action > Drop {
		errs = append(errs, fmt.Errorf("there is no action %d", e.Action))
	}
	if e.Action == Hold {
		errs = append(errs, errors.New("action hold needs a quarantine, which this build does not have yet: use mask or drop"))
	}
	if e.Severity > pack.Critical {
		errs = append(errs, fmt.Errorf("there is no severity %d", e.Severity))
	}
	if e.Style != nil {
		errs = append(errs, e.Style.Validate())
	}
	return errors.Join(errs...)
}

// compiled is an entry that knows which rules it is about.
type compiled struct {
	Entry
	rules []bool // by rules.Finding.Rule
}

func (e Entry) compile(infos []rules.Info) compiled {
	c := compiled{Entry: e, rules: make([]bool, len(infos))}
	for i, info := range infos {
		c.rules[i] = e.Rule == "" || match.Glob(e.Rule, info.ID)
	}
	return c
}

// decide sets the hit's action and returns the style of its mask.
func (m *Masker) decide(h *Hit, at Where) Style {
	if h.Withheld != rules.None {
		return m.style
	}
	for i := range m.policy {
		e := &m.policy[i]
		if !e.match(h, at) {
			continue
		}
		h.Action = e.Action
		if e.Style != nil {
			return *e.Style
		}
		return m.style
	}
	return m.style
}

func (e *compiled) match(h *Hit, at Where) bool {
	if !e.rules[h.Rule] || h.Severity < e.Severity ||
		e.Example && h.Evidence&rules.DocExample == 0 ||
		e.Field != "" && !match.Glob(e.Field, h.Field) {
		return false
	}
	for name, pattern := range e.Resource {
		if at.Resource == nil {
			return false
		}
		if value, ok := at.Resource(name); !ok || !match.Glob(pattern, value) {
			return false
		}
	}
	return true
}
