package kafka

import (
	"context"
	"errors"
	"time"
)

// record is a Kafka record. A nil value is a tombstone.
type record struct {
	offset  int64 // when read
	key     []byte
	value   []byte
	headers []header
}

type header struct {
	key   string
	value []byte
}

// fetched is the answer to a fetch.
type fetched struct {
	// records are those at or after the offset that was asked for, in order.
	records []record
	// next is where to go on. If it is not beyond the offset that was asked
	// for, the brokers have said nothing about it: with a quota, or shortly
	// after a change of leader, an answer may be empty although there is more.
	next int64
	// end is the high watermark: the first offset that is not readable yet.
	end int64
	// throttled says that the answer is what a quota left of it.
	throttled bool
}

// span is what a partition has: offsets from first up to, without, end.
type span struct{ first, end int64 }

// topicState is a topic as the brokers describe it.
type topicState struct {
	exists     bool
	partitions int
	// replicas is the smallest number that a partition has.
	replicas int
	settings map[string]string
}

// cluster is all that this package needs of a Kafka client. Errors are those
// below, or wrap them, or are of no known kind: then a write may have happened.
type cluster interface {
	// produce writes records as one batch, acknowledged by all in-sync
	// replicas, and returns the offset of the first. It does not retry.
	produce(ctx context.Context, topic string, partition int32, records []record) (int64, error)
	// fetch reads from an offset on, at most about maxBytes, but at least one
	// batch if there is one. It waits up to wait for something to be there.
	fetch(ctx context.Context, topic string, partition int32, offset int64, maxBytes int, wait time.Duration) (fetched, error)
	// spans asks for the bounds of partitions 0 to partitions-1.
	spans(ctx context.Context, topic string, partitions int) ([]span, error)
	// describe asks brokers, not a cache, for topics and their settings.
	describe(ctx context.Context, topics []string) (map[string]topicState, error)
	// create makes a topic. One that exists already is no error.
	create(ctx context.Context, topic string, partitions, replicas int, settings map[string]string) error
	// refresh forgets what is known of the brokers: who leads which partition, and connections.
	refresh()
	// close ends all connections, and with them what is under way. It may be called again.
	close()
}

var (
	// errUnavailable: the brokers have not done it, and may when tried again.
	errUnavailable = errors.New("not available")
	// errRefused: the brokers have refused the request, and will again until
	// somebody changes a permission or a setting.
	errRefused = errors.New("refused by the brokers")
	// errOutOfRange: the partition has no such offset.
	errOutOfRange = errors.New("no such offset")
	// errDamaged: a batch is not what was written.
	errDamaged = errors.New("a damaged batch")
)
