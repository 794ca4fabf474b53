package kafka

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// partitionVectors are those of docs/format/kafka-topics.md: they never change.
var (
	vectorID         = envelope.ID{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	vectorTrace      = [16]byte{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36}
	partitionVectors = []struct {
		trace      [16]byte
		partitions int
		want       int32
	}{{vectorTrace, 12, 4}, {vectorTrace, 3, 1}, {[16]byte{}, 12, 2}}
)

func TestPartition(t *testing.T) {
	for _, v := range partitionVectors {
		require.Equal(t, v.want, partition(vectorID, v.trace, v.partitions), "%d partitions", v.partitions)
	}
	require.Zero(t, partition(vectorID, vectorTrace, 1))
	var spread [12]int
	for n := range 12000 {
		it := envelope.ID{byte(n >> 8), byte(n)}
		spread[partition(it, [16]byte{}, 12)]++
	}
	for p, n := range spread {
		require.InDelta(t, 1000, n, 150, "partition %d", p)
	}
}

// TestEntryBytes is the example of docs/format/kafka-topics.md.
func TestEntryBytes(t *testing.T) {
	e := exampleEntry()
	require.Equal(t, exampleHex, hex.EncodeToString(e.encode()))
	back, err := parseEntry(e.encode())
	require.NoError(t, err)
	require.Equal(t, e, back)
}

func exampleEntry() *entry {
	e := &entry{meta: holdstore.Meta{
		ID: envelope.ID{1}, Trace: [16]byte{2}, Signal: "traces", Service: "checkout", Severity: "high", Rules: []string{"a", "b"},
		Findings: 3, Secrets: 2, Spans: 300, Bytes: 4096, HeldAt: time0, Policy: "p", Sum: [32]byte{4},
	}}
	e.capsule = envelope.Capsule{Key: envelope.KeyID{3}, Enc: []byte{0xaa, 0xbb}}
	e.view = []place{{offset: 200, size: 1024, sum: [16]byte{5}}}
	e.restore = []place{{offset: 201, size: 1, sum: [16]byte{6}}}
	return e
}

func TestEntryLimits(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(it *holdstore.Item)
	}{
		{"chunk too long", func(it *holdstore.Item) { it.View = [][]byte{make([]byte, maxChunk+1)} }},
		{"too many chunks", func(it *holdstore.Item) { it.Restore = make([][]byte, maxChunks) }},
		{"too many rules", func(it *holdstore.Item) { it.Rules = make([]string, maxRules+1) }},
		{"negative count", func(it *holdstore.Item) { it.Secrets = -1 }},
		{"too large an entry", func(it *holdstore.Item) { it.Policy = string(make([]byte, maxEntry)) }},
		{"too large an item", func(it *holdstore.Item) {
			chunk := make([]byte, maxChunk)
			for range maxItem/maxChunk + 1 {
				it.View = append(it.View, chunk)
			}
		}},
	} {
		it := storetest.Item(1, 100, 100)
		_, err := newEntry(it)
		require.NoError(t, err)
		test.change(it)
		_, err = newEntry(it)
		require.Error(t, err, test.name)
	}
}

func TestGroups(t *testing.T) {
	var all []record
	for _, n := range []int{maxRequest, 1, 2, maxRequest - 3, 1, maxRequest} {
		all = append(all, record{value: make([]byte, n)})
	}
	var sizes [][]int
	for _, g := range groups(all) {
		var s []int
		for _, r := range g {
			s = append(s, len(r.value))
		}
		sizes = append(sizes, s)
	}
	require.Equal(t, [][]int{{maxRequest}, {1, 2, maxRequest - 3}, {1}, {maxRequest}}, sizes)
	require.Empty(t, groups(nil))
}

// FuzzEntry: whatever is taken encodes to the same bytes.
func FuzzEntry(f *testing.F) {
	f.Add(exampleEntry().encode())
	e, err := newEntry(storetest.Item(1, 2_000_000, 2000))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry(b)
		if err == nil && !bytes.Equal(e.encode(), b) {
			t.Fatal("an entry was taken that encodes to other bytes")
		}
	})
}

// FuzzLogEntry: the same for the log.
func FuzzLogEntry(f *testing.F) {
	f.Add(encodeLogEntry(holdstore.Record{Item: envelope.ID{1}, Trace: [16]byte{2}, Data: []byte("x")}))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseLogEntry(b)
		if err == nil && !bytes.Equal(encodeLogEntry(r), b) {
			t.Fatal("an entry was taken that encodes to other bytes")
		}
	})
}

// FuzzSpoolFile: a file of the spool is what was written, or damaged.
func FuzzSpoolFile(f *testing.F) {
	f.Add(spoolHead(exampleEntry()))
	f.Add([]byte(spoolMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, rest := parseSpoolHead(b); e != nil && !bytes.Equal(append(spoolHead(e), rest...), b) {
			t.Fatal("a file was taken that would be written otherwise")
		}
	})
}

const exampleHex = "010100000000000000000000000000000002000000000000000000000000000000030000000000000002aabb067472616365" +
	"7308636865636b6f7574046869676801700002016101620302ac02802018fae27693b4007b04000000000000000000000000" +
	"0000000000000000000000000000000000000001c80180080500000000000000000000000000000001c90101060000000000" +
	"00000000000000000000"
