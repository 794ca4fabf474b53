package event

import (
	"crypto/sha256"
	"encoding/hex"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Genuine says whether a record's id is the one of its content. Whoever takes
// events from elsewhere must ask: an event under the id of another one would
// keep that one out of the log, as if it had been told already. Whether the
// time counts is left open, since kinds may be newer than this program.
func Genuine(r plog.LogRecord) bool {
	v, ok := r.Attributes().Get(AttrID)
	return ok && (v.Str() == idOf(r, true) || v.Str() == idOf(r, false))
}

// idOf is a hash of what a record says, but for its id.
func idOf(r plog.LogRecord, timed bool) string {
	h := hasher{sha256.New()}
	h.text("tracescrub event 1")
	h.text(r.EventName())
	trace, span := r.TraceID(), r.SpanID()
	h.Write(trace[:])
	h.Write(span[:])
	if timed {
		h.number(uint64(r.Timestamp()))
	}
	for k, v := range r.Attributes().All() {
		if k != AttrID {
			h.text(k)
			h.value(v)
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
