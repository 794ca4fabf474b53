package ledger

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func TestQueries(t *testing.T) {
	w := newWorld(t)
	for n := range byte(6) {
		m := testMeta(n)
		switch n {
		case 1:
			m.Severity, m.Service = "low", "Billing-eu"
		case 2:
			m.Severity, m.Rules = "high", []string{"slack-token"}
		case 3:
			m.Trace, m.Signal = [16]byte{}, "logs"
		case 4:
			m.Severity = "unheard of"
		}
		w.event(holdstore.Event{Held: m})
	}
	w.event(holdstore.Event{CaughtUp: true})
	w.put(5, deny("a"))
	for name, c := range map[string]struct {
		q    gate.Query
		want []byte
	}{
		"all":             {gate.Query{}, []byte{5, 4, 3, 2, 1, 0}},
		"states":          {gate.Query{States: []gate.State{gate.Denied, gate.Expired}}, []byte{5}},
		"no such state":   {gate.Query{States: []gate.State{"lost"}}, nil},
		"service":         {gate.Query{Service: "Bill*-??"}, []byte{1}},
		"rule":            {gate.Query{Rule: "slack-*"}, []byte{2}},
		"rule, whole id":  {gate.Query{Rule: "slack"}, nil},
		"severity":        {gate.Query{Severity: "high"}, []byte{5, 4, 3, 2, 0}},
		"wrong severity":  {gate.Query{Severity: "huge"}, nil},
		"trace":           {gate.Query{TraceID: strings.ToUpper(testTrace(2))}, []byte{2}},
		"no trace id":     {gate.Query{TraceID: "x"}, nil},
		"text: id":        {gate.Query{Text: "0400000000"}, []byte{4}},
		"text: trace":     {gate.Query{Text: "AB01"}, []byte{1}},
		"text: service":   {gate.Query{Text: "billing"}, []byte{1}},
		"text: rule":      {gate.Query{Text: "SLACK"}, []byte{2}},
		"two conditions":  {gate.Query{Service: "agent", Severity: "critical", States: []gate.State{gate.Pending}}, []byte{4, 3, 0}},
		"nothing matches": {gate.Query{Service: "nobody"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := w.List(c.q)
			require.NoError(t, err)
			want := []string{}
			for _, n := range c.want {
				want = append(want, envelope.ID{n}.String())
			}
			require.Equal(t, want, ids(page))
			require.Empty(t, page.Next)
		})
	}
	page, err := w.List(gate.Query{Text: "slack"})
	require.NoError(t, err)
	held := testMeta(2).HeldAt
	require.Equal(t, gate.Item{
		ID: envelope.ID{2}.String(), State: gate.Pending, Version: 1, Signal: "traces", TraceID: testTrace(2), Service: "agent",
		Severity: "high", Rules: []string{"slack-token"}, Findings: 3, Secrets: 2, Spans: 4, Bytes: 1000, HeldAt: held,
		ExpiresAt: held.Add(time.Hour), Votes: []gate.Vote{}, RequiredVotes: 1, Policy: "0123456789abcdef", Producer: "someone",
	}, page.Items[0])
}

func testTrace(n byte) string { return envelope.ID{0xab, n}.String() }

// TestPages: whatever is held while somebody leafs, each item that was there
// is shown once.
func TestPages(t *testing.T) {
	w := newWorld(t)
	for n := range byte(100) {
		m := testMeta(n)
		m.HeldAt = t0.Add(time.Duration(n/10) * time.Second) // many at one time
		w.event(holdstore.Event{Held: m})
	}
	w.event(holdstore.Event{CaughtUp: true})
	seen := map[string]int{}
	q := gate.Query{PageSize: 7}
	for n := byte(100); ; n++ {
		page, err := w.List(q)
		require.NoError(t, err)
		for _, it := range page.Items {
			seen[it.ID]++
		}
		if q.Token = page.Next; q.Token == "" {
			require.Len(t, page.Items, 100%7)
			break
		}
		require.Len(t, page.Items, 7)
		w.hold(n) // newer than all
	}
	require.Len(t, seen, 100)
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
	for _, bad := range []string{"x", "====", strings.Repeat("A", 31), strings.Repeat("A", 33)} {
		_, err := w.List(gate.Query{Token: bad})
		require.ErrorIs(t, err, gate.ErrToken)
	}
	page, err := w.List(gate.Query{PageSize: 10_000})
	require.NoError(t, err)
	items, _ := w.Len()
	require.Len(t, page.Items, items)
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"a", "a", true},
		{"a", "A", false},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"*b*", "abc", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"**", "x", true},
		{"?", "", false},
	} {
		require.Equal(t, c.want, Glob(c.pattern, c.s), "%q %q", c.pattern, c.s)
	}
}

// many makes n items, as a store would tell them.
func many(n int, tell func(holdstore.Event)) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		var id envelope.ID
		for j := range id {
			id[j] = byte(rng.Uint32())
		}
		service := fmt.Sprintf("service-%d", i%200)
		tell(holdstore.Event{Held: &holdstore.Meta{
			ID: id, Trace: id, Signal: "traces", Service: service, Severity: severities[1+i%4],
			Rules: []string{"rule-a", fmt.Sprintf("rule-%d", i%50)}, HeldAt: t0.Add(time.Duration(i) * time.Millisecond),
			Policy: "0123456789abcdef", Producer: fmt.Sprintf("producer-%d", i%100), Bytes: 1000, Findings: 3,
		}})
	}
}

// TestMemory measures what a pending item costs.
func TestMemory(t *testing.T) {
	const n = 200_000
	var before, after runtime.MemStats
	l := New(testKey, testRules())
	runtime.GC()
	runtime.ReadMemStats(&before)
	many(n, func(ev holdstore.Event) { _, _ = l.Apply(ev) })
	_, _ = l.Apply(holdstore.Event{CaughtUp: true})
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%d bytes for each pending item", each)
	require.Less(t, each, 300)
	require.Equal(t, n, l.Stats().States[gate.Pending])
}

func BenchmarkFold(b *testing.B) {
	events := make([]holdstore.Event, 0, b.N)
	many(b.N, func(ev holdstore.Event) { events = append(events, ev) })
	l := New(testKey, testRules())
	b.ResetTimer()
	for _, ev := range events {
		_, _ = l.Apply(ev)
	}
	l.sort()
}

func BenchmarkFoldRecords(b *testing.B) {
	records := make([]holdstore.Record, 0, b.N)
	for i := range b.N {
		r := Record{Kind: Deny, Item: envelope.ID{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}, Expect: 1, By: "somebody", Reason: "because", At: t0}
		records = append(records, r.Encode(testKey))
	}
	rules := testRules()
	rules.MaxUnknown = b.N + 1
	l := New(testKey, rules)
	b.ResetTimer()
	for i := range records {
		_, _ = l.Apply(holdstore.Event{Record: &records[i], At: holdstore.Position{Offset: int64(i)}})
	}
}

func BenchmarkList(b *testing.B) {
	const n = 1_000_000
	l := New(testKey, testRules())
	many(n, func(ev holdstore.Event) { _, _ = l.Apply(ev) })
	l.sort()
	for name, q := range map[string]gate.Query{
		"first page":      {States: []gate.State{gate.Pending}},
		"nothing matches": {States: []gate.State{gate.Denied}},
		"one service":     {Service: "service-1?0", Severity: "high"},
		"text nowhere":    {Text: "zzz"},
		"id nowhere":      {Text: "00000000000000"},
		"trace":           {TraceID: strings.Repeat("0", 31) + "1"},
		"last page":       {Token: token(l.row(l.order[10]))},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.List(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestInterner(t *testing.T) {
	in := newInterner()
	a, b := in.use("a"), in.use("b")
	require.Equal(t, a, in.use("a"))
	in.drop(a)
	require.Equal(t, []bool{true, false}, in.where(func(s string) bool { return s == "a" }))
	in.drop(a)
	require.False(t, slices.Contains(in.where(func(s string) bool { return s == "a" || s == "" }), true))
	require.Equal(t, a, in.use("c"), "its place is used again")
	require.Equal(t, b, in.use("b"))
}
