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
	// Producer is the commitment to the sender (Where.Producer). Empty: any.
	Producer string
	// Distinct: only where the trace has at least so many distinct secrets; 0:
	// anywhere. How many there are is known when all of them were found, so
	// such an entry needs action hold or drop, no Style of its own, and a place
	// behind all entries with action pass; Masker.Settle asks it.
	Distinct int
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
	if e.Distinct < 0 || e.Distinct > 0 && (e.Action < Hold || e.Style != nil) {
		errs = append(errs, errors.New("a number of distinct secrets is for actions hold and drop only, without a style"))
	}
	if e.Severity > pack.Critical {
		errs = append(errs, fmt.Errorf("there is no severity %d", e.Severity))
	}
	if e.Style != nil {
		errs = append(errs, e.Style.Validate())
	}
	return errors.Join(errs...)
}

// Late are the entries, by a bit each, that will decide about a finding if its
// trace turns out to have enough distinct secrets.
type Late uint32

// maxLate is the most entries with a number of distinct secrets.
const maxLate = 32

// compiled is an entry that knows which rules it is about.
type compiled struct {
	Entry
	rules []bool // by rules.Finding.Rule
	late  Late   // its bit; 0: it decides at once
}

// compilePolicy compiles entries in their order.
func (m *Masker) compilePolicy(entries []Entry) {
	for _, e := range entries {
		c := e.compile(m.infos)
		if e.Distinct > 0 {
			c.late = 1 << len(m.late)
			m.late = append(m.late, e)
		}
		m.policy = append(m.policy, c)
	}
}

// validPolicy says what is wrong with entries together.
func validPolicy(entries []Entry) error {
	late := 0
	for i, e := range entries {
		if e.Distinct > 0 {
			late++
		} else if late > 0 && e.Action == Pass {
			return fmt.Errorf("policy[%d]: action pass must stand before all numbers of distinct secrets", i)
		}
	}
	if late > maxLate {
		return fmt.Errorf("policy: %d entries have a number of distinct secrets, %d may", late, maxLate)
	}
	return nil
}

// MostDistinct returns the highest number of distinct secrets that the policy
// asks about, 0 if it does not.
func (m *Masker) MostDistinct() (most int) {
	for _, e := range m.late {
		most = max(most, e.Distinct)
	}
	return most
}

// Settle returns what becomes of a hit, given how many distinct secrets its
// trace has.
func (m *Masker) Settle(action Action, late Late, distinct int) Action {
	for i, e := range m.late {
		if late&(1<<i) != 0 && distinct >= e.Distinct {
			return e.Action
		}
	}
	return action
}

func (e Entry) compile(infos []rules.Info) compiled {
	c := compiled{Entry: e, rules: make([]bool, len(infos))}
	for i, info := range infos {
		c.rules[i] = e.Rule == "" || match.Glob(e.Rule, info.ID)
	}
	return c
}

// decide sets the hit's action and returns the style of its mask.
func (m *Masker) decide(h *Hit, at *Where) Style {
	if h.Withheld != rules.None {
		return m.style
	}
	for i := range m.policy {
		e := &m.policy[i]
		if !e.match(h, at) {
			continue
		}
		if e.late != 0 {
			h.Late |= e.late
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

func (e *compiled) match(h *Hit, at *Where) bool {
	if !e.rules[h.Rule] || h.Severity < e.Severity ||
		e.Example && h.Evidence&rules.DocExample == 0 ||
		e.Producer != "" && e.Producer != at.Producer ||
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
