// Package mask decides what becomes of findings and writes the masks.
//
// A mask never contains a byte that JSON, URLs or XML would have to escape, so
// writing it over a finding keeps what was valid valid, at any depth of
// encoding, and leaves all other bytes as they were. What cannot be scanned is
// replaced as a whole: no path through this package returns a text unchanged
// that the engine did not finish.
package mask

import (
	"errors"
	"fmt"
	"hash"
	"slices"
	"sync"
	"time"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// Engine is what a Masker needs of rules.Engine.
type Engine interface {
	Scan(dst []rules.Finding, text []byte, ctx rules.Context) []rules.Finding
	ScanNumber(dst []rules.Finding, text []byte, ctx rules.Context) []rules.Finding
	Rules() []rules.Info
}

// Where says where a text stands, for context and policy.
type Where struct {
	// Key and Prev are rules.Context's.
	Key, Prev string
	// Field is the path of the place, such as `span.attributes["db.query.text"]`; called only on a finding. May be nil.
	Field func() string
	// Resource returns a resource attribute as text, for policy; may be nil.
	Resource func(name string) (string, bool)
	// Number: the text is the decimal form of a number.
	Number bool
	// Name: the text is a key. Keys that differ stay different, so they are
	// never masked by a style without a fingerprint.
	Name bool
	// Deadline is rules.Context's.
	Deadline time.Time
	// Producer is the commitment to the sender, for policy.
	Producer string
	// Approved are the digests of secrets that people approved to go on in the
	// clear: they are no hits.
	Approved map[uint64]struct{}
	// Digest replaces Masker.Fingerprint, which it must call: it sees each
	// secret, decoded, before it is known whether it is one. May be nil.
	Digest func(secret []byte) uint64

	past rules.Past // of the text that was looked at last
}

// Hit is a finding and what was decided about it.
type Hit struct {
	rules.Finding
	Action Action
	// Fingerprint is the 8 hex digits of the keyed hash of the secret.
	Fingerprint string
	// RuleID is the rule's id, or "withheld-<reason>".
	RuleID string
	// Field is Where.Field's answer, empty without one.
	Field string
	// Late is for Masker.Settle.
	Late Late
	// At and To are where its mask stands in the masked text; where the
	// secret stands if the action is pass.
	At, To int
}

// Options are what a Masker is made of.
type Options struct {
	// Engine finds the secrets.
	Engine Engine
	// Policy is asked in order; the first entry that matches decides. Without
	// a match a finding is masked.
	Policy []Entry
	// Style is how secrets are masked unless a policy entry says otherwise.
	Style Style
	// Key makes fingerprints; whoever has it can test guesses of a secret
	// against its mask. At least 16 bytes.
	Key []byte
	// MaxBytes is the longest text that is scanned; longer ones are withheld. 0 means no bound.
	MaxBytes int
	// AllowInline is rules.Context's.
	AllowInline bool
}

// Masker scans and masks texts by one engine and one policy. It is immutable
// and safe for concurrent use.
type Masker struct {
	engine   Engine
	infos    []rules.Info
	known    map[string]bool // the words that may stand in a mask
	policy   []compiled
	late     []Entry // those of policy that ask for a number of distinct secrets
	style    Style
	maxBytes int
	inline   bool
	hashes   sync.Pool // of hash.Hash, HMAC-SHA256 under Options.Key
	digest   func(secret []byte) uint64
	ids      map[string]uint32 // index of each rule
	joiners  sync.Pool         // of *joiner
}

// minKey is the shortest key for fingerprints, in bytes.
const minKey = 16

// New returns a masker, or everything that is wrong with o.
func New(o Options) (*Masker, error) {
	var errs []error
	if o.Engine == nil {
		errs = append(errs, errors.New("no engine"))
	}
	if len(o.Key) < minKey {
		errs = append(errs, fmt.Errorf("the key for fingerprints has %d bytes, at least %d are needed", len(o.Key), minKey))
	}
	if err := o.Style.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("style: %w", err))
	}
	for i, e := range o.Policy {
		if err := e.validate(); err != nil {
			errs = append(errs, fmt.Errorf("policy[%d]: %w", i, err))
		}
	}
	if err := validPolicy(o.Policy); err != nil {
		errs = append(errs, err)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	m := &Masker{engine: o.Engine, infos: o.Engine.Rules(), style: o.Style, maxBytes: o.MaxBytes, inline: o.AllowInline}
	m.known = knownWords(m.infos)
	m.ids = make(map[string]uint32, len(m.infos))
	for i, info := range m.infos {
		m.ids[info.ID] = uint32(i)
	}
	m.joiners.New = func() any { return newJoiner(m) }
	m.compilePolicy(o.Policy)
	key := slices.Clone(o.Key)
	m.hashes.New = func() any { return newHash(key) }
	m.digest = m.Fingerprint // once, since a method value is an allocation
	return m, nil
}

// Text appends the hits in text to dst. out is the masked text, nil if nothing
// changed. It never panics: what makes the engine panic is withheld.
func (m *Masker) Text(dst []Hit, text []byte, at *Where) (out []byte, hits []Hit) {
	if m.maxBytes > 0 && len(text) > m.maxBytes {
		return m.Withhold(dst, text, at, rules.Size)
	}
	found, ok := m.find(text, at)
	if !ok {
		return m.Withhold(dst, text, at, rules.Panic)
	}
	if !at.Name && !at.Number {
		found = m.inside(found, text, at)
	}
	if len(found) == 0 {
		return nil, dst
	}
	return m.apply(dst, text, found, at)
}

// Mask masks what was found in text by other means than the engine's: found
// has the place, rule, evidence and digest of each finding.
func (m *Masker) Mask(dst []Hit, text []byte, found []rules.Finding, at *Where) (out []byte, hits []Hit) {
	return m.apply(dst, text, m.withoutAllowed(text, found, at), at)
}

// withoutAllowed leaves out what an allow-list has: findings of others than
// the engine were not held against it.
func (m *Masker) withoutAllowed(text []byte, found []rules.Finding, at *Where) []rules.Finding {
	lists, ok := m.engine.(interface {
		Allowed(text []byte, f rules.Finding, ctx rules.Context) bool
	})
	if !ok {
		return found
	}
	ctx := rules.Context{Field: at.Field, Resource: at.Resource, AllowInline: m.inline}
	return slices.DeleteFunc(found, func(f rules.Finding) bool { return lists.Allowed(text, f, ctx) })
}

// Rule returns the index of a rule by its id.
func (m *Masker) Rule(id string) (index uint32, ok bool) {
	index, ok = m.ids[id]
	return index, ok
}

// Info returns what is public about a rule.
func (m *Masker) Info(rule uint32) rules.Info { return m.infos[rule] }

// Withhold replaces a whole text that could not be scanned. What is already a
// mask, and only that, stays.
func (m *Masker) Withhold(dst []Hit, text []byte, at *Where, why rules.Reason) (out []byte, hits []Hit) {
	if m.isMask(text) {
		return nil, dst
	}
	f := rules.Finding{End: len(text), Withheld: why, Severity: pack.Critical, Digest: m.Fingerprint(text)}
	if _, ok := at.Approved[f.Digest]; ok {
		return nil, dst
	}
	h := m.hit(f, field(at))
	return appendWithheld(nil, h), append(dst, h)
}

// find asks the engine; false: it panicked, or answered nonsense.
func (m *Masker) find(text []byte, at *Where) (found []rules.Finding, ok bool) {
	defer func() {
		if recover() != nil { // the value may hold the secret: it goes nowhere
			found, ok = nil, false
		}
	}()
	ctx := rules.Context{
		Key: at.Key, Prev: at.Prev, Digest: m.digest, Deadline: at.Deadline,
		Field: at.Field, Resource: at.Resource, AllowInline: m.inline, Past: &at.past,
	}
	at.past = rules.Past{}
	if ctx.Key != "" {
		ctx.Key = withoutMasks(ctx.Key)
	}
	if ctx.Prev != "" {
		ctx.Prev = withoutMasks(ctx.Prev)
	}
	if at.Digest != nil {
		ctx.Digest = at.Digest
	}
	if at.Number {
		found = m.engine.ScanNumber(nil, text, ctx)
	} else {
		found = m.engine.Scan(nil, text, ctx)
	}
	for i := range found {
		f := &found[i]
		if f.Start < 0 || f.End < f.Start || f.End > len(text) ||
			f.Withheld == rules.None && int(f.Rule) >= len(m.infos) || int(f.Withheld) > int(rules.Panic) {
			return nil, false
		}
	}
	return found, true
}

// maskRoom is by how many bytes a mask may be longer than its secret before a
// masked text is copied once more.
const maskRoom = 32

// apply writes the masks of findings. Findings that overlap, which an engine
// should not answer, are masked one after the other; nothing between them stays.
func (m *Masker) apply(dst []Hit, text []byte, found []rules.Finding, at *Where) (out []byte, hits []Hit) {
	slices.SortStableFunc(found, func(a, b rules.Finding) int { return a.Start - b.Start })
	done := 0 // text[:done] is in out, or masked
	path := field(at)
	for _, f := range found {
		if f.End <= done && f.End > f.Start {
			continue
		}
		f.Start = max(f.Start, done)
		secret := text[f.Start:f.End]
		if len(secret) == 0 || f.Evidence&rules.Joined == 0 && m.inMask(text, f.Start, f.End) {
			continue
		}
		if f.Digest == 0 {
			f.Digest = m.Fingerprint(secret)
		}
		if _, ok := at.Approved[f.Digest]; ok {
			continue
		}
		h := m.hit(f, path)
		style := m.decide(&h, at)
		h.At = len(out) + f.Start - done
		h.To = h.At + len(secret)
		if h.Action == Pass {
			dst = append(dst, h)
			continue
		}
		if m.alreadyPartial(secret, style) || m.isFixed(text, f.Start, f.End, style) {
			continue
		}
		if out == nil { // at once: a text of many megabytes is not to be copied as it grows
			out = make([]byte, 0, len(text)+maskRoom*len(found))
		}
		out = append(out, text[done:f.Start]...)
		bare := f.Evidence&rules.Bare != 0 && !at.Number
		if bare {
			out = appendQuote(out, f)
		}
		out = style.append(out, secret, h, at.Name)
		if bare {
			out = appendQuote(out, f)
		}
		h.To = len(out)
		dst = append(dst, h)
		done = f.End
	}
	if out == nil {
		return nil, dst
	}
	return append(out, text[done:]...), dst
}

// appendQuote writes a quote of the document that a bare scalar stands in.
func appendQuote(out []byte, f rules.Finding) []byte {
	for range f.Quote {
		out = append(out, '\\')
	}
	return append(out, '"')
}

// hit describes a finding before policy is asked.
func (m *Masker) hit(f rules.Finding, path string) Hit {
	h := Hit{Finding: f, Action: Mask, Fingerprint: hex(f.Digest, 8), Field: path}
	if f.Withheld != rules.None {
		h.RuleID = "withheld-" + f.Withheld.String()
	} else {
		h.RuleID = m.infos[f.Rule].ID
	}
	return h
}

func field(at *Where) string {
	if at.Field == nil {
		return ""
	}
	return at.Field()
}

// Fingerprint returns what masks show of a secret: the first 8 bytes of HMAC-SHA256(key, secret).
func (m *Masker) Fingerprint(secret []byte) uint64 {
	h := m.hashes.Get().(hash.Hash)
	defer m.hashes.Put(h)
	return sum64(h, secret)
}
