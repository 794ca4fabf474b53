package restore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"

	"github.com/tracescrub/tracescrub/internal/walk"
)

// version is the first byte of both formats.
const version = 1

// The bounds of what is read.
const (
	maxSteps = 2048    // of an edit: more than max_depth allows
	maxIndex = 1 << 30 // of a position, offset or length
	maxName  = 100     // bytes of a spot's name
	minEdit  = 20      // bytes
	minBlob  = 6       // bytes of an entry of a list without its blob
)

// What can be wrong with bytes. No error holds any of them.
var (
	errVersion  = errors.New("the version is unknown")
	errShort    = errors.New("it ends too early")
	errLong     = errors.New("there is something behind its end")
	errNumber   = errors.New("a number is too large or not written in the shortest form")
	errOrder    = errors.New("entries are not in order")
	errSpot     = errors.New("a place is unknown")
	errKind     = errors.New("a kind of edit is unknown")
	errPosition = errors.New("a position has no meaning at its level")
)

// spots finds a place of the walker's table by its name.
var spots = func() map[string]walk.Spot {
	m := map[string]walk.Spot{}
	for i, p := range walk.Places() {
		m[p.Name] = walk.Spot(i)
	}
	return m
}()

// Marshal returns the patch's bytes, to be sealed.
func (p *Patch) Marshal() []byte {
	digests := p.normal()
	b := []byte{version}
	b = binary.AppendUvarint(b, uint64(len(digests)))
	for _, d := range digests {
		b = binary.BigEndian.AppendUint64(b, d)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Edits)))
	for i := range p.Edits {
		b = appendEdit(b, &p.Edits[i])
	}
	return b
}

func appendEdit(b []byte, e *walk.Edit) []byte {
	b = append(b, byte(e.Kind))
	b = appendText(b, e.Spot.String())
	b = appendInts(b, e.Index[0], e.Index[1], len(e.Steps))
	b = appendInts(b, e.Steps...)
	b = appendInts(b, e.Offset, e.Length)
	b = binary.BigEndian.AppendUint32(b, e.Sum)
	return appendText(b, e.Original)
}

func appendInts(b []byte, all ...int) []byte {
	for _, n := range all {
		b = binary.AppendUvarint(b, uint64(n)) //nolint:gosec // positions and sizes
	}
	return b
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// Unmarshal reads what Marshal wrote. It takes nothing but that: what it reads
// marshals to the same bytes.
func Unmarshal(b []byte) (*Patch, error) {
	r := newReader(b)
	p := &Patch{}
	if n := r.count(8); n > 0 {
		p.Digests = make([]uint64, n)
		for i := range p.Digests {
			p.Digests[i] = r.uint64()
			if i > 0 && p.Digests[i] <= p.Digests[i-1] {
				r.fail(errOrder)
			}
		}
	}
	if n := r.count(minEdit); n > 0 {
		p.Edits = make([]walk.Edit, n)
		for i := range p.Edits {
			r.edit(&p.Edits[i])
		}
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return p, nil
}

func (r *reader) edit(e *walk.Edit) {
	e.Kind = walk.Kind(r.byte())
	if e.Kind < walk.InText || e.Kind > walk.WasNested {
		r.fail(errKind)
	}
	var known bool
	if e.Spot, known = spots[string(r.bytes(maxName))]; !known {
		r.fail(errSpot)
	}
	e.Index = [2]int{r.int(), r.int()}
	n := r.int()
	if n > maxSteps || n > len(r.rest) {
		r.fail(errShort)
		return
	}
	for range n {
		e.Steps = append(e.Steps, r.int())
	}
	e.Offset, e.Length = r.int(), r.int()
	e.Sum = r.uint32()
	e.Original = string(r.bytes(math.MaxInt))
}

// MarshalList returns the bytes of an item's list of sealed patches. It must
// be in the order of Of.
func MarshalList(list []Sealed) []byte {
	size := 16
	for i := range list {
		size += 32 + len(list[i].Blob)
	}
	b := append(make([]byte, 0, size), version)
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		u := list[i].Unit
		b = append(b, byte(u.Level))
		b = appendInts(b, u.Resource, u.Scope, u.Metric, u.Item)
		b = appendText(b, list[i].Blob)
	}
	return b
}

// UnmarshalList reads what MarshalList wrote, and nothing but that. The blobs
// are part of b.
func UnmarshalList(b []byte) ([]Sealed, error) {
	r := newReader(b)
	var list []Sealed
	n := r.count(minBlob)
	for i := range n {
		var s Sealed
		s.Unit.Level = walk.Level(r.byte())
		s.Unit.Resource, s.Unit.Scope, s.Unit.Metric, s.Unit.Item = r.int(), r.int(), r.int(), r.int()
		s.Blob = r.bytes(math.MaxInt)
		if !sound(s.Unit) {
			r.fail(errPosition)
		}
		if i > 0 && compare(list[i-1].Unit, s.Unit) >= 0 {
			r.fail(errOrder)
		}
		if r.err != nil {
			break
		}
		list = append(list, s)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return list, nil
}

// sound says that positions which mean nothing at a level are zero.
func sound(u walk.Unit) bool {
	switch u.Level {
	case walk.Resource:
		return u.Scope == 0 && u.Metric == 0 && u.Item == 0
	case walk.Scope:
		return u.Metric == 0 && u.Item == 0
	case walk.Metric:
		return u.Item == 0
	case walk.Item:
		return true
	}
	return false
}

// compare orders units as a walk comes to them: what is around others first.
func compare(a, b walk.Unit) int {
	return cmp.Or(
		cmp.Compare(a.Resource, b.Resource), within(a, b, walk.Scope, a.Scope, b.Scope),
		within(a, b, walk.Metric, a.Metric, b.Metric), within(a, b, walk.Item, a.Item, b.Item),
	)
}

// within compares positions at a level; a unit above it comes first.
func within(a, b walk.Unit, level walk.Level, i, j int) int {
	if a.Level < level {
		i = -1
	}
	if b.Level < level {
		j = -1
	}
	return cmp.Compare(i, j)
}

// reader reads numbers and texts until something is wrong.
type reader struct {
	rest []byte
	err  error
}

func newReader(b []byte) *reader {
	r := &reader{rest: b}
	if r.byte() != version {
		r.fail(errVersion)
	}
	return r
}

// fail keeps the first error and lets nothing more be read.
func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.rest = nil
}

func (r *reader) end() error {
	if r.err == nil && len(r.rest) > 0 {
		r.err = errLong
	}
	return r.err
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail(errShort)
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) int() int {
	n, size := binary.Uvarint(r.rest)
	switch {
	case size == 0:
		r.fail(errShort)
		return 0
	case size < 0, n > maxIndex, size > 1 && n>>(7*(size-1)) == 0:
		r.fail(errNumber)
		return 0
	}
	r.rest = r.rest[size:]
	return int(n) //nolint:gosec // bounded above
}

// count reads how many entries of at least size bytes follow.
func (r *reader) count(size int) int {
	n := r.int()
	if n > len(r.rest)/size {
		r.fail(errShort)
		return 0
	}
	return n
}

func (r *reader) bytes(limit int) []byte {
	n := r.int()
	if n > limit {
		r.fail(errNumber)
		return nil
	}
	return r.take(n)
}
