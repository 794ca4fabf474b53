package collector

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// method is what traces are sent to.
const method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// frame is a message as the bytes that it is.
type frame struct {
	raw []byte
	buf mem.Buffer // that raw is in, if it was received
}

// free gives back the bytes of a frame that was received.
func (f *frame) free() {
	if f.buf != nil {
		f.buf.Free()
	}
	*f = frame{}
}

// frames is a codec that leaves messages alone.
type frames struct{}

var _ encoding.CodecV2 = frames{}

func (frames) Name() string { return "proto" }

func (frames) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("%T is no frame", v)
	}
	return mem.BufferSlice{mem.SliceBuffer(f.raw)}, nil
}

func (frames) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("%T is no frame", v)
	}
	f.buf = data.MaterializeToBuffer(mem.DefaultBufferPool())
	f.raw = f.buf.ReadOnlyData()
	return nil
}

// The fields of a request that lead to spans: resource spans, scope spans, spans.
var toSpans = []protowire.Number{1, 2, 2}

// countSpans counts the spans of a request.
func countSpans(raw []byte) (int, error) { return countFields(raw, toSpans) }

func countFields(raw []byte, path []protowire.Number) (n int, err error) {
	for len(raw) > 0 {
		num, kind, size := protowire.ConsumeTag(raw)
		if size < 0 {
			return 0, errors.New("a request is no protobuf")
		}
		raw = raw[size:]
		size = protowire.ConsumeFieldValue(num, kind, raw)
		if size < 0 {
			return 0, errors.New("a request is no protobuf")
		}
		value := raw[:size]
		raw = raw[size:]
		if num != path[0] || kind != protowire.BytesType {
			continue
		}
		if len(path) == 1 {
			n++
			continue
		}
		inner, _ := protowire.ConsumeBytes(value)
		below, err := countFields(inner, path[1:])
		if err != nil {
			return 0, err
		}
		n += below
	}
	return n, nil
}
