package walk

import (
	"hash/crc32"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Edit is one change of a walk, with what takes it back.
type Edit struct {
	// Spot and Index say at which field it is; Index is what the "[]" in the
	// spot's name stand for, zero where there is none.
	Spot  Spot
	Index [2]int
	// Steps lead from there to the text: positions in maps and slices, since
	// keys may be masked and may occur twice. With InKey the last one is the
	// position of the entry whose key it is.
	Steps []int
	Kind  Kind
	// Offset and Length are the bytes of the masked text in whose place
	// Original belongs.
	Offset, Length int
	// Original is what was there. Of WasInt and WasDouble it is the eight
	// bytes of the number, the highest first; of WasNested the value, as the
	// body of the only log record of an OTLP LogsData message.
	Original string
	// Sum is the CRC-32C of the whole masked text: on anything else it is an
	// error to take the edit back.
	Sum uint32
}

// Kind says what an edit was made in.
type Kind uint8

// The kinds. Their values are part of the format of patches.
const (
	InText    Kind = 1 // a string that still is one
	InBytes   Kind = 2 // a value of bytes that still is one
	InKey     Kind = 3 // the key of a map's entry
	WasInt    Kind = 4 // an integer that became a string
	WasDouble Kind = 5 // a floating-point number that became a string
	WasNested Kind = 6 // a slice or map, nested too deeply, that became a string
)

// indices is how many indices the name of each spot has.
var indices = func() (n [len(table)]int) {
	for i := range table {
		n[i] = strings.Count(table[i].Name, "[]")
	}
	return n
}()

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(s string) uint32 {
	return crc32.Checksum(unsafe.Slice(unsafe.StringData(s), len(s)), castagnoli)
}

// record tells of a change at the place at hand.
func (w *Walker) record(kind Kind, before, after string) {
	e := Edit{Spot: w.at.Spot, Kind: kind, Length: len(after), Original: before, Sum: sum(after)}
	copy(e.Index[:indices[e.Spot]], w.at.index[:])
	if len(w.at.steps) > 0 {
		e.Steps = make([]int, len(w.at.steps))
		for i := range w.at.steps {
			e.Steps[i] = w.at.steps[i].index
		}
	}
	if kind <= InKey {
		shorter := min(len(before), len(after))
		head, tail := 0, 0
		for head < shorter && before[head] == after[head] {
			head++
		}
		for tail < shorter-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
			tail++
		}
		e.Offset, e.Length = head, len(after)-head-tail
		e.Original = before[head : len(before)-tail]
	}
	w.options.Record(&w.at, e)
}

// marshalValue returns the value as protobuf, in a log record: pdata encodes no
// value alone. The encoder works from the end to the beginning, so that its
// time for a byte does not grow with the depth.
func marshalValue(v pcommon.Value) []byte {
	ld := plog.NewLogs()
	body := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body()
	v.CopyTo(body)
	b, err := (&plog.ProtoMarshaler{}).MarshalLogs(ld)
	if err != nil {
		panic("a value does not encode") // what came in as protobuf does
	}
	return b
}

// unmarshalValue puts what marshalValue returned into v.
func unmarshalValue(b string, v pcommon.Value) bool {
	ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs([]byte(b))
	if err != nil || ld.LogRecordCount() != 1 {
		return false
	}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				r.Body().MoveTo(v)
			}
		}
	}
	return true
}
