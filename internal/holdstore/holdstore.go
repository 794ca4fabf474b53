// Package holdstore says what a store of held items does. It has two
// implementations, local (files on this machine) and kafka. Both store sealed
// bytes that they cannot read, and an append-only log of decisions whose
// meaning they do not know: that is release_gate's.
package holdstore

import (
	"context"
	"errors"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

// Meta is what is known of an item without opening it. It holds nothing of
// the telemetry but the service's name (masked, at most 128 bytes).
type Meta struct {
	ID       envelope.ID
	Signal   string   // traces, logs or metrics
	Trace    [16]byte // zero: none
	Service  string
	Severity string   // the highest of its findings: low, medium, high or critical
	Rules    []string // ids, sorted, each once, at most 32
	Findings int      // how many
	Secrets  int      // how many different ones
	Spans    int      // spans, log records or data points
	Bytes    int64    // the masked telemetry as OTLP protobuf
	HeldAt   time.Time
	Policy   string   // tracescrub.policy
	Producer string   // tracescrub.producer, empty if unknown
	Sum      [32]byte // SHA-256 of the sealed chunks of both parts, in order
}

// Item is what the quarantine exporter stores.
type Item struct {
	Meta
	Capsule envelope.Capsule
	View    [][]byte // sealed chunks
	Restore [][]byte // sealed chunks; none if there is nothing to restore
}

// Ref finds an item in its store. It means something to its store only.
type Ref struct {
	Partition int32
	Index     int64 // where the item's entry in the index is
	Items     int64 // where its first chunk is
	View      int32 // how many chunks
	Restore   int32
}

// Position is a place in the log of decisions.
type Position struct {
	Partition int32
	Offset    int64
}

// Record is an entry of the log of decisions. Data is made, and
// authenticated, by release_gate.
type Record struct {
	Item  envelope.ID
	Trace [16]byte
	Data  []byte
}

// Event is something that happened in the store. Exactly one of the pointers
// is set, or CaughtUp, or none: then it only tells how far the replay is.
type Event struct {
	Held   *Meta        // an item is there; may come twice for the same id. Not to be changed: items share their rules
	Ref    Ref          // with Held
	Gone   *envelope.ID // an item's capsule has been removed
	Record *Record      // an entry of the log
	At     Position     // with Record

	CaughtUp    bool  // all that the store had when Follow was called has been told
	Done, Total int64 // of the replay, in events; Total may be an estimate
}

// Errors that callers tell apart.
var (
	// ErrGone: the item's capsule was destroyed, or its chunks have expired.
	ErrGone = errors.New("the item has been destroyed")
	// ErrFull: there is no room; the sender should try again later.
	ErrFull = errors.New("the quarantine is full")
	// ErrCorrupt: what is stored is not what was written.
	ErrCorrupt = errors.New("the stored item is damaged")
)

// Store holds items. All methods are safe for concurrent use. Errors never
// contain data of items.
type Store interface {
	// Put stores an item: nil means that it is durable. An id that the store
	// has already, decided or not, is nil as well and changes nothing.
	Put(ctx context.Context, it *Item) error
	// Follow calls fn, from one goroutine, with all that the store has, then
	// CaughtUp, then with what happens until ctx ends or fn fails, whose
	// error it returns. Entries of the log come in their order within a
	// partition; an item and the log's entries about it may come in any order.
	Follow(ctx context.Context, fn func(Event) error) error
	// Append adds an entry to the log: nil means that it is durable. Every
	// follower will see it at the position that is answered. After an error
	// it may or may not be there.
	Append(ctx context.Context, r Record) (Position, error)
	// Capsule reads the capsule of an item.
	Capsule(ctx context.Context, id envelope.ID, ref Ref) (envelope.Capsule, error)
	// Chunks reads the sealed chunks of a part, View or Restore.
	Chunks(ctx context.Context, id envelope.ID, ref Ref, part envelope.Part) ([][]byte, error)
	// Shred destroys the capsule of an item. Doing it again is no error.
	Shred(ctx context.Context, id envelope.ID, trace [16]byte) error
	// Shredded reports whether the bytes of the capsule have left the store's
	// files, which may be later than Shred's return.
	Shredded(ctx context.Context, id envelope.ID, ref Ref) (bool, error)
	// Prune removes what the store need not remember of items that were held
	// before t and are destroyed: chunks, index and entries of the log. An
	// item that is not destroyed stays, as long as the store can keep it.
	Prune(ctx context.Context, t time.Time) error
	// Close ends the store for this user of it.
	Close() error
}
