//go:build e2e

package soak

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters compress with unless told otherwise
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// mode is how the backend fails.
type mode string

const (
	works       mode = ""
	stalls      mode = "stalls"                            // answers nobody until it is over
	slow        mode = "is slow"                           // a second each
	unavailable mode = "is unavailable"                    // Unavailable
	exhausted   mode = "is exhausted"                      // ResourceExhausted, with the time to wait
	refuses     mode = "refuses for good"                  // InvalidArgument, every third request
	cuts        mode = "cuts connections"                  // when it has what came, before it answers
	forgets     mode = "answers with an error what it has" // Unavailable
)

// backend is what telemetry goes to: OTLP/gRPC with TLS and a token for each sender.
type backend struct {
	addr   string
	names  map[string]string // of senders, by token
	ledger *ledger

	mu     sync.Mutex // guards what follows
	mode   mode
	over   chan struct{} // closed when the mode is
	count  int
	conns  map[net.Conn]bool
	answer map[string]int // by code
}

func newBackend(t *testing.T, cert tls.Certificate, names map[string]string, l *ledger) *backend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	b := &backend{
		addr: listener.Addr().String(), names: names, ledger: l,
		over: make(chan struct{}), conns: map[net.Conn]bool{}, answer: map[string]int{},
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})),
		grpc.MaxRecvMsgSize(1<<30))
	ptraceotlp.RegisterGRPCServer(server, &tracesServer{backend: b})
	go func() { _ = server.Serve(&conns{Listener: listener, backend: b}) }() // ends with Stop
	t.Cleanup(server.Stop)
	return b
}

// behave changes how it fails.
func (b *backend) behave(m mode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mode = m
	close(b.over)
	b.over = make(chan struct{})
}

func (b *backend) now() (m mode, over chan struct{}, count int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	return b.mode, b.over, b.count
}

// cut closes all connections.
func (b *backend) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close() // that is all it is for
	}
}

// conns remembers connections.
type conns struct {
	net.Listener
	backend *backend
}

func (c *conns) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.backend.mu.Lock()
	defer c.backend.mu.Unlock()
	c.backend.conns[conn] = true
	return &tracked{conn, c.backend}, nil
}

type tracked struct {
	net.Conn
	backend *backend
}

func (t *tracked) Close() error {
	t.backend.mu.Lock()
	delete(t.backend.conns, t.Conn)
	t.backend.mu.Unlock()
	return t.Conn.Close()
}

type tracesServer struct {
	ptraceotlp.UnimplementedGRPCServer
	*backend
}

// Export takes spans, or fails as the mode says.
func (s *tracesServer) Export(ctx context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	began := time.Now()
	sender, known := "", false
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		for _, v := range md.Get("authorization") {
			sender, known = s.names[strings.TrimPrefix(v, "Bearer ")]
		}
	}
	err := status.Error(codes.Unauthenticated, "who are you")
	if known {
		err = s.export(ctx, sender, began, req.Traces())
	}
	s.mu.Lock()
	s.answer[status.Code(err).String()]++
	s.mu.Unlock()
	return ptraceotlp.NewExportResponse(), err
}

func (b *backend) export(ctx context.Context, sender string, began time.Time, td ptrace.Traces) error {
	m, over, count := b.now()
	switch m {
	case stalls:
		select {
		case <-over:
		case <-ctx.Done():
			return status.FromContextError(ctx.Err()).Err()
		}
	case slow:
		time.Sleep(time.Second)
	case unavailable:
		return status.Error(codes.Unavailable, "planted")
	case exhausted:
		st, err := status.New(codes.ResourceExhausted, "planted").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
		if err != nil {
			return err
		}
		return st.Err()
	case refuses:
		if count%3 == 0 {
			b.ledger.refuse(td)
			return status.Error(codes.InvalidArgument, "planted")
		}
	}
	done := b.ledger.deliver(sender, td)
	switch m {
	case cuts:
		b.cut()
		return status.Error(codes.Unavailable, "planted")
	case forgets:
		return status.Error(codes.Unavailable, "planted")
	}
	if ctx.Err() == nil && time.Since(began) < 3*time.Second {
		done() // whoever sent it was still there
	}
	return nil
}

// zstdCodec lets our server read what the exporters compress.
type zstdCodec struct{}

func init() { encoding.RegisterCompressor(zstdCodec{}) }

func (zstdCodec) Name() string                                      { return "zstd" }
func (zstdCodec) Compress(w io.Writer) (io.WriteCloser, error)      { return zstd.NewWriter(w) }
func (zstdCodec) Decompress(r io.Reader) (out io.Reader, err error) { return zstd.NewReader(r) }
