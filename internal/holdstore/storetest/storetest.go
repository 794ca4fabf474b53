// Package storetest is what every holdstore.Store must do, as tests: a store's
// own tests call Run with a way to start it. Where the contract leaves room
// (events may come twice, a write that failed may have happened) so do these.
package storetest

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// Harness is a store under test, empty at first.
type Harness struct {
	// Open opens the store. After Close it is called again and must find what was there.
	Open func(t *testing.T) holdstore.Store
	// Corrupt makes the stored chunks of an item differ from what was
	// written. The store is closed meanwhile.
	Corrupt func(t *testing.T, it *holdstore.Item)
	// Settle, if set, hastens what a store does by and by, such as the
	// destruction of a capsule's bytes. It may be called many times.
	Settle func(t *testing.T)
	// Faults are the ways in which writes can fail.
	Faults []Fault
}

// Fault makes writes fail at one place.
type Fault struct {
	Name string
	// Inject makes the next write fail, and all until it is undone or as
	// long as the fault lasts by its nature.
	Inject func(t *testing.T) (undo func())
}

// Run tests a store. start makes a new empty one for every test.
func Run(t *testing.T, start func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, h Harness)
	}{
		{"replay, then follow", testFollow},
		{"metadata comes back as it was", testMeta},
		{"put twice", testPutTwice},
		{"concurrent puts", testConcurrentPuts},
		{"order of the log", testAppend},
		{"append from within follow", testAppendWithin},
		{"shred", testShred},
		{"50 MB", testLarge},
		{"damaged chunks", testCorrupt},
		{"reopen", testReopen},
		{"what ends follow", testFollowEnds},
		{"close", testClose},
		{"prune", testPrune},
		{"cancelled", testCancelled},
		{"writes that fail", testFaults},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, start(t)) })
	}
}

// wait is how long a test waits for what should happen at once: long enough
// for a busy machine.
const wait = time.Minute

// Item makes a synthetic item, the same for the same arguments: random bytes
// in chunks as large as package seal makes them.
func Item(seed uint64, view, restore int) *holdstore.Item {
	r := rand.New(rand.NewPCG(seed, 4)) //nolint:gosec // G404: the bytes of a test
	it := &holdstore.Item{Meta: holdstore.Meta{
		Signal:   [...]string{"traces", "logs", "metrics"}[seed%3],
		Service:  "checkout",
		Severity: [...]string{"low", "medium", "high", "critical"}[seed%4],
		Rules:    []string{"aws-access-key-id", "private-key"},
		Findings: int(seed%1000) + 1,
		Secrets:  int(seed%10) + 1,
		Spans:    int(seed % 500),
		Bytes:    int64(view),
		HeldAt:   time.Now().UTC(),
		Policy:   "0011223344556677",
		Producer: "00112233445566778899aabbccddeeff",
	}}
	fill(r, it.ID[:])
	fill(r, it.Trace[:])
	it.Capsule.Enc = make([]byte, 1120)
	fill(r, it.Capsule.Enc)
	fill(r, it.Capsule.Key[:])
	it.View, it.Restore = chunks(r, view), chunks(r, restore)
	sum := sha256.New()
	for _, part := range [][][]byte{it.View, it.Restore} {
		for _, c := range part {
			sum.Write(c)
		}
	}
	sum.Sum(it.Sum[:0])
	return it
}

// maxChunk is the longest chunk that package seal makes.
const maxChunk = 900 << 10

func chunks(r *rand.Rand, n int) [][]byte {
	var all [][]byte
	for ; n > 0; n -= maxChunk {
		c := make([]byte, min(n, maxChunk))
		fill(r, c)
		all = append(all, c)
	}
	return all
}

func fill(r *rand.Rand, b []byte) {
	var word [8]byte
	for len(b) > 0 {
		binary.LittleEndian.PutUint64(word[:], r.Uint64())
		b = b[copy(b, word[:]):]
	}
}

// record makes an entry of the log about it.
func record(it *holdstore.Item, data string) holdstore.Record {
	return holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte(data)}
}

var parts = []envelope.Part{envelope.View, envelope.Restore}
