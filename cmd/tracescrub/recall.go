package main

import (
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/internal/memory"
	"github.com/tracescrub/tracescrub/rules"
)

// recall finds secrets of a text again elsewhere in the same text: quoted
// without their name, encoded, in halves. It is owned by one goroutine at a time.
type recall struct {
	masking *masking
	batch   memory.Batch
	digest  func(secret []byte) uint64
	found   []rules.Finding
}

func newRecall(m *masking) *recall {
	r := &recall{masking: m}
	r.digest = func(secret []byte) uint64 {
		d := m.masker.Fingerprint(secret)
		r.batch.Note(d, secret)
		return d
	}
	return r
}

// text masks a text. hits are appended to dst, by position in text.
func (r *recall) text(dst []mask.Hit, text []byte, where mask.Where) (out []byte, hits []mask.Hit) {
	from, masker := len(dst), r.masking.masker
	where.Digest = r.digest
	out, hits = masker.Text(dst, text, &where)
	for _, h := range hits[from:] {
		if h.Action != mask.Pass && h.Withheld == rules.None {
			r.batch.Learn(h.Finding, masker.Info(h.Rule))
		}
	}
	r.found = r.batch.Recall(r.found[:0], text, masker.Rule)
	r.batch.Reset()
	if len(r.found) <= len(hits)-from && within(r.found, hits[from:]) {
		return out, hits
	}
	r.found = append(hitFindings(hits[from:]), r.found...)
	return masker.Mask(hits[:from], text, r.found, &where)
}

// within reports whether all of found was hit before.
func within(found []rules.Finding, hits []mask.Hit) bool {
	for _, f := range found {
		inside := false
		for _, h := range hits {
			inside = inside || h.Start <= f.Start && f.End <= h.End
		}
		if !inside {
			return false
		}
	}
	return true
}

func hitFindings(hits []mask.Hit) []rules.Finding {
	found := make([]rules.Finding, 0, 2*len(hits))
	for _, h := range hits {
		found = append(found, h.Finding)
	}
	return found
}
