package walk

import (
	"encoding/binary"
	"hash/maphash"
)

// seriesSeed makes series of one process comparable, and of two not.
var seriesSeed = maphash.MakeSeed()

// Series names what the place has in common with its neighbours: the events
// of a span, the elements of a slice and the log records of a scope hold texts
// at the same place but for an index, and a sender may have cut one text into
// those. Two places are neighbours if their series are equal and not 0. Places
// without neighbours have series 0; it costs nothing to ask them.
func (p *Place) Series() uint64 {
	if p.Name || p.Number || p.TooDeep {
		return 0
	}
	switch p.Spot {
	case eventAttributes, logBody, logAttributes:
	default:
		inSlice := false
		for i := range p.steps {
			inSlice = inSlice || p.steps[i].kind == element
		}
		if !inSlice {
			return 0
		}
	}
	h := uint64(p.Spot) + 1
	if p.Spot == logBody || p.Spot == logAttributes {
		h = mixSeries(h, binary.LittleEndian.Uint64(p.Trace[:8])^binary.LittleEndian.Uint64(p.Trace[8:]))
		h = mixSeries(h, binary.LittleEndian.Uint64(p.Span[:]))
	}
	for i := range p.steps {
		if s := &p.steps[i]; s.kind == element {
			h = mixSeries(h, 1)
		} else {
			h = mixSeries(h, maphash.String(seriesSeed, s.name))
		}
	}
	return max(h, 1)
}

func mixSeries(h, v uint64) uint64 {
	h = (h ^ v) * 0x9e3779b97f4a7c15
	return h ^ h>>29
}
