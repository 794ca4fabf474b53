// Package apitest is a gate.Gate in memory, with plausible items, for tests
// of the API, of the page and of the command line. The program page/pagetest is a
// small server around it.
package apitest

import (
	"context"
	"encoding/base64"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// Fake is a gate whose items are in memory only. It keeps the rules that
// tests of clients need: versions, states, one vote a person, nobody votes on
// their own telemetry. Safe for concurrent use.
type Fake struct {
	mu sync.Mutex
	// All below is guarded by mu.
	items   map[string]*held
	order   []string // newest first
	notices []gate.Notice
	changed chan struct{} // closed at each notice
	loading bool
	done    int64
	fail    error
	forget  uint64
	viewed  []string
	filled  int
}

// held is an item with what the API does not show.
type held struct {
	gate.Detail
	owner   string
	preview []byte
}

// New makes an empty gate that is ready.
func New() *Fake {
	return &Fake{items: map[string]*held{}, changed: make(chan struct{})}
}

// Add adds an item, the newest. owner is the Actor.Subject of whoever sent it.
func (f *Fake) Add(d gate.Detail, owner string, preview []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d.Version == 0 {
		d.Version = 1
	}
	f.items[d.ID] = &held{Detail: d, owner: owner, preview: preview}
	f.order = append([]string{d.ID}, f.order...)
	f.notify(d.Item)
}

// SetLoading makes the gate not ready, with so many of 1000 items done; 1000: ready.
func (f *Fake) SetLoading(done int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loading, f.done = done < 1000, done
}

// Fail makes everything fail with err, until it is called with nil.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// Forget makes changes up to seq too old for Subscribe.
func (f *Fake) Forget(seq uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget = seq
}

// Viewed returns who previewed what, as "IDENTITY ID".
func (f *Fake) Viewed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.viewed)
}

// Move changes the state of an item, as expiry or a release would.
func (f *Fake) Move(id string, to gate.State, event string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if it := f.items[id]; it != nil {
		f.move(it, to, event, "", "")
	}
}

// move is a change of an item. f.mu must be held.
func (f *Fake) move(it *held, to gate.State, event, by, reason string) {
	it.State = to
	it.Version++
	it.History = append(slices.Clone(it.History), gate.Change{At: time.Now().UTC(), Event: event, By: by, Reason: reason, Version: it.Version})
	f.notify(it.Item)
}

// notify tells of a change. f.mu must be held.
func (f *Fake) notify(it gate.Item) {
	f.notices = append(f.notices, gate.Notice{Seq: uint64(len(f.notices)) + 1, ID: it.ID, State: it.State, Version: it.Version})
	close(f.changed)
	f.changed = make(chan struct{})
}

// trouble is why nothing works now, if so. f.mu must be held.
func (f *Fake) trouble() error {
	if f.fail != nil {
		return f.fail
	}
	if f.loading {
		return gate.ErrNotReady
	}
	return nil
}

// Ready is of gate.Gate.
func (f *Fake) Ready() (ready bool, done, total int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.loading, f.done, 1000
}

// List is of gate.Gate. A page token is the position where the next page begins.
func (f *Fake) List(q gate.Query) (gate.Page, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(); err != nil {
		return gate.Page{}, err
	}
	from := 0
	if q.Token != "" {
		b, err := base64.RawURLEncoding.DecodeString(q.Token)
		if from, _ = strconv.Atoi(string(b)); err != nil || from < 1 || from > len(f.order) {
			return gate.Page{}, gate.ErrToken
		}
	}
	var page gate.Page
	for i := from; i < len(f.order); i++ {
		it := f.items[f.order[i]].Item
		if !matches(q, it) {
			continue
		}
		if len(page.Items) == q.PageSize {
			page.Next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(i)))
			break
		}
		page.Items = append(page.Items, copied(it))
	}
	return page, nil
}

var severities = []string{"low", "medium", "high", "critical"}

func matches(q gate.Query, it gate.Item) bool {
	is := func(glob, s string) bool {
		ok, err := path.Match(strings.ToLower(glob), strings.ToLower(strings.ReplaceAll(s, "/", "|")))
		return glob == "" || err == nil && ok
	}
	text := strings.ToLower(strings.Join(append([]string{it.ID, it.TraceID, it.Service}, it.Rules...), "\n"))
	return (len(q.States) == 0 || slices.Contains(q.States, it.State)) &&
		is(q.Service, it.Service) &&
		(q.Rule == "" || slices.ContainsFunc(it.Rules, func(r string) bool { return is(q.Rule, r) })) &&
		slices.Index(severities, it.Severity) >= slices.Index(severities, q.Severity) &&
		(q.TraceID == "" || q.TraceID == it.TraceID) &&
		strings.Contains(text, strings.ToLower(q.Text))
}

// copied returns an item whose lists later changes do not touch.
func copied(it gate.Item) gate.Item {
	it.Votes, it.Rules = slices.Clone(it.Votes), slices.Clone(it.Rules)
	return it
}

// Get is of gate.Gate.
func (f *Fake) Get(_ context.Context, id string) (gate.Detail, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(); err != nil {
		return gate.Detail{}, err
	}
	it := f.items[id]
	if it == nil {
		return gate.Detail{}, gate.ErrNotFound
	}
	d := it.Detail
	d.Item, d.History = copied(d.Item), slices.Clone(d.History)
	return d, nil
}

// Preview is of gate.Gate.
func (f *Fake) Preview(_ context.Context, who gate.Actor, id string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(); err != nil {
		return nil, err
	}
	it := f.items[id]
	switch {
	case it == nil:
		return nil, gate.ErrNotFound
	case it.State == gate.Shredded || it.State == gate.Denied || it.State == gate.Expired:
		return nil, gate.ErrDestroyed
	}
	f.viewed = append(f.viewed, who.Identity+" "+id)
	return it.preview, nil
}

// Vote is of gate.Gate. An item with enough votes is approved and, soon after, released.
func (f *Fake) Vote(_ context.Context, who gate.Actor, b gate.Ballot, reveal bool) (gate.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(); err != nil {
		return gate.Item{}, err
	}
	it := f.items[b.Item]
	switch {
	case it == nil:
		return gate.Item{}, gate.ErrNotFound
	case b.Version != 0 && b.Version != it.Version:
		return gate.Item{}, &gate.Conflict{State: it.State, Version: it.Version, Why: "somebody else was faster"}
	case it.State != gate.Pending:
		return gate.Item{}, &gate.Conflict{State: it.State, Version: it.Version, Why: "the item is no longer pending"}
	case b.Mode == "original" && !reveal:
		return gate.Item{}, &gate.Forbidden{Why: "the release of an original takes the permission reveal"}
	case it.owner != "" && it.owner == who.Subject:
		return gate.Item{}, &gate.Forbidden{Why: "the telemetry is your own"}
	case slices.ContainsFunc(it.Votes, func(v gate.Vote) bool { return v.By == who.Identity }):
		return gate.Item{}, &gate.Conflict{State: it.State, Version: it.Version, Why: "you have voted already"}
	}
	decision := "deny"
	if b.Approve {
		decision = "approve"
	}
	it.Votes = append(it.Votes, gate.Vote{By: who.Identity, Decision: decision, Mode: b.Mode, Reason: b.Reason, At: time.Now().UTC()})
	f.move(it, gate.Pending, decision, who.Identity, b.Reason)
	if !b.Approve {
		f.move(it, gate.Denied, "denied", "", "")
	} else if len(it.Votes) >= it.RequiredVotes {
		f.move(it, gate.Approved, "approved", "", "")
	}
	return copied(it.Item), nil
}

// Stats is of gate.Gate.
func (f *Fake) Stats() (gate.Stats, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(); err != nil {
		return gate.Stats{}, err
	}
	s := gate.Stats{States: map[gate.State]int{}}
	for _, it := range f.items {
		s.States[it.State]++
		if it.State == gate.Pending {
			s.PendingBytes += it.Bytes
			if at := it.HeldAt; s.OldestPending == nil || at.Before(*s.OldestPending) {
				s.OldestPending = &at
			}
		}
	}
	return s, nil
}

// Subscribe is of gate.Gate.
func (f *Fake) Subscribe(ctx context.Context, seq uint64, fn func(gate.Notice) error) (bool, error) {
	f.mu.Lock()
	if seq != gate.Now && (seq < f.forget || seq > uint64(len(f.notices))) {
		f.mu.Unlock()
		return false, nil
	}
	starts := seq == gate.Now
	if starts {
		seq = uint64(len(f.notices))
	}
	f.mu.Unlock()
	if starts {
		if err := fn(gate.Notice{Seq: seq}); err != nil {
			return true, err
		}
	}
	for {
		f.mu.Lock()
		news, changed := slices.Clone(f.notices[seq:]), f.changed
		f.mu.Unlock()
		for _, n := range news {
			if err := fn(n); err != nil {
				return true, err
			}
			seq = n.Seq
		}
		if len(news) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-changed:
		}
	}
}
