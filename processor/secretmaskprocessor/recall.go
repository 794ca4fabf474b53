package secretmaskprocessor

import (
	"bytes"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/decode"
)

// recall is what a batch knows of secrets beyond the text at hand. It is owned
// by the goroutine that has the batch.
type recall struct {
	store *memory.Store
	index memory.Index // all that is known in the batch and its traces

	// seen are the secrets of the text at hand, in the clear: noted as the
	// engine shows them, wiped when the text is done.
	seen  []noted
	arena []byte

	values  map[uint64]*memory.Value // by digest; nil: none that should be known again
	at      memory.Trace             // of the text at hand
	known   []*memory.Value
	matches []memory.Match
	found   []rules.Finding
}

// noted is a secret in the arena.
type noted struct {
	digest     uint64
	start, end int
}

func newRecall(store *memory.Store) *recall {
	return &recall{store: store, values: map[uint64]*memory.Value{}}
}

// end forgets the batch.
func (r *recall) end() {
	r.forgetText()
	r.index.Reset()
	clear(r.values)
	clear(r.matches[:cap(r.matches)])
	clear(r.known[:cap(r.known)])
	r.at, r.known, r.matches, r.found = memory.Trace{}, r.known[:0], r.matches[:0], r.found[:0]
}

// trace makes known what is remembered of the trace of the text at hand.
func (r *recall) trace(id pcommon.TraceID) {
	if t := memory.Trace(id); t != r.at {
		r.at = t
		r.known = r.store.Values(r.known[:0], t)
		for _, v := range r.known {
			r.index.Add(v)
		}
	}
}

// maxNoted bounds the secrets of one text that are held in the clear, in bytes.
const maxNoted = 1 << 20

// digest is mask.Where.Digest.
func (s *scan) digest(secret []byte) uint64 {
	d := s.state.masker.Fingerprint(secret)
	if r := s.recall; len(r.arena)+len(secret) <= maxNoted {
		from := len(r.arena)
		r.arena = append(r.arena, secret...)
		r.seen = append(r.seen, noted{d, from, len(r.arena)})
	}
	return d
}

// learn makes a secret known that was found in the text at hand.
func (s *scan) learn(f rules.Finding, action mask.Action) {
	if action == mask.Pass || f.Withheld != rules.None || f.Evidence&(rules.DocExample|rules.Truncated) != 0 {
		return
	}
	r := s.recall
	v, have := r.values[f.Digest]
	info := s.state.masker.Info(f.Rule)
	if !have || info.Form && v != nil && !v.Form {
		v = nil
		for _, n := range r.seen {
			if n.digest == f.Digest {
				tag := memory.Tag{Rule: info.ID, Severity: f.Severity, Digest: f.Digest, Form: info.Form}
				v = memory.New(r.arena[n.start:n.end], tag)
				break
			}
		}
		r.values[f.Digest] = v
	}
	if v != nil {
		r.index.Add(v)
		r.store.Add(r.at, v)
	}
}

// forgetText wipes the secrets of the text at hand.
func (r *recall) forgetText() {
	clear(r.arena)
	r.arena, r.seen = r.arena[:0], r.seen[:0]
}

// unfinished reports whether a second pass could change anything.
func (s *scan) unfinished() bool {
	return s.drops || s.recall.index.Len() > 0 || s.streams.patched()
}

// resume prepares for the second pass.
func (s *scan) resume() {
	s.again, s.unit = true, 0
}

// complete masks in the second pass what the first one could not know: what
// stands in a text in part, and what was found in another place.
func (s *scan) complete(text []byte) []byte {
	if s.place.Number {
		return nil
	}
	r := s.recall
	r.found = append(r.found[:0], s.streams.patches(text)...)
	r.matches = r.index.Find(r.matches[:0], text)
	document := decode.Looks(text)
	for _, m := range r.matches {
		rule, ok := s.state.masker.Rule(m.Value.Rule)
		if !ok || document && bytes.IndexByte(text[m.Start:m.End], '"') >= 0 { // rather the quotes of the document
			continue
		}
		f := rules.Finding{
			Start: m.Start, End: m.End, Rule: rule, Severity: m.Value.Severity,
			Evidence: rules.Remembered, Digest: m.Value.Digest,
		}
		if m.Encoded {
			f.Evidence |= rules.Decoded
		}
		r.found = append(r.found, f)
	}
	if len(r.found) == 0 {
		return nil
	}
	var out []byte
	out, s.hits = s.state.masker.Mask(s.hits, text, r.found, s.where)
	return out
}
