package kafkaclient

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Topic appends records to one topic, which somebody else has made and keeps.
// Only one goroutine may use it at a time.
type Topic struct {
	cluster   *Cluster
	kafka     *kafka.Client
	transport *kafka.Transport
	name      string
	connected time.Time
}

// OpenTopic reads the files that the configuration names; it does not connect.
func OpenTopic(cfg *Config, name string) (*Topic, error) {
	c, err := New(cfg, name)
	if err != nil {
		return nil, err
	}
	t := &Topic{cluster: c, name: name, connected: time.Now()}
	t.kafka, t.transport = c.Client()
	return t, nil
}

// Append writes a record without a key to partition 0, once, acknowledged by
// all in-sync replicas. After an error it may have been written or not. The
// error names no broker.
func (t *Topic) Append(ctx context.Context, value []byte, headers map[string]string) error {
	if time.Since(t.connected) > MaxAge {
		t.reconnect()
	}
	r := kafka.Record{Value: kafka.NewBytes(value)}
	for _, key := range slices.Sorted(maps.Keys(headers)) {
		r.Headers = append(r.Headers, kafka.Header{Key: key, Value: []byte(headers[key])})
	}
	res, err := t.kafka.Produce(ctx, &kafka.ProduceRequest{
		Topic: t.name, Partition: 0, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(r),
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		why := t.explain(ctx, err)
		t.reconnect() // to whoever leads the topic now
		return why
	}
	return nil
}

func (t *Topic) reconnect() {
	t.connected = time.Now()
	t.transport.CloseIdleConnections()
}

// explain says in words without addresses what went wrong.
func (t *Topic) explain(ctx context.Context, err error) error {
	// An unreachable broker reads as a missing topic. Metadata knows why.
	if errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) {
		if _, why := t.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{t.name}}); why != nil {
			err = why
		}
	}
	var code kafka.Error
	switch {
	case errors.As(err, &code):
		return fmt.Errorf("topic %s: the brokers answer %d, %s", t.name, int(code), code.Title())
	case errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition):
		return fmt.Errorf("topic %s: there is none", t.name)
	case errors.Is(err, protocol.ErrNoLeader):
		return fmt.Errorf("topic %s: has no leader", t.name)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Errorf("topic %s: no answer in time", t.name)
	}
	return fmt.Errorf("topic %s: no connection to a broker", t.name)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// Close ends all connections.
func (t *Topic) Close() {
	t.transport.CloseIdleConnections()
	t.cluster.Close()
}
