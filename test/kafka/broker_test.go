package kafka_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

// wait is how long a test waits for what should happen soon: long enough for a busy machine.
const wait = time.Minute

// broker is a fake cluster whose connections can be cut, stalled and damaged.
type broker struct {
	*kfake.Cluster

	mu      sync.Mutex
	conns   map[*conn]struct{} // under mu
	refuse  bool               // under mu: new connections are closed at once
	stalled chan struct{}      // under mu: not nil while nothing is answered
	damage  [][]byte           // under mu: bytes after these are changed on the way to clients
}

func newBroker(t testing.TB, opts ...kfake.Opt) *broker {
	t.Helper()
	b := &broker{conns: map[*conn]struct{}{}}
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(3), kfake.ListenFn(b.listen)}, opts...)...)
	require.NoError(t, err)
	b.Cluster = c
	t.Cleanup(c.Close)
	return b
}

func (b *broker) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address) //nolint:noctx // kfake has no context
	return &listener{l, b}, err
}

type listener struct {
	net.Listener
	b *broker
}

type conn struct {
	net.Conn
	b *broker
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.b.mu.Lock()
		if l.b.refuse {
			l.b.mu.Unlock()
			c.Close()
			continue
		}
		own := &conn{c, l.b}
		l.b.conns[own] = struct{}{}
		l.b.mu.Unlock()
		return own, nil
	}
}

func (c *conn) Close() error {
	c.b.mu.Lock()
	delete(c.b.conns, c)
	c.b.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) Write(p []byte) (int, error) {
	c.b.mu.Lock()
	stalled, damage := c.b.stalled, c.b.damage
	c.b.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
	for _, needle := range damage {
		if at := bytes.Index(p, needle); at >= 0 && at+len(needle) < len(p) {
			p = slices.Clone(p)
			p[at+len(needle)] ^= 1
		}
	}
	return c.Conn.Write(p)
}

// away closes all connections and takes no more, until back.
func (b *broker) away() {
	b.mu.Lock()
	b.refuse = true
	b.mu.Unlock()
	b.cut()
}

func (b *broker) back() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = false
}

func (b *broker) cut() {
	b.mu.Lock()
	var all []*conn
	for c := range b.conns {
		all = append(all, c)
	}
	b.mu.Unlock()
	for _, c := range all {
		c.Conn.Close()
	}
}

// stall keeps all answers back until it is undone.
func (b *broker) stall() (undo func()) {
	stalled := make(chan struct{})
	b.mu.Lock()
	b.stalled = stalled
	b.mu.Unlock()
	return sync.OnceFunc(func() {
		b.mu.Lock()
		b.stalled = nil
		b.mu.Unlock()
		close(stalled)
	})
}

// config is for the broker, with a small spool unless dir is empty.
func (b *broker) config(spool string) kafka.Config {
	cfg := kafka.DefaultConfig()
	cfg.Brokers = b.ListenAddrs()
	cfg.Topics.Partitions = 3
	cfg.Timeout = 2 * time.Second
	cfg.Spool.Directory = spool
	return cfg
}

// logged is what a store has logged.
type logged struct{ *observer.ObservedLogs }

func open(t testing.TB, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s, _ := openLogged(t, cfg)
	return s
}

func openLogged(t testing.TB, cfg kafka.Config) (*kafka.Store, logged) {
	t.Helper()
	core, logs := observer.New(zapcore.WarnLevel)
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	s, err := kafka.Open(ctx, cfg, zap.New(core))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, logged{logs}
}

// compact compacts the topics. The last batch of a partition is not compacted,
// as the segment that is being written is not; so one is written first.
func (b *broker) compact(t testing.TB) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite())
	require.NoError(t, err)
	defer cl.Close()
	for p := range int32(3) {
		r := &kgo.Record{Topic: "tracescrub.index", Partition: p, Key: []byte("roll")}
		require.NoError(t, cl.ProduceSync(t.Context(), r).FirstErr())
	}
	b.Compact()
}
