package otlpstream

import "google.golang.org/protobuf/encoding/protowire"

// detectElement tells the signal of a ResourceSpans, ResourceLogs or
// ResourceMetrics by the wire types in its first records: the three messages
// have the same outer shape, and records that share field numbers but not
// types. An element without records is Unknown.
func detectElement(elem []byte) Signal {
	found := Unknown
	each(elem, 2, func(scope []byte) bool {
		each(scope, 2, func(record []byte) bool {
			found = detectRecord(record)
			return found == Unknown
		})
		return found == Unknown
	})
	return found
}

// each calls f with every length-delimited field of the given number until f returns false.
func each(msg []byte, want protowire.Number, f func([]byte) bool) {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeField(msg)
		if n < 0 {
			return
		}
		if num == want && typ == protowire.BytesType {
			_, _, tag := protowire.ConsumeTag(msg)
			body, m := protowire.ConsumeBytes(msg[tag:n])
			if m < 0 || !f(body) {
				return
			}
		}
		msg = msg[n:]
	}
}

// detectRecord tells a Span, LogRecord or Metric by what only it can have:
//
//	field     Span              LogRecord        Metric
//	1         trace id, 16 B    time, fixed64    name
//	2         span id, 8 B      severity, varint description
//	5, 7..11  name, fixed64...  body, bytes...   data, message
func detectRecord(rec []byte) Signal {
	var traceID, spanID, name, data bool
	printable := true
	for len(rec) > 0 {
		num, typ, n := protowire.ConsumeField(rec)
		if n < 0 {
			return Unknown
		}
		_, _, tag := protowire.ConsumeTag(rec)
		size := -1
		if typ == protowire.BytesType {
			body, _ := protowire.ConsumeBytes(rec[tag:n])
			size = len(body)
			printable = printable && (num > 2 || isPrintable(body))
		}
		switch {
		case typ == protowire.Fixed64Type && (num == 1 || num == 11),
			typ == protowire.VarintType && num == 2,
			typ == protowire.Fixed32Type && num == 8:
			return Logs
		case typ == protowire.Fixed64Type && (num == 7 || num == 8),
			typ == protowire.VarintType && num == 6:
			return Traces
		case num == 1 && size >= 0:
			traceID, name = size == 16, true
		case num == 2 && size == 8:
			spanID = true
		case size >= 0 && (num == 5 || num == 7 || num == 9 || num == 10 || num == 11):
			data = true
		}
		rec = rec[n:]
	}
	switch {
	case traceID && spanID && (!printable || !data): // a name of 16 and a description of 8 letters
		return Traces
	case name && data:
		return Metrics
	}
	return Unknown
}

func isPrintable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
