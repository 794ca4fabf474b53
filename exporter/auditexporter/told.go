package auditexporter

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/event"
)

// told is what a batch comes to.
type told struct {
	events []auditlog.Event
	bodies [][]byte // what entries name, to be kept before them

	foreign int   // log records that are no events
	refused int   // events that cannot be entries
	why     error // of the first of them
}

// readLogs makes events of log records. It trusts none: with a receiver before
// it they come from other machines.
func readLogs(ld plog.Logs) *told {
	t := &told{}
	for _, rl := range ld.ResourceLogs().All() {
		instance, badInstance := name(rl.Resource().Attributes(), "service.instance.id")
		for _, sl := range rl.ScopeLogs().All() {
			if sl.Scope().Name() != event.Scope {
				t.foreign += sl.LogRecords().Len()
				continue
			}
			component, err := name(sl.Scope().Attributes(), "otelcol.component.id")
			err = errors.Join(badInstance, err)
			for _, r := range sl.LogRecords().All() {
				t.add(r, component, instance, err)
			}
		}
	}
	return t
}

// maxName is the most bytes of the name of a component or of an instance.
const maxName = 256

// name reads who tells something.
func name(m pcommon.Map, key string) (string, error) {
	v, ok := m.Get(key)
	if !ok {
		return "", nil
	}
	if !short(maxName)(v) {
		return "", fmt.Errorf("%s is no text of at most %d bytes", key, maxName)
	}
	return v.Str(), nil
}

// add adds the event that r is, or counts that it is none.
func (t *told) add(r plog.LogRecord, component, instance string, err error) {
	ev, body := auditlog.Event{}, []byte(nil)
	if err == nil {
		ev, body, err = eventOf(r)
	}
	if err != nil {
		if t.refused++; t.why == nil {
			t.why = err
		}
		return
	}
	ev.Component, ev.Instance = component, instance
	t.events = append(t.events, ev)
	if body != nil {
		t.bodies = append(t.bodies, body)
	}
}

// eventOf reads a log record. Its errors name attributes of the vocabulary and
// never a value, nor a name that it does not have.
func eventOf(r plog.LogRecord) (auditlog.Event, []byte, error) {
	ev := auditlog.Event{Kind: r.EventName(), Severity: int(r.SeverityNumber())}
	switch {
	case !kindForm.MatchString(ev.Kind) || entry.Own(ev.Kind):
		return ev, nil, errors.New("the event name is none of an event")
	case r.Timestamp() == 0:
		return ev, nil, errors.New("the time is missing")
	case ev.Severity < 0 || ev.Severity > 24:
		return ev, nil, errors.New("the severity number is not 0 to 24")
	}
	ev.Time = r.Timestamp().AsTime()
	if id := r.TraceID(); !id.IsEmpty() {
		ev.Trace = id.String()
	}
	if id := r.SpanID(); !id.IsEmpty() {
		ev.Span = id.String()
	}
	attributes, err := attributesOf(r.Attributes())
	if err != nil {
		return ev, nil, err
	}
	if !event.Genuine(r) {
		return ev, nil, fmt.Errorf("%s is not that of the event", event.AttrID)
	}
	ev.ID, _ = attributes[event.AttrID].(string)
	delete(attributes, event.AttrID)
	delete(attributes, event.AttrSalt) // with it names could be guessed from the id
	ev.Attributes = attributes
	body, err := bodyOf(r)
	return ev, body, err
}

// bodyOf returns the telemetry that an event carries, nil if it has none. An
// entry never names what is not there, and nothing is kept that none names.
func bodyOf(r plog.LogRecord) ([]byte, error) {
	want, named := r.Attributes().Get(event.AttrRecord)
	if !named {
		if r.Body().Type() != pcommon.ValueTypeEmpty {
			return nil, errors.New("there is a body without " + event.AttrRecord)
		}
		return nil, nil
	}
	if r.Body().Type() != pcommon.ValueTypeBytes {
		return nil, errors.New("there is " + event.AttrRecord + " without a body of bytes")
	}
	body := r.Body().Bytes().AsRaw()
	if len(body) > records.MaxSize {
		return nil, records.ErrLarge
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != want.Str() {
		return nil, errors.New(event.AttrRecord + " is not the digest of the body")
	}
	if body == nil {
		body = []byte{}
	}
	return body, nil
}
