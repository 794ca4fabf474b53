package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

// describe uses connections of its own: the answers of those in use come from
// a cache, and a topic that has just been made may be missing in it.
func (c *client) describe(ctx context.Context, topics []string) (map[string]topicState, error) {
	fresh, transport := c.cluster.Client()
	defer transport.CloseIdleConnections()
	meta, err := fresh.Metadata(ctx, &kafka.MetadataRequest{Topics: topics})
	if err != nil {
		return nil, explained("asking for topics", err)
	}
	states := map[string]topicState{}
	var there []string
	for _, t := range meta.Topics {
		if errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			states[t.Name] = topicState{}
			continue
		}
		if t.Error != nil {
			return nil, c.explain(ctx, "asking for", t.Name, -1, t.Error)
		}
		s := topicState{exists: true, partitions: len(t.Partitions), settings: map[string]string{}}
		for i, p := range t.Partitions {
			if i == 0 || len(p.Replicas) < s.replicas {
				s.replicas = len(p.Replicas)
			}
		}
		states[t.Name] = s
		there = append(there, t.Name)
	}
	if len(there) == 0 {
		return states, nil
	}
	return states, c.settings(ctx, fresh, there, states)
}

func (c *client) settings(ctx context.Context, fresh *kafka.Client, topics []string, states map[string]topicState) error {
	req := &kafka.DescribeConfigsRequest{}
	for _, name := range topics {
		req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: name})
	}
	res, err := fresh.DescribeConfigs(ctx, req)
	if err != nil {
		return explained("asking for the settings of topics", err)
	}
	for _, r := range res.Resources {
		if errors.Is(r.Error, kafka.UnknownTopicOrPartition) {
			// Another broker answers than before, which has not heard of it yet.
			states[r.ResourceName] = topicState{exists: true}
			continue
		}
		if r.Error != nil {
			return c.explain(ctx, "asking for the settings of", r.ResourceName, -1, r.Error)
		}
		s, ok := states[r.ResourceName]
		if !ok {
			continue
		}
		for _, e := range r.ConfigEntries {
			s.settings[e.ConfigName] = e.ConfigValue
		}
	}
	return nil
}

func (c *client) create(ctx context.Context, topic string, partitions, replicas int, settings map[string]string) error {
	fresh, transport := c.cluster.Client()
	defer transport.CloseIdleConnections()
	t := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: replicas}
	for name, value := range settings {
		t.ConfigEntries = append(t.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	slices.SortFunc(t.ConfigEntries, func(a, b kafka.ConfigEntry) int { return strings.Compare(a.ConfigName, b.ConfigName) })
	res, err := fresh.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{t}})
	if err != nil {
		return explained("creating topic "+topic, err)
	}
	if err := res.Errors[topic]; err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return c.explain(ctx, "creating", topic, -1, err)
	}
	return nil
}

// kindOf says which of this package's errors an error of kafka-go is; nil: none of them.
// Nothing here is final for an item: errRefused only says that to try again at once is useless.
func kindOf(err error) error {
	switch {
	case errors.Is(err, kafka.OffsetOutOfRange):
		return errOutOfRange
	case errors.Is(err, kafka.InvalidMessage), damaged(err):
		return errDamaged
	case errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition), errors.Is(err, protocol.ErrNoLeader),
		errors.Is(err, kafka.BrokerNotAvailable), errors.Is(err, kafka.LeaderNotAvailable), errors.Is(err, kafka.NotLeaderForPartition),
		errors.Is(err, kafka.UnknownTopicOrPartition), errors.Is(err, kafka.ReplicaNotAvailable), errors.Is(err, kafka.NotEnoughReplicas),
		errors.Is(err, kafka.FencedLeaderEpoch), errors.Is(err, kafka.UnknownLeaderEpoch), errors.Is(err, kafka.ThrottlingQuotaExceeded),
		errors.Is(err, kafka.OffsetNotAvailable), errors.Is(err, kafka.NotController), errors.Is(err, kafkaclient.ErrGone):
		return errUnavailable
	}
	var code kafka.Error
	if !errors.As(err, &code) {
		return nil
	}
	switch code {
	case kafka.Unknown, kafka.RequestTimedOut, kafka.NotEnoughReplicasAfterAppend, kafka.NetworkException, kafka.KafkaStorageError:
		return nil // it may have been written
	}
	return errRefused
}

// damaged recognises what kafka-go says of a batch that it cannot read. It has no types for that.
func damaged(err error) bool {
	text := err.Error()
	return strings.Contains(text, "crc32 checksum mismatch") || strings.Contains(text, "unsupported message version") ||
		strings.Contains(text, "impossible record set") || strings.Contains(text, "unsupported compression codec")
}

// explain says what failed where, and of which kind it is.
func (c *client) explain(ctx context.Context, doing, topic string, partition int32, err error) error {
	// An unreachable broker reads as a missing topic. Metadata knows why.
	if errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) {
		if _, why := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}}); why != nil {
			err = fmt.Errorf("%w (%w)", err, why)
		}
	}
	where := "topic " + topic
	if partition >= 0 {
		where = fmt.Sprintf("topic %s, partition %d", topic, partition)
	}
	return explained(doing+" "+where, err)
}

func explained(doing string, err error) error {
	if kind := kindOf(err); kind != nil {
		return fmt.Errorf("%s: %w: %w", doing, kind, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
