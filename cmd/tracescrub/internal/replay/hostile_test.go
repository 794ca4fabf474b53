package replay

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"iter"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/replay/replaytest"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// evil would be a script, end an attribute, clear the screen, turn the line
// round and pass for a line of ours.
const evil = "x</bdi></pre></style><script>alert(1)</script>\" onload=\"a\x1b[2J\u202e\u2066\nItem forged\r\u009b1m{{.}}"

// ours are the tags that the page is made of.
var ours = regexp.MustCompile(`^(<!DOCTYPE html>|</?(html|head|title|style|body|main|h[1-3]|p|dl|dt|dd|ul|li|table|thead|tbody|tr|th|td|bdi|section|article|time|span|div|mark|details|summary|pre)( (lang|dir|class|scope)="[a-z ]*")*>|<meta [^<>]*>)$`)

// inert wants that nothing foreign can do anything in a text or on a page.
func inert(t *testing.T, text, page string, width int) {
	t.Helper()
	for name, s := range map[string]string{"text": text, "page": page} {
		if screen.Plain(s, true) != s {
			t.Errorf("%s: characters that are not simply seen", name)
		}
	}
	for line := range strings.Lines(text) {
		if n := screen.Width(strings.TrimSuffix(line, "\n")); width > 0 && n > width {
			t.Errorf("a line has %d columns, the terminal %d", n, width)
		}
		if strings.HasPrefix(line, "Item forged") {
			t.Error("a line of a text passes for one of ours")
		}
	}
	head, body, ok := strings.Cut(page, "</style>")
	if !ok {
		t.Fatal("no style")
	}
	_, style, _ := strings.Cut(head, "<style>")
	if style != pageStyle {
		t.Error("the style is another one")
	}
	tags := regexp.MustCompile(`<[^>]*>?`).FindAllString(strings.Replace(head, style, "", 1)+"</style>"+body, -1)
	if len(tags) < 20 {
		t.Errorf("%d tags only", len(tags))
	}
	metas := 0
	for _, tag := range tags {
		if !ours.MatchString(tag) {
			t.Errorf("a tag that is not ours: %d bytes", len(tag))
		}
		if strings.HasPrefix(tag, "<meta ") {
			metas++
		}
	}
	if metas != 4 {
		t.Errorf("%d metas", metas)
	}
}

// TestPolicy: the page allows its own style and nothing else.
func TestPolicy(t *testing.T) {
	page := html.UnescapeString(htmlOf(t, replay(t, session(t), Query{Trace: replaytest.Trace}, nil)))
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	require.Contains(t, page, `content="default-src 'none'; style-src 'sha256-`+base64.StdEncoding.EncodeToString(sum[:])+`'; base-uri 'none'; form-action 'none'"`)
	require.NotContains(t, page, "http:")
	require.NotContains(t, page, "https:")
	require.NotContains(t, page, "url(")
}

// hostile is an event whose every word is evil.
func hostile() event.Event {
	td := ptrace.NewTraces()
	for i, key := range []string{"gen_ai.system_instructions", "gen_ai.input.messages", "gen_ai.prompt", "gen_ai.tool.call.result", evil, "llm.input_messages.0.message.content"} {
		s := replaytest.Span(td, replaytest.Trace, byte(i), evil, float64(i))
		s.Attributes().PutStr(key, evil)
	}
	name, _ := json.Marshal(evil)
	for _, part := range []string{`"type":"text","content":E`, `"type":"reasoning","content":E`, `"type":"tool_call","name":E,"arguments":E`, `"type":"tool_call_response","name":E,"response":{E:E}`, `"type":"blob","data":E`, `"type":E,"x":E`} {
		s := replaytest.Span(td, replaytest.Trace, 9, evil, 9)
		s.Attributes().PutStr("gen_ai.output.messages", strings.ReplaceAll(`[{"role":E,"finish_reason":E,"parts":[{`+part+`}]}]`, "E", string(name)))
	}
	e := replaytest.Session()[1]
	e.Record, e.Service, e.Conversation, e.Rules, e.Policy = replaytest.Record(td), evil, evil, []string{evil}, evil
	e.List = []verdict.Finding{{Rule: evil, Severity: evil, Field: evil, Fingerprint: evil, Action: evil}}
	return e
}

// TestHostile: whatever stands in entries, in telemetry and in the side table,
// is shown and does nothing.
func TestHostile(t *testing.T) {
	vote := replaytest.Session()[6]
	vote.Decision, vote.Mode, vote.Via, vote.Reason, vote.User = evil, evil, evil, evil, evil
	ld := plog.NewLogs()
	r := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	r.SetEventName(evil)
	r.Body().SetStr(evil)
	logs := replaytest.Session()[4]
	logs.Record, logs.Trace = replaytest.Record(ld), replaytest.Session()[1].Trace
	tl := replay(t, session(t, hostile(), vote, logs), Query{Trace: replaytest.Trace}, nil)
	for _, e := range tl.Events {
		for _, p := range []*Person{e.By, e.Reason} {
			if p != nil {
				p.Name = evil
			}
		}
	}
	page := htmlOf(t, tl)
	for _, width := range []int{0, 1, 20, 80, 200} {
		text := textOf(t, tl, width)
		inert(t, text, page, width)
		if width == 0 {
			require.Greater(t, strings.Count(text, `\u001b[2J\u202e`), 40)
		}
	}
	require.Greater(t, strings.Count(page, `&lt;script&gt;alert(1)`), 40)
}

// one is a log of entries that are given.
type one []read.Item

func (o one) Entries(context.Context, int64) iter.Seq2[read.Item, error] {
	return func(yield func(read.Item, error) bool) {
		for _, it := range o {
			if !yield(it, nil) {
				return
			}
		}
	}
}

func (o one) Containing(ctx context.Context, _ []byte) iter.Seq2[read.Item, error] {
	return o.Entries(ctx, 0)
}

// FuzzTimeline: any entry and any record make a timeline that does nothing on
// a terminal or a page, and that is JSON.
func FuzzTimeline(f *testing.F) {
	for _, e := range replaytest.Session() {
		if len(e.Record) > 0 {
			f.Add(e.Record, e.Signal, e.Name, "word", 80)
		}
	}
	f.Add(hostile().Record, "traces", event.Voted, evil, 40)
	f.Add([]byte{1, 2, 3}, "metrics", event.Approved, `[{"type":"text"}]`, 0)
	f.Add([]byte{}, "logs", "tracescrub.else", "\xff", 7)
	f.Fuzz(func(t *testing.T, b []byte, signal, kind, word string, width int) {
		if strings.HasPrefix(strings.TrimSpace(word), "Item forged") || strings.Contains(kind, "Item forged") {
			return // would be its own
		}
		word = strings.ToValidUTF8(word, "\uFFFD") // as in any entry
		attributes := map[string]any{itemID: replaytest.Item, recordDigest: strings.Repeat("0", 64), conversationID: "c", "tracescrub.signal": strings.ToValidUTF8(signal, "")}
		for _, name := range []string{"tracescrub.service", "user.id", "tracescrub.reason", "tracescrub.via", "tracescrub.decision", "tracescrub.release.mode", "tracescrub.producer"} {
			attributes[name] = word
		}
		attributes["tracescrub.votes"] = []any{map[string]any{"user.id": word, "decision": word}, word}
		attributes["tracescrub.findings"] = []any{map[string]any{"rule": word, "severity": word, "field": word, "length": int64(width)}, word}
		it := read.Item{Entry: &entry.Entry{Kind: strings.ToValidUTF8(kind, ""), Trace: replaytest.Trace, Attributes: attributes, Cut: []string{word}}}
		it.Line = []byte(`"trace_id":"` + replaytest.Trace + `","` + itemID + `":"` + replaytest.Item + `","` + conversationID + `":`)
		get := func(string) ([]byte, error) { return b, nil }
		for _, q := range []Query{{Trace: replaytest.Trace}, {Conversation: "c"}} {
			found, problems, err := Find(t.Context(), one{it}, get, &q)
			if err != nil || len(problems) > 0 || len(found) != 1 {
				t.Fatalf("%d entries, %v", len(found), err)
			}
			tl, err := Make(q, found, problems, get, map[string]string{word: word})
			if err != nil {
				t.Fatal(err)
			}
			width = max(0, width%300)
			inert(t, textOf(t, tl, width), htmlOf(t, tl), width)
			doc, err := json.Marshal(tl)
			if err != nil || !json.Valid(screen.JSON(doc)) {
				t.Errorf("no JSON: %v", err)
			}
		}
	})
}

// TestTrouble: an error of the disk is none of the log's.
func TestTrouble(t *testing.T) {
	broken := errors.New("broken disk")
	_, err := Make(Query{}, []read.Item{{Entry: &entry.Entry{Kind: event.Held, Attributes: map[string]any{recordDigest: "d"}}}}, nil, func(string) ([]byte, error) { return nil, broken }, nil)
	require.ErrorIs(t, err, broken)
	ctx, cancel := context.WithCancel(t.Context())
	dir := session(t)
	cancel()
	l, err := read.Open(dir)
	require.NoError(t, err)
	_, _, err = Find(ctx, l, nil, &Query{Trace: replaytest.Trace})
	require.ErrorIs(t, err, context.Canceled)
}
