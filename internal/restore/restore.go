// Package restore is what turns masked telemetry back into what was sent:
// patches of single spans, log records, data points, resources, scopes and
// metrics, and the list of an item's patches. docs/format/restore.md
// specifies the bytes.
//
// The way of a patch:
//
//   - secret_mask records what it changes (package walk). For each unit that
//     is held it makes a Patch, seals Patch.Marshal under Binding, and writes
//     what comes out to the attribute tracescrub.restore.
//   - Package item takes those attributes out of the view of an item. The
//     quarantine exporter seals MarshalList(Of(item)) as the item's part
//     envelope.Restore.
//   - release_gate opens that part, reads it with UnmarshalList, and calls
//     Apply with the view and its key ring: the view becomes the original,
//     and what comes back are the fingerprints of all secrets in it, which is
//     release.Release.Approved.
//
// Nothing in here seals or opens.
package restore

import (
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
)

// Telemetry is what can be held.
type Telemetry interface {
	ptrace.Traces | plog.Logs | pmetric.Metrics
}

// Sealed is the sealed patch of one unit.
type Sealed struct {
	// Unit says by positions whose it is.
	Unit walk.Unit
	// Blob is what seal.Closer.Packed made; unseal.Keyring.OpenPacked opens it.
	Blob []byte
}

// Binding is what the patch of a unit is bound to. Trace and Span are those of
// a span or log record, zero for all others.
func Binding(signal, policy string, trace pcommon.TraceID, span pcommon.SpanID) envelope.Binding {
	return envelope.Binding{Part: envelope.Patch, Signal: signal, Trace: trace, Span: span, Policy: policy}
}

// Signal names the signal of data as a Binding does.
func Signal[T Telemetry](data T) string {
	switch any(data).(type) {
	case ptrace.Traces:
		return "traces"
	case plog.Logs:
		return "logs"
	}
	return "metrics"
}

func run(w *walk.Walker, data any) error {
	switch d := data.(type) {
	case ptrace.Traces:
		w.Traces(d)
	case plog.Logs:
		w.Logs(d)
	case pmetric.Metrics:
		w.Metrics(d)
	}
	return w.Err()
}

// Of returns the sealed patches of an item in the order of their units.
func Of(it *item.Item) []Sealed {
	list := make([]Sealed, len(it.Patches))
	for i, p := range it.Patches {
		u := walk.Unit{Resource: p.At[0], Scope: p.At[1]}
		switch p.Level {
		case item.Resource:
			u.Level = walk.Resource
		case item.Scope:
			u.Level = walk.Scope
		case item.Unit:
			u.Level, u.Item = walk.Item, p.At[2]
			if it.Signal == "metrics" {
				u.Level, u.Metric, u.Item = walk.Metric, p.At[2], 0
			}
		case item.Point:
			u.Level, u.Metric, u.Item = walk.Item, p.At[2], p.At[3]
		}
		list[i] = Sealed{Unit: u, Blob: p.Packed}
	}
	return list
}

// Errors of Apply.
var (
	errMissing = errors.New("it is held, but there is no patch for it")
	errNoUnit  = errors.New("there is a patch for what is not there")
)

// Apply turns data, a view, into the original and returns the fingerprints of
// all secrets that its patches brought back. open is called with each blob;
// it is unseal.Keyring.OpenPacked. What was masked without being held, because
// its trace was not held yet, stays masked. After an error data must not be
// used; the error holds nothing of it.
func Apply[T Telemetry](data T, list []Sealed, open func(envelope.Binding, []byte) ([]byte, error)) (digests map[uint64]struct{}, err error) {
	a := applier{signal: Signal(data), open: open, digests: map[uint64]struct{}{}, blobs: map[walk.Unit][]byte{}}
	for _, s := range list {
		a.blobs[s.Unit] = s.Blob
	}
	err = run(walk.New(nil, walk.Options{Undo: a.unit}), data)
	switch {
	case a.err != nil:
		return nil, a.err
	case err != nil:
		return nil, err
	case len(a.blobs) > 0:
		return nil, errNoUnit
	}
	return a.digests, nil
}

type applier struct {
	signal  string
	open    func(envelope.Binding, []byte) ([]byte, error)
	digests map[uint64]struct{}
	blobs   map[walk.Unit][]byte // not opened yet
	policy  string               // of the resource at hand
	err     error
}

// unit is walk.Options.Undo.
func (a *applier) unit(at *walk.Place, attrs pcommon.Map) []walk.Edit {
	if at.Unit.Level == walk.Resource {
		a.policy = text(attrs, verdict.Policy)
	}
	blob, ok := a.blobs[at.Unit]
	switch {
	case a.err != nil:
		return nil
	case !ok && text(attrs, verdict.Verdict) == verdict.Held:
		a.err = fmt.Errorf("restoring %s: %w", at.Unit, errMissing)
		return nil
	case !ok:
		return nil
	}
	delete(a.blobs, at.Unit)
	plain, err := a.open(Binding(a.signal, a.policy, at.Trace, at.Span), blob)
	if err != nil {
		a.err = fmt.Errorf("opening the patch of %s: %w", at.Unit, err)
		return nil
	}
	p, err := Unmarshal(plain)
	clear(plain)
	if err != nil {
		a.err = fmt.Errorf("reading the patch of %s: %w", at.Unit, err)
		return nil
	}
	for _, d := range p.Digests {
		a.digests[d] = struct{}{}
	}
	return p.Edits
}

func text(attrs pcommon.Map, key string) string {
	if v, ok := attrs.Get(key); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}

// Patch is what restores one unit.
type Patch struct {
	// Digests are the fingerprints (rules.Finding.Digest) of what was found in
	// the unit: whoever approves the original approves these.
	Digests []uint64
	// Edits are what was changed, in that order.
	Edits []walk.Edit
}

// normal sorts the digests and leaves each once.
func (p *Patch) normal() []uint64 {
	d := slices.Clone(p.Digests)
	slices.Sort(d)
	return slices.Compact(d)
}
