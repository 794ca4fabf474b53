package keeper

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

const (
	maxReason   = 2000 // bytes
	maxIdentity = 1024 // bytes
	// blindVotes is how often a vote on whatever version there is goes after an
	// item that others vote on as well.
	blindVotes = 20
)

// Vote implements gate.Gate: rules, audit, record, then what it came to.
func (k *Keeper) Vote(ctx context.Context, who gate.Actor, b gate.Ballot, reveal bool) (gate.Item, error) {
	decision := ledger.Deny
	if b.Approve {
		decision = ledger.Approve
	}
	it, err := k.vote(ctx, who, b, decision, reveal)
	for range blindVotes {
		var c *gate.Conflict
		if b.Version != 0 || !errors.As(err, &c) || c.State != gate.Pending || c.Why == whyVoted {
			break
		}
		it, err = k.vote(ctx, who, b, decision, reveal)
	}
	k.Observer.Voted(decision.String(), resultOf(err))
	return it, err
}

func resultOf(err error) string {
	var conflict *gate.Conflict
	var forbidden *gate.Forbidden
	switch {
	case err == nil:
		return "counted"
	case errors.As(err, &conflict):
		return "conflict"
	case errors.As(err, &forbidden):
		return "refused"
	}
	return "error"
}

const (
	whyChanged = "the item has changed since you saw it"
	whyDecided = "the item has been decided already"
	whyVoted   = "you have voted on this item already"
)

func (k *Keeper) vote(ctx context.Context, who gate.Actor, b gate.Ballot, kind ledger.Kind, reveal bool) (gate.Item, error) {
	e, err := k.upTo(ctx, b.Item, b.Version)
	if err != nil {
		return gate.Item{}, err
	}
	if err := checkVersion(who, b, e); err != nil {
		return gate.Item{}, err
	}
	if b.Approve && !k.Now().Before(e.ExpiresAt) {
		return gate.Item{}, errLate
	}
	if err := k.checkBallot(who, b, reveal); err != nil {
		return gate.Item{}, err
	}
	p, err := k.checkPeople(ctx, who, b, e)
	if err != nil {
		return gate.Item{}, err
	}
	r := k.record(e, kind)
	r.By, r.Reason = who.Identity, b.Reason
	if b.Approve {
		r.Mode = b.Mode
		// Whoever can write to the store could have changed the metadata, but not the view.
		r.Required = max(k.Required(e.Severity, e.Service), k.Required(p.Severity, p.Service))
	}
	voted := about(event.Voted, r.At, e)
	voted.User, voted.Via, voted.Reason, voted.Decision = r.By, who.Via, r.Reason, kind.String()
	voted.Mode, voted.Required, voted.Version = r.Mode, r.Required, e.Version+1
	if err := k.audit(ctx, voted); err != nil {
		return gate.Item{}, err
	}
	out, err := k.append(ctx, r)
	if err != nil {
		return gate.Item{}, err
	}
	if !out.Applied {
		return gate.Item{}, &gate.Conflict{State: out.State, Version: out.Version, Why: out.Why}
	}
	e, err = k.entry(e.Key)
	return e.Item, err
}

// viewTime is how long a gate waits to see what a voter saw at another one.
const viewTime = 3 * time.Second

// upTo returns an item once our view of it is as new as the voter's.
func (k *Keeper) upTo(ctx context.Context, id string, version uint64) (ledger.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, viewTime)
	defer cancel()
	for {
		more := k.ring.changes()
		e, err := k.named(id)
		if err != nil || e.Version >= version {
			return e, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return e, nil
		}
	}
}

func checkVersion(who gate.Actor, b gate.Ballot, e ledger.Entry) error {
	var why string
	withdraws := !b.Approve && e.State == gate.Approved // it has not gone out yet
	switch {
	case e.State != gate.Pending && !withdraws:
		why = whyDecided
	case !withdraws && slices.ContainsFunc(e.Votes, func(v gate.Vote) bool { return v.By == who.Identity }):
		why = whyVoted
	case b.Version != 0 && b.Version != e.Version:
		why = whyChanged
	default:
		return nil
	}
	return &gate.Conflict{State: e.State, Version: e.Version, Why: why}
}

func (k *Keeper) checkBallot(who gate.Actor, b gate.Ballot, reveal bool) error {
	why := ""
	switch reason := strings.TrimSpace(b.Reason); {
	case who.Identity == "" || len(who.Identity) > maxIdentity:
		why = "nobody can tell who you are"
	case utf8.RuneCountInString(reason) < k.MinReason || reason == "":
		why = "the reason is too short"
	case len(b.Reason) > maxReason || !utf8.ValidString(b.Reason):
		why = "the reason is too long, or is no text"
	case k.Secret != nil && k.Secret(b.Reason):
		why = "the reason holds what looks like a secret, and reasons are kept: say it without"
	case !b.Approve:
	case b.Mode != release.ModeMasked && b.Mode != release.ModeOriginal:
		why = "an approval must say how to release: masked or original"
	case b.Mode == release.ModeOriginal && !reveal:
		why = "to release the original takes the permission reveal"
	}
	if why != "" {
		return &gate.Forbidden{Why: why}
	}
	return nil
}

// checkPeople refuses votes of whoever has an interest in the item: its
// producer and its owner. It answers with what the view says of them.
func (k *Keeper) checkPeople(ctx context.Context, who gate.Actor, b gate.Ballot, e ledger.Entry) (p content.People, err error) {
	names := append([]string{who.Identity, who.Subject}, who.Names...)
	if k.produced(names, e.Producer) {
		return p, errOwn
	}
	if b.Approve && !e.HasKey {
		return p, gate.ErrDestroyed
	}
	p, err = k.peopleOf(ctx, e)
	switch {
	case err == nil:
	case !b.Approve && (lost(err) || errors.Is(err, content.ErrPeople)):
		return p, nil // to let go of what cannot be opened harms nobody
	case errors.Is(err, content.ErrPeople):
		return p, &gate.Forbidden{Why: "too many people have to do with the item to tell whether you are one of them"}
	default:
		return p, destroyed(err)
	}
	for _, c := range p.Producers {
		if k.produced(names, c) {
			return p, errOwn
		}
	}
	for _, owner := range p.Owners {
		if slices.ContainsFunc(names, func(n string) bool { return same(n, owner) }) {
			return p, errOwn
		}
	}
	return p, nil
}

// errLate: an item that nobody approved in time is denied, even while it cannot
// be expired yet because the audit log is away or the clock is not trusted.
var errLate = &gate.Forbidden{Why: "the time for an approval is over: the item expires"}

var errOwn = &gate.Forbidden{Why: "you have to do with this item yourself: others must decide"}

// produced says whether a commitment is to one of the names.
func (k *Keeper) produced(names []string, commitment string) bool {
	if commitment == "" {
		return false
	}
	return slices.ContainsFunc(names, func(n string) bool {
		c := verdict.Commit(k.Fingerprint, n)
		return n != "" && subtle.ConstantTimeCompare([]byte(c), []byte(commitment)) == 1
	})
}

func same(name, owner string) bool {
	name = strings.TrimSpace(name)
	return name != "" && strings.EqualFold(name, strings.TrimSpace(owner))
}

// How many items' people are remembered, and of how many an item may have.
const (
	maxCached = 10_000
	maxEach   = 100
)

// peopleCache remembers who has to do with an item: its id is that of its
// content, so this never changes.
type peopleCache struct {
	mu sync.Mutex
	m  map[envelope.ID]content.People
}

func newPeopleCache() *peopleCache { return &peopleCache{m: map[envelope.ID]content.People{}} }

func (k *Keeper) peopleOf(ctx context.Context, e ledger.Entry) (content.People, error) {
	k.people.mu.Lock()
	p, ok := k.people.m[e.Key]
	k.people.mu.Unlock()
	if ok {
		return p, nil
	}
	err := k.look(ctx, e, func(t *content.Telemetry) (err error) {
		p, err = t.People()
		return err
	})
	if err != nil {
		return content.People{}, err
	}
	if len(p.Owners)+len(p.Producers) > maxEach {
		return p, nil
	}
	k.people.mu.Lock()
	defer k.people.mu.Unlock()
	if len(k.people.m) >= maxCached {
		clear(k.people.m)
	}
	k.people.m[e.Key] = p
	return p, nil
}
