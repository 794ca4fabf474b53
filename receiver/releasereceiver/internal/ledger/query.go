package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

const (
	defaultPage = 50
	maxPage     = 500
)

// List answers q, newest first. Pages are stable: a token names the last item
// that was shown, and items that come later are newer.
func (l *Ledger) List(q gate.Query) (gate.Page, error) {
	size := q.PageSize
	if size <= 0 {
		size = defaultPage
	}
	size = min(size, maxPage)
	at := len(l.order)
	if q.Token != "" {
		held, id, ok := parseToken(q.Token)
		if !ok {
			return gate.Page{}, gate.ErrToken
		}
		at, _ = slices.BinarySearchFunc(l.order, row{held: held, id: id}, func(i uint32, t row) int {
			return compareRows(l.row(i), &t)
		})
	}
	page := gate.Page{Items: []gate.Item{}}
	match := l.matcher(q)
	var last *row
	for at--; at >= 0; at-- {
		r := l.row(l.order[at])
		if !match(r) {
			continue
		}
		if len(page.Items) == size {
			page.Next = token(last)
			break
		}
		page.Items = append(page.Items, l.item(r))
		last = r
	}
	return page, nil
}

func token(r *row) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(r.held))
	return base64.RawURLEncoding.EncodeToString(append(b, r.id[:]...))
}

func parseToken(s string) (held int64, id envelope.ID, ok bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 8+len(id) {
		return 0, id, false
	}
	copy(id[:], b[8:])
	return int64(binary.BigEndian.Uint64(b)), id, true
}

// matcher compiles q. What texts match is found once for each text, since many
// rows share it.
func (l *Ledger) matcher(q gate.Query) func(*row) bool {
	var tests []func(*row) bool
	add := func(t func(*row) bool) { tests = append(tests, t) }
	if len(q.States) > 0 {
		var in [len(states)]bool
		for _, s := range q.States {
			if i := slices.Index(states[:], s); i >= 0 {
				in[i] = true
			}
		}
		add(func(r *row) bool { return in[r.state] })
	}
	if q.Severity != "" {
		lowest := place(severities, q.Severity, len(severities))
		add(func(r *row) bool { return r.severity >= lowest })
	}
	if q.Service != "" {
		hit := l.texts.where(func(s string) bool { return Glob(q.Service, s) })
		add(func(r *row) bool { return hit[r.service] })
	}
	if q.Rule != "" {
		hit := l.texts.where(func(s string) bool {
			return slices.ContainsFunc(strings.Split(s, "\n"), func(rule string) bool { return rule != "" && Glob(q.Rule, rule) })
		})
		add(func(r *row) bool { return hit[r.rules] })
	}
	if q.TraceID != "" {
		id, err := envelope.ParseID(strings.ToLower(q.TraceID))
		add(func(r *row) bool { return err == nil && r.trace == id })
	}
	if q.Text != "" {
		add(l.containing(q.Text))
	}
	return func(r *row) bool {
		for _, t := range tests {
			if !t(r) {
				return false
			}
		}
		return true
	}
}

// containing tests for a part of id, trace id, service or a rule's id.
func (l *Ledger) containing(text string) func(*row) bool {
	text = strings.ToLower(text)
	hit := l.texts.where(func(s string) bool { return strings.Contains(strings.ToLower(s), text) })
	if len(text) > 32 || strings.Trim(text, "0123456789abcdef") != "" {
		return func(r *row) bool { return hit[r.service] || hit[r.rules] }
	}
	part, buf := []byte(text), make([]byte, 32)
	in := func(id *[16]byte) bool {
		hex.Encode(buf, id[:])
		return bytes.Contains(buf, part)
	}
	return func(r *row) bool {
		return hit[r.service] || hit[r.rules] || in(&r.id) || r.trace != [16]byte{} && in(&r.trace)
	}
}

// Glob reports whether s is what pattern describes: * is any text, ? one byte.
func Glob(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0: // the last star takes one byte more
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Entry is all that is known of an item.
type Entry struct {
	gate.Item
	Key       envelope.ID
	Trace     [16]byte
	Sum       [32]byte
	Ref       holdstore.Ref
	HasKey    bool // as far as the store told
	Destroyed bool // a gate wrote that the key is gone
	Mode      string
	Attempts  int
	Failing   bool
	Claim     Owner     // who releases it
	Until     time.Time // the claim's end
	Lease     time.Duration
	Last      time.Time // of the last record
	By        Owner     // the gate that wrote the last record
	History   []gate.Change
}

// Get returns an item that is in the store.
func (l *Ledger) Get(id envelope.ID) (Entry, bool) {
	r := l.find(id)
	if r == nil || !r.has(known) {
		return Entry{}, false
	}
	e := Entry{
		Item: l.item(r), Key: r.id, Trace: r.trace, Sum: r.sum, Ref: r.ref,
		HasKey: r.has(capsule), Destroyed: r.has(destroyed),
	}
	e.History = []gate.Change{{At: e.HeldAt, Event: "held", Version: 1}}
	if m := r.more; m != nil {
		e.Mode, e.Attempts, e.Failing = m.mode(), m.attempts, m.failing
		e.Claim, e.Until, e.Lease, e.Last, e.By = m.claim.owner, m.claim.until, m.claim.lease, m.last, m.owner
		e.History = append(e.History, m.history...)
	}
	return e, true
}

// Active returns up to limit items for which some gate has something to do.
func (l *Ledger) Active(limit int) []envelope.ID {
	ids := make([]envelope.ID, 0, min(limit, len(l.active)))
	for id := range l.active {
		if len(ids) == limit {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// Pending returns up to limit pending items that were held from one time on
// and before the other, oldest first.
func (l *Ledger) Pending(from, before time.Time, limit int) []envelope.ID {
	var ids []envelope.ID
	for i := l.oldestPending(); i < len(l.order) && len(ids) < limit; i++ {
		r := l.row(l.order[i])
		if r.held >= before.UnixNano() {
			break
		}
		if r.state == pending && (from.IsZero() || r.held >= from.UnixNano()) {
			ids = append(ids, r.id)
		}
	}
	return ids
}

// oldestPending moves no field: queries may run side by side.
func (l *Ledger) oldestPending() int {
	i := l.oldest
	for i < len(l.order) && l.row(l.order[i]).state != pending {
		i++
	}
	return i
}

// Settle is for the time between changes: it remembers what later queries
// need not look at again.
func (l *Ledger) Settle() { l.oldest = l.oldestPending() }

// OldestLive is when the oldest item was held whose key some gate may need.
func (l *Ledger) OldestLive() (time.Time, bool) {
	oldest, found := int64(0), false
	see := func(r *row) {
		if !found || r.held < oldest {
			oldest, found = r.held, true
		}
	}
	if i := l.oldestPending(); l.sorted && i < len(l.order) {
		see(l.row(l.order[i]))
	}
	for id := range l.active {
		if r := l.find(id); !r.state.finished() {
			see(r)
		}
	}
	return time.Unix(0, oldest).UTC(), found
}

// Stats counts.
func (l *Ledger) Stats() gate.Stats {
	s := gate.Stats{States: map[gate.State]int{}, PendingBytes: l.bytes}
	for i, n := range l.counts {
		s.States[states[i]] = n
	}
	if i := l.oldestPending(); l.sorted && i < len(l.order) {
		held := time.Unix(0, l.row(l.order[i]).held).UTC()
		s.OldestPending = &held
	}
	for id := range l.active {
		if r := l.find(id); r.more != nil && r.more.failing && !r.state.finished() {
			s.ReleaseFailing++
		}
	}
	return s
}

// Len returns how many items are known, and for how many more there are records.
func (l *Ledger) Len() (items, unknown int) { return len(l.index) - l.unknown, l.unknown }
