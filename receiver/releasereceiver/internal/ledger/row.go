package ledger

import (
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// row is an item: 160 bytes, since there may be millions that wait.
type row struct {
	id, trace [16]byte
	sum       [32]byte
	ref       holdstore.Ref
	held      int64 // Meta.HeldAt in nanoseconds
	bytes     int64
	more      *more // nil until the first record

	service, policy, producer, rules uint32 // numbers of the interner
	findings, secrets, spans         uint32
	version                          uint32

	signal, severity uint8 // places in signals and severities
	state            state
	flags            flag
}

// more is what only items have that something was decided about.
type more struct {
	votes    []gate.Vote
	history  []gate.Change
	required int
	attempts int
	failing  bool // the last attempt failed
	claim    claim
	last     time.Time // of the last record; never goes back
	owner    Owner     // who wrote the last record
}

type claim struct {
	owner   Owner
	attempt int
	until   time.Time
	lease   time.Duration
}

type flag uint8

const (
	// known: its metadata are here; without it there are only records about it.
	known flag = 1 << iota
	// capsule: as far as the store told, its key is still there.
	capsule
	// destroyed: a gate wrote that its key is gone.
	destroyed
)

func (r *row) has(f flag) bool { return r.flags&f == f }

type state uint8

const (
	pending state = iota
	approved
	releasing
	released
	denied
	expired
	shredded
)

var states = [...]gate.State{
	gate.Pending, gate.Approved, gate.Releasing, gate.Released, gate.Denied, gate.Expired, gate.Shredded,
}

func (s state) finished() bool { return s >= released }

var (
	signals    = []string{"", "traces", "logs", "metrics"}
	severities = []string{"", "low", "medium", "high", "critical"}
)

// place returns where s is in list, or other.
func place(list []string, s string, other int) uint8 {
	if i := slices.Index(list, s); i > 0 {
		return uint8(i)
	}
	return uint8(other)
}

// needsWork says that some gate has something to do for the item.
func (r *row) needsWork() bool {
	switch r.state {
	case pending:
		return false
	case approved, releasing, denied, expired:
		return r.has(known)
	default: // its key may be there again: it was held a second time
		return r.has(known) && (r.has(capsule) || !r.has(destroyed))
	}
}

// over says that nothing will happen any more with the item.
func (r *row) over() bool { return r.state.finished() && r.has(destroyed) && !r.has(capsule) }

// mode is how an approved item is released: in the original only if every
// approval said so.
func (m *more) mode() string {
	approvals := 0
	for _, v := range m.votes {
		if v.Decision != Approve.String() {
			continue
		}
		if v.Mode != release.ModeOriginal {
			return release.ModeMasked
		}
		approvals++
	}
	if approvals == 0 {
		return release.ModeMasked
	}
	return release.ModeOriginal
}

// maxHistory bounds what is remembered of an item that cannot be released.
const maxHistory = 60

func (m *more) add(c gate.Change) {
	if len(m.history) >= maxHistory {
		i := slices.IndexFunc(m.history, func(c gate.Change) bool { return slices.Contains(attemptEvents, c.Event) })
		if i >= 0 {
			m.history = slices.Delete(m.history, i, i+1)
		}
	}
	m.history = append(m.history, c)
}

var attemptEvents = []string{string(gate.Releasing), Failed.String(), Unclaim.String()}

// fill takes over what a store says of an item.
func (l *Ledger) fill(r *row, m *holdstore.Meta, ref holdstore.Ref) {
	r.id, r.trace, r.sum, r.ref = m.ID, m.Trace, m.Sum, ref
	r.held, r.bytes = m.HeldAt.UnixNano(), m.Bytes
	r.findings, r.secrets, r.spans = count(m.Findings), count(m.Secrets), count(m.Spans)
	r.signal = place(signals, m.Signal, 0)
	r.severity = place(severities, m.Severity, len(severities)-1) // one we do not know is the worst
	r.service, r.policy = l.texts.use(m.Service), l.texts.use(m.Policy)
	r.producer, r.rules = l.texts.use(m.Producer), l.texts.use(strings.Join(m.Rules, "\n"))
	r.flags |= known | capsule
}

func count(n int) uint32 { return uint32(min(max(n, 0), 1<<31)) }

func (l *Ledger) forget(r *row) {
	if r.has(known) {
		for _, i := range []uint32{r.service, r.policy, r.producer, r.rules} {
			l.texts.drop(i)
		}
	}
	*r = row{}
}

// item is what the API shows of r.
func (l *Ledger) item(r *row) gate.Item {
	severity, service := severities[r.severity], l.texts.text[r.service]
	it := gate.Item{
		ID: envelope.ID(r.id).String(), State: states[r.state], Version: uint64(r.version),
		Signal: signals[r.signal], Service: service, Severity: severity,
		Findings: int(r.findings), Secrets: int(r.secrets), Spans: int(r.spans), Bytes: r.bytes,
		HeldAt: time.Unix(0, r.held).UTC(), Votes: []gate.Vote{}, Rules: []string{},
		Policy: l.texts.text[r.policy], Producer: l.texts.text[r.producer],
		RequiredVotes: l.rules.Required(severity, service),
	}
	it.ExpiresAt = it.HeldAt.Add(l.rules.ExpireAfter)
	if r.trace != [16]byte{} {
		it.TraceID = envelope.ID(r.trace).String()
	}
	if rules := l.texts.text[r.rules]; rules != "" {
		it.Rules = strings.Split(rules, "\n")
	}
	if m := r.more; m != nil {
		it.Votes = append(it.Votes, m.votes...)
		it.RequiredVotes = max(it.RequiredVotes, m.required)
		if r.state != pending && m.required > 0 {
			it.RequiredVotes = m.required
		}
	}
	return it
}
