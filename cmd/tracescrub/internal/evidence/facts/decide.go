package facts

import (
	"fmt"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
)

// shredWithin is how long the key of a denied or expired item may live on
// without remark.
const shredWithin = 24 * time.Hour

// step takes an entry about an item of a decision.
func (g *gatherer) step(e *entry.Entry) {
	s := g.wanted[text(e.Attributes, attrItem)]
	if s == nil {
		return
	}
	kind := kindOf(e)
	switch kind {
	case "masked", "passed", "dropped":
		return // they have ids of findings there
	case "held":
		if s.held == nil {
			s.held = e
		}
	}
	a := e.Attributes
	s.steps = append(s.steps, Step{
		Seq: e.Seq, Kind: kind, At: e.Time, Who: g.names.person(text(a, attrUser)),
		Decision: text(a, "tracescrub.decision"), Mode: text(a, "tracescrub.release.mode"), Via: text(a, "tracescrub.via"),
		Reason: g.names.person(text(a, attrReason)), Required: number(a, "tracescrub.required_votes"),
	})
}

// judge makes the decisions of what was read, and says what is remarkable.
func (g *gatherer) judge() {
	context := map[int64]bool{}
	for _, e := range g.decided {
		item := text(e.Attributes, attrItem)
		s := g.wanted[item]
		d := g.decision(e, s)
		g.r.Decisions = append(g.r.Decisions, d)
		g.check(&d, e, s)
		for _, x := range d.Steps {
			if x.Seq < g.r.Period.First {
				context[x.Seq] = true
			}
		}
	}
	for _, e := range g.released {
		g.checkRelease(e, g.wanted[text(e.Attributes, attrItem)])
	}
	for seq := range context {
		g.r.Context = append(g.r.Context, seq)
	}
	slices.Sort(g.r.Context)
	g.remarks()
}

func (g *gatherer) decision(e *entry.Entry, s *story) Decision {
	a := e.Attributes
	d := Decision{
		Step: Step{
			Seq: e.Seq, Kind: kindOf(e), At: e.Time, Who: g.names.person(text(a, attrUser)),
			Mode: text(a, "tracescrub.release.mode"), Via: text(a, "tracescrub.via"),
			Reason: g.names.person(text(a, attrReason)), Required: number(a, "tracescrub.required_votes"),
		},
		Item: text(a, attrItem), Signal: text(a, "tracescrub.signal"), Service: text(a, attrService),
		Severity: text(a, attrSeverity), Rules: texts(a, attrRules), Findings: number(a, "tracescrub.finding_count"),
		Secrets: number(a, "tracescrub.secret_count"), Trace: e.Trace, Policy: text(a, "tracescrub.policy"),
		Producer: g.names.person(text(a, attrProducer)), Votes: []Step{}, Steps: s.steps,
	}
	if s.held != nil {
		took := int64(e.Time.Sub(s.held.Time) / time.Second)
		d.Held, d.Seconds = &s.held.Time, &took
	}
	approvers := map[string]bool{}
	for _, v := range maps(a, attrVotes) {
		vote := g.vote(v, e.Seq, s)
		d.Votes = append(d.Votes, vote)
		if vote.Decision == "approve" && vote.Who != nil {
			approvers[vote.Who.Commitment] = true
		}
	}
	d.Approvals = len(approvers)
	d.Met = d.Kind == "approved" && d.Required > 0 && int64(d.Approvals) >= d.Required
	return d
}

// vote is a vote of a decision, with what its own entry says besides.
func (g *gatherer) vote(v map[string]any, before int64, s *story) Step {
	out := Step{Seq: -1, Kind: "voted", Who: g.names.person(text(v, attrUser)), Decision: text(v, "decision"), Mode: text(v, "mode")}
	for _, x := range s.steps {
		if x.Kind == "voted" && x.Seq < before && x.Who != nil && out.Who != nil &&
			x.Who.Commitment == out.Who.Commitment && x.Decision == out.Decision {
			out = x
		}
	}
	return out
}

func (g *gatherer) except(code string, seq int64, format string, args ...any) {
	g.r.Exceptions = append(g.r.Exceptions, Exception{code, seq, fmt.Sprintf(format, args...)})
}

// check says what is wrong with a decision.
func (g *gatherer) check(d *Decision, e *entry.Entry, s *story) {
	if s.held == nil {
		g.except("not_held", d.Seq, "decision about an item that no entry of the log says was held")
	}
	if d.Kind != "approved" {
		g.checkShredded(d)
		return
	}
	if !d.Met {
		g.except("quorum_not_met", d.Seq, "approved by %d different people, %d were needed", d.Approvals, d.Required)
	}
	g.r.SelfApproval.Approvals++
	all, own := true, false
	for _, v := range d.Votes {
		if v.Seq < 0 {
			g.except("vote_not_logged", d.Seq, "a vote that was counted has no entry of its own")
		}
		if v.Who == nil || v.Decision != "approve" {
			continue
		}
		same, known := g.names.sender(g.o.FingerprintKey, v.Who.Commitment, text(e.Attributes, attrProducer))
		all, own = all && known, own || same
	}
	if all && len(d.Votes) > 0 {
		g.r.SelfApproval.Recomputed++
	}
	if own {
		g.r.SelfApproval.Found++
		g.except("self_approval", d.Seq, "approved by who sent the telemetry")
	}
}

func (g *gatherer) checkShredded(d *Decision) {
	for _, x := range d.Steps {
		if x.Kind == "shredded" {
			return
		}
	}
	end := g.r.Period.To
	if g.r.Made.Before(end) {
		end = g.r.Made
	}
	if end.Sub(d.At) > shredWithin {
		g.except("not_shredded", d.Seq, "%s, and no entry says that its key was destroyed since", d.Kind)
	}
}

func (g *gatherer) checkRelease(e *entry.Entry, s *story) {
	last := ""
	for _, x := range s.steps {
		if x.Seq < e.Seq && (x.Kind == "approved" || x.Kind == "denied" || x.Kind == "expired") {
			last = x.Kind
		}
	}
	switch last {
	case "approved":
	case "":
		g.except("not_approved", e.Seq, "%s, and no entry says that it was approved", kindOf(e))
	default:
		g.except("not_approved", e.Seq, "%s, and the last decision about it was: %s", kindOf(e), last)
	}
}

// remarks are about the period as a whole.
func (g *gatherer) remarks() {
	r := g.r
	for _, c := range r.Kinds {
		if c.Name == "passed" {
			g.except("passed_in_clear", -1, "by policy, secrets went on in the clear in %d batches; see the entries of the kind passed", c.Events)
		}
	}
	untold := 0
	for _, s := range r.Continuity.Listed {
		if s.Why == whyUntold {
			untold++
		}
	}
	if untold > 0 {
		g.except("silence", -1, "%d times the log was silent longer than %d seconds, and nothing in it says why", untold, r.Continuity.Bound)
	}
	for _, x := range r.Continuity.Gaps {
		g.except("gap", x.Seq, "the log was interrupted: %s", x.What)
	}
	if r.Period.Pruned {
		g.except("pruned", -1, "entries before entry %d have been pruned; some may have been of the period", r.Period.First)
	}
	if !r.Verification.OK {
		g.except("verification", -1, "the log is not what was signed: see verification")
	}
}
