//go:build e2e

package runtimes

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // what senders may compress with
	"google.golang.org/grpc/status"
)

// tee stands between an application and the collector: it keeps every request
// and passes its bytes on, over the protocol that it came by. It passes on one
// request at a time, so what the collector writes has the order of what it keeps.
type tee struct {
	grpc, http string // host:port

	mu   sync.Mutex // guards kept, and is held while a request is passed on
	kept map[string][][]byte
	bad  []string // what should not have come
}

func newTee(t *testing.T, c *collector) *tee {
	t.Helper()
	s := &tee{kept: map[string][][]byte{}}
	conn, err := grpc.NewClient(c.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	s.grpc = listener.Addr().String()
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.MaxRecvMsgSize(1<<27), grpc.UnknownServiceHandler(
		func(_ any, stream grpc.ServerStream) error { return s.call(stream, conn) }))
	go func() { _ = server.Serve(listener) }() // ends with Stop
	t.Cleanup(server.Stop)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.post(w, r, c.http) }))
	t.Cleanup(web.Close)
	s.http = web.Listener.Addr().String()
	return s
}

// raw is a codec that leaves messages as the bytes they are.
type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = bytes.Clone(data); return nil }

// call passes a call of any service on.
func (s *tee) call(stream grpc.ServerStream, to *grpc.ClientConn) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var request, answer []byte
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	signal := ""
	for _, known := range []string{"trace", "logs", "metrics"} {
		if strings.HasPrefix(method, "/opentelemetry.proto.collector."+known+".") {
			signal = strings.TrimSuffix(known, "s") + "s"
		}
	}
	s.keep(signal, "proto", request)
	if err := to.Invoke(stream.Context(), method, &request, &answer, grpc.ForceCodec(raw{})); err != nil {
		s.bad = append(s.bad, "the collector refused a call: "+status.Code(err).String())
		return err
	}
	return stream.SendMsg(&answer)
}

// post passes a request over HTTP on.
func (s *tee) post(w http.ResponseWriter, r *http.Request, to string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // who sends has gone away
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	plain := body
	if r.Header.Get("Content-Encoding") == "gzip" {
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			plain, _ = io.ReadAll(z) // what is cut is not decoded below
		}
	}
	form := "proto"
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		form = "json"
	}
	s.keep(strings.TrimPrefix(r.URL.Path, "/v1/"), form, plain)
	req, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+to+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		s.bad = append(s.bad, err.Error())
		return
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.bad = append(s.bad, err.Error())
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.bad = append(s.bad, "the collector refused a request: "+resp.Status)
	}
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // who sends may have gone away
}

// keep keeps a request as the file exporter would write it.
func (s *tee) keep(signal, form string, request []byte) {
	line, err := decode(signal, form, request)
	if err != nil {
		s.bad = append(s.bad, fmt.Sprintf("no request of %q: %v", signal, err))
		return
	}
	s.kept[signal] = append(s.kept[signal], line)
}

// decode makes a line of OTLP/JSON of a request.
func decode(signal, form string, request []byte) ([]byte, error) {
	type message interface {
		UnmarshalProto([]byte) error
		UnmarshalJSON([]byte) error
	}
	read := func(m message) error {
		if form == "json" {
			return m.UnmarshalJSON(request)
		}
		return m.UnmarshalProto(request)
	}
	switch signal {
	case "traces":
		m := ptraceotlp.NewExportRequest()
		if err := read(m); err != nil {
			return nil, err
		}
		return (&ptrace.JSONMarshaler{}).MarshalTraces(m.Traces())
	case "logs":
		m := plogotlp.NewExportRequest()
		if err := read(m); err != nil {
			return nil, err
		}
		return (&plog.JSONMarshaler{}).MarshalLogs(m.Logs())
	case "metrics":
		m := pmetricotlp.NewExportRequest()
		if err := read(m); err != nil {
			return nil, err
		}
		return (&pmetric.JSONMarshaler{}).MarshalMetrics(m.Metrics())
	}
	return nil, errors.New("no signal of ours")
}
