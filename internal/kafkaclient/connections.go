package kafkaclient

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// ErrGone is of a request that was not sent, because the broker had closed the
// connection: it has surely not been done.
var ErrGone = errors.New("the broker has closed the connection")

// connections are all that are open, to be closed whatever kafka-go does with them.
type connections struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu  sync.Mutex
	all map[*connection]struct{} // under mu; nil once closed
}

type connection struct {
	net.Conn
	of *connections
	// answered: the last thing done with it was to read. Of requests on a
	// connection there is one at a time, so what is written next is a new one.
	answered atomic.Bool
}

// Write sends, but nothing of a request on a connection that the broker has
// closed meanwhile: such a request has surely not been done, and it is good to
// know that. It costs one system call for each request.
func (c *connection) Write(b []byte) (int, error) {
	if c.answered.Swap(false) && closedByPeer(c.Conn) {
		return 0, ErrGone
	}
	return c.Conn.Write(b)
}

// Read receives.
func (c *connection) Read(b []byte) (int, error) {
	c.answered.Store(true)
	return c.Conn.Read(b)
}

func newConnections() *connections {
	ctx, cancel := context.WithCancel(context.Background())
	return &connections{ctx: ctx, cancel: cancel, all: map[*connection]struct{}{}}
}

func (c *connections) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)() //nolint:contextcheck // the caller's context is in use; this one only ends it early
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		conn.Close()
		return nil, net.ErrClosed
	}
	own := &connection{Conn: conn, of: c}
	c.all[own] = struct{}{}
	return own, nil
}

func (c *connections) close() {
	c.cancel()
	c.mu.Lock()
	all := c.all
	c.all = nil
	c.mu.Unlock()
	for conn := range all {
		conn.Conn.Close()
	}
}

func (c *connection) Close() error {
	c.of.mu.Lock()
	delete(c.of.all, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
