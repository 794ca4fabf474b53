// Package scale computes how many gateways, gates, partitions and disks a rate
// of spans takes, of the unit costs in the records of the benchmarks. The
// tables of docs/scale.md and docs/deploy.md are made by it and by nothing
// else: what is measured is measured anew, what is assumed stands in Assumed.
package scale

import (
	"fmt"
	"math"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/record"
)

// Assumed is what nobody can measure for others, and the tables start from.
type Assumed struct {
	SpansPerTrace   float64
	Found           float64 // share of traces with anything found
	Held            float64 // share of traces that are held
	ItemBytes       float64 // of a held trace, sealed
	Busy            float64 // share of the processors that is planned for
	GatewayCores    float64 // of one gateway
	Waiting         float64 // seconds until what nobody decides about expires
	Replicas        float64 // copies that Kafka keeps
	PartitionBytes  float64 // bytes a second that are planned for one partition
	ItemsPerCluster float64 // most items that wait in one index
	DecisionSeconds float64 // a person takes for one item
	WorkingSeconds  float64 // a day, of one person
}

// Usual are the assumptions of the documents.
var Usual = Assumed{
	SpansPerTrace: 20, Found: 0.02, Held: 0.0001, ItemBytes: 20_000, Busy: 0.5, GatewayCores: 8, Waiting: 7 * day,
	Replicas: 3, PartitionBytes: 1e6, ItemsPerCluster: 10_000_000, DecisionSeconds: 60, WorkingSeconds: 8 * 3600,
}

const day = 86400

// sizes are the spans that the whole Collector was measured with.
var sizes = []struct {
	row   string
	bytes float64
}{{"20 x 64 B", 20 * 64}, {"20 x 64 B + 2 x 1 KB", 20*64 + 2<<10}, {"20 x 64 B + 2 x 16 KB", 20*64 + 2<<14}}

// usualSize is the span of the table by rates: one of a call to a model.
const usualSize = 1

// Costs are the unit costs out of the records.
type Costs struct {
	Span        []float64 // seconds of a processor for one span of each of sizes, in the whole Collector
	Holds       float64   // held traces a second that one process takes
	Releases    float64   // items a second that one gate releases
	ItemMemory  float64   // bytes for an item in a gate's index
	StartMemory float64   // bytes of the process when an index of startItems is built
	Fold        float64   // seconds for an item when a gate starts
	Entries     float64   // audit entries a second that one log takes
	EntryBytes  float64   // on its disk
}

// startItems is how many items the part index was measured with.
const startItems = 10_000_000

// Read takes the costs of the last records below dir.
func Read(dir string) (*Costs, error) {
	var missing []string
	parts := map[string]*record.Record{}
	value := func(part, table, row, col string) float64 {
		r, ok := parts[part]
		if !ok {
			var err error
			if r, err = record.Latest(dir, part); err != nil {
				missing = append(missing, err.Error())
			}
			parts[part] = r
		}
		if r != nil {
			for _, s := range r.Series {
				if strings.EqualFold(s.Table, table) && s.Row == row && s.Col == col {
					return s.Value
				}
			}
		}
		missing = append(missing, fmt.Sprintf("%s has no %s, %s, %s", part, table, row, col))
		return math.NaN()
	}
	c := &Costs{
		Holds:       value("quarantine", "hold", "kafka, 10 KB, 64 senders", "requests"),
		Releases:    value("quarantine", "release", "kafka, original", "items"),
		ItemMemory:  value("index", "pending", "Index", "bytes/item"),
		StartMemory: value("index", "pending", "Index", "MB/start") * 1e6,
		Fold:        value("index", "pending", "Index", "ms/fold") / 1000 / startItems,
		Entries:     value("audit", "audit", "`audit_log`, 256 writers", "entries"),
		EntryBytes:  value("audit", "audit check", "`tracescrub audit verify`", "bytes"),
	}
	for _, s := range sizes {
		c.Span = append(c.Span, value("collector", "collector", s.row, "distribution")/1e6)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s: %s", dir, strings.Join(missing, "; "))
	}
	return c, nil
}

// Plan is what one rate takes.
type Plan struct {
	Rate                         float64 // spans a second
	In                           float64 // bytes a second
	Cores, Gateways              float64
	HeldRate, HeldBytes, Waiting float64 // items a second, bytes a second, items that wait if nobody decides
	Clusters, Partitions         float64 // stores with gates of their own; partitions of each topic in each
	Topics                       float64 // bytes of the topics, all copies
	GateMemory, Start            float64 // of one gate: bytes, seconds until it answers
	Entries, Logs, LogBytes      float64 // audit entries a second, logs, bytes a day
	People                       float64 // who decide about each item by itself
}

// Plan computes what a rate takes.
func (a Assumed) Plan(c *Costs, rate float64) Plan {
	p := Plan{Rate: rate, In: rate * sizes[usualSize].bytes}
	p.Cores = rate * c.Span[usualSize] / a.Busy
	p.Gateways = max(2, math.Ceil(p.Cores/a.GatewayCores))
	traces := rate / a.SpansPerTrace
	p.HeldRate = traces * a.Held
	p.HeldBytes = p.HeldRate * a.ItemBytes
	p.Waiting = p.HeldRate * a.Waiting
	p.Clusters = max(1, math.Ceil(p.Waiting/a.ItemsPerCluster), math.Ceil(p.HeldRate/(c.Releases*a.Busy)))
	p.Partitions = max(12, 12*math.Ceil(p.HeldBytes/p.Clusters/a.PartitionBytes/12))
	p.Topics = p.HeldBytes * a.Waiting * a.Replicas
	inIndex := p.Waiting / p.Clusters
	p.GateMemory = inIndex * max(c.ItemMemory, c.StartMemory/startItems)
	p.Start = inIndex * c.Fold
	p.Entries = traces * (a.Found + a.Held)
	p.Logs = max(1, math.Ceil(p.Entries/(c.Entries*a.Busy)))
	p.LogBytes = p.Entries * day * c.EntryBytes
	p.People = p.HeldRate * day * a.DecisionSeconds / a.WorkingSeconds
	return p
}
