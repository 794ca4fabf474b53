package replay

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/replay/replaytest"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/event"
)

var update = flag.Bool("update", false, "write the goldens anew")

// session writes a log of the session, with more events behind it.
func session(t *testing.T, more ...event.Event) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "audit")
	require.NoError(t, replaytest.Write(t.Context(), dir, append(replaytest.Session(), more...)...))
	return dir
}

func replay(t *testing.T, dir string, q Query, names map[string]string) *Timeline {
	t.Helper()
	l, err := read.Open(dir)
	require.NoError(t, err)
	get := records.Open(dir).Get
	found, problems, err := Find(t.Context(), l, get, &q)
	require.NoError(t, err)
	tl, err := Make(q, found, problems, get, names)
	require.NoError(t, err)
	return tl
}

var plain = Look{Heading: func(s string) string { return s }, Severity: func(s string) string { return s }}

func textOf(t *testing.T, tl *Timeline, width int) string {
	t.Helper()
	look, b := plain, &strings.Builder{}
	look.Width = width
	require.NoError(t, tl.Text(b, look))
	return b.String()
}

func htmlOf(t *testing.T, tl *Timeline) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, tl.HTML(&b))
	return b.String()
}

// nonces changes what is random in a log into zeros.
func nonces(s string) string {
	return regexp.MustCompile(`(subject|text):[0-9a-f]+`).ReplaceAllStringFunc(s, func(c string) string {
		kind, hex, _ := strings.Cut(c, ":")
		return kind + ":" + strings.Repeat("0", len(hex))
	})
}

func TestGolden(t *testing.T) {
	dir := session(t)
	tl := replay(t, dir, Query{Trace: replaytest.Trace}, nil)
	doc, err := json.MarshalIndent(tl, "", "  ")
	require.NoError(t, err)
	for name, got := range map[string]string{
		"trace.txt": textOf(t, tl, 0), "trace_80.txt": textOf(t, tl, 80), "trace.json": string(doc) + "\n", "trace.html": htmlOf(t, tl),
		"conversation.txt": textOf(t, replay(t, dir, Query{Conversation: replaytest.Conversation}, nil), 0),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name)
			got = nonces(got)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
			require.NotContains(t, got, "id.example.com", "nobody is named")
			for line := range strings.Lines(got) {
				if name == "trace_80.txt" {
					require.LessOrEqual(t, screen.Width(strings.TrimSuffix(line, "\n")), 80)
				}
			}
		})
	}
}

// kinds are those of the timeline's events.
func kinds(tl *Timeline) (all []string) {
	for _, e := range tl.Events {
		all = append(all, e.Kind)
	}
	return all
}

func TestFind(t *testing.T) {
	dir := session(t)
	item := []string{"held", "viewed", "voted", "voted", "approved", "releasing", "released", "shredded"}
	trace := []string{"held", "masked", "viewed", "voted", "voted", "approved", "releasing", "masked", "released", "shredded"}
	all := []string{"held", "masked", "masked", "viewed", "voted", "voted", "approved", "releasing", "masked", "released", "shredded"}
	for name, c := range map[string]struct {
		q     Query
		want  []string
		spans int
		logs  int
	}{
		"trace":                             {Query{Trace: replaytest.Trace}, trace, 4, 0},
		"trace, beginning":                  {Query{Trace: replaytest.Trace[:6]}, trace, 4, 0},
		"item":                              {Query{Item: replaytest.Item}, item, 3, 0},
		"item, beginning":                   {Query{Item: replaytest.Item[:4]}, item, 3, 0},
		"conversation, also in telemetry":   {Query{Conversation: replaytest.Conversation}, all, 4, 1},
		"conversation, in an entry":         {Query{Conversation: "conv-9"}, []string{"masked"}, 0, 1},
		"nothing":                           {Query{Trace: strings.Repeat("0", 32)}, nil, 0, 0},
		"part of a conversation is another": {Query{Conversation: "conv-55"}, nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			tl := replay(t, dir, c.q, nil)
			require.Equal(t, c.want, kinds(tl))
			require.Equal(t, c.spans, tl.traces.SpanCount())
			require.Equal(t, c.logs, tl.logs.LogRecordCount())
			require.Empty(t, tl.Problems)
		})
	}
	other := replaytest.Session()[1]
	other.Trace[15]++
	other.Item = "0b" + replaytest.Item[2:]
	dir = session(t, other)
	l, err := read.Open(dir)
	require.NoError(t, err)
	_, _, err = Find(t.Context(), l, records.Open(dir).Get, &Query{Trace: replaytest.Trace[:8]})
	require.ErrorIs(t, err, ErrAmbiguous)
}

// TestLongConversation: entries have the beginning of a long id only; it is
// found by that and by the whole.
func TestLongConversation(t *testing.T) {
	long := strings.Repeat("ä", 63) + "!" + strings.Repeat("b", 100)
	td := ptrace.NewTraces()
	replaytest.Span(td, replaytest.Trace, 9, "of a long name", 1).Attributes().PutStr(conversationID, long)
	e := replaytest.Session()[1]
	e.Record, e.Conversation, e.Item = replaytest.Record(td), long[:maxName], "0c"
	dir := session(t, e)
	for _, id := range []string{long, long[:maxName]} {
		require.Contains(t, textOf(t, replay(t, dir, Query{Conversation: id}, nil), 0), "span of a long name")
	}
	require.Empty(t, kinds(replay(t, dir, Query{Conversation: long[:maxName-1] + "x"}, nil)))
	require.Empty(t, kinds(replay(t, dir, Query{Conversation: long[:maxName-10]}, nil)))
}

// TestNames: people are named if that is asked for, as far as they are known.
func TestNames(t *testing.T) {
	dir := session(t)
	tl := replay(t, dir, Query{Item: replaytest.Item}, map[string]string{})
	require.Contains(t, textOf(t, tl, 0), "(not in the side table)")
	commitment := tl.Events[1].By.Commitment
	tl = replay(t, dir, Query{Item: replaytest.Item}, map[string]string{commitment: "Alice \x1b[31m"})
	require.Contains(t, textOf(t, tl, 0), `Alice \u001b[31m looked at`)
	require.Contains(t, htmlOf(t, tl), `Alice \u001b[31m looked at`)
}

// TestOnce: what several entries tell, and several records have, is there
// once; what differs, or is twice in one record, is not lost.
func TestOnce(t *testing.T) {
	td := ptrace.NewTraces()
	for range 2 {
		replaytest.Span(td, replaytest.Trace, 9, "twice in one record", 1)
	}
	other := ptrace.NewTraces()
	td.CopyTo(other)
	other.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(1).SetName("the same id with another name")
	again := func(td ptrace.Traces) event.Event {
		e := replaytest.Session()[1]
		e.Record = replaytest.Record(td)
		return e
	}
	dir := session(t, again(td), again(other))
	tl := replay(t, dir, Query{Item: replaytest.Item}, nil)
	text := textOf(t, tl, 0)
	require.Equal(t, 2, strings.Count(text, "span twice in one record"))
	require.Equal(t, 1, strings.Count(text, "span the same id with another name"))
	require.Equal(t, 1, strings.Count(text, "Why does the deployment fail?"))

	l, err := read.Open(dir)
	require.NoError(t, err)
	var entries []read.Item
	for it, err := range l.Entries(t.Context(), 0) {
		require.NoError(t, err)
		if it.Kind == event.Held {
			entries = append(entries, it, it)
		}
	}
	tl, err = Make(Query{Item: replaytest.Item}, entries, nil, records.Open(dir).Get, nil)
	require.NoError(t, err)
	require.Len(t, tl.Events, 3)
	require.Len(t, tl.Events[0].Again, 1)
	require.Contains(t, textOf(t, tl, 0), "told 1 more time")
}

// TestRecordStates: what became of a record is said.
func TestRecordStates(t *testing.T) {
	e := replaytest.Session()[1]
	e.Record = []byte("no telemetry")
	dir := session(t, e)
	paths, err := filepath.Glob(filepath.Join(dir, records.Directory, "*", "*"))
	require.NoError(t, err)
	require.Len(t, paths, 5)
	tl := replay(t, dir, Query{Item: replaytest.Item}, nil)
	require.Equal(t, unreadable, tl.Events[len(tl.Events)-1].Record.State)
	require.Equal(t, kept, tl.Events[0].Record.State)
	require.Empty(t, tl.Problems)

	for _, p := range paths {
		if strings.Contains(p, tl.Events[0].Record.Digest) {
			require.NoError(t, os.WriteFile(p, []byte("something else"), 0o600))
		} else {
			require.NoError(t, os.Remove(p))
		}
	}
	tl = replay(t, dir, Query{Trace: replaytest.Trace}, nil)
	require.Equal(t, changed, tl.Events[0].Record.State)
	require.Equal(t, gone, tl.Events[1].Record.State)
	require.Len(t, tl.Problems, 1)
	require.Empty(t, tl.Telemetry)
	for _, out := range []string{textOf(t, tl, 0), htmlOf(t, tl)} {
		require.Contains(t, out, "WAS CHANGED")
		require.Contains(t, out, "is gone")
		require.Contains(t, out, "0 kept, 3 gone: removed by retention or by hand, 1 CHANGED since their entry was written, not shown.")
	}
}

// TestBrokenLine: a line that is no entry is said, and hides nothing before it
// and behind it.
func TestBrokenLine(t *testing.T) {
	dir := session(t)
	broken := 0
	numbers, err := files.Segments(dir)
	require.NoError(t, err)
	for _, n := range numbers {
		path := filepath.Join(dir, files.Segment(n))
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		text := strings.Replace(string(b), `"kind":"tracescrub.approved"`, `"kind": "tracescrub.approved"`, 1)
		if text != string(b) {
			broken++
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.Equal(t, 1, broken)
	tl := replay(t, dir, Query{Trace: replaytest.Trace}, nil)
	require.Equal(t, []string{"held", "masked", "viewed", "voted", "voted", "releasing", "masked", "released", "shredded"}, kinds(tl))
	require.NotEmpty(t, tl.Problems)
	require.Contains(t, textOf(t, tl, 0), "WRONG: segment-")
	require.Contains(t, htmlOf(t, tl), "Wrong: ")
}

// TestOutcome: events that come late or twice do not take an item back.
func TestOutcome(t *testing.T) {
	for want, kinds := range map[string][]string{
		"pending":   {event.Held, event.Viewed, event.Voted},
		"approved":  {event.Held, event.Approved, event.Viewed},
		"releasing": {event.Held, event.Approved, event.Releasing, event.Voted},
		"released":  {event.Approved, event.Releasing, event.Released, event.Shredded, event.Approved},
		"denied":    {event.Held, event.Voted, event.Denied, event.Shredded, event.Viewed},
		"expired":   {event.Held, event.Expired, event.Held},
	} {
		var entries []read.Item
		for i, k := range kinds {
			entries = append(entries, read.Item{Entry: &entry.Entry{Seq: int64(i), ID: string(rune('a' + i)), Kind: k, Attributes: map[string]any{itemID: replaytest.Item}}})
		}
		tl, err := Make(Query{Item: replaytest.Item}, entries, nil, nil, nil)
		require.NoError(t, err)
		require.Equal(t, want, tl.Items[0].State, kinds)
		require.Contains(t, textOf(t, tl, 0), "item "+replaytest.Item+": "+want)
	}
}

// TestDocument: docs/audit.md names the fields of the document, all of them.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile("../../../../docs/audit.md")
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(raw), "`--json` writes one object.")
	table, _, ok := strings.Cut(rest, "\n## ")
	require.True(t, ok)
	fields := 0
	var look func(typ reflect.Type)
	look = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Slice, reflect.Pointer:
			look(typ.Elem())
		case reflect.Struct:
			for i := range typ.NumField() {
				if tag, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ","); tag != "" {
					fields++
					require.Contains(t, table, "`"+tag+"`")
					look(typ.Field(i).Type)
				}
			}
		}
	}
	look(reflect.TypeFor[Timeline]())
	require.Greater(t, fields, 60)
}
