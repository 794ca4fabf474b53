package event

import (
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/internal/verdict"
)

var at = time.Date(2026, 11, 22, 1, 2, 3, 4, time.UTC)

// full has every field set.
func full(name string) Event {
	return Event{
		Name: name, At: at, Trace: [16]byte{1}, Span: [8]byte{2},
		Item: "item", Signal: "traces", Service: "shop", Severity: "high", Rules: []string{"a", "b"},
		Findings: 1, Secrets: 2, Units: 3, Policy: "policy", Producer: "producer",
		List: []verdict.Finding{{Rule: "a", Severity: "high", Field: "log.body", Fingerprint: "00112233", Action: "hold", Length: 40}},
		Key:  "key", User: "https://issuer.example alice", Via: "api", Reason: "why", Decision: "approve", Mode: "masked",
		Version: 4, Attempt: 5, Votes: []Vote{{User: "alice", Decision: "approve", Mode: "masked"}}, Required: 6,
		Log:    Log{Origin: "origin", Size: 7, Root: "root", Note: "note"},
		Config: "config", Conversation: "conversation", Record: []byte("masked"),
	}
}

func source() Source {
	r := pcommon.NewResource()
	r.Attributes().PutStr("service.name", "otelcol-tracescrub")
	return Source{Resource: r, Component: "verdict/x", Version: "1.2.3", Secret: []byte("of the teller")}
}

func record(t *testing.T, ld plog.Logs) plog.LogRecord {
	t.Helper()
	require.Equal(t, 1, ld.LogRecordCount())
	return ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
}

func id(t *testing.T, e Event) string {
	t.Helper()
	v, ok := record(t, source().Logs(e)).Attributes().Get(AttrID)
	require.True(t, ok)
	require.Len(t, v.Str(), 32)
	return v.Str()
}

func TestRecord(t *testing.T) {
	ld := source().Logs(full(Held))
	rl := ld.ResourceLogs().At(0)
	require.Equal(t, map[string]any{"service.name": "otelcol-tracescrub"}, rl.Resource().Attributes().AsRaw())
	sl := rl.ScopeLogs().At(0)
	require.Equal(t, Scope, sl.Scope().Name())
	require.Equal(t, "1.2.3", sl.Scope().Version())
	require.Equal(t, map[string]any{"otelcol.component.id": "verdict/x"}, sl.Scope().Attributes().AsRaw())
	r := record(t, ld)
	require.Equal(t, Held, r.EventName())
	require.Equal(t, at, r.Timestamp().AsTime())
	require.Equal(t, pcommon.TraceID{1}, r.TraceID())
	require.Equal(t, pcommon.SpanID{2}, r.SpanID())
	require.Equal(t, plog.SeverityNumberWarn, r.SeverityNumber())
	want := map[string]any{
		"tracescrub.checkpoint.origin": "origin", "tracescrub.checkpoint.size": int64(7),
		"tracescrub.checkpoint.root": "root", "tracescrub.checkpoint.note": "note",
		AttrID: id(t, full(Held)), AttrSalt: saltOf(t, source(), full(Held)), "tracescrub.item.id": "item", "tracescrub.signal": "traces", "tracescrub.service": "shop",
		"tracescrub.severity": "high", "tracescrub.rules": []any{"a", "b"}, "tracescrub.policy": "policy",
		"tracescrub.producer": "producer", "tracescrub.finding_count": int64(1), "tracescrub.secret_count": int64(2),
		"tracescrub.unit_count": int64(3), "tracescrub.key.id": "key", "user.id": "https://issuer.example alice",
		"tracescrub.findings": []any{map[string]any{
			"rule": "a", "severity": "high", "field": "log.body", "fingerprint": "00112233", "action": "hold", "length": int64(40),
		}},
		"tracescrub.via": "api", "tracescrub.reason": "why", "tracescrub.decision": "approve",
		"tracescrub.release.mode": "masked", "tracescrub.version": int64(4), "tracescrub.release.attempt": int64(5),
		"tracescrub.votes":          []any{map[string]any{"user.id": "alice", "decision": "approve", "mode": "masked"}},
		"tracescrub.required_votes": int64(6), "tracescrub.config.hash": "config", "gen_ai.conversation.id": "conversation",
		AttrRecord: fmt.Sprintf("%x", sha256.Sum256([]byte("masked"))),
	}
	require.Equal(t, want, r.Attributes().AsRaw())
	require.Equal(t, []byte("masked"), r.Body().AsRaw())

	empty := record(t, source().Logs(Event{Name: Started, At: at}))
	require.Equal(t, 1, empty.Attributes().Len(), "what is zero is left out")
	require.Equal(t, pcommon.ValueTypeEmpty, empty.Body().Type())
	require.Equal(t, plog.SeverityNumberInfo, empty.SeverityNumber())
}

func saltOf(t *testing.T, s Source, e Event) string {
	t.Helper()
	v, ok := record(t, s.Logs(e)).Attributes().Get(AttrSalt)
	require.True(t, ok)
	require.Len(t, v.Str(), 32)
	return v.Str()
}

// TestSalt: the id of what names somebody is not to be had from the rest by
// who does not know the teller's secret, and is always the same to who does.
func TestSalt(t *testing.T) {
	open, other := source(), source()
	open.Secret, other.Secret = nil, []byte("of somebody else")
	for what, e := range map[string]Event{
		"user": {Name: Viewed, At: at, User: "alice"}, "reason": {Name: Denied, At: at, Reason: "why"},
		"votes": {Name: Approved, At: at, Votes: []Vote{{User: "alice", Decision: "approve"}}},
	} {
		guess, _ := record(t, open.Logs(e)).Attributes().Get(AttrID)
		require.NotEqual(t, guess.Str(), id(t, e), what)
		require.Equal(t, id(t, e), id(t, e), what)
		require.NotEqual(t, saltOf(t, source(), e), saltOf(t, other, e), what)
		require.True(t, Genuine(record(t, source().Logs(e))), what)
	}
	a, b := Event{Name: Viewed, At: at, User: "alice"}, Event{Name: Viewed, At: at, User: "bob"}
	require.NotEqual(t, saltOf(t, source(), a), saltOf(t, source(), b))
	_, salted := record(t, source().Logs(Event{Name: Masked, At: at, Producer: "producer"})).Attributes().Get(AttrSalt)
	require.False(t, salted, "names nobody; verdict has no secret that others could share")
}

func TestListIsBounded(t *testing.T) {
	e := full(Masked)
	e.List = make([]verdict.Finding, maxList+1)
	v, _ := record(t, source().Logs(e)).Attributes().Get("tracescrub.findings")
	require.Equal(t, maxList, v.Slice().Len())
}

// TestTextIsBounded: whatever senders call their attributes, an event can be an entry.
func TestTextIsBounded(t *testing.T) {
	bad := strings.Repeat("ä", 5000) + "\xff"
	e := full(Held)
	e.List[0].Field, e.List[0].Rule, e.Rules, e.Reason = bad, bad, []string{bad}, "\xff"+bad
	m := record(t, source().Logs(e)).Attributes()
	var check func(v pcommon.Value)
	check = func(v pcommon.Value) {
		switch v.Type() {
		case pcommon.ValueTypeStr:
			require.True(t, utf8.ValidString(v.Str()))
			require.LessOrEqual(t, len(v.Str()), maxText)
		case pcommon.ValueTypeSlice:
			for _, x := range v.Slice().All() {
				check(x)
			}
		case pcommon.ValueTypeMap:
			for _, x := range v.Map().All() {
				check(x)
			}
		}
	}
	for _, v := range m.All() {
		check(v)
	}
	require.True(t, Genuine(record(t, source().Logs(e))))
}

// TestID: the same event has the same id whenever it is told, and any other
// one has another, whatever field they differ in.
func TestID(t *testing.T) {
	for _, name := range []string{Masked, Passed, Held, Dropped, Voted, Approved, Denied, Expired, Releasing, Released, Shredded} {
		later := full(name)
		later.At = at.Add(time.Second)
		require.Equal(t, id(t, full(name)), id(t, later), name)
	}
	for _, name := range []string{Viewed, PolicyLoaded, PolicyChanged, KeyCreated, KeyRotated, KeyDestroyed, Started, Stopped} {
		require.Equal(t, id(t, full(name)), id(t, full(name)), name)
		later := full(name)
		later.At = at.Add(time.Nanosecond)
		require.NotEqual(t, id(t, full(name)), id(t, later), name)
	}
	seen := map[string]string{id(t, full(Held)): "all", id(t, full(Masked)): "name"}
	n := reflect.TypeFor[Event]().NumField()
	for i := range n {
		field := reflect.TypeFor[Event]().Field(i).Name
		if field == "Name" || field == "At" {
			continue
		}
		e := full(Held)
		reflect.ValueOf(&e).Elem().Field(i).SetZero()
		require.NotContains(t, seen, id(t, e), field)
		seen[id(t, e)] = field
	}
	require.Len(t, seen, n)

	for i := range reflect.TypeFor[Log]().NumField() {
		e := full(Held)
		reflect.ValueOf(&e.Log).Elem().Field(i).SetZero()
		require.NotContains(t, seen, id(t, e), i)
	}

	// A text that moves from one field to the next is another event.
	a, b := Event{Name: Held, Item: "ab", Signal: "c"}, Event{Name: Held, Item: "a", Signal: "bc"}
	require.NotEqual(t, id(t, a), id(t, b))
	a, b = Event{Name: Held, Rules: []string{"a", "b"}}, Event{Name: Held, Rules: []string{"ab"}}
	require.NotEqual(t, id(t, a), id(t, b))
}

// TestDocument: the tables of the specification name what is written, and nothing else.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile("../../docs/format/events.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(raw), "## Kinds")
	first, rest, _ := strings.Cut(rest, "## Attributes")
	second, third, ok := strings.Cut(rest, "## In OCSF")
	require.True(t, ok)
	rows := func(table string) (kinds []string) {
		for line := range strings.Lines(table) {
			if row := regexp.MustCompile("^\\| (`.*?`) \\|").FindStringSubmatch(line); row != nil {
				kinds = append(kinds, strings.Split(strings.ReplaceAll(row[1], "`", ""), ", ")...)
			}
		}
		return kinds
	}
	kinds := rows(first)
	require.ElementsMatch(t, kinds, rows(third))
	var attributes []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(.*?)` \\|").FindAllStringSubmatch(second, -1) {
		attributes = append(attributes, row[1])
	}
	var written []string
	for k := range record(t, source().Logs(full(Held))).Attributes().All() {
		written = append(written, k)
	}
	slices.Sort(attributes)
	slices.Sort(written)
	require.Equal(t, written, attributes)
	require.ElementsMatch(t, []string{
		Masked, Passed, Held, Dropped, Viewed, Voted, Approved, Denied, Expired, Releasing, Released, Shredded,
		PolicyLoaded, PolicyChanged, KeyCreated, KeyRotated, KeyDestroyed, Started, Stopped, Checkpoint,
	}, kinds)
}
