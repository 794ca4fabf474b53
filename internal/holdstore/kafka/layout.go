package kafka

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// The topics, by what they are for. Their names have the prefix before them.
const (
	itemsTopic     = "items"
	indexTopic     = "index"
	decisionsTopic = "decisions"
)

// Headers of a chunk. They are for those who look at a topic with other tools:
// this package finds chunks by the offsets in the index entry.
const (
	headerItem = "item" // the item's id
	headerPart = "part" // 1 byte: envelope.View or envelope.Restore
	headerAt   = "at"   // number of the chunk within its part, uint32
	headerOf   = "of"   // how many chunks the part has, uint32
	headerKey  = "key"  // id of the key pair it is sealed for
)

const (
	// maxChunk is the longest chunk that is stored. Package seal makes
	// shorter ones, of 900 KiB.
	maxChunk = 940 << 10
	// maxRequest is how many bytes of chunks go into one request, which is
	// one batch, which a topic limits by max.message.bytes (minMessageBytes).
	maxRequest = 940 << 10
	// maxItem is the size of the largest item that is stored.
	maxItem int64 = 2 << 30
	// maxEntry is the size of the largest index entry or entry of the log.
	maxEntry = 512 << 10
)

// rollKey is the key of index records that say nothing. Brokers do not compact
// the segment that is being written, and begin a new one only when something
// is written: on a quiet partition a destroyed capsule would stay for ever.
const rollKey = "roll"

// route is what a partition is chosen by and records are keyed by: the trace,
// or the item where there is none.
func route(id envelope.ID, trace [16]byte) [16]byte {
	if trace != ([16]byte{}) {
		return trace
	}
	return id
}

// partition is where everything about an item is, in all topics: the first
// eight bytes of SHA-256 of its route, big endian, modulo the number of
// partitions. It is part of the format and never changes.
func partition(id envelope.ID, trace [16]byte, partitions int) int32 {
	r := route(id, trace)
	sum := sha256.Sum256(r[:])
	return int32(binary.BigEndian.Uint64(sum[:8]) % uint64(partitions)) //nolint:gosec // G115: below partitions, an int32
}

// chunkRecords makes the records of an item's chunks, in order.
func chunkRecords(it *holdstore.Item) []record {
	var all []record
	key := route(it.ID, it.Trace)
	for _, part := range []struct {
		part   envelope.Part
		chunks [][]byte
	}{{envelope.View, it.View}, {envelope.Restore, it.Restore}} {
		for i, chunk := range part.chunks {
			all = append(all, record{
				key:   key[:],
				value: chunk,
				headers: []header{
					{headerItem, it.ID[:]},
					{headerPart, []byte{byte(part.part)}},
					{headerAt, binary.BigEndian.AppendUint32(nil, uint32(i))},                //nolint:gosec // G115: below maxChunks
					{headerOf, binary.BigEndian.AppendUint32(nil, uint32(len(part.chunks)))}, //nolint:gosec // G115: below maxChunks
					{headerKey, it.Capsule.Key[:]},
				},
			})
		}
	}
	return all
}

// groups cuts records into what goes into one request each.
func groups(all []record) [][]record {
	var cut [][]record
	for len(all) > 0 {
		n, size := 0, 0
		for n < len(all) && (n == 0 || size+len(all[n].value) <= maxRequest) {
			size += len(all[n].value)
			n++
		}
		cut = append(cut, all[:n])
		all = all[n:]
	}
	return cut
}

var errNotALogEntry = errors.New("not an entry of the log of decisions")

const logVersion = 1

// encodeLogEntry returns the bytes of an entry of the log of decisions.
func encodeLogEntry(r holdstore.Record) []byte {
	b := []byte{logVersion}
	b = append(b, r.Item[:]...)
	b = append(b, r.Trace[:]...)
	return append(b, r.Data...)
}

// parseLogEntry decodes what encodeLogEntry made. Data is a part of b.
func parseLogEntry(b []byte) (holdstore.Record, error) {
	if len(b) < 33 || b[0] != logVersion {
		return holdstore.Record{}, errNotALogEntry
	}
	return holdstore.Record{Item: envelope.ID(b[1:17]), Trace: [16]byte(b[17:33]), Data: b[33:]}, nil
}
