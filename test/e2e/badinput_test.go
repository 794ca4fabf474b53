//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// raw is a gRPC codec that sends bytes as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return v.([]byte), nil }
func (raw) Unmarshal([]byte, any) error   { return nil }
func (raw) Name() string                  { return "proto" }
func method(signal string) (service string) {
	kind := strings.ToUpper(signal[:1]) + strings.TrimSuffix(signal[1:], "s")
	return map[string]string{
		"Trace":  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		"Log":    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		"Metric": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	}[kind]
}

// TestMalformed: what is no OTLP is refused, for good, and the next batch is served.
func TestMalformed(t *testing.T) {
	c := start(t, t.TempDir(), verbose)
	v := newVault(11)
	var half bytes.Buffer
	zip := gzip.NewWriter(&half)
	fmt.Fprintf(zip, `{"resourceSpans":[{"x":%q}]}`, v.token("truncated gzip"))
	zip.Close()
	cases := []struct {
		name, contentType, encoding string
		body                        []byte
	}{
		{"text as protobuf", "application/x-protobuf", "", []byte("hello " + v.token("text as protobuf"))},
		{"zeros as protobuf", "application/x-protobuf", "", make([]byte, 64)},
		{"length beyond the end", "application/x-protobuf", "", append([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, v.token("length beyond the end")...)},
		{"truncated JSON", "application/json", "", []byte(`{"resourceSpans":[{"resource":{"attributes":[{"key":"` + v.token("truncated JSON"))},
		{"no JSON", "application/json", "", []byte(v.token("no JSON"))},
		{"wrong type in JSON", "application/json", "", []byte(`{"resourceSpans":"` + v.token("wrong type") + `","resourceLogs":1,"resourceMetrics":1}`)},
		{"bad id in JSON", "application/json", "", []byte(`{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"` + v.token("bad id") + `"}]}]}],"resourceLogs":1,"resourceMetrics":1}`)},
		{"truncated gzip", "application/json", "gzip", half.Bytes()[:half.Len()-9]},
		{"no gzip", "application/json", "gzip", []byte(v.token("no gzip"))},
		{"unknown content type", "text/plain", "", []byte(v.token("content type"))},
	}
	for _, signal := range []string{"traces", "logs", "metrics"} {
		for _, tt := range cases {
			t.Run(signal+" "+tt.name, func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+c.http+"/v1/"+signal, bytes.NewReader(tt.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", tt.contentType)
				if tt.encoding != "" {
					req.Header.Set("Content-Encoding", tt.encoding)
				}
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatalf("sending: %v", err)
				}
				resp.Body.Close()
				if resp.StatusCode < 400 || resp.StatusCode > 499 {
					t.Errorf("status %d, want one that says: do not send this again", resp.StatusCode)
				}
			})
		}
		t.Run(signal+" grpc", func(t *testing.T) {
			err := dial(t, c).Invoke(t.Context(), method(signal), []byte("hello "+v.token("grpc")), new([]byte), grpc.ForceCodec(raw{}))
			if err == nil {
				t.Error("accepted")
			}
		})
		if len(c.out(t, signal)) > 0 {
			t.Errorf("something was written to %s", signal)
		}
	}
	c.alive(t)
	mustSend(t, c, logsBatch(makeLogs(v, 1)))
	v.check(t, c.surfaces(t))
}

// TestInvalidUTF8: bytes that are no text do not hide the secret beside them.
func TestInvalidUTF8(t *testing.T) {
	c := start(t, t.TempDir(), verbose)
	v := newVault(12)
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("\xff"+v.token("key"), "\xc3\x28"+v.token("value"))
	r := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.Body().SetStr("\xff\xfe " + v.token("body") + "\x80")
	r.SetSeverityText(v.token("severity") + "\xf0\x9f")
	b := logsBatch(ld)
	body, err := b.req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	// Taken or refused: both are right, as long as it is one of them.
	if status, _ := post(t, c, "logs", "application/x-protobuf", body); status != 200 && status != 400 {
		t.Errorf("status %d", status)
	}
	if err := b.rpc(t.Context(), dial(t, c)); err != nil && status.Code(err) != codes.InvalidArgument && status.Code(err) != codes.Internal {
		t.Errorf("gRPC: %v", status.Code(err))
	}
	v.check(t, c.surfaces(t))
	c.alive(t)
}

// TestNested: 40 levels, of values and of JSON in a string.
func TestNested(t *testing.T) {
	c := start(t, t.TempDir(), verbose)
	v := newVault(13)
	const levels = 40
	td := ptrace.NewTraces()
	s := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetTraceID(traceID(1))
	at := s.Attributes().PutEmpty("maps")
	for range levels {
		at = at.SetEmptyMap().PutEmpty("m")
	}
	at.SetStr(v.token("maps"))
	at = s.Attributes().PutEmpty("slices")
	for range levels {
		at = at.SetEmptySlice().AppendEmpty()
	}
	at.SetStr(v.token("slices"))
	s.Attributes().PutStr("json", strings.Repeat(`{"a":[`, levels)+`"`+v.token("json")+`"`+strings.Repeat(`]}`, levels))
	text := v.token("json in json")
	for range 8 { // every level doubles the backslashes
		text = fmt.Sprintf(`{"m":%q}`, text)
	}
	s.Attributes().PutStr("escaped", text)
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) {
			if err := transport.send(t, c, tracesBatch(td)); err != nil {
				t.Fatalf("sending: %v", err)
			}
			if n := len(maskForm.FindAll(lastLine(c.out(t, "traces")), -1)); n == 0 {
				t.Error("nothing was masked")
			}
		})
	}
	v.check(t, c.surfaces(t))
	c.alive(t)
}

// TestEmpty: nothing at all is fine.
func TestEmpty(t *testing.T) {
	c := start(t, t.TempDir())
	hollow := ptrace.NewTraces()
	hollow.ResourceSpans().AppendEmpty()
	hollow.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	hollow.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	logs := plog.NewLogs()
	logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	for _, b := range []batch{tracesBatch(ptrace.NewTraces()), tracesBatch(hollow), logsBatch(plog.NewLogs()), logsBatch(logs)} {
		for _, transport := range transports {
			if err := transport.send(t, c, b); err != nil {
				t.Errorf("%s %s: %v", transport.name, b.signal, err)
			}
		}
	}
	for _, signal := range []string{"traces", "logs", "metrics"} {
		if status, _ := post(t, c, signal, "application/x-protobuf", nil); status != 200 {
			t.Errorf("%s, empty body: status %d", signal, status)
		}
		if status, _ := post(t, c, signal, "application/json", []byte("{}")); status != 200 {
			t.Errorf("%s, empty object: status %d", signal, status)
		}
	}
	c.alive(t)
}

// roomy lets in what the embedded default refuses for its size.
const roomy = `
receivers: {otlp: {protocols: {grpc: {max_recv_msg_size_mib: 512}, http: {max_request_body_size: 536870912}}}}
processors: {memory_limiter: {limit_mib: 6000, spike_limit_mib: 1000}}
`

// huge is a log record with an attribute of 100 MB and secrets at its start,
// in the middle and at the end.
func huge(v *vault) plog.Logs {
	half := strings.Repeat("all work and no play makes jack a dull boy\n", 100_000_000/43/2)
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.Attributes().PutStr("huge", v.token("start")+" "+half+" "+v.token("middle")+"\n"+half+" "+v.token("end"))
	r.Attributes().PutStr("beside", "k "+v.token("beside"))
	return ld
}

// TestTooLarge: 100 MB in one attribute are refused by the embedded default,
// and withheld where the receiver lets them in.
func TestTooLarge(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		c := start(t, t.TempDir())
		b := logsBatch(huge(newVault(14)))
		for _, transport := range transports {
			if err := transport.send(t, c, b); err == nil {
				t.Errorf("%s: accepted", transport.name)
			}
		}
		if len(c.out(t, "logs")) > 0 {
			t.Error("something was written")
		}
		c.alive(t)
		mustSend(t, c, logsBatch(makeLogs(newVault(15), 1)))
	})
	t.Run("withheld", func(t *testing.T) {
		c := start(t, t.TempDir(), roomy)
		v := newVault(16)
		mustSend(t, c, logsBatch(huge(v)))
		line := lastLine(c.out(t, "logs"))
		if !bytes.Contains(line, []byte("withheld-size")) {
			t.Errorf("the line of %d bytes does not say that something was withheld for its size", len(line))
		}
		if !maskForm.Match(line) {
			t.Error("what stands beside was not masked")
		}
		v.check(t, map[string][]byte{"the output": line, "the terminal": []byte(c.log.String())})
		c.alive(t)
	})
}

// TestMillionAttributes: all come out again, and none with its secret.
func TestMillionAttributes(t *testing.T) {
	c := start(t, t.TempDir(), roomy)
	v := newVault(17)
	const n = 1_000_000
	td := ptrace.NewTraces()
	attrs := make(map[string]any, n)
	for i := range n {
		attrs[fmt.Sprintf("k%d", i)] = "v"
		if i%100_000 == 0 {
			attrs[fmt.Sprintf("k%d", i)] = "x " + v.token("an attribute")
		}
	}
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	if err := span.Attributes().FromRaw(attrs); err != nil { // PutStr would look for the key among all others
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := tracesBatch(td).rpc(ctx, dial(t, c)); err != nil {
		t.Fatalf("sending: %v", err)
	}
	line := lastLine(c.out(t, "traces"))
	if got := bytes.Count(line, []byte(`{"key":"k`)); got != n {
		t.Errorf("%d attributes came out, want %d", got, n)
	}
	if got := len(maskForm.FindAll(line, -1)); got < n/100_000 {
		t.Errorf("%d masks, want %d", got, n/100_000)
	}
	v.check(t, map[string][]byte{"the output": line, "the terminal": []byte(c.log.String())})
	c.alive(t)
}
