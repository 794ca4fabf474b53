//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // what exporters compress with unless told otherwise
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tracescrub/tracescrub/test/idptest"
)

// sink is what telemetry goes to: OTLP/gRPC with TLS and a token for each
// sender. What comes is appended to files as the file exporter would.
type sink struct {
	addr  string
	dir   string
	names map[string]string // of senders, by token
	files map[string]string // name of the file of a signal

	mu sync.Mutex // guards the files and what follows
	// then is asked after traces were written and before they are
	// acknowledged. It may be nil.
	then func(sender string, line []byte)
}

// newSink listens until the test ends.
func newSink(t *testing.T, dir string, cert tls.Certificate, names, files map[string]string) *sink {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	s := &sink{addr: listener.Addr().String(), dir: dir, names: names, files: files}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})),
		grpc.MaxRecvMsgSize(1<<30))
	ptraceotlp.RegisterGRPCServer(server, &tracesSink{sink: s})
	plogotlp.RegisterGRPCServer(server, &logsSink{sink: s})
	pmetricotlp.RegisterGRPCServer(server, &metricsSink{sink: s})
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	return s
}

// take writes a line, if the sender may send.
func (s *sink) take(ctx context.Context, signal string, line []byte, err error) error {
	if err != nil {
		return err
	}
	sender, known := "", false
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		for _, v := range md.Get("authorization") {
			sender, known = s.names[strings.TrimPrefix(v, "Bearer ")]
		}
	}
	name, ok := s.files[signal]
	if !known || !ok {
		return status.Error(codes.Unauthenticated, "who are you")
	}
	s.mu.Lock()
	f, err := os.OpenFile(filepath.Join(s.dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(append(line, '\n'))
		err = errors.Join(err, f.Close())
	}
	then := s.then
	s.mu.Unlock()
	if err == nil && then != nil && signal == "traces" {
		then(sender, line)
	}
	return err
}

// whenTraces sets what is asked.
func (s *sink) whenTraces(then func(sender string, line []byte)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.then = then
}

type tracesSink struct {
	ptraceotlp.UnimplementedGRPCServer
	*sink
}

func (s *tracesSink) Export(ctx context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(req.Traces())
	return ptraceotlp.NewExportResponse(), s.take(ctx, "traces", line, err)
}

type logsSink struct {
	plogotlp.UnimplementedGRPCServer
	*sink
}

func (s *logsSink) Export(ctx context.Context, req plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	line, err := (&plog.JSONMarshaler{}).MarshalLogs(req.Logs())
	return plogotlp.NewExportResponse(), s.take(ctx, "logs", line, err)
}

type metricsSink struct {
	pmetricotlp.UnimplementedGRPCServer
	*sink
}

func (s *metricsSink) Export(ctx context.Context, req pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	line, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(req.Metrics())
	return pmetricotlp.NewExportResponse(), s.take(ctx, "metrics", line, err)
}

// zstdCodec lets our server read what the exporters compress.
type zstdCodec struct{}

func init() { encoding.RegisterCompressor(zstdCodec{}) }

func (zstdCodec) Name() string                                      { return "zstd" }
func (zstdCodec) Compress(w io.Writer) (io.WriteCloser, error)      { return zstd.NewWriter(w) }
func (zstdCodec) Decompress(r io.Reader) (out io.Reader, err error) { return zstd.NewReader(r) }

// newIssuer starts an identity provider.
func newIssuer(t *testing.T) *idptest.Provider {
	t.Helper()
	p := idptest.New()
	t.Cleanup(p.Close)
	return p
}

// audience is who tokens of senders and of approvers are made for.
const audience = "telemetry"

// tokenOf says who somebody is, for an hour.
func tokenOf(p *idptest.Provider, subject string, groups ...string) string {
	return p.Token(map[string]any{"aud": audience, "sub": subject, "groups": groups})
}
