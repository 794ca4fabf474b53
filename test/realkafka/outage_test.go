//go:build e2e

package realkafka_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/test/realkafka"
)

// requireRefused wants a store not to start.
func requireRefused(t *testing.T, cfg kafka.Config) {
	t.Helper()
	s, err := kafka.Open(t.Context(), cfg, zap.NewNop())
	if err == nil {
		require.NoError(t, s.Close())
	}
	require.ErrorContains(t, err, "refused by the brokers")
}

// load writes items and entries of the log from several callers until it is told to stop.
type load struct {
	s    *kafka.Store
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	items   []*holdstore.Item // under mu: that were acknowledged
	entries []string          // under mu: the same
	failed  int               // under mu
}

func startLoad(t *testing.T, s *kafka.Store) *load {
	t.Helper()
	l := &load{s: s, stop: make(chan struct{})}
	for caller := range uint64(6) {
		l.done.Go(func() {
			for n := caller * 1_000_000; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				it := item(n)
				text := fmt.Sprintf("entry %d", n)
				put := s.Put(t.Context(), it)
				_, appended := s.Append(t.Context(), about(it, text))
				l.mu.Lock()
				if put == nil {
					l.items = append(l.items, it)
				}
				if appended == nil {
					l.entries = append(l.entries, text)
				}
				if put != nil || appended != nil {
					l.failed++
				}
				l.mu.Unlock()
				time.Sleep(50 * time.Millisecond)
			}
		})
	}
	return l
}

// more waits until another n items were acknowledged.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	count := func() int { l.mu.Lock(); defer l.mu.Unlock(); return len(l.items) }
	want := count() + n
	realkafka.Soon(t, "more items to be acknowledged", func() bool { return count() >= want })
}

// end stops the load and wants all that was acknowledged to be there.
func (l *load) end(t *testing.T, cfg kafka.Config) {
	t.Helper()
	close(l.stop)
	l.done.Wait()
	realkafka.Soon(t, "the spool to be empty", func() bool { n, _ := l.s.Spooled(); return n == 0 })
	t.Logf("%d items and %d entries acknowledged, %d times one was not", len(l.items), len(l.entries), l.failed)
	s := open(t, cfg)
	all := replay(t, s)
	slices.Sort(all.log)
	for n, it := range l.items {
		ref, ok := all.refs[it.ID]
		require.True(t, ok, "an acknowledged item is lost")
		if n%max(1, len(l.items)/100) == 0 { // reading all would take long
			requireItem(t, s, it, ref)
		}
	}
	for _, text := range l.entries {
		_, ok := slices.BinarySearch(all.log, text)
		require.True(t, ok, "an acknowledged entry is lost")
	}
}

// leadersMove: writers go on while other brokers come to lead.
func leadersMove(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, partitions)
	cfg := c.StoreConfig(t, "operator", prefix, partitions)
	l := startLoad(t, open(t, cfg))
	for range 4 {
		l.more(t, 20)
		for _, topic := range []string{"items", "index", "decisions"} {
			before := c.Leaders(t, prefix+"."+topic)
			realkafka.Soon(t, "another leader", func() bool {
				c.MoveLeaders(t, prefix+"."+topic)
				return !slices.Equal(before, c.Leaders(t, prefix+"."+topic))
			})
		}
	}
	l.more(t, 20)
	l.end(t, cfg)
	require.LessOrEqual(t, l.failed, len(l.items)/4, "a change of leader is nothing that senders should hear much of")
}

// killOne: kill -9 of a broker under load, then of another. Nothing that was
// acknowledged is lost, and without a spool writers go on with the other two.
func killOne(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, partitions)
	cfg := c.StoreConfig(t, "operator", prefix, partitions)
	l := startLoad(t, open(t, cfg))
	for id := 1; id <= 2; id++ {
		l.more(t, 30)
		c.Kill(t, id)
		l.more(t, 60)
		c.Launch(t, id)
		c.Ready(t)
		t.Logf("broker %d was away", id)
	}
	l.more(t, 30)
	l.end(t, cfg)
}

// restartAll: a store with a spool takes items while all brokers are away,
// and goes on when they are back; so does who follows it.
func restartAll(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, partitions)
	cfg := c.StoreConfig(t, "operator", prefix, partitions)
	cfg.Timeout = 3 * time.Second
	reading := open(t, cfg)
	cfg.Spool.Directory = filepath.Join(t.TempDir(), "spool")
	s := open(t, cfg)
	first, second := item(1), item(2)
	require.NoError(t, s.Put(t.Context(), first))
	heard := make(chan holdstore.Event, 100)
	var following sync.WaitGroup
	defer following.Wait()
	defer func() { require.NoError(t, reading.Close()) }()
	following.Go(func() {
		_ = reading.Follow(t.Context(), func(e holdstore.Event) error { // it ends when the store is closed
			if e.Held != nil {
				heard <- e
			}
			return nil
		})
	})
	await := func(it *holdstore.Item) {
		t.Helper()
		late := time.After(wait)
		for {
			select {
			case e := <-heard:
				if e.Held.ID == it.ID {
					return
				}
			case <-late:
				t.Fatal("a follower was not told")
			}
		}
	}
	await(first)
	for id := 1; id <= 3; id++ {
		c.Kill(t, id)
	}
	require.NoError(t, s.Put(t.Context(), second))
	n, _ := s.Spooled()
	require.Equal(t, 1, n)
	_, err := s.Append(t.Context(), about(first, "x"))
	require.Error(t, err, "a decision is not spooled")
	for id := 1; id <= 3; id++ {
		c.Launch(t, id)
	}
	c.Ready(t)
	await(second)
	realkafka.Soon(t, "a decision", func() bool {
		_, err := s.Append(t.Context(), about(first, "y"))
		return err == nil
	})
	all := replay(t, s)
	requireItem(t, s, first, all.refs[first.ID])
	requireItem(t, s, second, all.refs[second.ID])
}
