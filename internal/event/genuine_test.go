package event

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// TestGenuine: what was changed on its way is no longer the event of its id.
func TestGenuine(t *testing.T) {
	for _, name := range []string{Held, Viewed} {
		sent, err := (&plog.ProtoMarshaler{}).MarshalLogs(source().Logs(full(name)))
		require.NoError(t, err)
		arrived := func() plog.LogRecord {
			ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(sent)
			require.NoError(t, err)
			return record(t, ld)
		}
		require.True(t, Genuine(arrived()), "as it was sent")
		for what, change := range map[string]func(plog.LogRecord){
			"kind":     func(r plog.LogRecord) { r.SetEventName(Denied) },
			"trace":    func(r plog.LogRecord) { r.SetTraceID(pcommon.TraceID{9}) },
			"span":     func(r plog.LogRecord) { r.SetSpanID(pcommon.SpanID{9}) },
			"id":       func(r plog.LogRecord) { r.Attributes().PutStr(AttrID, "00112233445566778899aabbccddeeff") },
			"no id":    func(r plog.LogRecord) { r.Attributes().Remove(AttrID) },
			"empty id": func(r plog.LogRecord) { r.Attributes().PutStr(AttrID, "") },
			"one more": func(r plog.LogRecord) { r.Attributes().PutBool("more", false) },
			"one less": func(r plog.LogRecord) { r.Attributes().Remove("user.id") },
			"value":    func(r plog.LogRecord) { r.Attributes().PutStr("user.id", "somebody else") },
			"name of a value": func(r plog.LogRecord) {
				renamed := pcommon.NewMap()
				for k, v := range r.Attributes().All() {
					if k == "tracescrub.decision" {
						k = "tracescrub.via2"
					}
					v.CopyTo(renamed.PutEmpty(k))
				}
				renamed.CopyTo(r.Attributes())
			},
			"type of a value": func(r plog.LogRecord) { r.Attributes().PutStr("tracescrub.version", "4") },
			"value in a value": func(r plog.LogRecord) {
				v, _ := r.Attributes().Get("tracescrub.votes")
				v.Slice().At(0).Map().PutStr("decision", "deny")
			},
		} {
			r := arrived()
			change(r)
			require.False(t, Genuine(r), "%s: %s", name, what)
		}
	}
	r := record(t, source().Logs(full(Viewed)))
	r.SetTimestamp(pcommon.NewTimestampFromTime(at.Add(time.Second)))
	require.False(t, Genuine(r), "the time of a moment")

	// A kind, and an attribute, that this program does not know yet.
	r.SetEventName("tracescrub.later")
	r.Attributes().PutBool("tracescrub.later.flag", true)
	r.Attributes().PutStr(AttrID, idOf(r, false))
	require.True(t, Genuine(r))
	r.Attributes().PutBool("tracescrub.later.flag", false)
	require.False(t, Genuine(r))
	r.Attributes().PutStr(AttrID, idOf(r, true))
	require.True(t, Genuine(r))
}
