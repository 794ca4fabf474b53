package kafka_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// TestLostAcks: brokers write and do not say so. What is then there twice harms nobody.
func TestLostAcks(t *testing.T) {
	b := newBroker(t)
	s := open(t, b.config(""))
	it := storetest.Item(1, 2_000_000, 3000)
	h := b.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.RequestTimedOut, Count: 2},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "tracescrub.index", Err: kerr.NotEnoughReplicasAfterAppend, Count: 2})
	require.NoError(t, s.Put(t.Context(), it))
	require.Equal(t, 4, h.Hits())
	all := replay(t, s)
	require.Equal(t, map[envelope.ID]int{it.ID: 3}, all.times, "told three times")
	requireItem(t, s, it, all.refs[it.ID])

	require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
	b.compact(t)
	done, err := s.Shredded(t.Context(), it.ID, all.refs[it.ID])
	require.NoError(t, err)
	require.True(t, done)
	require.Empty(t, replay(t, s).refs, "none of the three is left")
}

func requireItem(t *testing.T, s *kafka.Store, it *holdstore.Item, ref holdstore.Ref) {
	t.Helper()
	c, err := s.Capsule(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.Equal(t, it.Capsule, c)
	for part, want := range map[envelope.Part][][]byte{envelope.View: it.View, envelope.Restore: it.Restore} {
		got, err := s.Chunks(t.Context(), it.ID, ref, part)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// TestLeadersMove: writers and a follower go on while leaders change and brokers come and go.
func TestLeadersMove(t *testing.T) {
	b := newBroker(t)
	s := open(t, b.config(filepath.Join(t.TempDir(), "spool")))
	stop := make(chan struct{})
	var moving sync.WaitGroup
	moving.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
				b.ShufflePartitionLeaders()
				b.cut()
			}
		}
	})
	var items []*holdstore.Item
	for n := range 40 {
		it := storetest.Item(uint64(n), 30_000, 100)
		items = append(items, it)
		require.NoError(t, s.Put(t.Context(), it))
	}
	close(stop)
	moving.Wait()
	eventually(t, "the spool is empty", func() bool { n, _ := s.Spooled(); return n == 0 })
	all := replay(t, s)
	for _, it := range items {
		requireItem(t, s, it, all.refs[it.ID])
	}
}

// TestAwayAndBack: a store that starts without brokers takes items, and brings them when they come.
func TestAwayAndBack(t *testing.T) {
	b := newBroker(t)
	b.away()
	cfg := b.config(filepath.Join(t.TempDir(), "spool"))
	s, logs := openLogged(t, cfg)
	require.Equal(t, 1, logs.FilterMessageSnippet("do not answer").Len())
	var items []*holdstore.Item
	for n := range 20 {
		it := storetest.Item(uint64(n), 10_000, 100)
		items = append(items, it)
		began := time.Now()
		require.NoError(t, s.Put(t.Context(), it))
		if n > 0 {
			require.Less(t, time.Since(began), cfg.Timeout, "the brokers were tried again")
		}
	}
	n, _ := s.Spooled()
	require.Equal(t, 20, n)
	b.back()
	eventually(t, "the spool is empty", func() bool { n, _ := s.Spooled(); return n == 0 })
	all := replay(t, s)
	for _, it := range items {
		requireItem(t, s, it, all.refs[it.ID])
		require.Equal(t, 1, all.times[it.ID])
	}
}

// TestDeletedChunks: chunks that retention has removed are gone, not damaged.
func TestDeletedChunks(t *testing.T) {
	b := newBroker(t)
	s := open(t, b.config(""))
	it := storetest.Item(1, 3000, 100)
	require.NoError(t, s.Put(t.Context(), it))
	ref := replay(t, s).refs[it.ID]
	require.NoError(t, b.DeleteRecords("tracescrub.items", ref.Partition, ref.Items+1))
	_, err := s.Chunks(t.Context(), it.ID, ref, envelope.View)
	require.ErrorIs(t, err, holdstore.ErrGone)
	chunks, err := s.Chunks(t.Context(), it.ID, ref, envelope.Restore)
	require.NoError(t, err)
	require.Equal(t, it.Restore, chunks)

	require.NoError(t, b.DeleteRecords("tracescrub.index", ref.Partition, ref.Index+1))
	_, err = s.Capsule(t.Context(), it.ID, ref)
	require.ErrorIs(t, err, holdstore.ErrGone)
	done, err := s.Shredded(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.True(t, done)
	ref.Index += 5
	_, err = s.Shredded(t.Context(), it.ID, ref)
	require.ErrorIs(t, err, holdstore.ErrCorrupt, "a place that never was")
}

// TestDeletedLog: a log that lost its beginning is what is left of it.
func TestDeletedLog(t *testing.T) {
	b := newBroker(t)
	s := open(t, b.config(""))
	it := storetest.Item(1, 1, 0)
	var at holdstore.Position
	for _, data := range []string{"a", "b", "c"} {
		var err error
		at, err = s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte(data)})
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, at.Offset)
	require.NoError(t, b.DeleteRecords("tracescrub.decisions", at.Partition, 2))
	require.Equal(t, []string{"c"}, replay(t, s).log)
}

// TestDamagedIndex: a follower never skips what it cannot read.
func TestDamagedIndex(t *testing.T) {
	b := newBroker(t)
	s, logs := openLogged(t, b.config(""))
	it := storetest.Item(1, 1000, 10)
	require.NoError(t, s.Put(t.Context(), it))
	b.mu.Lock()
	b.damage = [][]byte{it.Capsule.Enc[:32]}
	b.mu.Unlock()
	result := make(chan told, 1)
	var wg sync.WaitGroup
	wg.Go(func() { result <- replay(t, s) })
	eventually(t, "it is logged", func() bool { return logs.FilterMessageSnippet("cannot be read").Len() > 0 })
	require.Empty(t, result, "the replay ended without the item")
	b.mu.Lock()
	b.damage = nil // another replica leads
	b.mu.Unlock()
	wg.Wait()
	all := <-result
	requireItem(t, s, it, all.refs[it.ID])
}

// TestWrongTopic: a store does not start on a topic that would lose items.
func TestWrongTopic(t *testing.T) {
	b := newBroker(t)
	require.NoError(t, b.CreateTopic("tracescrub.index", 3, map[string]string{"cleanup.policy": "delete"}))
	_, err := kafka.Open(t.Context(), b.config(""), zap.NewNop())
	require.ErrorContains(t, err, `topic tracescrub.index: cleanup.policy is "delete", wanted compact,delete`)
	cfg := b.config("")
	cfg.Topics.Prefix = "other"
	require.NoError(t, open(t, cfg).Close())
	cfg.Topics.Partitions = 4
	_, err = kafka.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "topic other.items: partitions are 3, wanted 4")
	cfg.Topics.Prefix, cfg.Topics.Create = "third", false
	_, err = kafka.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "topic third.items does not exist")
}

// TestReplicas: two stores on one cluster see the same log, in the same order.
func TestReplicas(t *testing.T) {
	b := newBroker(t)
	stores := []*kafka.Store{open(t, b.config("")), open(t, b.config(""))}
	it := storetest.Item(1, 1000, 10)
	require.NoError(t, stores[0].Put(t.Context(), it))
	require.NoError(t, stores[1].Put(t.Context(), it), "another process puts it again")
	var wg sync.WaitGroup
	for n, s := range stores {
		wg.Go(func() {
			for range 20 {
				_, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte{'a' + byte(n)}})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	first, second := replay(t, stores[0]), replay(t, stores[1])
	require.Len(t, first.log, 40)
	require.Equal(t, first.log, second.log)
	require.Equal(t, 2, first.times[it.ID])
	requireItem(t, stores[0], it, first.refs[it.ID])
}

// TestNewTopics: topics that were made a moment ago are not known to all
// brokers; a store waits until the one that it asks knows them.
func TestNewTopics(t *testing.T) {
	b := newBroker(t)
	asked := 0
	b.ControlKey(int16(kmsg.DescribeConfigs), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		if asked++; asked > 3 {
			return nil, nil, false
		}
		resp := kreq.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, r := range kreq.(*kmsg.DescribeConfigsRequest).Resources {
			unknown := kmsg.NewDescribeConfigsResponseResource()
			unknown.ErrorCode, unknown.ResourceType, unknown.ResourceName = kerr.UnknownTopicOrPartition.Code, r.ResourceType, r.ResourceName
			resp.Resources = append(resp.Resources, unknown)
		}
		return resp, nil, true
	})
	s, logs := openLogged(t, b.config(""))
	require.Zero(t, logs.Len())
	require.NoError(t, s.Put(t.Context(), storetest.Item(1, 1000, 10)))
	require.Equal(t, 4, asked)
}
