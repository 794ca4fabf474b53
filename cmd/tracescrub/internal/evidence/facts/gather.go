package facts

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// maxNames bounds how many rules, services and so on are told apart: names of
// services come from whoever sends telemetry.
const maxNames = 10000

// others is what all further names are counted as.
const others = "(others)"

// tally counts names.
type tally map[string]*Count

func (t tally) add(name, day string, findings int64) {
	if t[name] == nil {
		if len(t) >= maxNames {
			name = others
		}
		if t[name] == nil {
			t[name] = &Count{Name: name, Days: map[string]int64{}}
		}
	}
	c := t[name]
	c.Events++
	c.Findings += findings
	c.Days[day]++
}

// list is the counts, the highest first.
func (t tally) list() []Count {
	out := []Count{}
	for _, c := range t {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// gatherer goes over the log twice: over the period, for everything but what
// happened to the items that were decided about; and for those.
type gatherer struct {
	o     Options
	r     *Report
	size  int64 // of the checkpoint
	names *names

	kinds, rules, services, severities, tellers tally

	watch   watch
	configs map[string]string // by component, the last hash told
	// held are the items that were held in the period and wait.
	held    map[string]bool
	decided []*entry.Entry
	// wanted has the items that something of the period is about which takes
	// what came before.
	wanted   map[string]*story
	released []*entry.Entry
}

// story is what happened to an item.
type story struct {
	held  *entry.Entry
	steps []Step
}

func (g *gatherer) start() {
	g.kinds, g.rules, g.services, g.severities, g.tellers = tally{}, tally{}, tally{}, tally{}, tally{}
	g.configs, g.held, g.wanted = map[string]string{}, map[string]bool{}, map[string]*story{}
	r := g.r
	r.Period = Period{From: g.o.From.UTC(), To: g.o.To.UTC(), First: -1}
	if g.o.To.IsZero() {
		r.Period.To = r.Made
	}
	r.Decisions, r.Changes, r.Removals = []Decision{}, []Change{}, []Change{}
	r.Exceptions, r.Context = []Exception{}, []int64{}
	g.watch = watch{bound: g.o.Silence, c: &r.Continuity}
}

// take takes the next entry of the log.
func (g *gatherer) take(it read.Item) error {
	p := &g.r.Period
	if p.From.IsZero() {
		p.From = it.Logged
	}
	if !it.Logged.Before(p.To) {
		return errEnd
	}
	if it.Logged.Before(p.From) {
		g.watch.before(it.Entry)
		g.config(it.Entry)
		return nil
	}
	if p.First < 0 {
		p.First = it.Seq
		p.Pruned = it.Seq > 0 && !g.watch.any
		g.watch.begin(p.From)
	}
	p.Entries++
	g.watch.take(it.Entry)
	g.count(it.Entry)
	if g.o.Entry != nil {
		return g.o.Entry(it)
	}
	return nil
}

func (g *gatherer) finish() {
	r := g.r
	if r.Period.First < 0 {
		r.Period.First = g.watch.next()
		g.watch.begin(r.Period.From)
	}
	end := r.Period.To
	if r.Made.Before(end) {
		end = r.Made
	}
	g.watch.end(end)
	r.Kinds, r.Rules, r.Services = g.kinds.list(), g.rules.list(), g.services.list()
	r.Severities, r.Tellers = g.severities.list(), g.tellers.list()
	r.Undecided = int64(len(g.held))
}

// count takes an entry of the period.
func (g *gatherer) count(e *entry.Entry) {
	kind, day := kindOf(e), e.Logged.UTC().Format(time.DateOnly)
	findings := number(e.Attributes, "tracescrub.finding_count")
	item := text(e.Attributes, attrItem)
	switch kind {
	case "masked", "passed", "held", "dropped":
		g.findings(e, day, findings)
	default:
		findings = 0 // told with what found them
	}
	g.kinds.add(kind, day, findings)
	g.tellers.add(teller(e), day, 0)
	switch kind {
	case "held":
		g.held[item] = true
	case "approved", "denied", "expired":
		delete(g.held, item)
		g.decided = append(g.decided, e)
		g.wanted[item] = &story{}
	case "released", "releasing":
		g.released = append(g.released, e)
		g.wanted[item] = &story{}
	default:
		g.change(e)
	}
}

func teller(e *entry.Entry) string {
	if e.Component == "" && e.Instance == "" {
		return "audit log"
	}
	return strings.TrimSpace(e.Component + " of " + e.Instance)
}

func (g *gatherer) findings(e *entry.Entry, day string, findings int64) {
	g.services.add(text(e.Attributes, attrService), day, findings)
	g.severities.add(text(e.Attributes, attrSeverity), day, findings)
	of := map[string]int64{}
	for _, r := range texts(e.Attributes, attrRules) {
		of[r] = 0
	}
	for _, f := range maps(e.Attributes, attrFindings) {
		of[text(f, "rule")]++
	}
	for rule, n := range of {
		g.rules.add(rule, day, n)
	}
}

// config says whether an entry tells of another configuration than the one
// before it by the same component.
func (g *gatherer) config(e *entry.Entry) (hash string, other bool) {
	hash = text(e.Attributes, "tracescrub.config.hash")
	if hash == "" {
		return "", false
	}
	last := g.configs[e.Component]
	g.configs[e.Component] = hash
	return hash, last != "" && last != hash
}

// change lists entries about the system itself.
func (g *gatherer) change(e *entry.Entry) {
	c := Change{Seq: e.Seq, Kind: kindOf(e), At: e.Logged, Component: e.Component, Instance: e.Instance}
	a := e.Attributes
	switch {
	case e.Kind == entry.Erased:
		c.What = fmt.Sprintf("%d commitments stand for nothing any more", len(subjects.Erased(e)))
		g.r.Removals = append(g.r.Removals, c)
		return
	case e.Kind == entry.Pruned:
		c.What = fmt.Sprintf("the entries up to %d, in the segments up to %d", number(a, "last"), number(a, "segment"))
		g.r.Removals = append(g.r.Removals, c)
		return
	case e.Kind == entry.Key:
		c.What = fmt.Sprintf("the log is signed with %s, no more with %s", text(a, "key"), text(a, "previous"))
	case e.Kind == entry.Opened:
		c.What = "a writer of the log started; it signs with " + text(a, "key")
	case e.Kind == entry.Closed:
		c.What = "the writer of the log ended in order"
	case c.Kind == "started" || c.Kind == "stopped" || strings.HasPrefix(c.Kind, "policy.") || strings.HasPrefix(c.Kind, "key."):
		c.What = g.describe(e)
	default:
		return
	}
	g.r.Changes = append(g.r.Changes, c)
}

func (g *gatherer) describe(e *entry.Entry) string {
	var parts []string
	say := func(what, value string) {
		if value != "" {
			parts = append(parts, what+" "+value)
		}
	}
	say("policy", text(e.Attributes, "tracescrub.policy"))
	say("key", text(e.Attributes, "tracescrub.key.id"))
	if reason := g.names.person(text(e.Attributes, attrReason)); reason != nil {
		say("reason", cmp.Or(reason.Subject, reason.Commitment))
	}
	hash, other := g.config(e)
	say("configuration", hash)
	if other {
		parts = append(parts, "another than this component told before")
	}
	return strings.Join(parts, ", ")
}
