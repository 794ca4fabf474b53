package mask

import (
	"bytes"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/join"
	"github.com/tracescrub/tracescrub/rules"
)

// joiner looks for secrets that were cut within one text. It is owned by one
// goroutine at a time.
type joiner struct {
	finder join.Finder
	masker *Masker
	where  Where
	found  []rules.Finding
	emit   func(*join.Text) // once: a closure per text is an allocation

	// read is how far texts were read that may come again, grown. In what was joined out
	// of them before that, nothing was found, so it is not joined again.
	read [16]struct {
		text uint64 // rules.Past.Text
		mark join.Mark
	}
	turn int
	mark join.Mark // of the text at hand
}

func newJoiner(m *Masker) *joiner {
	j := &joiner{masker: m}
	j.emit = j.joined
	return j
}

// inside adds to found what stands in text in pieces.
func (m *Masker) inside(found []rules.Finding, text []byte, at *Where) []rules.Finding {
	if bytes.IndexByte(text, '"') < 0 || bytes.IndexByte(text, '}') < 0 && bytes.IndexByte(text, ']') < 0 {
		return found // nothing in it is a member, an element or an event
	}
	j := m.joiners.Get().(*joiner)
	j.where = Where{Deadline: at.Deadline, Digest: at.Digest}
	j.inside(text, at.past)
	if len(j.found) > 0 {
		found = merge(found, j.found)
	}
	j.where, j.found = Where{}, j.found[:0]
	m.joiners.Put(j)
	return found
}

// inside reads text, from where it was read to if it has only grown.
func (j *joiner) inside(text []byte, past rules.Past) {
	if past == (rules.Past{}) {
		j.finder.Inside(text, nil, j.emit)
		return
	}
	slot, known := j.turn%len(j.read), false
	for i := range j.read {
		if r := &j.read[i]; past.Of != 0 && r.text == past.Of && r.mark.Fits(past.Same) {
			slot, known = i, true
		}
	}
	from := &j.read[slot]
	if known {
		j.mark.Copy(&from.mark)
	} else {
		j.mark.Copy(&join.Mark{})
	}
	j.finder.Inside(text, &j.mark, j.emit)
	if past.Text == 0 {
		return
	}
	if !known {
		j.turn++
	}
	from.text, from.mark, j.mark = past.Text, j.mark, from.mark
}

// joined looks at a text that was put together.
func (j *joiner) joined(t *join.Text) {
	if !j.masker.Crossing(t, &j.where, func(_ int, f rules.Finding) { j.found = append(j.found, f) }) {
		j.finder.Stay()
	}
}

// Crossing scans a text that was put together and gives cut, for each secret
// that reaches over a border, what of it stands in each source. clean says that
// there was nothing in it at all.
func (m *Masker) Crossing(t *join.Text, at *Where, cut func(ref int, f rules.Finding)) (clean bool) {
	found, ok := m.find(t.Bytes, at)
	if !ok {
		return false // each of the pieces was or will be scanned for itself
	}
	for _, f := range found {
		if f.Withheld != rules.None || !t.Crosses(f.Start, f.End) || !t.Stream && !m.infos[f.Rule].Form {
			continue
		}
		if !m.cut(t, f, at.Deadline) {
			continue
		}
		f.Evidence = f.Evidence&^rules.Bare | rules.Joined
		t.Each(f.Start, f.End, func(ref, start, end int) {
			part := f
			part.Start, part.End = start, end
			cut(ref, part)
		})
	}
	return len(found) == 0
}

// cut says that f was cut and is not a whole secret with something beside it
// that has nothing to do with it: the next element, the next sentence.
func (m *Masker) cut(t *join.Text, f rules.Finding, deadline time.Time) bool {
	border := t.Border(f.Start)
	at := &Where{Deadline: deadline}
	right, _ := m.find(t.Bytes[border:], at)
	for _, r := range right {
		if m.whole(r) && r.Start < f.End-border {
			return false
		}
	}
	left, _ := m.find(t.Bytes[:border], at)
	for _, l := range left {
		if m.whole(l) && l.End > f.Start {
			return l.Evidence&rules.ChecksumPassed == 0 && (t.Stream || random(t.Bytes[border:f.End]))
		}
	}
	return true
}

func (m *Masker) whole(f rules.Finding) bool {
	return f.Withheld == rules.None && m.infos[f.Rule].Form && f.Evidence&rules.Truncated == 0
}

// random says that b does not read like a word: letters and digits take turns.
func random(b []byte) bool {
	digits, letters, turns := 0, 0, 0
	kind := -1
	for _, c := range b {
		k := 3
		switch {
		case c-'0' < 10:
			digits++
			k = 0
		case c-'a' < 26:
			letters++
			k = 1
		case c-'A' < 26:
			letters++
			k = 2
		}
		if k != kind {
			turns++
			kind = k
		}
	}
	return turns > 2 && (digits > 0 && letters > 0 || turns > 4)
}

// merge adds findings of more to found. Where they overlap, what stands in
// more is the better name for both: it has seen the whole secret.
func merge(found, more []rules.Finding) []rules.Finding {
	for _, e := range more {
		found = slices.DeleteFunc(found, func(f rules.Finding) bool {
			if f.Start >= e.End || e.Start >= f.End || f.Withheld != rules.None {
				return false
			}
			e.Start, e.End = min(e.Start, f.Start), max(e.End, f.End)
			return true
		})
		found = append(found, e)
	}
	return found
}
