package kafka

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/envelope"
)

var update = flag.Bool("update", false, "write the table of docs/scale.md anew")

// skewItems are how many items each case has.
const skewItems = 200_000

// skew is one way in which held traces may come.
type skew struct {
	name string
	// trace and size are those of item i.
	trace func(rng *rand.Rand, i int) [16]byte
	size  func(rng *rand.Rand) float64
	// hot is the share of the bytes that one trace has.
	hot float64
	// sure is how far the busiest partition may be above the mean, besides
	// what a hot trace brings.
	sure float64
}

func randomTrace(rng *rand.Rand, _ int) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], rng.Uint64())
	return id
}

// hotTrace has all items of one share.
func hotTrace(share float64) func(*rand.Rand, int) [16]byte {
	return func(rng *rand.Rand, i int) [16]byte {
		if rng.Float64() < share {
			return [16]byte{1}
		}
		return randomTrace(rng, i)
	}
}

func evenSize(*rand.Rand) float64 { return 10_000 }

// paretoSize has a long tail: most items are small, few have megabytes.
func paretoSize(rng *rand.Rand) float64 {
	return min(1e7, 4000/math.Pow(1-rng.Float64(), 1/1.2))
}

var skews = []skew{
	{"random trace ids", randomTrace, evenSize, 0, 0.12},
	{"ids that count up", func(_ *rand.Rand, i int) (id [16]byte) {
		binary.BigEndian.PutUint64(id[8:], uint64(i)+1)
		return id
	}, evenSize, 0, 0.12},
	{"ids of 64 bits", func(rng *rand.Rand, _ int) (id [16]byte) {
		binary.BigEndian.PutUint64(id[8:], rng.Uint64())
		return id
	}, evenSize, 0, 0.12},
	{"sizes from 4 KB to 10 MB", randomTrace, paretoSize, 0, 1},
	{"one trace has 1 % of it", hotTrace(0.01), evenSize, 0.01, 0.12},
	{"one trace has 10 % of it", hotTrace(0.1), evenSize, 0.1, 0.12},
}

var partitionCounts = []int{12, 24, 48, 96}

// busiest is the load of the busiest partition, as a multiple of the mean.
func (s skew) busiest(partitions int) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	load, sum := make([]float64, partitions), 0.0
	for i := range skewItems {
		var item envelope.ID
		binary.BigEndian.PutUint64(item[:], rng.Uint64())
		trace, size := s.trace(rng, i), s.size(rng)
		load[partition(item, trace, partitions)] += size
		sum += size
	}
	most := 0.0
	for _, l := range load {
		most = max(most, l)
	}
	return most / sum * float64(partitions)
}

// TestSkew bounds how unevenly held traces lie on partitions: hardly, whatever
// their ids, but for a trace that is a large share of everything, which lies
// on one. docs/scale.md has the figures.
func TestSkew(t *testing.T) {
	var table strings.Builder
	table.WriteString("| busiest partition, of the mean | 12 partitions | 24 | 48 | 96 |\n|---|---|---|---|---|\n")
	for _, s := range skews {
		table.WriteString("| " + s.name)
		for _, p := range partitionCounts {
			got := s.busiest(p)
			least, most := s.hot*float64(p)*0.95, 1+s.hot*float64(p)*1.05+s.sure
			if got < max(1, least) || got > most {
				t.Errorf("%s, %d partitions: %.2f, want %.2f to %.2f", s.name, p, got, max(1, least), most)
			}
			fmt.Fprintf(&table, " | %.2f", got)
		}
		table.WriteString(" |\n")
	}
	t.Run("without a trace", func(t *testing.T) { // records that belong to none
		s := skew{trace: func(*rand.Rand, int) (id [16]byte) { return id }, size: evenSize}
		if got := s.busiest(96); got > 1.12 {
			t.Errorf("%.2f, want at most 1.12: the item's id decides", got)
		}
	})
	const doc, begin, end = "../../../docs/scale.md", "<!-- skew:begin, made by go test ./internal/holdstore/kafka -run TestSkew -update -->\n", "<!-- skew:end -->\n"
	text, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("docs/scale.md has no markers of the table")
	}
	made := head + begin + "\n" + table.String() + "\n" + end + tail
	if *update {
		if err := os.WriteFile(doc, []byte(made), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if made != string(text) {
		t.Errorf("the table of docs/scale.md is not that of the simulation, which is\n%s", table.String())
	}
}
