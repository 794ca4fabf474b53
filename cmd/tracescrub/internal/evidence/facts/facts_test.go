package facts_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/logtest"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

const item = "0a000000000000000000000000000001"

// at is a minute of the test.
func at(minute int) time.Time { return logtest.Start.Add(time.Duration(minute) * time.Minute) }

func collect(t *testing.T, l *logtest.Log, change func(*facts.Options)) *facts.Report {
	t.Helper()
	o := facts.Options{Directory: t.TempDir(), Now: at(60)}
	if change != nil {
		change(&o)
	}
	l.Write(o.Directory)
	r, _, err := facts.Collect(context.Background(), o)
	require.NoError(t, err)
	require.Empty(t, r.Verification.Problems)
	return r
}

func codes(r *facts.Report) []string {
	list := []string{}
	for _, e := range r.Exceptions {
		list = append(list, e.Code)
	}
	return list
}

// event is an entry of a test: its kind, and attributes besides the item's id.
type event struct {
	kind       string
	attributes map[string]any
}

func (e event) add(l *logtest.Log, minute int) {
	a := map[string]any{"tracescrub.item.id": item}
	for k, v := range e.attributes {
		a[k] = v
	}
	l.Add(at(minute), e.kind, a)
}

func voted(who, decision string) event {
	return event{"voted", map[string]any{"user.id": who, "tracescrub.decision": decision, "tracescrub.reason": "because"}}
}

func approved(required int, who ...string) event {
	votes := []any{}
	for _, w := range who {
		votes = append(votes, map[string]any{"user.id": w, "decision": "approve", "mode": "masked"})
	}
	return event{"approved", map[string]any{"tracescrub.votes": votes, "tracescrub.required_votes": int64(required), "tracescrub.producer": verdict.Commit([]byte("key"), "alice")}}
}

func plain(kind string) event { return event{kind, nil} }

// TestExceptions: each thing that is not as it should be is said, and nothing else.
func TestExceptions(t *testing.T) {
	for _, c := range []struct {
		name   string
		events []event
		want   []string
	}{
		{"as it should be", []event{plain("held"), voted(logtest.Bob, "approve"), approved(1, logtest.Bob), plain("releasing"), plain("released")}, []string{}},
		{"too few", []event{plain("held"), voted(logtest.Bob, "approve"), approved(2, logtest.Bob)}, []string{"quorum_not_met"}},
		{"one twice", []event{plain("held"), voted(logtest.Bob, "approve"), approved(2, logtest.Bob, logtest.Bob)}, []string{"quorum_not_met"}},
		{"no number", []event{plain("held"), voted(logtest.Bob, "approve"), approved(0, logtest.Bob)}, []string{"quorum_not_met"}},
		{"a vote without entry", []event{plain("held"), approved(1, logtest.Bob)}, []string{"vote_not_logged"}},
		{"a vote the other way", []event{plain("held"), voted(logtest.Bob, "deny"), approved(1, logtest.Bob)}, []string{"vote_not_logged"}},
		{"a vote afterwards", []event{plain("held"), approved(1, logtest.Bob), voted(logtest.Bob, "approve")}, []string{"vote_not_logged"}},
		{"never held", []event{voted(logtest.Bob, "approve"), approved(1, logtest.Bob)}, []string{"not_held"}},
		{"released at once", []event{plain("held"), plain("released")}, []string{"not_approved"}},
		{"released before", []event{plain("held"), plain("releasing"), voted(logtest.Bob, "approve"), approved(1, logtest.Bob)}, []string{"not_approved"}},
		{"released after all", []event{plain("held"), voted(logtest.Bob, "approve"), approved(1, logtest.Bob), plain("denied"), plain("shredded"), plain("released")}, []string{"not_approved"}},
		{"sender", []event{plain("held"), voted(logtest.Alice, "approve"), approved(1, logtest.Alice)}, []string{"self_approval"}},
		{"key lives on", []event{plain("held"), plain("expired")}, []string{"not_shredded"}},
		{"key gone", []event{plain("held"), plain("denied"), plain("shredded")}, []string{}},
		{"in the clear", []event{plain("passed")}, []string{"passed_in_clear"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := logtest.New()
			for i, e := range c.events {
				e.add(l, i)
			}
			end := at(len(c.events))
			r := collect(t, l, func(o *facts.Options) {
				o.Now, o.Silence, o.FingerprintKey = end.Add(25*time.Hour), 30*time.Hour, []byte("key")
			})
			require.Equal(t, c.want, codes(r))
		})
	}
}

// TestDecision: who, how many, how long, also where it began before the period.
func TestDecision(t *testing.T) {
	l := logtest.New()
	for i, e := range []event{plain("held"), {"viewed", map[string]any{"user.id": logtest.Carol}}, voted(logtest.Alice, "approve"), voted(logtest.Bob, "approve"), approved(2, logtest.Alice, logtest.Bob), plain("released")} {
		e.add(l, i*10)
	}
	r := collect(t, l, func(o *facts.Options) { o.From, o.To, o.Names = at(40), at(45), true })
	require.Len(t, r.Decisions, 1)
	d := r.Decisions[0]
	require.Equal(t, []int64{0, 1, 2, 3}, r.Context)
	require.Equal(t, int64(2400), *d.Seconds)
	require.True(t, d.Met)
	require.Equal(t, 2, d.Approvals)
	require.Len(t, d.Steps, 5, "the release is of another period")
	require.Equal(t, logtest.Alice, d.Votes[0].Who.Subject)
	require.Equal(t, "because", d.Votes[0].Reason.Subject)
	require.Equal(t, at(20), d.Votes[0].At)
	require.Equal(t, facts.SelfApproval{Approvals: 1}, r.SelfApproval, "without the key nothing is computed")
	require.Equal(t, facts.Period{From: at(40), To: at(45), First: 4, Entries: 1}, r.Period)
	require.Zero(t, r.Undecided)

	r = collect(t, l, func(o *facts.Options) { o.To, o.FingerprintKey = at(40), []byte("key") })
	require.Equal(t, int64(1), r.Undecided)
	require.Empty(t, r.Decisions)
	r = collect(t, l, func(o *facts.Options) { o.FingerprintKey = []byte("key") })
	require.Equal(t, facts.SelfApproval{Approvals: 1, Recomputed: 1, Found: 1}, r.SelfApproval)
	require.Empty(t, r.Decisions[0].Votes[0].Who.Subject, "nobody asked for names")
	r = collect(t, l, func(o *facts.Options) { o.FingerprintKey = []byte("another") })
	require.Equal(t, facts.SelfApproval{Approvals: 1, Recomputed: 1}, r.SelfApproval)
}

// TestContinuity: coverage and silences, by hand.
func TestContinuity(t *testing.T) {
	l := logtest.New()
	for _, x := range []struct {
		minute int
		kind   string
	}{
		{0, "log.opened"}, {4, "heartbeat"}, {8, "heartbeat"}, // 8 covered
		{20, "heartbeat"},                      // 12 untold
		{21, "log.closed"}, {31, "log.opened"}, // 1 covered, 10 stopped
		{33, "heartbeat"}, {53, "gap"}, {53, "log.opened"}, // 2 covered, 20 gap
	} {
		var a map[string]any
		if x.kind == "gap" {
			a = map[string]any{"reason": "not_closed", "since": "2026-07-01T00:33:00.000000000Z"}
		}
		l.Add(at(x.minute), x.kind, a)
	}
	r := collect(t, l, nil) // at minute 60: 7 after
	c := r.Continuity
	require.Equal(t, int64(11*60), c.Covered)
	require.Equal(t, int64(3600), c.Of)
	var got []string
	for _, s := range c.Listed {
		got = append(got, fmt.Sprint(s.Seconds/60, s.Why, s.After))
	}
	require.Equal(t, []string{"12untold2", "10stopped4", "20gap6", "7after8"}, got)
	require.Equal(t, int64(20*60), c.Longest.Seconds)
	require.Equal(t, []string{"silence", "gap"}, codes(r))

	r = collect(t, l, func(o *facts.Options) { o.From, o.To = at(-30), at(25) })
	require.Equal(t, "before", r.Continuity.Listed[0].Why)
	require.Equal(t, int64(30*60), r.Continuity.Listed[0].Seconds)
	require.Equal(t, int64(13*60), r.Continuity.Covered, "a stop within the bound counts as covered")

	r = collect(t, l, func(o *facts.Options) { o.From, o.To = at(9), at(19) })
	require.Zero(t, r.Period.Entries)
	require.Equal(t, int64(3), r.Period.First)
	require.Equal(t, int64(600), r.Continuity.Of)
	require.Zero(t, r.Continuity.Covered)
}

// TestCounts: events and findings, by rule, service and day; what is told about an
// item later counts as no finding.
func TestCounts(t *testing.T) {
	l := logtest.New()
	finding := func(minute int, kind, service string, rules ...any) {
		list := []any{}
		for _, r := range rules {
			list = append(list, map[string]any{"rule": r})
		}
		l.Add(at(minute), kind, map[string]any{
			"tracescrub.item.id": item, "tracescrub.service": service, "tracescrub.rules": rules, "tracescrub.findings": list,
			"tracescrub.finding_count": int64(len(list)), "tracescrub.severity": "high",
		})
	}
	finding(0, "masked", "a", "x", "x", "y")
	finding(24*60, "held", "b", "x")
	finding(24*60, "denied", "b", "x")
	l.Add(at(24*60), "masked", map[string]any{"tracescrub.rules": int64(3), "tracescrub.findings": "none", "tracescrub.service": []any{}, "user.id": "x"})
	r := collect(t, l, func(o *facts.Options) { o.Now = at(48 * 60) })
	require.Equal(t, []facts.Count{
		{Name: "x", Events: 2, Findings: 3, Days: map[string]int64{"2026-07-01": 1, "2026-07-02": 1}},
		{Name: "y", Events: 1, Findings: 1, Days: map[string]int64{"2026-07-01": 1}},
	}, r.Rules)
	require.Equal(t, []string{"", "a", "b"}, []string{r.Services[0].Name, r.Services[1].Name, r.Services[2].Name})
	require.Equal(t, int64(2), r.Kinds[0].Events)
	require.Equal(t, "masked", r.Kinds[0].Name)
	require.Equal(t, "denied", r.Kinds[1].Name)
	require.Zero(t, r.Kinds[1].Findings)
}
