package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
	"github.com/tracescrub/tracescrub/rules/match"
)

// auditFilter chooses entries. Its flags are the same wherever entries come out.
type auditFilter struct {
	since, until                                string
	kinds                                       []string
	rule, service, trace, actor, item, severity string

	from, to time.Time
	// actors are the commitments that stand for the actor.
	actors map[string]bool
	// severities are those that are high enough.
	severities []string
}

func (f *auditFilter) flags(cmd *cobra.Command) {
	p := cmd.Flags()
	p.StringVar(&f.since, "since", "", "from this `time` on: a day, a time, or how long ago (7d, 36h)")
	p.StringVar(&f.until, "until", "", "before this `time`")
	p.StringSliceVar(&f.kinds, "kind", nil, "`patterns` of kinds, with * and ?, with or without tracescrub. before them; repeatable")
	p.StringVar(&f.rule, "rule", "", "`pattern` of a rule's id, with * and ?")
	p.StringVar(&f.service, "service", "", "`pattern` of the service's name, with * and ?")
	traceFlag(cmd, &f.trace)
	p.StringVar(&f.actor, "actor", "", "who did it or sent it: issuer and `subject`, found by the side table, or a commitment")
	p.StringVar(&f.item, "item", "", "`id` of the item, or its beginning")
	p.StringVar(&f.severity, "severity", "", "the lowest `severity` of findings: low, medium, high or critical")
}

// traceFlag is --trace-id, or --trace for short.
func traceFlag(cmd *cobra.Command, to *string) {
	p := cmd.Flags()
	p.StringVar(to, "trace-id", "", "`id` of the trace, or its beginning; also --trace")
	p.StringVar(to, "trace", "", "")
	p.Lookup("trace").Hidden = true
}

// set says whether anything is filtered at all.
func (f *auditFilter) set() bool {
	return f.since+f.until+f.rule+f.service+f.trace+f.actor+f.item+f.severity != "" || len(f.kinds) > 0
}

// compile checks the words, and finds out who the actor is.
func (f *auditFilter) compile(now time.Time, rows []subjects.Row) (err error) {
	if f.since != "" {
		if f.from, err = pastTime(now, f.since); err != nil {
			return usef("--since: %w", err)
		}
	}
	if f.until != "" {
		if f.to, err = pastTime(now, f.until); err != nil {
			return usef("--until: %w", err)
		}
	}
	if f.trace, err = beginning("trace-id", f.trace); err != nil {
		return err
	}
	if f.item, err = beginning("item", f.item); err != nil {
		return err
	}
	if f.severity != "" {
		if err := oneOf("severity", f.severity, itemSeverities); err != nil {
			return err
		}
		f.severities = itemSeverities[slices.Index(itemSeverities, f.severity):]
	}
	if f.actor == "" {
		return nil
	}
	f.actors = map[string]bool{}
	if subjects.Commitment.FindString(f.actor) == f.actor {
		f.actors[f.actor] = true
	}
	for _, r := range rows {
		if r.Value == f.actor && strings.HasPrefix(r.Commitment, "subject:") {
			f.actors[r.Commitment] = true
		}
	}
	if len(f.actors) == 0 {
		return usef("--actor: the side table does not know this subject, or not any more")
	}
	return nil
}

// beginning checks the beginning of an id of 32 hex digits.
func beginning(flag, id string) (string, error) {
	id = strings.ToLower(id)
	if id != "" && (len(id) < 4 || len(id) > idLength || strings.Trim(id, "0123456789abcdef") != "") {
		return "", usef("--%s %q: 4 to %d hex digits", flag, id, idLength)
	}
	return id, nil
}

func (f *auditFilter) match(it *read.Item) bool {
	text := func(name string) string { s, _ := it.Attributes["tracescrub."+name].(string); return s }
	switch {
	case !f.from.IsZero() && it.Time.Before(f.from), !f.to.IsZero() && !it.Time.Before(f.to):
		return false
	case len(f.kinds) > 0 && !slices.ContainsFunc(f.kinds, func(p string) bool { return isKind(p, it.Kind) }):
		return false
	case f.service != "" && !match.Glob(f.service, text("service")):
		return false
	case !strings.HasPrefix(it.Trace, f.trace), !strings.HasPrefix(text("item.id"), f.item):
		return false
	case f.severity != "" && !slices.Contains(f.severities, text("severity")):
		return false
	case f.rule != "" && !hasRule(f.rule, it.Attributes):
		return false
	case f.actor != "" && !f.isAbout(it):
		return false
	}
	return true
}

// isAbout says whether the actor is named. Only where a commitment can be is
// looked: telemetry may have text that looks like one.
func (f *auditFilter) isAbout(it *read.Item) (yes bool) {
	subjects.In(it.Attributes, func(c string) { yes = yes || f.actors[c] })
	return yes || slices.ContainsFunc(subjects.Erased(it.Entry), func(c string) bool { return f.actors[c] })
}

const kindPrefix = "tracescrub."

func isKind(pattern, kind string) bool {
	return match.Glob(pattern, kind) || match.Glob(pattern, strings.TrimPrefix(kind, kindPrefix))
}

// hasRule looks for a rule in the list of rules, which is short, and in the findings.
func hasRule(pattern string, attributes map[string]any) bool {
	list, _ := attributes["tracescrub.rules"].([]any)
	findings, _ := attributes["tracescrub.findings"].([]any)
	for _, v := range findings {
		if m, ok := v.(map[string]any); ok {
			list = append(list[:len(list):len(list)], m["rule"])
		}
	}
	return slices.ContainsFunc(list, func(v any) bool { s, ok := v.(string); return ok && match.Glob(pattern, s) })
}
