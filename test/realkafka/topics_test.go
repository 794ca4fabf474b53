//go:build e2e

package realkafka_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/test/realkafka"
)

// wrongTopics: a store does not start on topics that would lose items or keep
// keys, and says what is wrong.
func wrongTopics(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, 2)
	cfg := c.StoreConfig(t, "operator", prefix, 2)
	refused := func(want string) {
		t.Helper()
		_, err := kafka.Open(t.Context(), cfg, zap.NewNop())
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, open(t, cfg).Close())
	for _, wrong := range []struct{ topic, setting, value, right string }{
		{"items", "cleanup.policy", "compact", "delete"},
		{"items", "retention.ms", "3600000", "604800000"},
		{"items", "retention.bytes", "1000000", "-1"},
		{"items", "min.insync.replicas", "1", "2"},
		{"items", "unclean.leader.election.enable", "true", "false"},
		{"items", "message.timestamp.type", "CreateTime", "LogAppendTime"},
		{"items", "max.message.bytes", "1000", "1048588"},
		{"index", "cleanup.policy", "delete", "compact,delete"},
		{"index", "cleanup.policy", "compact", "compact,delete"},
		{"index", "compression.type", "zstd", "uncompressed"},
		{"index", "max.compaction.lag.ms", "86400000", "60000"},
		{"index", "min.compaction.lag.ms", "86400000", "0"},
		{"index", "delete.retention.ms", "1000", "86400000"},
		{"decisions", "cleanup.policy", "compact,delete", "delete"},
		{"decisions", "retention.ms", "604800000", "1209600000"},
	} {
		if wrong.setting == "min.compaction.lag.ms" { // it may not be above the other
			c.Set(t, prefix+".index", map[string]string{"max.compaction.lag.ms": wrong.value})
		}
		c.Set(t, prefix+"."+wrong.topic, map[string]string{wrong.setting: wrong.value})
		refused(fmt.Sprintf("topic %s.%s: %s is %q", prefix, wrong.topic, wrong.setting, wrong.value))
		c.Set(t, prefix+"."+wrong.topic, map[string]string{wrong.setting: wrong.right})
		if wrong.setting == "min.compaction.lag.ms" {
			c.Set(t, prefix+".index", map[string]string{"max.compaction.lag.ms": "60000"})
		}
	}
	c.Set(t, prefix+".index", map[string]string{"cleanup.policy": "delete,compact", "retention.ms": "-1"})
	require.NoError(t, open(t, cfg).Close(), "in another order, and for ever")

	cfg.Topics.Partitions = 3
	refused(fmt.Sprintf("topic %s.items: partitions are 2, wanted 3", prefix))
	cfg.Topics.Prefix, cfg.Topics.Create = newPrefix(), false
	refused("does not exist")
	cfg.Topics.Create, cfg.Development = true, true // one replica
	require.NoError(t, open(t, cfg).Close())
	cfg.Development = false
	_, err := kafka.Open(t.Context(), cfg, zap.NewNop())
	require.ErrorContains(t, err, "replicas are 1, wanted at least 3")
	require.Equal(t, 3, strings.Count(err.Error(), "replicas are 1"), "all that is wrong is told at once")
}

// retention: what Kafka's retention has removed is gone, not damaged, and what
// is left of the log is read from where it begins.
func retention(t *testing.T, c *realkafka.Cluster) {
	prefix := newPrefix()
	c.MakeTopics(t, prefix, 1)
	s := open(t, c.StoreConfig(t, "operator", prefix, 1))
	old, recent := item(1), item(2)
	require.NoError(t, s.Put(t.Context(), old))
	_, err := s.Append(t.Context(), about(old, "old"))
	require.NoError(t, err)
	ref := replay(t, s).refs[old.ID]
	requireItem(t, s, old, ref)

	for _, topic := range []string{"items", "decisions"} {
		c.Set(t, prefix+"."+topic, map[string]string{"segment.ms": "100", "retention.ms": "2000"})
	}
	for _, topic := range []string{"items", "decisions"} { // the segment that is written stays until it ends
		c.Roll(t, prefix+"."+topic, 1)
	}
	realkafka.Soon(t, "the old chunks gone", func() bool {
		_, err := s.Chunks(t.Context(), old.ID, ref, envelope.View)
		require.NotErrorIs(t, err, holdstore.ErrCorrupt)
		return err != nil
	})
	_, err = s.Chunks(t.Context(), old.ID, ref, envelope.View)
	require.ErrorIs(t, err, holdstore.ErrGone)
	_, err = s.Capsule(t.Context(), old.ID, ref)
	require.NoError(t, err, "the index outlives the chunks")
	realkafka.Soon(t, "the old entry gone from the log", func() bool { return len(replay(t, s).log) == 0 })
	for _, topic := range []string{"items", "decisions"} {
		c.Set(t, prefix+"."+topic, map[string]string{"retention.ms": "-1"})
	}
	require.NoError(t, s.Put(t.Context(), recent))
	_, err = s.Append(t.Context(), about(recent, "recent"))
	require.NoError(t, err)
	all := replay(t, s)
	require.Equal(t, []string{"recent"}, all.log)
	requireItem(t, s, recent, all.refs[recent.ID])

	c.Set(t, prefix+".index", map[string]string{"segment.ms": "100", "retention.ms": "2000"})
	time.Sleep(200 * time.Millisecond)
	c.Roll(t, prefix+".index", 1)
	realkafka.Soon(t, "the old index entry gone", func() bool {
		done, err := s.Shredded(t.Context(), old.ID, ref)
		require.NoError(t, err)
		return done
	})
	_, err = s.Capsule(t.Context(), old.ID, ref)
	require.ErrorIs(t, err, holdstore.ErrGone)
}
