package kafka

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// entry is the value of a record in the index topic.
type entry struct {
	meta    holdstore.Meta
	capsule envelope.Capsule
	// view and restore are where the chunks are.
	view, restore []place
}

// place is where a chunk is, and what it must be.
type place struct {
	offset int64
	size   int
	sum    [16]byte // the first half of SHA-256
}

const (
	entryVersion = 1
	maxChunks    = 4096
	maxRules     = 32
)

var errNotAnEntry = errors.New("not an index entry")

func sumOf(chunk []byte) [16]byte {
	sum := sha256.Sum256(chunk)
	return [16]byte(sum[:16])
}

// newEntry makes the entry of an item whose chunks are not yet anywhere.
func newEntry(it *holdstore.Item) (*entry, error) {
	total := int64(0)
	for _, chunk := range slices.Concat(it.View, it.Restore) {
		if len(chunk) > maxChunk {
			return nil, fmt.Errorf("item %s: a chunk of %d bytes, more than %d", it.ID, len(chunk), maxChunk)
		}
		total += int64(len(chunk))
	}
	switch {
	case total > maxItem:
		return nil, fmt.Errorf("item %s: %d bytes, more than %d", it.ID, total, maxItem)
	case len(it.View)+len(it.Restore) > maxChunks:
		return nil, fmt.Errorf("item %s: more than %d chunks", it.ID, maxChunks)
	case len(it.Rules) > maxRules:
		return nil, fmt.Errorf("item %s: more than %d rules", it.ID, maxRules)
	case it.Findings < 0 || it.Secrets < 0 || it.Spans < 0 || it.Bytes < 0:
		return nil, fmt.Errorf("item %s: a count is negative", it.ID)
	}
	e := &entry{meta: it.Meta, capsule: it.Capsule, view: sums(it.View), restore: sums(it.Restore)}
	if n := len(e.encode()); n > maxEntry {
		return nil, fmt.Errorf("item %s: an index entry of %d bytes, more than %d", it.ID, n, maxEntry)
	}
	return e, nil
}

func sums(chunks [][]byte) []place {
	var places []place
	for _, chunk := range chunks {
		places = append(places, place{size: len(chunk), sum: sumOf(chunk)})
	}
	return places
}

// placed says at which offsets the chunks are: those of the view, then those of restore.
func (e *entry) placed(offsets []int64) {
	for i, at := range offsets {
		if i < len(e.view) {
			e.view[i].offset = at
		} else {
			e.restore[i-len(e.view)].offset = at
		}
	}
}

// encode returns the bytes of the entry.
func (e *entry) encode() []byte {
	m := &e.meta
	b := []byte{entryVersion}
	b = append(b, m.ID[:]...)
	b = append(b, m.Trace[:]...)
	b = append(b, e.capsule.Key[:]...)
	b = appendBytes(b, e.capsule.Enc)
	for _, s := range []string{m.Signal, m.Service, m.Severity, m.Policy, m.Producer} {
		b = appendBytes(b, []byte(s))
	}
	b = binary.AppendUvarint(b, uint64(len(m.Rules)))
	for _, s := range m.Rules {
		b = appendBytes(b, []byte(s))
	}
	for _, n := range []int64{int64(m.Findings), int64(m.Secrets), int64(m.Spans), m.Bytes} {
		b = binary.AppendUvarint(b, uint64(n)) //nolint:gosec // G115: newEntry has seen that it is not negative
	}
	b = binary.BigEndian.AppendUint64(b, uint64(m.HeldAt.UnixNano())) //nolint:gosec // G115: the same bits
	b = append(b, m.Sum[:]...)
	for _, places := range [][]place{e.view, e.restore} {
		b = binary.AppendUvarint(b, uint64(len(places)))
		for _, p := range places {
			b = binary.AppendUvarint(b, uint64(p.offset)) //nolint:gosec // G115: offsets are not negative
			b = binary.AppendUvarint(b, uint64(p.size))   //nolint:gosec // G115: nor are sizes
			b = append(b, p.sum[:]...)
		}
	}
	return b
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parseEntry decodes what appendTo made, and nothing else: whatever it takes
// encodes to the same bytes again.
func parseEntry(b []byte) (*entry, error) {
	r := reader{rest: b}
	e := &entry{}
	m := &e.meta
	if len(b) > maxEntry || r.take(1)[0] != entryVersion {
		return nil, errNotAnEntry
	}
	m.ID, m.Trace = envelope.ID(r.take(16)), [16]byte(r.take(16))
	e.capsule.Key = envelope.KeyID(r.take(8))
	if enc := r.bytes(); len(enc) > 0 {
		e.capsule.Enc = append([]byte(nil), enc...)
	}
	for _, s := range []*string{&m.Signal, &m.Service, &m.Severity, &m.Policy, &m.Producer} {
		*s = string(r.bytes())
	}
	for range r.count(maxRules) {
		m.Rules = append(m.Rules, string(r.bytes()))
	}
	m.Findings, m.Secrets, m.Spans = int(r.number(1<<31-1)), int(r.number(1<<31-1)), int(r.number(1<<31-1))
	m.Bytes = r.number(1<<63 - 1)
	m.HeldAt = time.Unix(0, int64(binary.BigEndian.Uint64(r.take(8)))).UTC() //nolint:gosec // G115: the same bits
	m.Sum = [32]byte(r.take(32))
	total := int64(0)
	for _, places := range []*[]place{&e.view, &e.restore} {
		for range r.count(maxChunks) {
			p := place{offset: r.number(1<<63 - 1), size: int(r.number(maxChunk)), sum: [16]byte(r.take(16))}
			total += int64(p.size)
			*places = append(*places, p)
		}
	}
	if r.bad || len(r.rest) > 0 || total > maxItem || len(e.view)+len(e.restore) > maxChunks {
		return nil, errNotAnEntry
	}
	return e, nil
}

// reader reads what was appended. After the first fault it is bad and reads zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return make([]byte, min(n, 64))
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// number reads an unsigned number in its shortest form, as the format has no other.
func (r *reader) number(most int64) int64 {
	n, size := binary.Uvarint(r.rest)
	if r.bad || size <= 0 || n > uint64(most) || size > 1 && r.rest[size-1] == 0 { //nolint:gosec // G115: most is not negative
		r.bad = true
		return 0
	}
	r.rest = r.rest[size:]
	return int64(n) //nolint:gosec // G115: at most most
}

// count reads how many things follow.
func (r *reader) count(most int) int {
	n := int(r.number(int64(most)))
	if r.bad {
		return 0
	}
	return n
}

func (r *reader) bytes() []byte {
	n := int(r.number(maxEntry))
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	return r.take(n)
}
