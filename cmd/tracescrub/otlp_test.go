package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

const testKey = "a key for tests of the command"

// command runs the command line on in and returns code, output and messages.
func command(in []byte, args ...string) (int, []byte, string) {
	var out, said bytes.Buffer
	code := run(args, &terminal{in: bytes.NewReader(in), out: &out, err: &said, getenv: func(name string) string {
		if name == keyVariable {
			return testKey
		}
		return ""
	}})
	return code, out.Bytes(), said.String()
}

// plantTraces makes spans that hold the secret in several places, over several resources.
func plantTraces(secret string) ptrace.Traces {
	td := ptrace.NewTraces()
	for i := range 5 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("host.name", "host of "+secret)
		s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		s.SetTraceID([16]byte{1, byte(i)})
		s.SetSpanID([8]byte{1, byte(i)})
		s.SetName("call " + secret)
		s.Attributes().PutStr("nested", `{"a":"{\"b\":\"`+secret+`\"}"}`)
		s.Attributes().PutEmptySlice("list").AppendEmpty().SetStr(secret)
		s.Events().AppendEmpty().SetName("event " + secret)
	}
	return td
}

func testSecret(t *testing.T) string {
	t.Helper()
	secret, err := plantText("@github@", t.Name(), map[string]string{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// TestSameAsProcessor: the command writes what the processor hands on.
func TestSameAsProcessor(t *testing.T) {
	td := plantTraces(testSecret(t))
	asJSON, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	asProto, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	f := secretmaskprocessor.NewFactory()
	cfg := f.CreateDefaultConfig().(*secretmaskprocessor.Config)
	cfg.Fingerprint.Key, cfg.Annotate = testKey, "none"
	sink := &consumertest.TracesSink{}
	p, err := f.CreateTraces(t.Context(), processortest.NewNopSettings(f.Type()), cfg, sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context(), noExtensions{}); err != nil {
		t.Fatal(err)
	}
	if err := p.ConsumeTraces(t.Context(), td); err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantJSON, err := (&ptrace.JSONMarshaler{}).MarshalTraces(sink.AllTraces()[0])
	if err != nil {
		t.Fatal(err)
	}
	wantProto, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(sink.AllTraces()[0])
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(wantJSON, asJSON) {
		t.Fatal("the processor masked nothing")
	}
	code, out, said := command(asJSON, "mask", "--format", "otlp-json")
	if code != 0 || !bytes.Equal(out, wantJSON) {
		t.Errorf("JSON: code %d, %d bytes, want %d: %s", code, len(out), len(wantJSON), said)
	}
	code, out, said = command(asProto, "mask", "--format", "otlp-proto")
	if code != 0 || !bytes.Equal(out, wantProto) {
		t.Errorf("protobuf: code %d, %d bytes, want %d: %s", code, len(out), len(wantProto), said)
	}
}

// TestProtoSignals: logs and metrics are told apart and masked, framed or not.
func TestProtoSignals(t *testing.T) {
	secret := testSecret(t)
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetTimestamp(1)
	r.Body().SetStr("body " + secret)
	logs, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	if err != nil {
		t.Fatal(err)
	}
	md := pmetric.NewMetrics()
	m := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("requests")
	m.SetDescription("of " + secret)
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	metrics, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(md)
	if err != nil {
		t.Fatal(err)
	}
	var frames []byte
	for _, b := range [][]byte{logs, metrics, {}} {
		frames = append(binary.BigEndian.AppendUint32(frames, uint32(len(b))), b...)
	}
	for _, c := range []struct {
		name  string
		in    []byte
		args  []string
		masks int
	}{
		{"logs", logs, nil, 1},
		{"metrics", metrics, nil, 1},
		{"logs as such", logs, []string{"--signal", "logs"}, 1},
		{"frames of both", frames, nil, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, said := command(c.in, append([]string{"mask", "--format", "otlp-proto"}, c.args...)...)
			if code != 0 || bytes.Contains(out, []byte(secret)) || strings.Count(string(out), "[MASKED:") != c.masks {
				t.Errorf("code %d, %d masks, want %d: %s", code, strings.Count(string(out), "[MASKED:"), c.masks, said)
			}
		})
	}
}
