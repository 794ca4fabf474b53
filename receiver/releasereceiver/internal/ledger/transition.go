package ledger

import (
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// Why a record changes nothing.
const (
	whyStale   = "the item has changed in the meantime"
	whyDecided = "the item has been decided already"
	whyVoted   = "this person has voted on the item already"
	whyMode    = "an approval must say how to release"
	whyState   = "the item is not in a state for this"
	whyClaimed = "another gate is releasing the item"
	whyOwner   = "another gate has the claim"
)

// apply changes r as rec says, or answers why not. It depends on r and rec only.
func (r *row) apply(rec *Record) (why string) {
	if rec.Expect != uint64(r.version) {
		if r.state != pending && (rec.Kind == Approve || rec.Kind == Deny || rec.Kind == Expire) {
			return whyDecided
		}
		return whyStale
	}
	m := r.more
	if m == nil {
		m = &more{} // r stays as small as it is if nothing comes of it
	}
	switch rec.Kind {
	case Approve, Deny:
		why = r.vote(m, rec)
	case Expire:
		if why = whyDecided; r.state == pending {
			why, r.state = "", expired
		}
	case Claim:
		why = r.claimed(m, rec)
	case Failed, Unclaim, Released:
		why = r.settle(m, rec)
	case Shredded:
		why = r.shred()
	default:
		why = whyState
	}
	if why != "" {
		return why
	}
	r.more = m
	r.version++
	m.owner = rec.Owner
	if rec.At.After(m.last) {
		m.last = rec.At // a clock that went back does not rewrite history
	}
	r.tell(m, rec)
	return ""
}

func (r *row) vote(m *more, rec *Record) string {
	// Whoever wants it back before it goes out gets it back, even one of those
	// who approved: an item that can never be released would wait for ever.
	withdraws := rec.Kind == Deny && r.state == approved
	if r.state != pending && !withdraws {
		return whyDecided
	}
	if !withdraws && slices.ContainsFunc(m.votes, func(v gate.Vote) bool { return v.By == rec.By }) {
		return whyVoted
	}
	v := gate.Vote{By: rec.By, Decision: rec.Kind.String(), Reason: rec.Reason, At: later(rec.At, m.last)}
	if rec.Kind == Deny {
		m.votes = append(m.votes, v)
		m.failing = false
		r.state = denied
		return ""
	}
	if rec.Mode != release.ModeMasked && rec.Mode != release.ModeOriginal || rec.Required < 1 {
		return whyMode
	}
	v.Mode = rec.Mode
	m.votes = append(m.votes, v)
	// The strictest of what the voters' gates asked for.
	m.required = max(m.required, rec.Required)
	if len(m.votes) >= m.required { // a denial would have ended it: all are approvals
		r.state = approved
	}
	return ""
}

func (r *row) claimed(m *more, rec *Record) string {
	switch r.state {
	case approved:
	case releasing:
		if rec.At.Before(m.claim.until) {
			return whyClaimed
		}
	default:
		return whyState
	}
	if rec.Attempt != m.attempts+1 || rec.Lease <= 0 {
		return whyStale
	}
	m.attempts = rec.Attempt
	m.claim = claim{owner: rec.Owner, attempt: rec.Attempt, until: rec.At.Add(rec.Lease), lease: rec.Lease}
	r.state = releasing
	return ""
}

// settle ends a claim. Anybody may say that a claim is void; only its owner
// knows whether the release failed.
func (r *row) settle(m *more, rec *Record) string {
	if r.state != releasing {
		return whyState
	}
	if rec.Kind != Unclaim && (rec.Owner != m.claim.owner || rec.Attempt != m.claim.attempt) {
		return whyOwner
	}
	m.claim = claim{}
	switch rec.Kind {
	case Released:
		m.failing = false
		r.state = released
	case Failed:
		m.failing = true
		r.state = approved
	default:
		r.state = approved
	}
	return ""
}

func (r *row) shred() string {
	if !r.state.finished() || r.has(destroyed) {
		return whyState
	}
	if r.state != released {
		r.state = shredded
	}
	r.flags |= destroyed
	return ""
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// tell writes the history.
func (r *row) tell(m *more, rec *Record) {
	c := gate.Change{At: m.last, By: rec.By, Reason: rec.Reason, Version: uint64(r.version)}
	switch rec.Kind {
	case Approve, Deny:
		c.Event = rec.Kind.String()
		m.add(c)
		if r.state == pending {
			return
		}
		c = gate.Change{At: m.last, Event: string(states[r.state]), Version: uint64(r.version)}
	case Failed, Unclaim:
		c.Event = rec.Kind.String()
	case Shredded:
		c.Event = string(gate.Shredded)
	default:
		c.Event = string(states[r.state])
	}
	m.add(c)
}
