package kafka_test

import (
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// TestConformance runs what every store must do, with a spool and without one.
func TestConformance(t *testing.T) {
	for _, test := range []struct {
		name  string
		spool bool
	}{{"without a spool", false}, {"with a spool", true}} {
		t.Run(test.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				t.Helper()
				b := newBroker(t)
				cfg := b.config("")
				if test.spool {
					cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
				}
				return storetest.Harness{
					Open:    func(t *testing.T) holdstore.Store { t.Helper(); return open(t, cfg) },
					Corrupt: func(_ *testing.T, it *holdstore.Item) { b.damageChunk(it.View[0]) },
					Settle:  func(t *testing.T) { t.Helper(); b.compact(t) },
					Faults:  b.faults(),
				}
			})
		})
	}
}

func (b *broker) damageChunk(chunk []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.damage = append(b.damage, chunk[:32])
}

// faults are the ways in which writes fail, with the record written or not.
func (b *broker) faults() []storetest.Fault {
	produce := func(err *kerr.Error, topic string, count int) func(t *testing.T) func() {
		return func(t *testing.T) func() {
			t.Helper()
			h := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: topic, Err: err, Count: count})
			return h.Remove
		}
	}
	all := []storetest.Fault{
		{Name: "all connections are cut", Inject: func(t *testing.T) func() {
			t.Helper()
			b.cut()
			return func() {}
		}},
		{Name: "the answer to a write never comes", Inject: func(t *testing.T) func() {
			t.Helper()
			b.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				return nil, errCut, true
			})
			return func() {}
		}},
		{Name: "leaders move", Inject: func(t *testing.T) func() {
			t.Helper()
			b.ShufflePartitionLeaders()
			return func() {}
		}},
		{Name: "brokers away", Inject: func(t *testing.T) func() {
			t.Helper()
			b.away()
			return b.back
		}},
		{Name: "brokers stalled", Inject: func(t *testing.T) func() { t.Helper(); return b.stall() }},
	}
	for _, topic := range []string{"tracescrub.items", "tracescrub.index", "tracescrub.decisions"} {
		for _, err := range []*kerr.Error{
			kerr.RequestTimedOut, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.NotLeaderForPartition, kerr.KafkaStorageError,
		} {
			all = append(all, storetest.Fault{Name: topic + ": " + err.Message + " twice", Inject: produce(err, topic, 2)})
		}
		all = append(all, storetest.Fault{Name: topic + ": refused", Inject: produce(kerr.TopicAuthorizationFailed, topic, -1)})
	}
	return all
}
