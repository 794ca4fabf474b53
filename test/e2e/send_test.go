//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// door is how senders come into a collector.
type door struct {
	scheme      string
	client      *http.Client
	credentials credentials.TransportCredentials
	token       string // none: it is open to all
}

var openDoor = door{scheme: "http", client: http.DefaultClient, credentials: insecure.NewCredentials()}

// authorize adds the token to a call.
func (d door) authorize(ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if d.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+d.token)
	}
	return call(ctx, method, req, reply, conn, opts...)
}

// batch is telemetry of one signal, ready to be sent in any way.
type batch struct {
	signal string
	req    interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}
	// file is the line that the file exporter would write of it.
	file func() ([]byte, error)
	rpc  func(context.Context, *grpc.ClientConn) error
}

func tracesBatch(td ptrace.Traces) batch {
	req := ptraceotlp.NewExportRequestFromTraces(td)
	return batch{
		"traces", req,
		func() ([]byte, error) { return (&ptrace.JSONMarshaler{}).MarshalTraces(td) },
		func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := ptraceotlp.NewGRPCClient(c).Export(ctx, req)
			return err
		},
	}
}

func logsBatch(ld plog.Logs) batch {
	req := plogotlp.NewExportRequestFromLogs(ld)
	return batch{
		"logs", req,
		func() ([]byte, error) { return (&plog.JSONMarshaler{}).MarshalLogs(ld) },
		func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := plogotlp.NewGRPCClient(c).Export(ctx, req)
			return err
		},
	}
}

func metricsBatch(md pmetric.Metrics) batch {
	req := pmetricotlp.NewExportRequestFromMetrics(md)
	return batch{
		"metrics", req,
		func() ([]byte, error) { return (&pmetric.JSONMarshaler{}).MarshalMetrics(md) },
		func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := pmetricotlp.NewGRPCClient(c).Export(ctx, req)
			return err
		},
	}
}

// transports are the ways of OTLP into the collector.
var transports = []struct {
	name string
	send func(t *testing.T, c *collector, b batch) error
}{
	{"grpc", func(t *testing.T, c *collector, b batch) error {
		t.Helper()
		return b.rpc(t.Context(), dial(t, c))
	}},
	{"http protobuf", func(t *testing.T, c *collector, b batch) error {
		t.Helper()
		body, err := b.req.MarshalProto()
		if err != nil {
			t.Fatalf("encoding the batch: %v", err)
		}
		return posted(post(t, c, b.signal, "application/x-protobuf", body))
	}},
	{"http json", func(t *testing.T, c *collector, b batch) error {
		t.Helper()
		body, err := b.req.MarshalJSON()
		if err != nil {
			t.Fatalf("encoding the batch: %v", err)
		}
		return posted(post(t, c, b.signal, "application/json", body))
	}},
}

func dial(t *testing.T, c *collector) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(c.grpc, grpc.WithTransportCredentials(c.door.credentials), grpc.WithUnaryInterceptor(c.door.authorize),
		grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(1<<30)))
	if err != nil {
		t.Fatalf("connecting: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// post sends a body and returns status and answer.
func post(t *testing.T, c *collector, signal, contentType string, body []byte) (status int, answer string) {
	t.Helper()
	resp, err := c.request(signal, contentType, body)
	if err != nil {
		// A server that refuses a large body may close the connection while it is being sent.
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// request sends a body as c's senders do.
func (c *collector) request(signal, contentType string, body []byte) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodPost, c.door.scheme+"://"+c.http+"/v1/"+signal, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if c.door.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.door.token)
	}
	return c.door.client.Do(req)
}

func posted(status int, answer string) error {
	if status != http.StatusOK {
		return fmt.Errorf("status %d, %d bytes of answer", status, len(answer))
	}
	return nil
}

// mustSend sends by gRPC and wants success.
func mustSend(t *testing.T, c *collector, b batch) {
	t.Helper()
	if err := transports[0].send(t, c, b); err != nil {
		t.Fatalf("sending %s: %v", b.signal, err)
	}
}

// canonical decodes a line of OTLP/JSON for comparison: masks lose rule and
// fingerprint, and what is ours (the stamp) is taken out and returned.
func canonical(t *testing.T, line []byte) (tree any, stamps []stamp) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatalf("the output is no JSON: %v", err)
	}
	return clean(tree, &stamps), stamps
}

// stamp is an attribute of ours.
type stamp struct {
	key   string
	value any
}

var maskForm = regexp.MustCompile(`\[MASKED:[a-z0-9-]+:[0-9a-f]{8}\]`)

func clean(v any, stamps *[]stamp) any {
	switch v := v.(type) {
	case string:
		return maskForm.ReplaceAllString(v, mask)
	case []any:
		v = slices.DeleteFunc(v, func(e any) bool {
			attr, _ := e.(map[string]any)
			key, _ := attr["key"].(string)
			if !strings.HasPrefix(key, "tracescrub.") {
				return false
			}
			*stamps = append(*stamps, stamp{key, attr["value"]})
			return true
		})
		for i := range v {
			v[i] = clean(v[i], stamps)
		}
		return v
	case map[string]any:
		for k, e := range v {
			if s, ok := e.(string); ok && k == "bytesValue" {
				raw, err := base64.StdEncoding.DecodeString(s)
				if err == nil {
					v[k] = maskForm.ReplaceAllString(string(raw), mask)
				}
				continue
			}
			v[k] = clean(e, stamps)
			if list, ok := v[k].([]any); ok && len(list) == 0 && k == "attributes" {
				delete(v, k) // held nothing but the stamp
			}
		}
		return v
	}
	return v
}

// lastLine is the last line of an output file.
func lastLine(text []byte) []byte {
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return lines[len(lines)-1]
}
