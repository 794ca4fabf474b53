package otlpstream

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var errParse = errors.New("cannot parse")

// same parses and marshals by pdata, and counts the batches.
type same struct {
	proto   bool
	batches []int
}

func (s *same) mask(sig Signal, request []byte) ([]byte, error) {
	s.batches = append(s.batches, len(request))
	switch {
	case sig == Traces && s.proto:
		v, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(request)
		if err != nil {
			return nil, errParse
		}
		return (&ptrace.ProtoMarshaler{}).MarshalTraces(v)
	case sig == Traces:
		v, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(request)
		if err != nil {
			return nil, errParse
		}
		return (&ptrace.JSONMarshaler{}).MarshalTraces(v)
	case sig == Logs && !s.proto:
		v, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(request)
		if err != nil {
			return nil, errParse
		}
		return (&plog.JSONMarshaler{}).MarshalLogs(v)
	}
	return request, nil
}

// traces makes a document of n resources.
func traces(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	for i := range n {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprintf("service-%d", i))
		span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
		span.SetName(strings.Repeat(`a "quoted" [name] {with} \ and ,`, 1+i%3))
		span.SetTraceID([16]byte{1, byte(i)})
		span.SetSpanID([8]byte{2, byte(i)})
		span.SetStartTimestamp(1)
	}
	return td
}

func tracesJSON(t *testing.T, n int) string {
	t.Helper()
	b, err := (&ptrace.JSONMarshaler{}).MarshalTraces(traces(n))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestJSONComesBack(t *testing.T) {
	one, many := tracesJSON(t, 1), tracesJSON(t, 50)
	for _, c := range []struct {
		name, in, want string
		batch          int
	}{
		{"nothing", "", "", 0},
		{"only space", " \n", " \n", 0},
		{"empty document", "{}", "{}", 0},
		{"one", one, one, 0},
		{"with line end", one + "\n", one + "\n", 0},
		{"lines", one + "\n" + many + "\n", one + "\n" + many + "\n", 0},
		{"element by element", many + "\n", many + "\n", 1},
		{"some at a time", many, many, 1000},
		{"spaced", strings.ReplaceAll(one, `{"resourceSpans":[`, "{ \"resourceSpans\" :\n[ "), one, 0},
		{"null", `{"resourceSpans":null}`, "{}", 0},
		{"unknown members go", `{"x":{"a":[1,"]"]},` + one[1:len(one)-1] + `,"y":1}`, one, 1},
		{"snake case", strings.Replace(one, "resourceSpans", "resource_spans", 1), one, 0},
		{"two members", `{"resourceSpans":[],` + one[1:], one, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.HalfReader(strings.NewReader(c.in))} {
				var out bytes.Buffer
				if err := JSON(r, &out, Options{BatchBytes: c.batch, Mask: (&same{}).mask}); err != nil {
					t.Fatal(err)
				}
				if out.String() != c.want {
					t.Errorf("%d bytes came back, want %d", out.Len(), len(c.want))
				}
			}
		})
	}
}

func TestBatches(t *testing.T) {
	doc := tracesJSON(t, 50)
	for _, c := range []struct{ batch, want int }{{0, 1}, {1, 50}, {len(doc) / 4, 4}} {
		m := &same{}
		if err := JSON(strings.NewReader(doc), io.Discard, Options{BatchBytes: c.batch, Mask: m.mask}); err != nil {
			t.Fatal(err)
		}
		if len(m.batches) != c.want {
			t.Errorf("batches of %d bytes: %d, want %d", c.batch, len(m.batches), c.want)
		}
	}
}

func TestLongString(t *testing.T) {
	td := traces(1)
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("long", strings.Repeat(`\"x`, 1<<20))
	doc, err := (&ptrace.JSONMarshaler{}).MarshalTraces(td)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := JSON(bytes.NewReader(doc), &out, Options{Mask: (&same{}).mask}); err != nil || !bytes.Equal(out.Bytes(), doc) {
		t.Fatalf("%v; %d bytes, want %d", err, out.Len(), len(doc))
	}
	err = JSON(bytes.NewReader(doc), io.Discard, Options{ElementBytes: 1 << 20, Mask: (&same{}).mask})
	if !errors.Is(err, errTooLarge) {
		t.Fatalf("over the limit: %v", err)
	}
}

func TestBrokenJSON(t *testing.T) {
	one := tracesJSON(t, 1)
	for _, c := range []struct {
		name, in string
		signal   Signal
		line     int64
		at       int // byte, -1: not asked
		whole    int // documents that are written
	}{
		{"no JSON", "hello", 0, 1, 0, 0},
		{"no OTLP", `{"a":1}`, 0, 1, 7, 0},
		{"second line", one + "\n{\"resourceSpans\":[}\n", 0, 2, len(one) + 19, 1},
		{"cut", one[:len(one)-3], 0, 1, len(one) - 3, 0},
		{"cut in a string", one[:40], 0, 1, 40, 0},
		{"inside an element", `{"resourceSpans":[{"resource":{"attributes":[nope]}}]}`, 0, 1, 46, 0},
		{"wrong type", "{\"resourceSpans\":[\n{\"scopeSpans\":17}]}", 0, 2, 19, 0},
		{"elements are numbers", `{"resourceSpans":[1]}`, 0, 1, 18, 0},
		{"no array", `{"resourceSpans":{}}`, 0, 1, 17, 0},
		{"comma", `{"resourceSpans":[{},]}`, 0, 1, 21, 0},
		{"two signals", `{"resourceSpans":[],"resourceLogs":[]}`, 0, 1, -1, 0},
		{"other signal", one, Logs, 1, -1, 0},
		{"glued", one + one, 0, 1, len(one), 1},
		{"deep", `{"resourceSpans":[` + strings.Repeat(`{"a":`, 20_000), 0, 1, -1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := JSON(strings.NewReader(c.in), &out, Options{Signal: c.signal, Mask: (&same{}).mask})
			var bad *InputError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if bad.Line != c.line || c.at >= 0 && bad.Byte != int64(c.at) {
				t.Errorf("line %d, byte %d; want line %d, byte %d (%v)", bad.Line, bad.Byte, c.line, c.at, bad.Err)
			}
			if n := strings.Count(out.String(), "resourceSpans"); n != c.whole {
				t.Errorf("%d documents written, want %d", n, c.whole)
			}
		})
	}
}

// TestLargeDocumentIsClosed: what was written before the defect is a whole document.
func TestLargeDocumentIsClosed(t *testing.T) {
	doc := tracesJSON(t, 50)
	for _, cut := range []int{len(doc) / 2, len(doc) - 1, len(doc) / 50 * 3} {
		var out bytes.Buffer
		err := JSON(strings.NewReader(doc[:cut]), &out, Options{BatchBytes: 1, Mask: (&same{}).mask})
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("got %v", err)
		}
		if !json.Valid(out.Bytes()) || !strings.HasPrefix(doc, strings.TrimSuffix(out.String(), "]}\n")) {
			t.Errorf("cut at %d: the output is no whole document", cut)
		}
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	const canary = "canary"
	for _, in := range []string{
		canary, `{"` + canary + `":1}`, `{"resourceSpans":[{"` + canary + `":` + canary + `}]}`,
		`{"resourceSpans":[{"scopeSpans":"` + canary + `"}]}`, `{"resourceSpans":"` + canary + `"}`,
	} {
		err := JSON(strings.NewReader(in), io.Discard, Options{Mask: (&same{}).mask})
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%v", err == nil)
		}
	}
}

func tracesProto(t *testing.T, n int) []byte {
	t.Helper()
	b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces(n))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestProtoComesBack(t *testing.T) {
	many := tracesProto(t, 50)
	var frames []byte
	for _, n := range []int{1, 0, 50} {
		b := tracesProto(t, n)
		frames = append(binary.BigEndian.AppendUint32(frames, uint32(len(b))), b...)
	}
	unknown := append(append([]byte{}, many...), 0x12, 2, 'h', 'i', 0x18, 1)
	for _, c := range []struct {
		name     string
		in, want []byte
		batch    int
		batches  int
	}{
		{"nothing", nil, nil, 0, 0},
		{"a request", many, many, 0, 1},
		{"element by element", many, many, 1, 50},
		{"frames", frames, frames, 0, 2},
		{"unknown fields go", unknown, many, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &same{proto: true}
			var out bytes.Buffer
			if err := Proto(iotest.HalfReader(bytes.NewReader(c.in)), &out, Options{BatchBytes: c.batch, Mask: m.mask}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), c.want) || len(m.batches) != c.batches {
				t.Errorf("%d bytes in %d batches, want %d in %d", out.Len(), len(m.batches), len(c.want), c.batches)
			}
		})
	}
}

func TestBrokenProto(t *testing.T) {
	many := tracesProto(t, 3)
	for _, c := range []struct {
		name string
		in   []byte
		at   int
	}{
		{"cut", many[:len(many)-1], len(many) - 1},
		{"text", []byte("hello, this is no protobuf"), 0},
		{"huge length", []byte{fieldOne, 0xff, 0xff, 0xff, 0xff, 0x7f}, 0},
		{"claims more than there is", []byte{fieldOne, 0xff, 0xff, 0xff, 0x0f, 1}, 6},
		{"a group", append(append([]byte{}, many...), 0x0b), len(many)},
		{"frame is cut", append([]byte{0, 0, 4, 0}, many[:10]...), 14},
		{"frame holds nonsense", []byte{0, 0, 0, 2, 'h', 'i'}, 4},
		{"half a length", []byte{0, 0}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Proto(bytes.NewReader(c.in), io.Discard, Options{Mask: (&same{proto: true}).mask})
			var bad *InputError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if bad.Byte != int64(c.at) {
				t.Errorf("byte %d, want %d (%v)", bad.Byte, c.at, bad.Err)
			}
		})
	}
}

func TestDetect(t *testing.T) {
	span := ptrace.NewTraces()
	span.ResourceSpans().AppendEmpty() // no records
	s := span.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetTraceID([16]byte{9})
	s.SetSpanID([8]byte{9})
	s.SetName("n")

	record := plog.NewLogs()
	r := record.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetSeverityNumber(plog.SeverityNumberInfo)
	r.Body().SetStr("b")
	bare := plog.NewLogs()
	r = bare.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetObservedTimestamp(1)

	metric := pmetric.NewMetrics()
	m := metric.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	m.SetName("sixteen.bytes.na")
	m.SetDescription("of eight")
	m.SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)

	encode := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, c := range []struct {
		name string
		in   []byte
		want Signal
	}{
		{"span", encode((&ptrace.ProtoMarshaler{}).MarshalTraces(span)), Traces},
		{"log record", encode((&plog.ProtoMarshaler{}).MarshalLogs(record)), Logs},
		{"log record with a time only", encode((&plog.ProtoMarshaler{}).MarshalLogs(bare)), Logs},
		{"metric", encode((&pmetric.ProtoMarshaler{}).MarshalMetrics(metric)), Metrics},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Unknown
			each(c.in, 1, func(elem []byte) bool {
				got = detectElement(elem)
				return got == Unknown
			})
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// FuzzJSON: whatever happens, what is written is a stream of whole documents,
// and the error is one about the input.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{"{}", `{"resourceSpans":[{},{}]}`, `{"resourceLogs":[{"scopeLogs":[]}]} {}`, `{"resourceSpans":[{"a":"\"]}"}]`} {
		f.Add(s, 1)
		f.Add(s, 1000)
	}
	f.Fuzz(func(t *testing.T, in string, batch int) {
		var out bytes.Buffer
		err := JSON(strings.NewReader(in), &out, Options{BatchBytes: batch, Mask: (&same{}).mask})
		var bad *InputError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%v", err)
		}
		for dec := json.NewDecoder(&out); ; {
			var doc map[string]json.RawMessage
			if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal("the output is no stream of documents")
			}
		}
	})
}

// FuzzProto: whatever happens, what is written is whole messages of OTLP, all
// of the input's elements if there is no error, and an error is one about the input.
func FuzzProto(f *testing.F) {
	b, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces(2))
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range [][]byte{{}, b, b[:len(b)/2], append([]byte{0, 0, 0, byte(len(b))}, b...), {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}, {0x0b, 0x0b, 0x0c, 0x0c}} {
		f.Add(in, 1)
		f.Add(in, 1000)
	}
	f.Fuzz(func(t *testing.T, in []byte, batch int) {
		var out bytes.Buffer
		elements := 0
		mask := func(_ Signal, request []byte) ([]byte, error) {
			each(request, 1, func([]byte) bool { elements++; return true })
			return request, nil
		}
		err := Proto(bytes.NewReader(in), &out, Options{BatchBytes: batch, ElementBytes: 1 << 20, Mask: mask})
		var bad *InputError
		if err != nil && !errors.As(err, &bad) {
			t.Fatalf("%v", err)
		}
		if out.Len() > len(in) {
			t.Errorf("%d bytes became %d", len(in), out.Len())
		}
		var once bytes.Buffer
		if err == nil && elements > 0 {
			if err := Proto(bytes.NewReader(out.Bytes()), &once, Options{BatchBytes: batch, ElementBytes: 1 << 20, Mask: mask}); err != nil || !bytes.Equal(once.Bytes(), out.Bytes()) {
				t.Errorf("what was written is not read as it was written: %v", err)
			}
		}
	})
}
