package walk

import (
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/xpdata"
)

// headerPrefixes are the attributes whose last part is the name of a header.
var headerPrefixes = [...]string{
	"http.request.header.",
	"http.response.header.",
	"rpc.grpc.request.metadata.",
	"rpc.grpc.response.metadata.",
	"rpc.connect_rpc.request.metadata.",
	"rpc.connect_rpc.response.metadata.",
}

// contextKey is the name a value stands under, for the eyes of a detector:
// its key, unless the key only says "here is the value of what is named beside me".
func contextKey(name, outer, sibling string) string {
	switch {
	case isValueWord(name):
		if sibling != "" {
			return sibling
		}
	case isTypedValue(name):
		if outer != "" {
			return outer
		}
	case len(name) > 0 && (name[0] == 'h' || name[0] == 'r'):
		for _, p := range headerPrefixes {
			if rest, ok := strings.CutPrefix(name, p); ok && rest != "" {
				return rest
			}
		}
	}
	return name
}

func isValueWord(s string) bool { return len(s) == 5 && strings.EqualFold(s, "value") }

// isTypedValue reports whether s is a member of OTLP's AnyValue, as it stands
// in telemetry that carries telemetry.
func isTypedValue(s string) bool {
	switch s {
	case "stringValue", "string_value", "intValue", "int_value", "bytesValue", "bytes_value",
		"doubleValue", "double_value", "arrayValue", "array_value":
		return true
	}
	return false
}

func isNameWord(s string) bool {
	switch len(s) {
	case 3:
		return strings.EqualFold(s, "key")
	case 4:
		return strings.EqualFold(s, "name")
	case 6:
		return strings.EqualFold(s, "header")
	}
	return false
}

// maxRecord is the most members of a map that is looked at as name and value.
const maxRecord = 16

// siblingName returns the text of the member `name`, `key` or `header` of a
// map that also has `value`.
func siblingName(m pcommon.Map) string {
	if n := m.Len(); n < 2 || n > maxRecord {
		return ""
	}
	name, value := "", false
	for k, v := range m.All() {
		if isValueWord(k) {
			value = true
		} else if name == "" && isNameWord(k) && v.Type() == pcommon.ValueTypeStr {
			name = v.Str()
		}
	}
	if !value {
		return ""
	}
	return name
}

// rename gives keys new names by position. Everything keeps its position, and
// a name that another entry has already gets a number: a backend keeps only
// one of two entries with the same key.
func (w *Walker) rename(m pcommon.Map, renamed map[int]string) {
	taken := make(map[string]int, m.Len())
	i := 0
	for k := range m.All() {
		if _, changed := renamed[i]; !changed {
			taken[k] = 1
		}
		i++
	}
	var b xpdata.MapBuilder
	b.EnsureCapacity(m.Len())
	i = 0
	for k, v := range m.All() {
		if name, changed := renamed[i]; changed {
			if w.undo == nil { // what was sent may have had the same key twice
				name = unique(taken, name)
			}
			if w.options.Record != nil {
				w.push(step{kind: key, index: i})
				w.record(InKey, k, name)
				w.pop()
			}
			k = name
		}
		v.MoveTo(b.AppendEmpty(k))
		i++
	}
	b.UnsafeIntoMap(m)
}

// unique returns name, or name with the lowest free number.
func unique(taken map[string]int, name string) string {
	out := name
	for taken[out] > 0 {
		taken[name]++
		out = name + "-" + strconv.Itoa(taken[name])
	}
	taken[out]++
	return out
}
