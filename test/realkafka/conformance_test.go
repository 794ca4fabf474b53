//go:build e2e

package realkafka_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
	"github.com/tracescrub/tracescrub/test/realkafka"
)

const partitions = 3

var prefixes atomic.Int64

// newPrefix is for topics that nobody else has.
func newPrefix() string { return fmt.Sprintf("t%d", prefixes.Add(1)) }

// conformance runs what every store must do, as package test/kafka does
// against its fake broker.
func conformance(t *testing.T, c *realkafka.Cluster) {
	for _, test := range []struct {
		name  string
		spool bool
	}{{"without a spool", false}, {"with a spool", true}} {
		t.Run(test.name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storetest.Harness {
				t.Helper()
				prefix := newPrefix()
				c.MakeTopics(t, prefix, partitions)
				t.Cleanup(func() { c.DropTopics(t, prefix) }) // brokers never get over damaged ones
				cfg := c.StoreConfig(t, "operator", prefix, partitions)
				cfg.Timeout = 3 * time.Second
				if test.spool {
					cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
				}
				return storetest.Harness{
					Open:    func(t *testing.T) holdstore.Store { t.Helper(); return open(t, cfg) },
					Corrupt: func(t *testing.T, it *holdstore.Item) { t.Helper(); corrupt(t, c, prefix, it) },
					Settle:  settler(c, prefix),
					Faults:  faults(c, prefix),
				}
			})
		})
	}
}

// corrupt changes a byte of a chunk in the files of all brokers.
func corrupt(t *testing.T, c *realkafka.Cluster, prefix string, it *holdstore.Item) {
	t.Helper()
	require.Positive(t, c.Damage(t, prefix+".items", it.View[0][:64]))
}

// settler lets brokers compact the index; it may be called all the time.
func settler(c *realkafka.Cluster, prefix string) func(t *testing.T) {
	hastened := false
	return func(t *testing.T) {
		t.Helper()
		if !hastened {
			c.Hasten(t, prefix)
			hastened = true
		}
		c.Roll(t, prefix+".index", partitions)
		time.Sleep(300 * time.Millisecond)
	}
}

// faults are the ways in which writes fail.
func faults(c *realkafka.Cluster, prefix string) []storetest.Fault {
	topics := []string{prefix + ".items", prefix + ".index", prefix + ".decisions"}
	inSync := func(t *testing.T, n string) {
		t.Helper()
		for _, topic := range topics {
			c.Set(t, topic, map[string]string{"min.insync.replicas": n})
		}
	}
	return []storetest.Fault{
		{Name: "brokers stand still", Inject: func(t *testing.T) func() { t.Helper(); return c.Freeze(t) }},
		{Name: "leaders move", Inject: func(t *testing.T) func() {
			t.Helper()
			for _, topic := range topics {
				c.MoveLeaders(t, topic)
			}
			return func() {}
		}},
		{Name: "too few replicas", Inject: func(t *testing.T) func() {
			t.Helper()
			inSync(t, "4")
			return func() { inSync(t, "2") }
		}},
	}
}

// keysAreRemoved: a destroyed capsule, and one that was replaced, are in no
// file of any broker when the topic is compacted, and the rest of the index is
// what it was.
func keysAreRemoved(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, 1)
	cfg := c.StoreConfig(t, "operator", prefix, 1)
	s, other := open(t, cfg), open(t, cfg)
	doomed, again, kept := item(1), item(2), item(3)
	again.ID, again.Trace = doomed.ID, doomed.Trace // sealed anew by another process
	require.NoError(t, s.Put(t.Context(), doomed))
	require.NoError(t, s.Put(t.Context(), kept))
	require.NoError(t, other.Put(t.Context(), again))
	var more []*holdstore.Item
	for n := range uint64(20) {
		it := item(100 + n)
		more = append(more, it)
		require.NoError(t, s.Put(t.Context(), it))
		if n%2 == 1 {
			require.NoError(t, s.Shred(t.Context(), it.ID, it.Trace))
		}
	}
	ref := replay(t, s).refs[doomed.ID]
	has := func(it *holdstore.Item) (files int) {
		for _, text := range c.Files(t, prefix+".index") {
			if bytes.Contains(text, it.Capsule.Enc[200:264]) {
				files++
			}
		}
		return files
	}
	for _, it := range []*holdstore.Item{doomed, again, kept} {
		realkafka.Soon(t, "the capsule on three brokers", func() bool { return has(it) == 3 })
	}
	c.Hasten(t, prefix)
	require.NoError(t, s.Shred(t.Context(), doomed.ID, doomed.Trace))
	realkafka.Soon(t, "the store says that the capsule is gone", func() bool {
		time.Sleep(200 * time.Millisecond) // the store ends the segment, once
		done, err := s.Shredded(t.Context(), doomed.ID, ref)
		require.NoError(t, err)
		return done
	})
	realkafka.Soon(t, "the capsules gone from all files", func() bool { return has(doomed) == 0 && has(again) == 0 })
	require.Equal(t, 3, has(kept))

	fresh := open(t, cfg)
	all := replay(t, fresh)
	requireItem(t, fresh, kept, all.refs[kept.ID])
	require.NotContains(t, all.refs, doomed.ID)
	for n, it := range more {
		if n%2 == 0 {
			requireItem(t, fresh, it, all.refs[it.ID])
		} else {
			require.Zero(t, has(it))
		}
	}
	_, err := fresh.Capsule(t.Context(), doomed.ID, ref)
	require.ErrorIs(t, err, holdstore.ErrGone)
}
