package memory

import (
	"bytes"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/decode"
)

// Batch learns the secrets of one batch of texts and finds them again. It
// holds secrets in the clear only while the text is at hand that they were
// found in. It is owned by one goroutine; the zero value is ready.
type Batch struct {
	index Index

	// seen are the candidates of the text at hand, noted as the engine shows them.
	seen  []noted
	arena []byte

	values  map[uint64]*Value // by digest; nil: none that should be known again
	matches []Match
}

// noted is a candidate in the arena.
type noted struct {
	digest     uint64
	start, end int
}

// maxNoted bounds the candidates of one text, in bytes.
const maxNoted = 1 << 20

// Note keeps a candidate, decoded, until Forget; digest is its name.
func (b *Batch) Note(digest uint64, secret []byte) {
	if len(b.arena)+len(secret) <= maxNoted {
		from := len(b.arena)
		b.arena = append(b.arena, secret...)
		b.seen = append(b.seen, noted{digest, from, len(b.arena)})
	}
}

// Forget wipes the candidates of the text at hand.
func (b *Batch) Forget() {
	clear(b.arena)
	b.arena, b.seen = b.arena[:0], b.seen[:0]
}

// Learn makes a secret known that was found in the text at hand. It answers
// nil if it is none that should be known elsewhere.
func (b *Batch) Learn(f rules.Finding, info rules.Info) *Value {
	if f.Withheld != rules.None || f.Evidence&(rules.DocExample|rules.Truncated) != 0 {
		return nil
	}
	v, have := b.values[f.Digest]
	if !have || info.Form && v != nil && !v.Form {
		v = nil
		for _, n := range b.seen {
			if n.digest == f.Digest {
				v = New(b.arena[n.start:n.end], Tag{Rule: info.ID, Severity: f.Severity, Digest: f.Digest, Form: info.Form})
				break
			}
		}
		if b.values == nil {
			b.values = map[uint64]*Value{}
		}
		b.values[f.Digest] = v
	}
	if v != nil {
		b.index.Add(v)
	}
	return v
}

// Add makes a value of an earlier batch known.
func (b *Batch) Add(v *Value) { b.index.Add(v) }

// Len returns how many values are known.
func (b *Batch) Len() int { return b.index.Len() }

// Recall appends the places of known values in text to dst. ruleOf finds a
// rule by its id; what it does not know is left out.
func (b *Batch) Recall(dst []rules.Finding, text []byte, ruleOf func(id string) (uint32, bool)) []rules.Finding {
	if b.index.Len() == 0 {
		return dst
	}
	b.matches = b.index.Find(b.matches[:0], text)
	if len(b.matches) == 0 {
		return dst
	}
	document := decode.Looks(text)
	for _, m := range b.matches {
		rule, ok := ruleOf(m.Value.Rule)
		if !ok || document && bytes.IndexByte(text[m.Start:m.End], '"') >= 0 { // these are the quotes of the document
			continue
		}
		f := rules.Finding{
			Start: m.Start, End: m.End, Rule: rule, Severity: m.Value.Severity,
			Evidence: rules.Remembered, Digest: m.Value.Digest,
		}
		if m.Encoded {
			f.Evidence |= rules.Decoded
		}
		dst = append(dst, f)
	}
	return dst
}

// Reset forgets everything.
func (b *Batch) Reset() {
	b.Forget()
	b.index.Reset()
	clear(b.values)
	clear(b.matches[:cap(b.matches)])
	b.matches = b.matches[:0]
}
