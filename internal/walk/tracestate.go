package walk

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxStateValue is the longest value of a tracestate member (W3C Trace Context, 3.3.1.3.2), in bytes.
const maxStateValue = 256

// traceState visits a tracestate. A valid one is visited member by member and
// stays valid; one that is not is an ordinary text.
func (w *Walker) traceState(spot Spot, ts pcommon.TraceState) {
	if w.skip {
		return
	}
	raw := ts.AsRaw()
	w.start(spot)
	if w.undo != nil || !validState(raw) {
		if out, changed := w.change(raw); changed {
			ts.FromRaw(out)
		}
		return
	}
	var out strings.Builder
	done, rest, pos := 0, raw, 0 // raw[:done] is in out
	for i := 0; rest != ""; i++ {
		member := rest
		if c := strings.IndexByte(rest, ','); c >= 0 {
			member = rest[:c]
			rest = rest[c+1:]
		} else {
			rest = ""
		}
		if masked, changed := w.stateMember(member, i); changed {
			out.WriteString(raw[done:pos])
			out.WriteString(masked)
			done = pos + len(member)
		}
		pos += len(member) + 1
	}
	if done > 0 {
		out.WriteString(raw[done:])
		masked := out.String()
		if w.options.Record != nil { // as one text: members have no place of their own
			w.start(spot)
			w.record(InText, raw, masked)
		}
		ts.FromRaw(masked)
	}
}

// stateMember visits a key and a value.
func (w *Walker) stateMember(member string, i int) (string, bool) {
	name, value, _ := strings.Cut(member, "=")
	lead := name[:len(name)-len(strings.TrimLeft(name, " \t"))]
	name = name[len(lead):]
	trimmed := strings.TrimRight(value, " \t")
	tail := value[len(trimmed):]
	if name == "" {
		return "", false // an empty member
	}
	w.push(step{})
	newName, renamed := w.name(name, i)
	if renamed {
		name = stateKey(newName)
	}
	w.top(step{kind: attribute, name: name})
	w.at.Key = name
	newValue, changed := w.text(trimmed)
	if changed {
		trimmed = fitState(newValue)
	}
	w.at.Key = ""
	w.pop()
	if !renamed && !changed {
		return "", false
	}
	return lead + name + "=" + trimmed + tail, true
}

// stateKey makes a masked key one that W3C allows: lower case letters, digits, _-*/@.
func stateKey(masked string) string {
	b := []byte("masked_")
	for _, c := range []byte(strings.ToLower(strings.TrimPrefix(masked, "[MASKED"))) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '-', c == '*', c == '/', c == '@':
			b = append(b, c)
		case b[len(b)-1] != '_':
			b = append(b, '_')
		}
	}
	return strings.TrimRight(string(b[:min(len(b), maxStateValue)]), "_")
}

// fitState makes a masked value one that W3C allows: not empty, and not longer
// than the limit even if the mask is longer than the secret was. It does not
// cut through brackets, so that no half of a mask stays.
func fitState(masked string) string {
	if len(masked) > maxStateValue {
		masked = masked[:maxStateValue]
		if open := strings.LastIndexByte(masked, '['); open > strings.LastIndexByte(masked, ']') {
			masked = masked[:open]
		}
	}
	masked = strings.TrimRight(masked, " ")
	if masked == "" {
		return "_"
	}
	return masked
}

// validState reports whether s is a list of key=value members in printable ASCII.
func validState(s string) bool {
	for rest, more := s, true; more; {
		var member string
		member, rest, more = strings.Cut(rest, ",")
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		name, value, ok := strings.Cut(member, "=")
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.IndexByte(value, '=') >= 0 {
			return false
		}
		for i := range len(member) {
			if c := member[i]; c < ' ' || c > '~' {
				return false
			}
		}
	}
	return true
}
