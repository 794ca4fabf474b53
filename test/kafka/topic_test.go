package kafka_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/collector/config/configopaque"

	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

// openTopic opens the topic that checkpoints of the audit log go to.
func (b *broker) openTopic(t *testing.T, change func(*kafkaclient.Config)) *kafkaclient.Topic {
	t.Helper()
	cfg := kafkaclient.DefaultConfig()
	cfg.Brokers = b.ListenAddrs()
	cfg.Timeout = 2 * time.Second
	if change != nil {
		change(&cfg)
	}
	topic, err := kafkaclient.OpenTopic(&cfg, "checkpoints")
	require.NoError(t, err)
	t.Cleanup(topic.Close)
	return topic
}

// read reads a number of records of the topic.
func (b *broker) read(t *testing.T, n int) []*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.ConsumeTopics("checkpoints"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	require.NoError(t, err)
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	var all []*kgo.Record
	for len(all) < n {
		f := cl.PollFetches(ctx)
		require.NoError(t, f.Err())
		all = append(all, f.Records()...)
	}
	return all
}

func TestTopic(t *testing.T) {
	b := newBroker(t, kfake.SeedTopics(3, "checkpoints"))
	topic := b.openTopic(t, nil)
	for i := range 3 {
		require.NoError(t, topic.Append(t.Context(), fmt.Appendf(nil, "%d", i), map[string]string{"size": "1", "origin": "a"}))
	}
	all := b.read(t, 3)
	require.Len(t, all, 3)
	for i, r := range all {
		require.EqualValues(t, 0, r.Partition)
		require.Nil(t, r.Key)
		require.Equal(t, fmt.Sprint(i), string(r.Value))
		require.Equal(t, []kgo.RecordHeader{{Key: "origin", Value: []byte("a")}, {Key: "size", Value: []byte("1")}}, r.Headers)
	}

	// Brokers go away and come back; what is said of it has no address.
	b.away()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	err := topic.Append(ctx, []byte("lost"), nil)
	require.ErrorContains(t, err, "topic checkpoints: ")
	require.NotContains(t, err.Error(), "127.0.0.1")
	b.back()
	eventually(t, "it is written again", func() bool { return topic.Append(t.Context(), []byte("3"), nil) == nil })
	require.Equal(t, "3", string(b.read(t, 4)[3].Value))
}

// TestTopicAcks: all in-sync replicas acknowledge, and what they do not is an error.
func TestTopicAcks(t *testing.T) {
	b := newBroker(t, kfake.SeedTopics(1, "checkpoints"))
	topic := b.openTopic(t, nil)
	var acks []int16
	code := int16(0)
	b.ControlKey(int16(kmsg.Produce), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		req := kreq.(*kmsg.ProduceRequest)
		acks = append(acks, req.Acks)
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		rt := kmsg.NewProduceResponseTopic()
		rt.Topic, rt.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
		rp := kmsg.NewProduceResponseTopicPartition()
		rp.ErrorCode = code
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	for c, want := range map[int16]string{
		19: "Not Enough Replicas",
		29: "Topic Authorization Failed",
		87: "", // of a compacted topic, about a record without a key
	} {
		code = c
		require.ErrorContains(t, topic.Append(t.Context(), []byte("x"), nil), fmt.Sprintf("topic checkpoints: the brokers answer %d, %s", c, want))
	}
	require.Equal(t, []int16{-1, -1, -1}, acks)
}

func TestTopicIsMissing(t *testing.T) {
	b := newBroker(t)
	require.EqualError(t, b.openTopic(t, nil).Append(t.Context(), []byte("x"), nil), "topic checkpoints: there is none")
}

// TestTopicPermissions: the permission to write is enough, and a password that
// is wrong is not told.
func TestTopicPermissions(t *testing.T) {
	cert, ca := certificate(t)
	write := []kfake.ACL{}
	for _, op := range []kmsg.ACLOperation{kmsg.ACLOperationDescribe, kmsg.ACLOperationWrite} {
		write = append(write, kfake.ACL{
			Resource: kmsg.ACLResourceTypeTopic, Name: "checkpoints", Pattern: kmsg.ACLResourcePatternTypeLiteral, Operation: op, Allow: true,
		})
	}
	b := newBroker(t, kfake.SeedTopics(1, "checkpoints"), kfake.EnableSASL(), kfake.EnableACLs(),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{cert}}), //nolint:gosec // G402: a test's server
		kfake.Superuser("SCRAM-SHA-512", "admin", rand.Text()),
		kfake.User("SCRAM-SHA-512", "audit", string(password), write...), kfake.User("SCRAM-SHA-512", "nobody", string(password)))
	as := func(user string, secret configopaque.String) error {
		return b.openTopic(t, func(c *kafkaclient.Config) {
			c.TLS.Enabled, c.TLS.CAFile = true, ca
			c.SASL.Mechanism, c.SASL.Username, c.SASL.Password = "SCRAM-SHA-512", user, secret
		}).Append(t.Context(), []byte("x"), nil)
	}
	require.NoError(t, as("audit", password))
	require.Error(t, as("nobody", password))
	wrong := configopaque.String(rand.Text())
	err := as("audit", wrong)
	require.Error(t, err)
	require.NotContains(t, err.Error(), string(wrong))
	require.NotContains(t, err.Error(), "127.0.0.1")
}
