package collector

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
)

// maxMessage is the largest request that is sent and taken.
const maxMessage = 1 << 30

// tally counts what was sent, or what has arrived.
type tally struct {
	requests, spans, bytes int
	secrets                int // that stand there as they were planted
	masks                  int
}

func (t *tally) add(o tally) {
	t.requests += o.requests
	t.spans += o.spans
	t.bytes += o.bytes
	t.secrets += o.secrets
	t.masks += o.masks
}

// prefixes begin what corpus.Plant plants, and nothing else of its texts.
var prefixes = [][]byte{[]byte("ghp_"), []byte("xoxb-")}

// count counts what is in a request. Of mask "" there is none.
func count(raw []byte, mask string) (tally, error) {
	spans, err := countSpans(raw)
	t := tally{requests: 1, spans: spans, bytes: len(raw)}
	for _, p := range prefixes {
		t.secrets += bytes.Count(raw, p)
	}
	if mask != "" {
		t.masks = bytes.Count(raw, []byte(mask))
	}
	return t, err
}

// sink takes what a Collector sends on, and counts.
type sink struct {
	addr   string
	mask   string // what masks begin with, or are
	server *grpc.Server

	mu    sync.Mutex
	total tally // guarded by mu
	bad   error // guarded by mu
}

func newSink(ctx context.Context, mask string) (*sink, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening as sink: %w", err)
	}
	s := &sink{addr: l.Addr().String(), mask: mask}
	s.server = grpc.NewServer(grpc.ForceServerCodecV2(frames{}), grpc.MaxRecvMsgSize(maxMessage), grpc.UnknownServiceHandler(s.take))
	go func() { _ = s.server.Serve(l) }() // returns when close stops it
	return s, nil
}

func (s *sink) close() { s.server.Stop() }

// take counts one request and answers that all is well.
func (s *sink) take(_ any, stream grpc.ServerStream) error {
	var f frame
	if err := stream.RecvMsg(&f); err != nil {
		return err
	}
	t, err := count(f.raw, s.mask)
	f.free()
	s.mu.Lock()
	s.total.add(t)
	s.bad = errors.Join(s.bad, err)
	s.mu.Unlock()
	return stream.SendMsg(&frame{})
}

// arrived returns what has come since it was asked last.
func (s *sink) arrived() (tally, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.total, s.bad
	s.total, s.bad = tally{}, nil
	return t, err
}

// check compares what arrived with what was sent.
func (s *sink) check(sent tally) error {
	got, err := s.arrived()
	if err != nil {
		return err
	}
	if got.spans != sent.spans {
		return fmt.Errorf("%d spans arrived, %d were sent", got.spans, sent.spans)
	}
	if s.mask == "" {
		if got.secrets != sent.secrets {
			return fmt.Errorf("without a processor %d secrets arrived, %d were sent", got.secrets, sent.secrets)
		}
		return nil
	}
	if got.secrets != 0 {
		return fmt.Errorf("%d of %d secrets arrived in the clear", got.secrets, sent.secrets)
	}
	if got.masks != sent.secrets {
		return fmt.Errorf("%d masks arrived for %d secrets", got.masks, sent.secrets)
	}
	return nil
}
