// Package content opens held items, for those who may see or release them.
package content

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/unseal"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

// Vault opens items of a store. It is safe for concurrent use.
type Vault struct {
	Store holdstore.Store
	Keys  *unseal.Keyring
}

// Telemetry is what an item holds; the one batch of its signal is set.
type Telemetry struct {
	Signal  string
	Traces  ptrace.Traces
	Logs    plog.Logs
	Metrics pmetric.Metrics
}

// ErrOther: what was opened hangs together, but is not what was decided about.
var ErrOther = errors.New("what was opened is another item")

// View opens the masked telemetry of an item.
func (v *Vault) View(ctx context.Context, e ledger.Entry) (*Telemetry, error) {
	capsule, err := v.Store.Capsule(ctx, e.Key, e.Ref)
	if err != nil {
		return nil, fmt.Errorf("reading the capsule: %w", err)
	}
	chunks, err := v.Store.Chunks(ctx, e.Key, e.Ref, envelope.View)
	if err != nil {
		return nil, fmt.Errorf("reading the view: %w", err)
	}
	// Whoever asks has made room for as much as the metadata say.
	return open(v.Keys.Opener(e.Bytes), capsule, e, chunks)
}

// Release opens an item to be released, as its votes say, after a look whether
// the store has what was stored: the masked telemetry, or the original with
// the fingerprints of the secrets that were approved.
func (v *Vault) Release(ctx context.Context, e ledger.Entry) (*Telemetry, map[uint64]struct{}, error) {
	capsule, err := v.Store.Capsule(ctx, e.Key, e.Ref)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the capsule: %w", err)
	}
	view, err := v.Store.Chunks(ctx, e.Key, e.Ref, envelope.View)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the view: %w", err)
	}
	patches, err := v.Store.Chunks(ctx, e.Key, e.Ref, envelope.Restore)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the patches: %w", err)
	}
	if sum := sumOf(view, patches); subtle.ConstantTimeCompare(sum[:], e.Sum[:]) == 0 {
		return nil, nil, fmt.Errorf("comparing the sum: %w", holdstore.ErrCorrupt)
	}
	opener := v.Keys.Opener(0)
	t, err := open(opener, capsule, e, view)
	if err != nil || e.Mode != original {
		return t, nil, err
	}
	approved, err := t.restore(opener, capsule, e, patches)
	if err != nil {
		return nil, nil, fmt.Errorf("restoring the original: %w", err)
	}
	return t, approved, nil
}

func sumOf(parts ...[][]byte) (sum [32]byte) {
	h := sha256.New()
	for _, c := range slices.Concat(parts...) {
		h.Write(c)
	}
	h.Sum(sum[:0])
	return sum
}

func binding(part envelope.Part, e ledger.Entry) envelope.Binding {
	return envelope.Binding{Part: part, Signal: e.Signal, Item: e.Key, Trace: e.Trace, Policy: e.Policy}
}

func open(opener *unseal.Opener, capsule envelope.Capsule, e ledger.Entry, chunks [][]byte) (*Telemetry, error) {
	plain, err := opener.Open(capsule, binding(envelope.View, e), chunks)
	if err != nil {
		return nil, err
	}
	// Whoever has the public key can seal anything; the id says what it is.
	if id := item.IDOf(e.Signal, e.Trace, plain); subtle.ConstantTimeCompare(id[:], e.Key[:]) == 0 {
		return nil, ErrOther
	}
	return decode(e.Signal, plain)
}

func decode(signal string, plain []byte) (t *Telemetry, err error) {
	t = &Telemetry{Signal: signal}
	switch signal {
	case "traces":
		t.Traces, err = (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(plain)
	case "logs":
		t.Logs, err = (&plog.ProtoUnmarshaler{}).UnmarshalLogs(plain)
	case "metrics":
		t.Metrics, err = (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(plain)
	default:
		err = errors.New("its signal is not known")
	}
	if err != nil {
		return nil, fmt.Errorf("decoding the view: %w", holdstore.ErrCorrupt) // not err: it may quote
	}
	return t, nil
}

// JSON is the telemetry as OTLP/JSON.
func (t *Telemetry) JSON() ([]byte, error) {
	switch t.Signal {
	case "traces":
		return (&ptrace.JSONMarshaler{}).MarshalTraces(t.Traces)
	case "logs":
		return (&plog.JSONMarshaler{}).MarshalLogs(t.Logs)
	}
	return (&pmetric.JSONMarshaler{}).MarshalMetrics(t.Metrics)
}

// attributes calls fn with all maps that can have a stamp, or name a person.
func (t *Telemetry) attributes(fn func(pcommon.Map)) {
	switch t.Signal {
	case "traces":
		each(shape.Traces, t.Traces, func(s ptrace.Span) {
			for _, e := range s.Events().All() {
				fn(e.Attributes())
			}
		}, fn)
	case "logs":
		each(shape.Logs, t.Logs, func(plog.LogRecord) {}, fn)
	case "metrics":
		each(shape.Metrics, t.Metrics, func(pmetric.Metric) {}, fn)
	}
}

func each[B, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, more func(U), fn func(pcommon.Map)) {
	for i := range sh.Resources(batch) {
		r := sh.Resource(batch, i)
		fn(sh.ResourceAttrs(r))
		for j := range sh.Scopes(r) {
			s := sh.Scope(r, j)
			fn(sh.ScopeAttrs(s))
			for k := range sh.Units(s) {
				u := sh.Unit(s, k)
				fn(sh.Attrs(u))
				more(u)
				for p := range sh.Points(u) {
					fn(sh.Point(u, p))
				}
			}
		}
	}
}

// maxFindings bounds the list of an item.
const maxFindings = 1000

// Findings lists what the stamps say was found, without any text.
func (t *Telemetry) Findings() []gate.Finding {
	list := []gate.Finding{}
	t.attributes(func(m pcommon.Map) {
		eachFinding(m, func(f pcommon.Map) {
			if len(list) < maxFindings {
				list = append(list, finding(f))
			}
		})
	})
	return list
}

// eachFinding calls fn with what a stamp lists.
func eachFinding(m pcommon.Map, fn func(pcommon.Map)) {
	v, ok := m.Get(verdict.Findings)
	if !ok || v.Type() != pcommon.ValueTypeSlice {
		return
	}
	for _, e := range v.Slice().All() {
		if e.Type() == pcommon.ValueTypeMap {
			fn(e.Map())
		}
	}
}

func textOf(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}

// severities rise.
var severities = []string{"low", "medium", "high", "critical"}

func finding(m pcommon.Map) gate.Finding {
	f := gate.Finding{
		Rule: textOf(m, "rule"), Severity: textOf(m, "severity"), Field: textOf(m, "field"), Fingerprint: textOf(m, "fingerprint"),
	}
	if v, ok := m.Get("length"); ok && v.Type() == pcommon.ValueTypeInt {
		f.Length = int(v.Int())
	}
	return f
}

// ownerKeys are the attributes that say whose telemetry it is.
var ownerKeys = []string{"user.id", "enduser.id", "enduser.pseudo.id"}

// maxPeople bounds who is remembered of an item.
const maxPeople = 10_000

// People are who has an interest in an item, so who may not decide about it,
// and what says how many others must.
type People struct {
	Owners    []string // as the telemetry calls them
	Producers []string // commitments to the names of the authenticated senders
	// Severity and Service are as in the item's metadata, but read from the
	// view, whose hash is the item's id: a store could have changed the others.
	Severity, Service string
}

// ErrPeople: more people than can be told apart have to do with an item.
var ErrPeople = errors.New("too many people have to do with the item")

// People lists everybody who has to do with the telemetry.
func (t *Telemetry) People() (People, error) {
	owners, producers := map[string]bool{}, map[string]bool{}
	p, first := People{}, true
	t.attributes(func(m pcommon.Map) {
		if first { // that of the first resource, as package item has it
			p.Service, first = textOf(m, "service.name"), false
		}
		eachFinding(m, func(f pcommon.Map) {
			if s := textOf(f, "severity"); slices.Index(severities, s) > slices.Index(severities, p.Severity) {
				p.Severity = s
			}
		})
		for _, key := range ownerKeys {
			if v, ok := m.Get(key); ok && len(owners) <= maxPeople {
				if s := v.AsString(); s != "" {
					owners[s] = true
				}
			}
		}
		if v, ok := m.Get(verdict.Producer); ok && len(producers) <= maxPeople {
			producers[v.AsString()] = true
		}
	})
	if len(owners) > maxPeople || len(producers) > maxPeople {
		return People{}, ErrPeople
	}
	for s := range owners {
		p.Owners = append(p.Owners, s)
	}
	for s := range producers {
		p.Producers = append(p.Producers, s)
	}
	return p, nil
}
