package ledger

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// FuzzRecord: what is taken has one encoding, and no bytes make it panic.
func FuzzRecord(f *testing.F) {
	r := Record{
		Nonce: [16]byte{1}, Item: envelope.ID{2}, Trace: [16]byte{3}, Kind: Approve, Expect: 300, At: t0, By: "issuer somebody",
		Reason: "a test", Mode: "original", Required: 2, Owner: gate1, Lease: time.Minute, Attempt: 4,
	}
	f.Add(r.append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parse(b)
		if !ok {
			return
		}
		require.Equal(t, b, got.append(nil))
		entry := got.Encode(testKey)
		again, err := Decode(testKey, entry)
		require.NoError(t, err)
		require.Equal(t, got, again)
		_, err = Decode([]byte("another key"), entry)
		require.Error(t, err)
	})
}

func TestRecordHasOneEncoding(t *testing.T) {
	r := Record{Kind: Deny, Expect: 1, At: t0}
	b := r.append(nil)
	_, ok := parse(b)
	require.True(t, ok)
	at := 2 + 3*16 + 16 + 1 // where Expect is
	require.Equal(t, byte(1), b[at])
	longer := append(append(append([]byte{}, b[:at]...), 0x81, 0x00), b[at+1:]...)
	_, ok = parse(longer)
	require.False(t, ok, "a number with a byte too much")
	_, ok = parse(append(b, 0))
	require.False(t, ok)
	for n := range b {
		_, ok = parse(b[:n])
		require.False(t, ok)
	}
}

// actor is a gate of a simulation: it acts on what it has read of the log,
// which may be old.
type actor struct {
	owner Owner
	view  *Ledger
	read  int
	clock time.Duration // what its clock is off by
}

// FuzzGates: several gates whose views lag behind act on a few items, some of
// them wrongly. Whatever they do, all come to the same states; nothing is
// released after it was denied or expired, no two claims live at once, and a
// version counts what was applied.
func FuzzGates(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed, uint16(400))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		rng := rand.New(rand.NewPCG(seed, 7))
		sim := &simulation{T: t, rng: rng, referee: New(testKey, testRules()), versions: map[envelope.ID]uint64{}, claims: map[envelope.ID]claim{}}
		for i := range 3 {
			sim.gates = append(sim.gates, &actor{
				owner: Owner{Instance: [8]byte{byte(i + 1)}}, view: New(testKey, testRules()),
				clock: time.Duration(rng.IntN(7200)-3600) * time.Second,
			})
		}
		for range steps % 2000 {
			sim.step()
		}
		sim.compare()
	})
}

type simulation struct {
	*testing.T
	rng      *rand.Rand
	gates    []*actor
	log      []holdstore.Event
	referee  *Ledger // reads each entry at once
	now      time.Duration
	versions map[envelope.ID]uint64
	claims   map[envelope.ID]claim
}

func (s *simulation) step() {
	s.now += time.Duration(s.rng.IntN(20)) * time.Second
	g := s.gates[s.rng.IntN(len(s.gates))]
	if s.rng.IntN(3) > 0 { // reads on a bit
		g.read = s.feed(g.view, g.read, g.read+s.rng.IntN(4))
	}
	n := byte(s.rng.IntN(4))
	switch s.rng.IntN(12) {
	case 0:
		s.append(holdstore.Event{Held: testMeta(n)})
		return
	case 1:
		s.append(holdstore.Event{Gone: &envelope.ID{n}})
		return
	}
	r := Record{
		Item: envelope.ID{n}, Kind: Kind(1 + s.rng.IntN(int(Shredded))), Owner: g.owner, At: t0.Add(s.now + g.clock),
		By: fmt.Sprint("person ", s.rng.IntN(4)), Mode: []string{"masked", "original"}[s.rng.IntN(2)], Required: 1 + s.rng.IntN(2),
		Lease: time.Minute, Expect: 1,
	}
	if s.rng.IntN(3) > 0 && (r.Kind == Deny || r.Kind == Expire) {
		r.Kind = Approve // or nothing would ever be released
	}
	if row := g.view.find(r.Item); row != nil {
		r.Expect = uint64(row.version)
		if row.more != nil {
			r.Attempt = row.more.attempts
			if r.Kind == Claim && r.At.Before(row.more.claim.until) && s.rng.IntN(2) == 0 {
				r.At = row.more.claim.until
			}
		}
	}
	if r.Kind == Claim {
		r.Attempt++
	}
	if s.rng.IntN(10) == 0 {
		r.Expect += uint64(s.rng.IntN(3)) // a gate that is wrong
	}
	entry := r.Encode(testKey)
	s.append(holdstore.Event{Record: &entry})
}

func (s *simulation) feed(l *Ledger, from, to int) int {
	to = min(to, len(s.log))
	for _, ev := range s.log[min(from, to):to] {
		_, err := l.Apply(ev)
		require.NoError(s, err)
	}
	return max(from, to)
}

func (s *simulation) append(ev holdstore.Event) {
	ev.At.Offset = int64(len(s.log))
	s.log = append(s.log, ev)
	out, err := s.referee.Apply(ev)
	require.NoError(s, err)
	if out.Record != nil {
		s.judge(out)
	}
}

func (s *simulation) judge(out Outcome) {
	before := max(s.versions[out.Item], 1)
	if !out.Applied {
		require.NotEmpty(s, out.Why)
		require.Equal(s, out.From, out.State)
		require.Equal(s, before, out.Version)
		return
	}
	require.Equal(s, before+1, out.Version)
	require.Equal(s, before, out.Record.Expect)
	s.versions[out.Item] = out.Version
	allowed := map[gate.State][]gate.State{
		gate.Pending:   {gate.Pending, gate.Approved, gate.Denied, gate.Expired},
		gate.Approved:  {gate.Releasing, gate.Denied},
		gate.Releasing: {gate.Releasing, gate.Approved, gate.Released},
		gate.Released:  {gate.Released},
		gate.Denied:    {gate.Shredded},
		gate.Expired:   {gate.Shredded},
	}
	require.Contains(s, allowed[out.From], out.State, "from %s by %s", out.From, out.Record.Kind)
	switch live := s.claims[out.Item]; out.Record.Kind {
	case Claim:
		require.False(s, out.Record.At.Before(live.until), "a claim while another one lives")
		s.claims[out.Item] = claim{owner: out.Record.Owner, until: out.Record.At.Add(out.Record.Lease)}
	case Released:
		require.Equal(s, live.owner, out.Record.Owner, "released by a gate without the claim")
		s.claims[out.Item] = claim{}
	case Failed, Unclaim:
		s.claims[out.Item] = claim{}
	}
}

// compare reads all in every gate, and once more with the items after all
// records, in the one and in the other order, as partitions may come.
func (s *simulation) compare() {
	late := New(testKey, testRules())
	for _, records := range []bool{true, false} {
		for _, ev := range s.log {
			if (ev.Record != nil) == records {
				_, err := late.Apply(ev)
				require.NoError(s, err)
			}
		}
	}
	want := s.all(s.referee)
	require.Equal(s, want, s.all(late), "the items after the records")
	for i, g := range s.gates {
		s.feed(g.view, g.read, len(s.log))
		require.Equal(s, want, s.all(g.view), "gate %d", i)
	}
	again := New(testKey, testRules())
	s.feed(again, 0, len(s.log))
	s.feed(again, 0, len(s.log)) // all is told twice
	for id := range again.index {
		e, _ := again.Get(id)
		w, _ := s.referee.Get(id)
		require.Equal(s, w.History, e.History)
	}
}

func (s *simulation) all(l *Ledger) []Entry {
	_, _ = l.Apply(holdstore.Event{CaughtUp: true})
	var all []Entry
	for n := range byte(4) {
		e, _ := l.Get(envelope.ID{n})
		all = append(all, e)
	}
	total := 0
	for _, n := range l.Stats().States {
		total += n
	}
	items, _ := l.Len()
	require.Equal(s, items, total)
	return all
}
