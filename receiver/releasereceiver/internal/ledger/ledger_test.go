package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

var (
	testKey = []byte("a key of the tests, 32 bytes long")
	t0      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	gate1   = Owner{Process: [8]byte{1}}
	gate2   = Owner{Process: [8]byte{2}}
)

func testRules() Rules {
	return Rules{ExpireAfter: time.Hour, Required: func(severity, _ string) int {
		if severity == "critical" {
			return 2
		}
		return 1
	}}
}

func testMeta(n byte) *holdstore.Meta {
	return &holdstore.Meta{
		ID: envelope.ID{n}, Trace: [16]byte{0xab, n}, Signal: "traces", Service: "agent", Severity: "critical",
		Rules: []string{"aws-key", "github-token"}, Findings: 3, Secrets: 2, Spans: 4, Bytes: 1000,
		HeldAt: t0.Add(time.Duration(n) * time.Second), Policy: "0123456789abcdef", Producer: "someone", Sum: [32]byte{n},
	}
}

// world is a ledger and what is needed to feed it.
type world struct {
	*testing.T
	*Ledger
	nonce byte
	at    int64
	now   time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{T: t, Ledger: New(testKey, testRules()), now: t0}
}

func (w *world) event(ev holdstore.Event) Outcome {
	w.Helper()
	w.at++
	ev.At.Offset = w.at
	out, err := w.Apply(ev)
	require.NoError(w, err)
	return out
}

func (w *world) hold(n byte) Outcome {
	w.Helper()
	return w.event(holdstore.Event{Held: testMeta(n), Ref: holdstore.Ref{Index: int64(n)}})
}

// put folds a record that expects the item's version, unless it says another.
func (w *world) put(n byte, r Record) Outcome {
	w.Helper()
	w.nonce++
	w.now = w.now.Add(time.Second)
	r.Nonce[0], r.Item, r.Trace = w.nonce, envelope.ID{n}, [16]byte{0xab, n}
	if r.At.IsZero() {
		r.At = w.now
	}
	if r.Expect == 0 {
		r.Expect = 1
		if row := w.find(r.Item); row != nil {
			r.Expect = uint64(row.version)
		}
	}
	entry := r.Encode(testKey)
	return w.event(holdstore.Event{Record: &entry})
}

func approve(by string) Record {
	return Record{Kind: Approve, By: by, Reason: "because", Mode: "masked", Required: 2}
}
func deny(by string) Record { return Record{Kind: Deny, By: by, Reason: "no"} }

func claimBy(o Owner, attempt int) Record {
	return Record{Kind: Claim, Owner: o, Attempt: attempt, Lease: time.Minute}
}

func (w *world) state(n byte) gate.State { return states[w.find(envelope.ID{n}).state] }

func TestRelease(t *testing.T) {
	w := newWorld(t)
	require.True(t, w.hold(1).Held)
	require.Equal(t, gate.Pending, w.put(1, approve("a")).State)
	out := w.put(1, approve("b"))
	require.True(t, out.Applied)
	require.Equal(t, gate.Approved, out.State)
	require.Equal(t, uint64(3), out.Version)
	require.Equal(t, gate.Releasing, w.put(1, claimBy(gate1, 1)).State)
	require.Equal(t, gate.Approved, w.put(1, Record{Kind: Failed, Owner: gate1, Attempt: 1, Reason: "nobody listens"}).State)
	require.Equal(t, 1, w.Stats().ReleaseFailing)
	require.Equal(t, gate.Releasing, w.put(1, claimBy(gate1, 2)).State)
	require.Equal(t, gate.Released, w.put(1, Record{Kind: Released, Owner: gate1, Attempt: 2}).State)
	require.Len(t, w.Active(9), 1, "its key is to be destroyed")
	w.event(holdstore.Event{Gone: &envelope.ID{1}})
	require.Equal(t, gate.Released, w.put(1, Record{Kind: Shredded}).State, "it stays released")
	require.Empty(t, w.Active(9))

	e, ok := w.Get(envelope.ID{1})
	require.True(t, ok)
	var events []string
	for i, c := range e.History {
		events = append(events, c.Event)
		require.False(t, i > 0 && c.At.Before(e.History[i-1].At))
	}
	require.Equal(t, []string{"held", "approve", "approve", "approved", "releasing", "failed", "releasing", "released", "shredded"}, events)
	require.Zero(t, w.Stats().ReleaseFailing)
	require.Equal(t, 1, w.Stats().States[gate.Released])
	require.Zero(t, w.Stats().PendingBytes)
}

func TestRefused(t *testing.T) {
	decided := []func(*world){
		func(w *world) { w.put(1, deny("x")) },
		func(w *world) { w.put(1, Record{Kind: Expire}) },
	}
	for name, c := range map[string]struct {
		before []func(*world)
		r      Record
		why    string
	}{
		"stale":                     {[]func(*world){func(w *world) { w.put(1, approve("a")) }}, Record{Kind: Deny, By: "b", Expect: 1}, whyStale},
		"from the future":           {nil, Record{Kind: Deny, By: "b", Expect: 2}, whyStale},
		"second vote of one person": {[]func(*world){func(w *world) { w.put(1, approve("a")) }}, approve("a"), whyVoted},
		"approved, then denied":     {[]func(*world){func(w *world) { w.put(1, approve("a")) }}, deny("a"), whyVoted},
		"no mode":                   {nil, Record{Kind: Approve, By: "a", Required: 1}, whyMode},
		"no quorum":                 {nil, Record{Kind: Approve, By: "a", Mode: "masked"}, whyMode},
		"approve after deny":        {decided[:1], approve("a"), whyDecided},
		"slow approve after deny":   {decided[:1], Record{Kind: Approve, By: "a", Mode: "masked", Required: 1, Expect: 1}, whyDecided},
		"approve after expiry":      {decided[1:], approve("a"), whyDecided},
		"deny after expiry":         {decided[1:], deny("a"), whyDecided},
		"expire after deny":         {decided[:1], Record{Kind: Expire}, whyDecided},
		"claim of a pending one":    {nil, claimBy(gate1, 1), whyState},
		"claim of a denied one":     {decided[:1], claimBy(gate1, 1), whyState},
		"release without claim":     {nil, Record{Kind: Released, Owner: gate1}, whyState},
		"shred of a pending one":    {nil, Record{Kind: Shredded}, whyState},
		"second claim":              {[]func(*world){approved2, claimed1}, claimBy(gate2, 2), whyClaimed},
		"own second claim":          {[]func(*world){approved2, claimed1}, claimBy(gate1, 2), whyClaimed},
		"wrong attempt":             {[]func(*world){approved2}, claimBy(gate1, 2), whyStale},
		"claim without lease":       {[]func(*world){approved2}, Record{Kind: Claim, Owner: gate1, Attempt: 1}, whyStale},
		"release by another gate":   {[]func(*world){approved2, claimed1}, Record{Kind: Released, Owner: gate2, Attempt: 1}, whyOwner},
		"failure by another gate":   {[]func(*world){approved2, claimed1}, Record{Kind: Failed, Owner: gate2, Attempt: 1}, whyOwner},
		"release of an old attempt": {[]func(*world){approved2, claimed1}, Record{Kind: Released, Owner: gate1, Attempt: 2}, whyOwner},
		"denied while releasing":    {[]func(*world){approved2, claimed1}, deny("c"), whyDecided},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hold(1)
			for _, f := range c.before {
				f(w)
			}
			before, _ := w.Get(envelope.ID{1})
			out := w.put(1, c.r)
			require.False(t, out.Applied)
			require.Equal(t, c.why, out.Why)
			after, _ := w.Get(envelope.ID{1})
			require.Equal(t, before, after)
		})
	}
}

func approved2(w *world) { w.put(1, approve("a")); w.put(1, approve("b")) }
func claimed1(w *world)  { w.put(1, claimBy(gate1, 1)) }

func TestTakeover(t *testing.T) {
	w := newWorld(t)
	w.hold(1)
	approved2(w)
	claimed1(w)
	r := claimBy(gate2, 2)
	r.At = w.now.Add(time.Minute)
	require.True(t, w.put(1, r).Applied)
	require.Equal(t, whyOwner, w.put(1, Record{Kind: Released, Owner: gate1, Attempt: 1}).Why)
	require.True(t, w.put(1, Record{Kind: Unclaim, Owner: gate1}).Applied, "a claim of a process that is known to be dead")
	require.True(t, w.put(1, claimBy(gate1, 3)).Applied)
}

func TestMode(t *testing.T) {
	for name, c := range map[string]struct {
		modes []string
		want  string
	}{
		"all original": {[]string{"original", "original"}, "original"},
		"one masked":   {[]string{"original", "masked"}, "masked"},
		"all masked":   {[]string{"masked", "masked"}, "masked"},
		"nobody":       {nil, "masked"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hold(1)
			w.put(1, Record{Kind: Approve, By: "z", Required: 9}) // of no effect
			for i, m := range c.modes {
				require.True(t, w.put(1, Record{Kind: Approve, By: string(rune('a' + i)), Mode: m, Required: 2}).Applied)
			}
			require.Equal(t, c.want, (&more{votes: theItem(w).Votes}).mode())
		})
	}
}

// theItem is the one that a test has held as number 1.
func theItem(w *world) Entry {
	w.Helper()
	e, ok := w.Get(envelope.ID{1})
	require.True(w, ok)
	return e
}

// TestStrictestQuorum: gates with different configurations come to one state.
func TestStrictestQuorum(t *testing.T) {
	w := newWorld(t)
	w.hold(1)
	require.Equal(t, 2, theItem(w).RequiredVotes)
	for i, required := range []int{1, 3, 1, 1} {
		if i == 0 {
			required = 3
		}
		w.put(1, Record{Kind: Approve, By: string(rune('a' + i)), Mode: "masked", Required: required})
		if i < 2 {
			require.Equal(t, gate.Pending, w.state(1))
		}
	}
	e := theItem(w)
	require.Equal(t, gate.Approved, e.State)
	require.Len(t, e.Votes, 3, "the fourth came too late")
	require.Equal(t, 3, e.RequiredVotes)
}

func TestRecordsBeforeTheItem(t *testing.T) {
	w := newWorld(t)
	w.put(1, deny("a"))
	_, ok := w.Get(envelope.ID{1})
	require.False(t, ok)
	page, err := w.List(gate.Query{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
	require.Empty(t, w.Active(9), "nothing can be done about it yet")
	items, unknown := w.Len()
	require.Equal(t, [2]int{0, 1}, [2]int{items, unknown})
	require.True(t, w.hold(1).Held)
	require.Equal(t, gate.Denied, w.state(1))
	require.Len(t, w.Active(9), 1)
	require.Equal(t, 1, w.Stats().States[gate.Denied])
	require.Equal(t, whyDecided, w.put(1, approve("b")).Why)
}

func TestHeldAgain(t *testing.T) {
	w := newWorld(t)
	w.hold(1)
	require.False(t, w.hold(1).Held)
	require.Equal(t, 1, w.Stats().States[gate.Pending])
	w.put(1, deny("a"))
	w.event(holdstore.Event{Gone: &envelope.ID{1}})
	w.put(1, Record{Kind: Shredded})
	require.Empty(t, w.Active(9))
	out := w.hold(1)
	require.False(t, out.Held)
	require.Equal(t, gate.Shredded, out.State, "it does not wait again")
	require.Equal(t, []envelope.ID{{1}}, w.Active(9), "its new key is to be destroyed")
	require.True(t, theItem(w).HasKey)
	w.event(holdstore.Event{Gone: &envelope.ID{1}})
	require.Empty(t, w.Active(9))
	require.Equal(t, whyState, w.put(1, Record{Kind: Shredded}).Why)
}

func TestUnknownIsBounded(t *testing.T) {
	rules := testRules()
	rules.MaxUnknown = 3
	w := newWorld(t)
	w.Ledger = New(testKey, rules)
	for n := range byte(3) {
		w.put(n, deny("a"))
	}
	e := Record{Kind: Deny, By: "a", Item: envelope.ID{9}, Expect: 1}
	entry := e.Encode(testKey)
	_, err := w.Apply(holdstore.Event{Record: &entry, At: holdstore.Position{Offset: 100}})
	require.ErrorIs(t, err, ErrUnknown, "no decision is forgotten")
	w.at = 100
	w.put(1, Record{Kind: Shredded})
	require.True(t, w.event(holdstore.Event{Record: &entry}).Applied, "one of those that are over made room")
	require.Nil(t, w.find(envelope.ID{1}))
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	w.event(holdstore.Event{CaughtUp: true})
	for n := range byte(4) {
		w.hold(n)
	}
	w.put(1, deny("a"))
	w.put(2, deny("a"))
	w.put(2, Record{Kind: Shredded})
	w.put(7, deny("a"))
	require.Zero(t, w.Prune(t0), "too young")
	require.Equal(t, 1, w.Prune(t0.Add(time.Hour)), "only what nobody in the store knows; 2 still has its key")
	w.event(holdstore.Event{Gone: &envelope.ID{2}})
	require.Equal(t, 1, w.Prune(t0.Add(time.Hour)))
	page, err := w.List(gate.Query{})
	require.NoError(t, err)
	require.Equal(t, []string{envelope.ID{3}.String(), envelope.ID{1}.String(), envelope.ID{0}.String()}, ids(page))
	require.True(t, w.hold(2).Held)
	require.Equal(t, 3, w.Stats().States[gate.Pending])
	items, unknown := w.Len()
	require.Equal(t, [2]int{4, 0}, [2]int{items, unknown})
}

func ids(p gate.Page) []string {
	all := []string{}
	for _, it := range p.Items {
		all = append(all, it.ID)
	}
	return all
}

func TestClockThatGoesBack(t *testing.T) {
	w := newWorld(t)
	w.hold(1)
	w.put(1, approve("a"))
	r := approve("b")
	r.At = t0.Add(-24 * time.Hour)
	require.True(t, w.put(1, r).Applied, "the order of the log counts")
	e := theItem(w)
	require.False(t, e.Votes[1].At.Before(e.Votes[0].At))
	require.Empty(t, w.Pending(time.Time{}, t0, 9))
	w.hold(2)
	w.event(holdstore.Event{CaughtUp: true})
	require.Equal(t, []envelope.ID{{2}}, w.Pending(time.Time{}, t0.Add(time.Hour), 9), "1 is not pending any more")
}

func TestHistoryIsBounded(t *testing.T) {
	w := newWorld(t)
	w.hold(1)
	approved2(w)
	for i := range 100 {
		require.True(t, w.put(1, claimBy(gate1, i+1)).Applied)
		require.True(t, w.put(1, Record{Kind: Failed, Owner: gate1, Attempt: i + 1}).Applied)
	}
	e := theItem(w)
	require.Len(t, e.History, maxHistory+1)
	require.Equal(t, "approve", e.History[1].Event)
	require.Equal(t, 100, e.Attempts)
}

func TestOldestLive(t *testing.T) {
	w := newWorld(t)
	_, ok := w.OldestLive()
	require.False(t, ok)
	w.event(holdstore.Event{CaughtUp: true})
	w.hold(3)
	w.hold(1)
	w.hold(2)
	approved2(w)
	at, ok := w.OldestLive()
	require.True(t, ok)
	require.Equal(t, testMeta(1).HeldAt, at, "an approved one needs its key")
	w.put(1, claimBy(gate1, 1))
	w.put(1, Record{Kind: Released, Owner: gate1, Attempt: 1})
	w.Settle()
	at, _ = w.OldestLive()
	require.Equal(t, testMeta(2).HeldAt, at)
	require.Equal(t, at, *w.Stats().OldestPending)
	w.hold(0)
	at, _ = w.OldestLive()
	require.Equal(t, testMeta(0).HeldAt, at, "what came later may be older")
}
