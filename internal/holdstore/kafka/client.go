package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/tracescrub/tracescrub/internal/kafkaclient"
)

// refreshEvery bounds how often connections are made anew after errors.
const refreshEvery = 250 * time.Millisecond

// client is a cluster by way of kafka-go. Of kafka-go only Client is used:
// Writer defaults to no acknowledgement and writes after it has reported
// failure, Reader hangs or panics on compacted topics.
type client struct {
	kafka     *kafka.Client
	transport *kafka.Transport
	cluster   *kafkaclient.Cluster

	mu        sync.Mutex
	refreshed time.Time // under mu
}

// newClient makes a client; it connects when it is used.
func newClient(cfg *Config) (*client, error) {
	cl, err := kafkaclient.New(&cfg.Config, cfg.topic(itemsTopic), cfg.topic(indexTopic), cfg.topic(decisionsTopic))
	if err != nil {
		return nil, err
	}
	c := &client{cluster: cl, refreshed: time.Now()}
	c.kafka, c.transport = cl.Client()
	return c, nil
}

func (c *client) produce(ctx context.Context, topic string, partition int32, records []record) (int64, error) {
	c.age()
	all := make([]kafka.Record, len(records))
	for i, r := range records {
		all[i] = kafka.Record{Key: kafka.NewBytes(r.key), Value: kafka.NewBytes(r.value)}
		for _, h := range r.headers {
			all[i].Headers = append(all[i].Headers, kafka.Header{Key: h.key, Value: h.value})
		}
	}
	res, err := c.kafka.Produce(ctx, &kafka.ProduceRequest{
		Topic: topic, Partition: int(partition), RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(all...),
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return 0, c.explain(ctx, "writing to", topic, partition, err)
	}
	return res.BaseOffset, nil
}

func (c *client) fetch(ctx context.Context, topic string, partition int32, offset int64, maxBytes int, wait time.Duration) (fetched, error) {
	c.age()
	res, err := c.kafka.Fetch(ctx, &kafka.FetchRequest{
		Topic: topic, Partition: int(partition), Offset: offset, MinBytes: 1, MaxBytes: int64(maxBytes), MaxWait: wait,
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return fetched{}, c.explain(ctx, "reading from", topic, partition, err)
	}
	f := fetched{next: after(res.Records, offset), end: res.HighWatermark, throttled: res.Throttle > 0}
	for {
		r, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return fetched{}, c.explain(ctx, "reading from", topic, partition, err)
		}
		// A batch may begin before the offset that was asked for.
		if r.Offset >= offset {
			read, err := readRecord(r)
			if err != nil {
				return fetched{}, c.explain(ctx, "reading from", topic, partition, err)
			}
			f.records = append(f.records, read)
		}
		f.next = max(f.next, r.Offset+1)
		closeRecord(r)
	}
}

func closeRecord(r *kafka.Record) {
	for _, b := range []kafka.Bytes{r.Key, r.Value} {
		if b != nil {
			b.Close()
		}
	}
}

func readRecord(r *kafka.Record) (record, error) {
	key, err := kafka.ReadAll(r.Key)
	if err != nil {
		return record{}, err
	}
	value, err := kafka.ReadAll(r.Value)
	if err != nil {
		return record{}, err
	}
	out := record{offset: r.Offset, key: key, value: value}
	for _, h := range r.Headers {
		out.headers = append(out.headers, header{h.Key, h.Value})
	}
	return out, nil
}

// after is where to go on after an answer, but for its records. kafka-go does
// not say where a batch ends, and compaction leaves batches without records,
// or without their last ones: a reader that only counts records never gets
// past them. A broker answers with the batch that the offset is in, or else
// the next one, so an answer with any batch settles the offset itself, and all
// before the last batch. An answer without a batch settles nothing.
func after(records kafka.RecordReader, offset int64) int64 {
	stream, ok := records.(*protocol.RecordStream)
	if !ok || len(stream.Records) == 0 {
		return offset
	}
	next := offset + 1
	for _, batch := range stream.Records {
		if b, ok := batch.(interface{ Offset() int64 }); ok {
			next = max(next, b.Offset()+1)
		}
	}
	return next
}

func (c *client) spans(ctx context.Context, topic string, partitions int) ([]span, error) {
	var reqs []kafka.OffsetRequest
	for p := range partitions {
		reqs = append(reqs, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	res, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: reqs}})
	if err != nil {
		return nil, c.explain(ctx, "asking for offsets of", topic, -1, err)
	}
	all := make([]span, partitions)
	found := make([]bool, partitions)
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, c.explain(ctx, "asking for offsets of", topic, int32(p.Partition), p.Error) //nolint:gosec // G115: a partition
		}
		if p.Partition >= 0 && p.Partition < partitions && p.FirstOffset >= 0 && p.LastOffset >= p.FirstOffset {
			all[p.Partition], found[p.Partition] = span{p.FirstOffset, p.LastOffset}, true
		}
	}
	for p, ok := range found {
		if !ok {
			return nil, fmt.Errorf("asking for offsets of topic %s, partition %d: no answer", topic, p)
		}
	}
	return all, nil
}

// age makes connections anew before their credentials run out.
func (c *client) age() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.refreshed) > kafkaclient.MaxAge {
		c.refreshed = time.Now()
		c.transport.CloseIdleConnections()
	}
}

// refresh lets requests under way end on their connections; the next one
// connects and asks for the layout of the cluster.
func (c *client) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.refreshed) > refreshEvery {
		c.refreshed = time.Now()
		c.transport.CloseIdleConnections()
	}
}

func (c *client) close() {
	c.transport.CloseIdleConnections()
	c.cluster.Close()
}
