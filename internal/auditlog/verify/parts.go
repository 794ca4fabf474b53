package verify

import (
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// note takes from an entry what the report and later checks need.
func (p *pass) note(e *entry.Entry) {
	p.r.Kinds[e.Kind]++
	if p.r.First.IsZero() {
		p.r.First = e.Logged
	}
	if e.Logged.Before(p.r.Last) {
		p.r.bad(Sequence, "", 0, e.Seq, "was logged before the entry before it")
	}
	p.r.Last = e.Logged
	switch e.Kind {
	case entry.Gap:
		g := Gap{Seq: e.Seq, At: e.Logged}
		g.Reason, _ = e.Attributes["reason"].(string)
		g.Since, _ = e.Attributes["since"].(string)
		p.r.Gaps = append(p.r.Gaps, g)
	case entry.Pruned:
		p.pruned.segment, _ = e.Attributes["segment"].(int64)
		p.pruned.last, _ = e.Attributes["last"].(int64)
	}
	for _, c := range subjects.Erased(e) {
		p.names.erased[c] = true
	}
	subjects.In(e.Attributes, func(c string) {
		if !p.names.seen[c] {
			p.names.seen[c] = true
			p.names.order = append(p.names.order, named{c, e.Seq})
		}
	})
}

// judgeSegments holds the segments against their manifests and against what
// was pruned.
func (p *pass) judgeSegments() {
	if len(p.segments) == 0 {
		if p.r.Size > 0 {
			p.r.bad(SegmentMissing, files.Segment(1), 0, -1, "there is no segment")
		}
		return
	}
	first := p.segments[0]
	if int64(first.number) > p.pruned.segment+1 || first.first > p.pruned.last+1 {
		p.r.bad(SegmentMissing, files.Segment(first.number-1), 0, -1, "is not there, and has not been pruned")
	}
	if first.first > 0 {
		p.r.Pruned = first.first
	}
	for i, s := range p.segments[1:] {
		before := p.segments[i]
		if s.number != before.number+1 {
			p.r.bad(SegmentMissing, files.Segment(before.number+1), 0, -1, "is not there")
			continue
		}
		if s.bytes == 0 && i+2 == len(p.segments) {
			continue // was just begun
		}
		if s.manifest == nil {
			p.r.bad(SegmentChanged, files.Segment(s.number), 1, s.first, "does not begin with the manifest of the segment before")
			continue
		}
		a := s.manifest.Attributes
		if a["segment"] != int64(before.number) || a["first"] != before.first || a["last"] != s.first-1 ||
			a["bytes"] != before.bytes || a["sha256"] != before.digest {
			p.r.bad(SegmentChanged, files.Segment(before.number), 0, -1, "is not what its manifest, entry %d, says", s.first)
		}
	}
}

// names are the commitments of a log.
type names struct {
	seen   map[string]bool
	erased map[string]bool
	there  map[string]bool // in the side table
	order  []named
}

type named struct {
	commitment string
	seq        int64
}

// start reads the side table for the first time: what is erased or pruned while
// the entries are read is in this one, what is added in the next.
func (n *names) start(dir string) error {
	n.seen, n.erased, n.there = map[string]bool{}, map[string]bool{}, map[string]bool{}
	t, err := subjects.Load(dir, nil)
	if err == nil {
		n.have(t)
	}
	return err
}

func (n *names) have(t *subjects.Table) {
	for _, r := range t.Rows() {
		n.there[r.Commitment] = true
	}
}

// check holds the side table against the commitments.
func (n *names) check(p *pass) error {
	if p.o.WithoutSubjects {
		for _, c := range n.order {
			if n.erased[c.commitment] {
				p.r.Erased++
			}
		}
		return nil
	}
	t, err := subjects.Load(p.o.Directory, func(line int, err error) {
		p.r.bad(SubjectChanged, files.Subjects, int64(line), -1, "%v", err)
	})
	if err != nil {
		return err
	}
	n.have(t)
	for _, c := range n.order {
		switch {
		case n.there[c.commitment]:
		case n.erased[c.commitment]:
			p.r.Erased++
		default:
			p.r.bad(SubjectMissing, files.Subjects, 0, c.seq, "a commitment of this entry is not in the table, and was not erased")
		}
	}
	return nil
}
