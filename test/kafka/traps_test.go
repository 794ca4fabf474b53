package kafka_test

import (
	"bytes"
	"compress/gzip"
	"hash/crc32"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// rawBatch is a batch as a broker keeps it: compaction takes records away and
// leaves the rest of it as it was.
type rawBatch struct {
	base    int64
	deltas  int32 // the last offset is base+deltas
	gzip    bool
	control bool
	records []rawRecord
}

type rawRecord struct {
	delta      int32
	key, value []byte
}

func (b rawBatch) bytes(t *testing.T) []byte {
	t.Helper()
	var records []byte
	for _, r := range b.records {
		rec := kmsg.Record{OffsetDelta: r.delta, Key: r.key, Value: r.value}
		rec.Length = int32(len(rec.AppendTo(nil)) - 1) // the length itself is one byte for 0
		records = rec.AppendTo(records)
	}
	batch := kmsg.RecordBatch{
		FirstOffset: b.base, Magic: 2, LastOffsetDelta: b.deltas, ProducerID: 7, ProducerEpoch: 0, NumRecords: int32(len(b.records)),
	}
	if b.control {
		batch.Attributes |= 0x20
	}
	if b.gzip && len(records) > 0 {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, err := w.Write(records)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		records = z.Bytes()
		batch.Attributes |= 1
	}
	batch.Records = records
	raw := batch.AppendTo(nil)
	batch.Length = int32(len(raw) - 12)
	batch.CRC = int32(crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli))) //nolint:gosec // G115: the same bits
	return batch.AppendTo(nil)
}

// serve makes the broker answer fetches from a partition of the index with one
// batch at a time, alone: the one that has the offset, or else the next.
func (b *broker) serve(t *testing.T, p int32, batches []rawBatch, end int64) {
	t.Helper()
	raw := make([][]byte, len(batches))
	for i, batch := range batches {
		raw[i] = batch.bytes(t)
	}
	b.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.FetchRequest)
		if len(req.Topics) != 1 || req.Topics[0].Topic != "tracescrub.index" || req.Topics[0].Partitions[0].Partition != p {
			return nil, nil, false
		}
		offset := req.Topics[0].Partitions[0].FetchOffset
		if offset >= end {
			return nil, nil, false
		}
		b.KeepControl()
		answer := kmsg.NewFetchResponseTopicPartition()
		answer.Partition, answer.HighWatermark, answer.LastStableOffset, answer.LogStartOffset = p, end, end, 0
		for i, batch := range batches {
			if batch.base+int64(batch.deltas) >= offset {
				answer.RecordBatches = raw[i]
				break
			}
		}
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic = "tracescrub.index"
		topic.Partitions = append(topic.Partitions, answer)
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
}

// TestCompactedBatches has what compaction leaves behind on real brokers, and
// what makes other readers hang or panic.
func TestCompactedBatches(t *testing.T) {
	for _, test := range []struct {
		name string
		// batches, with one key for a record that has the entry of the item
		batches func(key, value []byte) []rawBatch
	}{
		{"two empty batches in a row", func(key, value []byte) []rawBatch {
			return []rawBatch{{base: 0}, {base: 1, deltas: 1}, {base: 3, records: []rawRecord{{0, key, value}}}}
		}},
		{"an empty batch is the last", func(key, value []byte) []rawBatch {
			return []rawBatch{{base: 0, records: []rawRecord{{0, key, value}}}, {base: 1, deltas: 2}}
		}},
		{"the tail of a batch is gone", func(key, value []byte) []rawBatch {
			return []rawBatch{
				{base: 0, deltas: 3, records: []rawRecord{{0, []byte("roll"), nil}}},
				{base: 4, records: []rawRecord{{0, key, value}}},
			}
		}},
		{"the tail of a compressed batch is gone", func(key, value []byte) []rawBatch {
			return []rawBatch{
				{base: 0, deltas: 3, gzip: true, records: []rawRecord{{0, []byte("roll"), nil}, {1, []byte("roll"), nil}}},
				{base: 4, gzip: true, records: []rawRecord{{0, key, value}}},
			}
		}},
		{"the tail of the last batch is gone", func(key, value []byte) []rawBatch {
			return []rawBatch{{base: 0, deltas: 3, gzip: true, records: []rawRecord{{0, key, value}}}}
		}},
		{"whole batches are gone", func(key, value []byte) []rawBatch {
			return []rawBatch{{base: 2, records: []rawRecord{{0, key, value}}}}
		}},
		{"a control batch", func(key, value []byte) []rawBatch {
			return []rawBatch{
				{base: 0, control: true, records: []rawRecord{{0, []byte{0, 0, 0, 1}, []byte{0, 0, 0, 0, 0, 0}}}},
				{base: 1, records: []rawRecord{{0, key, value}}},
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBroker(t)
			s := open(t, b.config(""))
			it := storetest.Item(1, 1000, 10)
			ref, key, value := b.entryOf(t, s, it)
			batches := test.batches(key, value)
			end := int64(0)
			at := int64(-1)
			for _, batch := range batches {
				end = batch.base + int64(batch.deltas) + 1
				for _, r := range batch.records {
					if bytes.Equal(r.key, key) {
						at = batch.base + int64(r.delta)
					}
				}
			}
			// The partition is as long as the crafted one.
			for n := int64(1); n < end; n++ {
				require.NoError(t, s.Shred(t.Context(), envelope.ID{byte(n)}, it.Trace))
			}
			b.serve(t, ref.Partition, batches, end)

			all := replay(t, s)
			require.Contains(t, all.refs, it.ID)
			got := all.refs[it.ID]
			require.Equal(t, at, got.Index)
			requireItem(t, s, it, got)
			for offset := range end {
				ref := holdstore.Ref{Partition: ref.Partition, Index: offset}
				done, err := s.Shredded(t.Context(), it.ID, ref)
				require.NoError(t, err)
				there := false
				for _, batch := range batches {
					for _, r := range batch.records {
						there = there || !batch.control && batch.base+int64(r.delta) == offset
					}
				}
				require.Equal(t, !there, done, "offset %d", offset)
				if done {
					_, err := s.Capsule(t.Context(), it.ID, ref)
					require.ErrorIs(t, err, holdstore.ErrGone)
				}
			}
		})
	}
}

// entryOf puts an item and returns the record that its entry became.
func (b *broker) entryOf(t testing.TB, s holdstore.Store, it *holdstore.Item) (ref holdstore.Ref, key, value []byte) {
	t.Helper()
	var entry atomic.Pointer[[]byte]
	b.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.ProduceRequest)
		if req.Topics[0].Topic != "tracescrub.index" {
			return nil, nil, false
		}
		b.DropControl()
		ref.Partition = req.Topics[0].Partitions[0].Partition
		var batch kmsg.RecordBatch
		if err := batch.ReadFrom(req.Topics[0].Partitions[0].Records); err != nil {
			return nil, err, true
		}
		var r kmsg.Record
		if err := r.ReadFrom(batch.Records); err != nil {
			return nil, err, true
		}
		v := bytes.Clone(r.Value)
		entry.Store(&v)
		return nil, nil, false
	})
	require.NoError(t, s.Put(t.Context(), it))
	require.NotNil(t, entry.Load())
	return ref, it.ID[:], *entry.Load()
}
