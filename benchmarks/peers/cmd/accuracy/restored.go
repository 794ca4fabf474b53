package main

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Redaction writes a list or map in which it has masked something as a string of
// JSON. It is read back before the result is judged, so that what is left in
// it is found at its place; the change of type is counted.

func restoredTraces(was, is ptrace.Traces) (n int) {
	for i, rs := range is.ResourceSpans().All() {
		from := was.ResourceSpans().At(i)
		n += restored(from.Resource().Attributes(), rs.Resource().Attributes())
		for j, ss := range rs.ScopeSpans().All() {
			from := from.ScopeSpans().At(j)
			n += restored(from.Scope().Attributes(), ss.Scope().Attributes())
			for k, span := range ss.Spans().All() {
				from := from.Spans().At(k)
				n += restored(from.Attributes(), span.Attributes())
				for l, e := range span.Events().All() {
					n += restored(from.Events().At(l).Attributes(), e.Attributes())
				}
			}
		}
	}
	return n
}

func restoredLogs(was, is plog.Logs) (n int) {
	for i, rl := range is.ResourceLogs().All() {
		from := was.ResourceLogs().At(i)
		n += restored(from.Resource().Attributes(), rl.Resource().Attributes())
		for j, sl := range rl.ScopeLogs().All() {
			from := from.ScopeLogs().At(j)
			n += restored(from.Scope().Attributes(), sl.Scope().Attributes())
			for k, r := range sl.LogRecords().All() {
				n += restored(from.LogRecords().At(k).Attributes(), r.Attributes())
			}
		}
	}
	return n
}

// restored counts the lists and maps that have become strings. What is no JSON
// any more stays as it is.
func restored(was, is pcommon.Map) (n int) {
	for k, v := range is.All() {
		from, ok := was.Get(k)
		if !ok || v.Type() != pcommon.ValueTypeStr || from.Type() != pcommon.ValueTypeMap && from.Type() != pcommon.ValueTypeSlice {
			continue
		}
		n++
		dec := json.NewDecoder(strings.NewReader(v.Str()))
		dec.UseNumber()
		var raw any
		if dec.Decode(&raw) != nil {
			continue
		}
		fresh := pcommon.NewValueEmpty()
		rebuild(from, raw, fresh)
		fresh.CopyTo(v)
	}
	return n
}

// rebuild makes a value of JSON, in the order and with the types of what it was
// made of, as far as they are still to be seen.
func rebuild(from pcommon.Value, raw any, to pcommon.Value) {
	switch x := raw.(type) {
	case map[string]any:
		m := to.SetEmptyMap()
		if from.Type() == pcommon.ValueTypeMap {
			for k, v := range from.Map().All() {
				if in, ok := x[k]; ok {
					rebuild(v, in, m.PutEmpty(k))
					delete(x, k)
				}
			}
		}
		for _, k := range slices.Sorted(maps.Keys(x)) { // keys that are others now
			rebuild(pcommon.NewValueEmpty(), x[k], m.PutEmpty(k))
		}
	case []any:
		s := to.SetEmptySlice()
		for i := range x {
			was := pcommon.NewValueEmpty()
			if from.Type() == pcommon.ValueTypeSlice && i < from.Slice().Len() {
				was = from.Slice().At(i)
			}
			rebuild(was, x[i], s.AppendEmpty())
		}
	case string:
		to.SetStr(x)
		if b, err := base64.StdEncoding.DecodeString(x); err == nil && from.Type() == pcommon.ValueTypeBytes {
			to.SetEmptyBytes().FromRaw(b)
		}
	case bool:
		to.SetBool(x)
	case json.Number:
		f, _ := x.Float64() // it was a number before
		to.SetDouble(f)
		if i, err := x.Int64(); err == nil && from.Type() == pcommon.ValueTypeInt {
			to.SetInt(i)
		}
	}
}
