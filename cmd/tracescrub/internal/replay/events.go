package replay

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/event"
)

// item is something that was held, and what became of it.
type item struct {
	ID       string    `json:"id"`
	Trace    string    `json:"trace_id,omitempty"`
	Signal   string    `json:"signal,omitempty"`
	Service  string    `json:"service,omitempty"`
	Severity string    `json:"severity,omitempty"`
	Held     time.Time `json:"held"`
	// State is pending, approved, releasing, released, denied or expired, as
	// far as the log tells.
	State string `json:"state"`
	Mode  string `json:"mode,omitempty"`
	// Destroyed says that the key is gone: nobody can open it any more.
	Destroyed bool    `json:"key_destroyed"`
	Entries   []int64 `json:"entries"`
}

// states are what items are after an event; a later one does not go back.
var states = []struct{ kind, state string }{
	{event.Held, "pending"},
	{event.Viewed, "pending"},
	{event.Voted, "pending"},
	{event.Approved, "approved"},
	{event.Releasing, "releasing"},
	{event.Released, "released"},
	{event.Denied, "denied"},
	{event.Expired, "expired"},
	{event.Shredded, ""},
}

// maker makes a timeline, entry by entry.
type maker struct {
	t        *Timeline
	names    map[string]string
	ids      map[string]*happening
	items    map[string]*item
	findings map[string]int // where in the list
}

// entry takes one entry.
func (m *maker) entry(it *read.Item) {
	key := it.ID + " " + it.Kind + " " + text(it, itemID)
	if first := m.ids[key]; first != nil {
		first.Again = append(first.Again, it.Seq)
		return
	}
	e := m.event(it)
	m.ids[key] = e
	m.t.Events = append(m.t.Events, e)
	note(&m.t.Traces, it.Trace)
	note(&m.t.Conversations, text(it, conversationID))
	note(&m.t.Services, e.Service)
	if c := text(it, "tracescrub.producer"); c != "" {
		if p := m.person(c); !slices.Contains(m.t.Senders, p) {
			m.t.Senders = append(m.t.Senders, p)
		}
	}
	m.item(e)
	m.list(it, e)
}

func note(list *[]string, s string) {
	if s != "" && !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}

func (m *maker) event(it *read.Item) *happening {
	number := func(name string) int64 { n, _ := it.Attributes["tracescrub."+name].(int64); return n }
	word := func(name string) string { return text(it, "tracescrub."+name) }
	e := &happening{
		Seq: it.Seq, ID: it.ID, Kind: strings.TrimPrefix(it.Kind, "tracescrub."), Time: it.Time, Logged: it.Logged,
		Component: it.Component, Instance: it.Instance, Trace: it.Trace, Item: word("item.id"), Signal: word("signal"),
		Service: word("service"), Severity: word("severity"), Policy: word("policy"),
		Findings: number("finding_count"), Secrets: number("secret_count"), Units: number("unit_count"),
		Via: word("via"), Decision: word("decision"), Mode: word("release.mode"), Required: number("required_votes"),
		Attempt: number("release.attempt"), Version: number("version"), Cut: it.Cut,
	}
	rules, _ := it.Attributes["tracescrub.rules"].([]any)
	for _, v := range rules {
		if s, ok := v.(string); ok {
			e.Rules = append(e.Rules, s)
		}
	}
	if c := text(it, "user.id"); c != "" {
		p := m.person(c)
		e.By = &p
	}
	if c := word("reason"); c != "" {
		p := m.person(c)
		e.Reason = &p
	}
	if d := word("record"); d != "" {
		e.Record = &record{Digest: d}
	}
	votes, _ := it.Attributes["tracescrub.votes"].([]any)
	for _, v := range votes {
		if v, ok := v.(map[string]any); ok {
			word := func(name string) string { s, _ := v[name].(string); return s }
			e.Votes = append(e.Votes, vote{m.person(word("user.id")), word("decision"), word("mode")})
		}
	}
	return e
}

// person is who or what a commitment stands for.
func (m *maker) person(commitment string) Person {
	return Person{Commitment: commitment, Name: m.names[commitment], asked: m.names != nil}
}

// item takes what an event says of a held item. What was masked and went on has
// an id that is none of an item.
func (m *maker) item(e *happening) {
	i := slices.IndexFunc(states, func(s struct{ kind, state string }) bool { return s.kind == "tracescrub."+e.Kind })
	if i < 0 || e.Item == "" {
		return
	}
	it := m.items[e.Item]
	if it == nil {
		it = &item{ID: e.Item, State: "pending"}
		m.items[e.Item] = it
		m.t.Items = append(m.t.Items, it)
	}
	it.Entries = append(it.Entries, e.Seq)
	for _, fill := range []struct {
		to   *string
		from string
	}{{&it.Trace, e.Trace}, {&it.Signal, e.Signal}, {&it.Service, e.Service}, {&it.Severity, e.Severity}} {
		if *fill.to == "" {
			*fill.to = fill.from
		}
	}
	rank := func(state string) int {
		return slices.IndexFunc(states, func(s struct{ kind, state string }) bool { return s.state == state })
	}
	switch now := states[i].state; {
	case e.Kind == "shredded":
		it.Destroyed = true
	case rank(now) >= rank(it.State):
		it.State = now
		if now != "pending" {
			it.Mode = e.Mode
		}
	}
	if e.Kind == "held" && it.Held.IsZero() {
		it.Held = e.Time
	}
}

// list takes the findings of an entry.
func (m *maker) list(it *read.Item, e *happening) {
	all, _ := it.Attributes["tracescrub.findings"].([]any)
	if e.Kind == "masked" || e.Kind == "passed" || e.Kind == "held" || e.Kind == "dropped" {
		m.t.Unlisted += max(0, e.Findings-int64(len(all)))
	}
	for _, v := range all {
		a, _ := v.(map[string]any)
		word := func(name string) string { s, _ := a[name].(string); return s }
		f := finding{Rule: word("rule"), Severity: word("severity"), Field: word("field"), Fingerprint: word("fingerprint"), Action: word("action")}
		f.Length, _ = a["length"].(int64)
		key := f.key()
		at, known := m.findings[key]
		if !known {
			at = len(m.t.Findings)
			m.findings[key] = at
			m.t.Findings = append(m.t.Findings, f)
		}
		if to := &m.t.Findings[at]; !slices.Contains(to.Entries, e.Seq) {
			to.Entries = append(to.Entries, e.Seq)
		}
	}
}

// key tells findings apart.
func (f *finding) key() string {
	return strings.Join([]string{f.Rule, f.Severity, f.Field, f.Fingerprint, f.Action, strconv.FormatInt(f.Length, 10)}, "\x00")
}
