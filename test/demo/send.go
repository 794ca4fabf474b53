package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// reachable says in a useful way that nothing listens.
func reachable(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("nothing listens on %s: start it with `make run` in another terminal", addr)
	}
	return conn.Close()
}

// sender speaks both transports of OTLP.
type sender struct {
	conn *grpc.ClientConn
	http string
}

func newSender(grpcAddr, httpAddr string) (*sender, error) {
	conn, err := grpc.NewClient(grpcAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", grpcAddr, err)
	}
	return &sender{conn: conn, http: httpAddr}, nil
}

func (s *sender) close() { _ = s.conn.Close() } // nothing is in flight any more

// send sends over gRPC and HTTP in turn and says which it was.
func (s *sender) send(ctx context.Context, i int, c shipment) (transport string, err error) {
	switch {
	case i%2 == 0 && c.Signal == "logs":
		_, err = plogotlp.NewGRPCClient(s.conn).Export(ctx, plogotlp.NewExportRequestFromLogs(c.logs))
		return "OTLP/gRPC", err
	case i%2 == 0:
		_, err = ptraceotlp.NewGRPCClient(s.conn).Export(ctx, ptraceotlp.NewExportRequestFromTraces(c.traces))
		return "OTLP/gRPC", err
	case c.Signal == "logs":
		body, err := plogotlp.NewExportRequestFromLogs(c.logs).MarshalProto()
		if err != nil {
			return "", err
		}
		return "OTLP/HTTP", s.post(ctx, "/v1/logs", body)
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(c.traces).MarshalProto()
	if err != nil {
		return "", err
	}
	return "OTLP/HTTP", s.post(ctx, "/v1/traces", body)
}

func (s *sender) post(ctx context.Context, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.http+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the distribution answered %s", resp.Status)
	}
	return nil
}
