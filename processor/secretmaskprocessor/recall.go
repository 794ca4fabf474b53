package secretmaskprocessor

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/rules"
)

// recall is what a batch knows of secrets beyond the text at hand. It is owned
// by the goroutine that has the batch.
type recall struct {
	store *memory.Store
	batch memory.Batch // all that is known in the batch and its traces

	at    memory.Trace // of the text at hand
	known []*memory.Value
	found []rules.Finding
}

// end forgets the batch.
func (r *recall) end() {
	r.batch.Reset()
	clear(r.known[:cap(r.known)])
	r.at, r.known, r.found = memory.Trace{}, r.known[:0], r.found[:0]
}

// trace makes known what is remembered of the trace of the text at hand, and
// reports whether something of it is held.
func (r *recall) trace(id pcommon.TraceID) (held bool) {
	t := memory.Trace(id)
	if t == r.at {
		return false // it was said before
	}
	r.at = t
	r.known, held = r.store.Values(r.known[:0], t)
	for _, v := range r.known {
		r.batch.Add(v)
	}
	return held
}

// digest is mask.Where.Digest.
func (s *scan) digest(secret []byte) uint64 {
	d := s.state.masker.Fingerprint(secret)
	if s.pass == search {
		s.recall.batch.Note(d, secret)
	}
	return d
}

// learn makes a secret known that was found in the text at hand, in the batch
// and in its trace. What policy lets pass is no secret elsewhere either.
func (s *scan) learn(f rules.Finding, action mask.Action) {
	if action == mask.Pass || f.Withheld != rules.None {
		return
	}
	if v := s.recall.batch.Learn(f, s.state.masker.Info(f.Rule)); v != nil {
		s.recall.store.Add(s.recall.at, v)
	}
}

// unfinished reports whether a second pass could change anything.
func (s *scan) unfinished() bool {
	return s.recall.batch.Len() > 0 || s.streams.patched()
}

// resume prepares for the second pass.
func (s *scan) resume() { s.pass, s.unit = complete, 0 }

// complete masks in the second pass what the first one could not know: what
// stands in a text in part, and what was found in another place. It has no
// deadline, since what was scanned in time must not be given up now; its cost
// is a few nanoseconds a byte.
func (s *scan) complete(text []byte) (out []byte) {
	if s.place.Number {
		return nil
	}
	if s.place.TooDeep {
		return text // it was approved, else the first pass had replaced it
	}
	r := s.recall
	r.found = append(r.found[:0], s.streams.patches(text)...)
	r.found = r.batch.Recall(r.found, text, s.state.masker.Rule)
	if len(r.found) == 0 {
		return nil
	}
	out, s.hits = s.state.masker.Mask(s.hits, text, r.found, &s.where)
	if s.place.Name && out != nil {
		s.renamed(string(text), string(out))
	}
	return out
}

// renamed takes a key that was masked now out of the paths of what the first
// pass found below it: they go into stamps and audit events.
func (s *scan) renamed(from, to string) {
	o := s.outcomes[s.place.Unit]
	if o == nil {
		return
	}
	for i := range o.found {
		o.found[i].Field = s.place.Renamed(o.found[i].Field, from, to)
	}
}
