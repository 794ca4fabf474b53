package local

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// The kinds of events in state.db, their first byte.
const (
	kindHeld   = 1
	kindRecord = 2
	kindGone   = 3
)

// crc finds bytes that a disk changed. Against people there is the seal.
var crc = crc32.MakeTable(crc32.Castagnoli)

// withSum puts the checksum of key and value after the value.
func withSum(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, crc32.Update(crc32.Checksum(key, crc), crc, value))
}

func checkSum(key, value []byte) ([]byte, error) {
	n := len(value) - 4
	if n < 0 || binary.BigEndian.Uint32(value[n:]) != crc32.Update(crc32.Checksum(key, crc), crc, value[:n]) {
		return nil, fmt.Errorf("%w: the checksum of entry %x is wrong", holdstore.ErrCorrupt, key)
	}
	return value[:n], nil
}

// dictionary are words that take one byte; their order is part of the format.
var dictionary = []string{"", "traces", "logs", "metrics", "low", "medium", "high", "critical"}

const spelled = 0xff

func appendWord(b []byte, s string) []byte {
	if i := slices.Index(dictionary, s); i >= 0 {
		return append(b, byte(i))
	}
	return appendString(append(b, spelled), s)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// encodeHeld encodes an item's event.
func encodeHeld(it *holdstore.Item, p place) []byte {
	b := make([]byte, 0, 256)
	b = append(b, kindHeld)
	b = append(b, it.ID[:]...)
	b = append(b, it.Trace[:]...)
	b = append(b, it.Sum[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(p.day))
	b = binary.AppendVarint(b, it.HeldAt.Unix())
	for _, n := range []int64{int64(it.HeldAt.Nanosecond()), int64(it.Findings), int64(it.Secrets), int64(it.Spans), it.Bytes, int64(len(it.View)), int64(len(it.Restore))} {
		b = binary.AppendVarint(b, n)
	}
	b = appendWord(appendWord(b, it.Signal), it.Severity)
	b = appendString(appendString(appendString(b, it.Service), it.Policy), it.Producer)
	var rules []byte
	for _, r := range it.Rules {
		rules = appendString(rules, r)
	}
	return append(b, rules...)
}

// encodeRecord keeps the time, so that what belongs to no item can go one day.
func encodeRecord(r holdstore.Record, now time.Time) []byte {
	b := append([]byte{kindRecord}, r.Item[:]...)
	b = append(b, r.Trace[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(now.Unix()))
	return append(b, r.Data...)
}

// recordTime reads when an entry of the log was written.
func recordTime(value []byte) time.Time {
	d := &decoder{b: value}
	d.bytes(1 + 16 + 16)
	return time.Unix(int64(binary.BigEndian.Uint64(d.bytes(8))), 0)
}

func encodeGone(id envelope.ID) []byte { return append([]byte{kindGone}, id[:]...) }

// decoder reads an event. Out of bounds it sets bad and goes on with zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad = true
		return make([]byte, min(max(n, 0), 64))
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) str() []byte {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > uint64(len(d.b)-n) {
		d.bad = true
		return nil
	}
	d.b = d.b[n:]
	return d.bytes(int(v))
}

func (r *reader) word(d *decoder) string {
	i := d.bytes(1)[0]
	switch {
	case i == spelled:
		return r.intern(d.str())
	case int(i) < len(dictionary):
		return dictionary[i]
	}
	d.bad = true
	return ""
}

// maxInterned bounds what a reader remembers, in strings.
const maxInterned = 1 << 16

// intern makes equal strings one: a million items have few different ones.
func (r *reader) intern(b []byte) string {
	if s, ok := r.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(r.words) < maxInterned {
		r.words[s] = s
	}
	return s
}

// rules decodes the list that ends an event. Items with the same rules share it.
func (r *reader) rules(d *decoder) []string {
	if len(d.b) == 0 {
		return nil
	}
	if l, ok := r.lists[string(d.b)]; ok {
		d.b = nil
		return l
	}
	all := string(d.b)
	var list []string
	for len(d.b) > 0 && !d.bad {
		list = append(list, r.intern(d.str()))
	}
	list = slices.Clip(list)
	if len(r.lists) < maxInterned {
		r.lists[all] = list
	}
	return list
}

func (r *reader) held(d *decoder) (*holdstore.Meta, holdstore.Ref) {
	m := &holdstore.Meta{}
	copy(m.ID[:], d.bytes(16))
	copy(m.Trace[:], d.bytes(16))
	copy(m.Sum[:], d.bytes(32))
	ref := holdstore.Ref{Items: int64(binary.BigEndian.Uint32(d.bytes(4)))}
	sec := d.varint()
	m.HeldAt = time.Unix(sec, d.varint()).UTC()
	m.Findings, m.Secrets, m.Spans = int(d.varint()), int(d.varint()), int(d.varint())
	m.Bytes = d.varint()
	ref.View, ref.Restore = int32(d.varint()), int32(d.varint())
	m.Signal, m.Severity = r.word(d), r.word(d)
	m.Service, m.Policy, m.Producer = r.intern(d.str()), r.intern(d.str()), r.intern(d.str())
	m.Rules = r.rules(d)
	return m, ref
}

// decode reads an event of state.db.
func (r *reader) decode(key, value []byte) (e holdstore.Event, err error) {
	value, err = checkSum(key, value)
	if err != nil {
		return e, err
	}
	seq := int64(binary.BigEndian.Uint64(key))
	d := &decoder{b: value}
	switch d.bytes(1)[0] {
	case kindHeld:
		e.Held, e.Ref = r.held(d)
		e.Ref.Index = seq
	case kindRecord:
		rec := &holdstore.Record{}
		copy(rec.Item[:], d.bytes(16))
		copy(rec.Trace[:], d.bytes(16))
		d.bytes(8)
		rec.Data = slices.Clone(d.b)
		e.Record, e.At = rec, holdstore.Position{Offset: seq}
	case kindGone:
		e.Gone = (*envelope.ID)(slices.Clone(d.bytes(16)))
	default:
		d.bad = true
	}
	if d.bad {
		return holdstore.Event{}, fmt.Errorf("%w: event %d cannot be read", holdstore.ErrCorrupt, seq)
	}
	return e, nil
}
