// Package replaytest writes audit logs for tests of replays: what verdict and
// the gate tell of an agent's session that was held and released.
package replaytest

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// What the session is known by.
const (
	Trace        = "5321fd3e8904df594fd0f1117ed7893c"
	Item         = "0a000000000000000000000000000001"
	Conversation = "conv-5521"
	Alice        = "https://id.example.com alice"
	Bob          = "https://id.example.com bob"
	Sender       = "https://id.example.com checkout"
	// Mask stands where the secret was.
	Mask = "[MASKED:our-word:00112233445566778899aabbccddeeff]"
)

// Begin is when the session began.
var Begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// Write writes a log with events, an hour after each of them happened, and the
// records that they have.
func Write(ctx context.Context, dir string, events ...event.Event) error {
	now := Begin
	w, err := auditlog.Open(auditlog.Config{
		Directory: dir, Origin: "example.com/audit", SegmentBytes: 4000, Heartbeat: -1, Interval: -1,
		Now: func() time.Time { return now.Add(time.Hour) },
	})
	if err != nil {
		return err
	}
	for i := range events {
		if events[i].At.After(now) {
			now = events[i].At
		}
		if err := put(ctx, w, dir, now, events[i]); err != nil {
			return err
		}
	}
	return w.Close()
}

func put(ctx context.Context, w *auditlog.Writer, dir string, now time.Time, e event.Event) error {
	r := event.Source{Resource: pcommon.NewResource(), Component: "verdict", Version: "1"}.Logs(e).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	a := r.Attributes().AsRaw()
	id, _ := a[event.AttrID].(string)
	delete(a, event.AttrID)
	if len(e.Record) > 0 {
		if _, err := records.Open(dir).Put(now, e.Record); err != nil {
			return err
		}
	}
	_, err := w.Append(ctx, auditlog.Event{
		ID: id, Kind: r.EventName(), Time: r.Timestamp().AsTime(), Trace: r.TraceID().String(), Span: r.SpanID().String(),
		Severity: int(r.SeverityNumber()), Component: "verdict", Attributes: a,
	})
	return err
}

// traceOf is a trace's id.
func traceOf(id string) (t [16]byte) {
	if _, err := hex.Decode(t[:], []byte(id)); err != nil {
		panic(err) // a test's own
	}
	return t
}

func after(seconds float64) time.Time {
	return Begin.Add(time.Duration(seconds * float64(time.Second)))
}

// Span makes a span without anything in it.
func Span(td ptrace.Traces, trace string, id byte, name string, at float64) ptrace.Span {
	if td.ResourceSpans().Len() == 0 {
		rs := td.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", "checkout")
		rs.Resource().Attributes().PutStr(verdict.Policy, "abcdef0123456789")
		rs.ScopeSpans().AppendEmpty().Scope().SetName("agent-sdk")
	}
	s := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
	s.SetTraceID(traceOf(trace))
	s.SetSpanID(pcommon.SpanID{7: id})
	s.SetName(name)
	s.SetStartTimestamp(pcommon.NewTimestampFromTime(after(at)))
	s.SetEndTimestamp(pcommon.NewTimestampFromTime(after(at + 0.5)))
	return s
}

// Record is telemetry as verdict has it for an event.
func Record[B ptrace.Traces | plog.Logs](batch B) []byte {
	var b []byte
	var err error
	switch batch := any(batch).(type) {
	case ptrace.Traces:
		b, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(batch)
	case plog.Logs:
		b, err = (&plog.ProtoMarshaler{}).MarshalLogs(batch)
	}
	if err != nil {
		panic(err) // pdata has no such case
	}
	return b
}

func message(role, text string) string {
	return fmt.Sprintf(`{"role":%q,"parts":[{"type":"text","content":%q}]}`, role, text)
}

// held is the telemetry of the item, with the stamps of a release if it is one.
func held(released bool) []byte {
	td := ptrace.NewTraces()
	question := message("user", "Why does the deployment fail?")
	s := Span(td, Trace, 1, "chat example-large", 1)
	s.Attributes().PutStr("gen_ai.conversation.id", Conversation)
	s.Attributes().PutStr("gen_ai.system_instructions", `[{"type":"text","content":"You are the release agent."}]`)
	s.Attributes().PutStr("gen_ai.input.messages", "["+question+"]")
	s.Attributes().PutStr("gen_ai.output.messages", `[{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"run_command","arguments":{"command":"env"}}],"finish_reason":"tool_call"}]`)
	s = Span(td, Trace, 2, "execute_tool run_command", 2)
	s.Attributes().PutStr("gen_ai.tool.name", "run_command")
	s.Attributes().PutStr("gen_ai.tool.call.id", "call_1")
	s.Attributes().PutStr("gen_ai.tool.call.arguments", `{"command": "env"}`)
	s.Attributes().PutStr("gen_ai.tool.call.result", "HOME=/root\nTOKEN="+Mask)
	s.Attributes().PutStr(verdict.Verdict, verdict.Held)
	s = Span(td, Trace, 3, "POST /v1/comments", 3)
	s.Attributes().PutStr("http.request.method", "POST")
	s.Attributes().PutInt("http.response.status_code", 502)
	if released {
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("tracescrub.release.item", Item)
		s.Attributes().PutStr(verdict.Verdict, verdict.Masked)
	}
	return Record(td)
}

// answer is what the agent said after its item was held: the whole history, and more.
func answer() []byte {
	td := ptrace.NewTraces()
	s := Span(td, Trace, 4, "chat example-large", 4)
	s.Attributes().PutStr("gen_ai.input.messages", "["+message("user", "Why does the deployment fail?")+"]")
	s.Attributes().PutStr("gen_ai.output.messages", "["+message("assistant", "The token "+Mask+" is blocked.")+"]")
	return Record(td)
}

// log has a record of this conversation and one of another.
func log() []byte {
	ld := plog.NewLogs()
	sl := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	for i, of := range []string{"conv-9", Conversation} {
		r := sl.LogRecords().AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(after(6 + float64(i))))
		r.SetEventName("gen_ai.user.message")
		r.Attributes().PutStr("gen_ai.conversation.id", of)
		r.Body().SetEmptyMap().PutStr("content", "Thank you, "+of+". Use "+Mask)
	}
	return Record(ld)
}

// Session is an agent's session: held, seen, approved by two and released,
// and what went on masked, with entries of another trace between them.
func Session() []event.Event {
	minute := func(n int) time.Time { return Begin.Add(time.Duration(n) * time.Minute) }
	found := func(action string) []verdict.Finding {
		return []verdict.Finding{{Rule: "our-word", Severity: "critical", Field: "span.attributes.gen_ai.tool.call.result", Fingerprint: "00112233445566778899aabbccddeeff", Action: action, Length: 40}}
	}
	of := event.Event{
		Trace: traceOf(Trace), Item: Item, Signal: "traces", Service: "checkout", Severity: "critical", Rules: []string{"our-word"},
		Findings: 1, Secrets: 1, Units: 3, Policy: "abcdef0123456789", Producer: Sender,
	}
	did := func(name string, at int, change func(*event.Event)) event.Event {
		e := of
		e.Name, e.At = name, minute(at)
		change(&e)
		return e
	}
	by := func(user, reason string) func(*event.Event) {
		return func(e *event.Event) {
			e.User, e.Via, e.Producer, e.Reason = user, "page", "", reason
			if reason != "" {
				e.Decision, e.Mode, e.Version = "approve", "masked", 2
			}
		}
	}
	gate := func(e *event.Event) { e.Producer, e.Mode, e.Attempt, e.Version = "", "masked", 1, 4 }
	record := func(item, action, conversation string, b []byte) func(*event.Event) {
		return func(e *event.Event) {
			e.Item, e.List, e.Record, e.Conversation = item, found(action), b, conversation
		}
	}
	return []event.Event{
		{Name: event.Started, At: minute(0), Config: strings.Repeat("c", 32)},
		did(event.Held, 1, record(Item, "hold", Conversation, held(false))),
		did(event.Masked, 2, record(strings.Repeat("d", 32), "mask", "", answer())),
		did(event.Masked, 2, func(e *event.Event) {
			e.Trace, e.Item, e.Service, e.Producer = traceOf(strings.Repeat("e", 32)), strings.Repeat("f", 32), "mail", ""
		}),
		did(event.Masked, 3, func(e *event.Event) {
			record(strings.Repeat("b", 32), "mask", "conv-9", log())(e)
			e.Trace, e.Signal, e.Units = [16]byte{}, "logs", 2
		}),
		did(event.Viewed, 4, by(Alice, "")),
		did(event.Voted, 5, by(Alice, "seen, harmless")),
		did(event.Voted, 6, by(Bob, "the key is revoked")),
		did(event.Approved, 6, func(e *event.Event) {
			e.Producer, e.Mode, e.Required, e.Version = "", "masked", 2, 3
			e.Votes = []event.Vote{{User: Alice, Decision: "approve", Mode: "masked"}, {User: Bob, Decision: "approve", Mode: "masked"}}
		}),
		did(event.Releasing, 7, gate),
		did(event.Masked, 7, record(strings.Repeat("a", 32), "mask", Conversation, held(true))),
		did(event.Released, 7, gate),
		did(event.Shredded, 8, func(e *event.Event) { e.Producer, e.Version = "", 5 }),
	}
}
