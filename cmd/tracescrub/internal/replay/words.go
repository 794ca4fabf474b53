package replay

import (
	"fmt"
	"strings"
	"time"
)

// What follows says things in words. The words of others in them are not safe
// yet for a terminal or a page.

// String is the name, or what stands for it.
func (p Person) String() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Commitment == "":
		return "nobody"
	}
	kind, digest, _ := strings.Cut(p.Commitment, ":")
	if p.asked {
		return kind + ":" + short(digest) + " (not in the side table)"
	}
	return kind + ":" + short(digest)
}

const shortID = 8

// short is enough of an id to tell it from others nearby.
func short(id string) string {
	if len(id) <= shortID {
		return id
	}
	return strings.ToValidUTF8(id[:shortID], "")
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

// clock is when something was said.
func clock(at time.Time) string {
	if at.IsZero() {
		return "no time"
	}
	return at.UTC().Format("2006-01-02 15:04:05.000Z")
}

func count(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// words are what happened.
func (e *happening) words() string {
	var s string
	of := "item " + short(e.Item)
	by := "somebody"
	if e.By != nil {
		by = e.By.String()
	}
	mode := ""
	if e.Mode != "" {
		mode = " as " + e.Mode
	}
	switch e.Kind {
	case "masked":
		s = "masked, and went on: " + e.amount()
	case "passed":
		s = "WENT ON IN THE CLEAR, policy only reports: " + e.amount()
	case "dropped":
		s = "DROPPED by policy, and lost: " + e.amount()
	case "held":
		s = "held as " + of + ": " + e.amount()
	case "viewed":
		s = by + " looked at the masked content of " + of
	case "voted":
		s = fmt.Sprintf("%s voted to %s %s%s", by, e.Decision, of, mode)
	case "approved":
		s = fmt.Sprintf("%s approved%s%s", of, mode, e.voters())
	case "denied":
		s = by + " denied " + of
	case "expired":
		s = "nobody decided about " + of + " in time"
	case "releasing":
		s = fmt.Sprintf("%s is opened and sent%s, attempt %d", of, mode, e.Attempt)
	case "released":
		s = fmt.Sprintf("the pipelines took %s%s, attempt %d", of, mode, e.Attempt)
	case "shredded":
		s = "the key of " + of + " is gone"
	default:
		s = e.Kind
		if e.Item != "" {
			s += " " + of
		}
	}
	if e.Via != "" {
		s += " through the " + e.Via
	}
	if e.Reason != nil {
		s += ", reason: " + e.Reason.String()
	}
	if e.Record != nil {
		s += "; " + e.Record.words()
	}
	if len(e.Again) > 0 {
		s += "; told " + count(int64(len(e.Again)), "more time")
	}
	if len(e.Cut) > 0 {
		s += "; the entry had no room for " + strings.Join(e.Cut, ", ")
	}
	return s
}

func (e *happening) amount() string {
	s := fmt.Sprintf("%s of %s in %s", count(e.Findings, "finding"), count(e.Secrets, "secret"), count(e.Units, unitOf(e.Signal)))
	if e.Policy != "" {
		s += ", policy " + short(e.Policy)
	}
	return s
}

func unitOf(signal string) string {
	switch signal {
	case "traces":
		return "span"
	case "logs":
		return "log record"
	case "metrics":
		return "data point"
	}
	return "unit"
}

func (e *happening) voters() string {
	if len(e.Votes) == 0 {
		return ""
	}
	all := make([]string, len(e.Votes))
	for i, v := range e.Votes {
		all[i] = v.By.String()
	}
	return fmt.Sprintf(" by %s; %d needed", strings.Join(all, " and "), e.Required)
}

func (r *record) words() string {
	switch r.State {
	case kept:
		return "record " + short(r.Digest)
	case gone:
		return "record " + short(r.Digest) + " is gone"
	case changed:
		return "record " + short(r.Digest) + " WAS CHANGED"
	}
	return "record " + short(r.Digest) + " cannot be read"
}

// title names what the timeline is of.
func (q Query) title() string {
	switch {
	case q.Trace != "":
		return "Trace " + q.Trace
	case q.Item != "":
		return "Item " + q.Item
	}
	return "Conversation " + q.Conversation
}

// facts are what is known of the whole.
func (t *Timeline) facts() (facts [][2]string) {
	add := func(name string, values []string) {
		if len(values) > 0 {
			facts = append(facts, [2]string{name, strings.Join(values, ", ")})
		}
	}
	if t.About.Trace == "" {
		add("trace", t.Traces)
	}
	if t.About.Conversation == "" {
		add("conversation", t.Conversations)
	}
	add("service", t.Services)
	senders := make([]string, len(t.Senders))
	for i, p := range t.Senders {
		senders[i] = p.String()
	}
	if len(senders) == 0 {
		senders = []string{"not known"}
	}
	add("sender", senders)
	return facts
}

// outcomes are what became of it, one line for each item and way.
func (t *Timeline) outcomes() (lines []string) {
	n := map[string]int64{}
	for _, e := range t.Events {
		n[e.Kind]++
	}
	if n["passed"] > 0 {
		lines = append(lines, "went on IN THE CLEAR: "+count(n["passed"], "time")+", policy only reports what was found")
	}
	if n["masked"] > 0 {
		lines = append(lines, "went on masked: "+count(n["masked"], "time"))
	}
	if n["dropped"] > 0 {
		lines = append(lines, "dropped in part or whole: "+count(n["dropped"], "time"))
	}
	for _, it := range t.Items {
		s := fmt.Sprintf("item %s: %s", it.ID, it.State)
		if it.Mode != "" {
			s += " as " + it.Mode
		}
		if it.Destroyed {
			s += ", key destroyed"
		}
		lines = append(lines, s)
	}
	return lines
}

// keeping says how much of the masked telemetry is there.
func (t *Timeline) keeping() string {
	n, seen := map[string]int{}, map[string]bool{}
	for _, e := range t.Events {
		if e.Record != nil && !seen[e.Record.Digest] {
			seen[e.Record.Digest] = true
			n[e.Record.State]++
		}
	}
	if len(seen) == 0 {
		return "None was kept: no entry names a record. With record: masked, verdict keeps them."
	}
	s := fmt.Sprintf("%s, %d kept", count(int64(len(seen)), "record"), n[kept])
	for _, more := range []struct{ state, words string }{
		{gone, "gone: removed by retention or by hand"}, {changed, "CHANGED since their entry was written, not shown"}, {unreadable, "that cannot be read as telemetry"},
	} {
		if n[more.state] > 0 {
			s += fmt.Sprintf(", %d %s", n[more.state], more.words)
		}
	}
	if t.Left > 0 {
		s += fmt.Sprintf("; %s of other conversations left out", count(int64(t.Left), "unit"))
	}
	return s + "."
}

var roles = map[string]string{
	"system": "System", "developer": "Developer", "user": "User", "human": "User", "assistant": "Assistant", "model": "Assistant", "ai": "Assistant", "tool": "Tool",
}

func roleOf(role string) string {
	if r := roles[strings.ToLower(role)]; r != "" {
		return r
	}
	return role
}

// partName introduces a part that is not simply said.
func partName(kind, name string) string {
	if name == "" {
		name = "without a name"
	}
	switch kind {
	case "text":
		return ""
	case "reasoning":
		return "Reasoning"
	case "call":
		return "Calls the tool " + name
	case "result":
		if name == "without a name" {
			return "Answer of the tool"
		}
		return "Answer of the tool " + name
	case "media":
		return "Medium: " + name
	}
	return "Part of type " + name
}
