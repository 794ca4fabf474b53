package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a cluster in memory. The real protocol is tested in test/kafka.
type fake struct {
	mu     sync.Mutex
	topics map[string]*fakeTopic
	grown  chan struct{} // under mu: closed when something is written
	closed bool
	// before is called, without the lock, ahead of each write and fetch; after
	// a write was done. Their errors are answered.
	before, after func(topic string, records []record) error
	onFetch       func(topic string, p int32, offset int64) (fetched, bool, error)
}

type fakeTopic struct {
	replicas   int
	settings   map[string]string
	partitions []*fakeLog
}

type fakeLog struct {
	records    []record
	first, end int64
}

var errFake = errors.New("planted")

func newFake() *fake { return &fake{topics: map[string]*fakeTopic{}, grown: make(chan struct{})} }

func (f *fake) log(topic string, p int32) (*fakeLog, error) {
	t := f.topics[topic]
	if f.closed || t == nil || int(p) >= len(t.partitions) {
		return nil, errUnavailable
	}
	return t.partitions[p], nil
}

func (f *fake) produce(ctx context.Context, topic string, p int32, records []record) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if f.before != nil {
		if err := f.before(topic, records); err != nil {
			return 0, err
		}
	}
	at, err := f.add(topic, p, records)
	if err == nil && f.after != nil {
		err = f.after(topic, records)
	}
	return at, err
}

func (f *fake) add(topic string, p int32, records []record) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, err := f.log(topic, p)
	if err != nil {
		return 0, err
	}
	at := l.end
	for _, r := range records {
		r.offset, r.key, r.value = l.end, slices.Clone(r.key), slices.Clone(r.value)
		l.records = append(l.records, r)
		l.end++
	}
	close(f.grown)
	f.grown = make(chan struct{})
	return at, nil
}

func (f *fake) fetch(ctx context.Context, topic string, p int32, offset int64, maxBytes int, wait time.Duration) (fetched, error) {
	if f.onFetch != nil {
		if answer, ok, err := f.onFetch(topic, p, offset); ok {
			return answer, err
		}
	}
	late := time.After(wait)
	for {
		f.mu.Lock()
		l, err := f.log(topic, p)
		if err != nil {
			f.mu.Unlock()
			return fetched{}, err
		}
		if offset < l.first || offset > l.end {
			f.mu.Unlock()
			return fetched{}, errOutOfRange
		}
		answer := fetched{next: offset, end: l.end}
		size := 0
		for _, r := range l.records {
			if r.offset >= offset && (size == 0 || size < maxBytes) {
				answer.records = append(answer.records, r)
				answer.next = r.offset + 1
				size += len(r.value) + 1
			}
		}
		grown := f.grown
		f.mu.Unlock()
		if len(answer.records) > 0 {
			return answer, nil
		}
		select {
		case <-grown:
		case <-late:
			return answer, nil
		case <-ctx.Done():
			return fetched{}, ctx.Err()
		}
	}
}

func (f *fake) spans(_ context.Context, topic string, partitions int) ([]span, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []span
	for p := range partitions {
		l, err := f.log(topic, int32(p))
		if err != nil {
			return nil, err
		}
		all = append(all, span{l.first, l.end})
	}
	return all, nil
}

func (f *fake) describe(_ context.Context, topics []string) (map[string]topicState, error) {
	if f.before != nil {
		if err := f.before("", nil); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]topicState{}
	for _, name := range topics {
		if t := f.topics[name]; t != nil {
			all[name] = topicState{exists: true, partitions: len(t.partitions), replicas: t.replicas, settings: t.settings}
		}
	}
	return all, nil
}

func (f *fake) create(_ context.Context, topic string, partitions, replicas int, settings map[string]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.topics[topic] == nil {
		t := &fakeTopic{replicas: replicas, settings: settings}
		for range partitions {
			t.partitions = append(t.partitions, &fakeLog{})
		}
		f.topics[topic] = t
	}
	return nil
}

func (f *fake) refresh() {}

func (f *fake) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	close(f.grown)
	f.grown = make(chan struct{})
}

// compact removes from the index what a later record of the same key supersedes.
func (f *fake) compact(topic string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.topics[topic].partitions {
		last := map[string]int64{}
		for _, r := range l.records {
			last[string(r.key)] = r.offset
		}
		l.records = slices.DeleteFunc(l.records, func(r record) bool { return last[string(r.key)] > r.offset })
	}
}

// truncate removes what is before an offset, as retention does.
func (f *fake) truncate(topic string, p int32, first int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.topics[topic].partitions[p]
	l.first = first
	l.records = slices.DeleteFunc(l.records, func(r record) bool { return r.offset < first })
}

func testConfig() *Config {
	cfg := DefaultConfig()
	cfg.Brokers = []string{"127.0.0.1:9092"}
	cfg.Topics.Partitions = 3
	cfg.Timeout = 300 * time.Millisecond
	return &cfg
}

// openFake opens a store on a cluster, which outlives it.
func openFake(t *testing.T, cfg *Config, f *fake) (*Store, *observer.ObservedLogs) {
	t.Helper()
	f.mu.Lock()
	f.closed = false
	f.mu.Unlock()
	core, logs := observer.New(zap.InfoLevel)
	s, err := open(t.Context(), cfg, zap.New(core), f)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, logs
}

func is(topic, name string) bool { return strings.HasSuffix(topic, "."+name) }
