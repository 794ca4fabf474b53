package ledger

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/release"
)

// Kind is what a record does. The values are part of the format.
type Kind uint8

// The kinds.
const (
	Approve  Kind = 1 // a vote
	Deny     Kind = 2 // a vote; one is enough
	Expire   Kind = 3 // nobody decided in time
	Claim    Kind = 4 // a gate wants to release, for the length of its lease
	Failed   Kind = 5 // the claim's owner could not release
	Unclaim  Kind = 6 // the claim is void: its owner stops, or is known to have ended
	Released Kind = 7
	Shredded Kind = 8 // the capsule has left the store's files
)

var kindNames = [...]string{"", "approve", "deny", "expire", "claim", "failed", "unclaim", "released", "shredded"}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return ""
}

// Owner names a running gate: its process and the instance in it, both random.
type Owner struct{ Process, Instance [8]byte }

// Record is one entry of the log of decisions. docs/format/decisions.md is its format.
type Record struct {
	Nonce    [16]byte // random: tells this record from all others
	Item     envelope.ID
	Trace    [16]byte
	Kind     Kind
	Expect   uint64 // the version of the item that it changes
	At       time.Time
	By       string // the identity of the person, with a vote
	Reason   string
	Mode     string // release.ModeMasked or ModeOriginal, with Approve
	Required int    // how many approvals are needed, with Approve
	Owner    Owner  // the gate that wrote it
	Lease    time.Duration
	Attempt  int // 1, 2, ...; with Claim, Failed and Released
}

const (
	formatVersion = 1
	macDomain     = "tracescrub decision v1\x00"
	// maxText bounds the texts of a record.
	maxText = 4096
)

// errRecord does not say what is wrong: whoever could use that is no friend.
var errRecord = errors.New("not a record of a gate with this key")

// Encode returns the entry of the log for r, authenticated with key.
func (r *Record) Encode(key []byte) holdstore.Record {
	b := r.append(make([]byte, 0, 192+len(r.By)+len(r.Reason)))
	return holdstore.Record{Item: r.Item, Trace: r.Trace, Data: append(b, mac(key, b)...)}
}

func mac(key, data []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(macDomain))
	h.Write(data)
	return h.Sum(nil)
}

func (r *Record) append(b []byte) []byte {
	b = append(b, formatVersion, byte(r.Kind))
	b = append(b, r.Nonce[:]...)
	b = append(b, r.Item[:]...)
	b = append(b, r.Trace[:]...)
	b = append(b, r.Owner.Process[:]...)
	b = append(b, r.Owner.Instance[:]...)
	b = append(b, modeByte(r.Mode))
	for _, n := range []uint64{r.Expect, nanos(r.At), uint64(max(r.Lease, 0)), uint64(max(r.Required, 0)), uint64(max(r.Attempt, 0))} {
		b = binary.AppendUvarint(b, n)
	}
	for _, s := range []string{r.By, r.Reason} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return b
}

func nanos(t time.Time) uint64 { return uint64(max(t.UnixNano(), 0)) }

// Decode reads what Encode wrote. An entry that was not written with key, or
// that stands at another item's place, is an error.
func Decode(key []byte, entry holdstore.Record) (*Record, error) {
	n := len(entry.Data) - sha256.Size
	if n < 0 || !hmac.Equal(mac(key, entry.Data[:n]), entry.Data[n:]) {
		return nil, errRecord
	}
	r, ok := parse(entry.Data[:n])
	if !ok || r.Item != entry.Item || r.Trace != entry.Trace {
		return nil, errRecord
	}
	return r, nil
}

// parse reads a record without its MAC. What it takes has one encoding only.
func parse(b []byte) (*Record, bool) {
	c := cursor{b: b}
	r := &Record{}
	version, kind := c.byte(), Kind(c.byte())
	for _, dst := range [][]byte{r.Nonce[:], r.Item[:], r.Trace[:], r.Owner.Process[:], r.Owner.Instance[:]} {
		copy(dst, c.take(uint64(len(dst))))
	}
	mode := c.byte()
	r.Kind, r.Expect = kind, c.uvarint(math.MaxUint64)
	r.At = time.Unix(0, int64(c.uvarint(math.MaxInt64))).UTC()
	r.Lease = time.Duration(c.uvarint(math.MaxInt64))
	r.Required, r.Attempt = int(c.uvarint(math.MaxInt32)), int(c.uvarint(math.MaxInt32))
	r.By, r.Reason = string(c.take(c.uvarint(maxText))), string(c.take(c.uvarint(maxText)))
	switch mode {
	case 0:
	case 1:
		r.Mode = release.ModeMasked
	case 2:
		r.Mode = release.ModeOriginal
	default:
		return nil, false
	}
	if c.bad || len(c.b) > 0 || version != formatVersion || kind.String() == "" {
		return nil, false
	}
	// A number may be written in more bytes than it needs; not here.
	return r, bytes.Equal(r.append(nil), b)
}

func modeByte(mode string) byte {
	switch mode {
	case release.ModeMasked:
		return 1
	case release.ModeOriginal:
		return 2
	}
	return 0
}

// cursor reads from b; once something is missing all that follows is zero.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n uint64) []byte {
	if c.bad || n > uint64(len(c.b)) {
		c.bad = true
		return nil
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) byte() byte {
	if b := c.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (c *cursor) uvarint(most uint64) uint64 {
	n, size := binary.Uvarint(c.b)
	if c.bad || size <= 0 || n > most {
		c.bad = true
		return 0
	}
	c.b = c.b[size:]
	return n
}
