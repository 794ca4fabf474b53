package secretmaskprocessor

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

var anyMask = regexp.MustCompile(`\[MASKED:[a-z0-9-]+:([0-9a-f]{8})\]`)

// pieces cuts text at the places and says what must be left of each piece.
func pieces(secret string, cuts ...int) (parts, left []string) {
	from := 0
	for _, c := range append(cuts, len(secret)) {
		parts, left = append(parts, secret[from:c]), append(left, "")
		from = c
	}
	last := len(parts) - 1
	parts[0], left[0] = "the key is "+parts[0], "the key is "
	parts[last], left[last] = parts[last]+" and it is live", " and it is live"
	return parts, left
}

// carrier is a way that pieces of a text can stand beside each other.
type carrier struct {
	name string
	// send masks a batch with the parts and returns what became of each.
	send func(h *harness, parts []string) []string
}

func texts(s pcommon.Slice) (out []string) {
	for _, v := range s.All() {
		out = append(out, v.Str())
	}
	return out
}

func events(key string) func(*harness, []string) []string {
	return func(h *harness, parts []string) (out []string) {
		td, s := oneSpan()
		for _, p := range parts {
			e := s.Events().AppendEmpty()
			e.SetName("event")
			e.Attributes().PutInt("index", 1)
			e.Attributes().PutStr(key, p)
		}
		got := h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		for _, e := range got.Events().All() {
			out = append(out, get(h.t, e.Attributes(), key).Str())
		}
		return out
	}
}

func records(fill func(plog.LogRecord, string), read func(plog.LogRecord) string) func(*harness, []string) []string {
	return func(h *harness, parts []string) (out []string) {
		ld := plog.NewLogs()
		all := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		for _, p := range parts {
			fill(all.AppendEmpty(), p)
			other := all.AppendEmpty() // of another request, in between
			other.SetTraceID([16]byte{9})
			other.Body().SetStr("GET /health 200 user42")
		}
		n := 0
		for _, r := range h.log(ld).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			if n++; n%2 == 1 {
				out = append(out, read(r))
			}
		}
		return out
	}
}

// inText sends the parts in one attribute, as write puts them together and read takes them apart.
func inText(write func([]string) string, read func(testing.TB, string) []string) func(*harness, []string) []string {
	return func(h *harness, parts []string) []string {
		td, s := oneSpan()
		s.Attributes().PutStr("gen_ai.output.messages", write(parts))
		got := h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		return read(h.t, get(h.t, got.Attributes(), "gen_ai.output.messages").Str())
	}
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type part struct {
	Content string `json:"content"`
	Type    string `json:"type"`
}

func writeParts(parts []string) string {
	var list []part
	for _, p := range parts {
		list = append(list, part{p, "text"})
	}
	return marshal([]map[string]any{{"role": "assistant", "parts": list}})
}

func readParts(t testing.TB, text string) (out []string) {
	t.Helper()
	var got []struct{ Parts []part }
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	for _, p := range got[0].Parts {
		out = append(out, p.Content)
	}
	return out
}

type chunk struct {
	Type  string            `json:"type"`
	Index int               `json:"index"`
	Delta map[string]string `json:"delta"`
	Usage any               `json:"usage"`
}

// writeChunks writes a stream as it is kept when all of its chunks are collected.
func writeChunks(parts []string) string {
	var list []chunk
	for i, p := range parts {
		list = append(list, chunk{Type: "content_block_delta", Index: i, Delta: map[string]string{"type": "text_delta", "text": p}})
	}
	return marshal(list)
}

func readChunks(t testing.TB, text string) (out []string) {
	t.Helper()
	var got []chunk
	require.NoError(t, json.Unmarshal([]byte(text), &got))
	for _, c := range got {
		out = append(out, c.Delta["text"])
	}
	return out
}

// eventLines writes server-sent events or JSON lines.
func eventLines(prefix, end string) func([]string) string {
	return func(parts []string) string {
		var b strings.Builder
		for i, p := range parts {
			b.WriteString(prefix + fmt.Sprintf(`{"id":"chatcmpl-Ab12Cd34","n":%d,"choices":[{"delta":{"content":%s},"index":0}]}`, i, marshal(p)) + end)
		}
		return b.String()
	}
}

func readEvents(prefix string) func(testing.TB, string) []string {
	return func(t testing.TB, text string) (out []string) {
		t.Helper()
		for line := range strings.Lines(text) {
			line = strings.TrimPrefix(strings.TrimSpace(line), strings.TrimSpace(prefix))
			if line == "" || !strings.Contains(line, "{") {
				continue
			}
			var e struct {
				Choices []struct{ Delta struct{ Content string } }
			}
			require.NoError(t, json.Unmarshal([]byte(line), &e))
			out = append(out, e.Choices[0].Delta.Content)
		}
		return out
	}
}

func quoted(write func([]string) string) func([]string) string {
	return func(parts []string) string { return marshal(map[string]string{"body": write(parts)}) }
}

func unquoted(read func(testing.TB, string) []string) func(testing.TB, string) []string {
	return func(t testing.TB, text string) []string {
		t.Helper()
		var m map[string]string
		require.NoError(t, json.Unmarshal([]byte(text), &m))
		return read(t, m["body"])
	}
}

var carriers = []carrier{
	{"chunk events", events("llm.content.completion.chunk")},
	{"events", events("message")},
	{"log bodies", records(func(r plog.LogRecord, p string) { r.Body().SetStr(p) }, func(r plog.LogRecord) string { return r.Body().Str() })},
	{"log attributes", records(func(r plog.LogRecord, p string) { r.Attributes().PutStr("output", p) },
		func(r plog.LogRecord) string { v, _ := r.Attributes().Get("output"); return v.Str() })},
	{"elements", func(h *harness, parts []string) []string {
		td, s := oneSpan()
		list := s.Attributes().PutEmptySlice("args")
		for _, p := range parts {
			list.AppendEmpty().SetStr(p)
		}
		return texts(get(h.t, h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(), "args").Slice())
	}},
	{"structured parts", func(h *harness, parts []string) (out []string) {
		td, s := oneSpan()
		list := s.Attributes().PutEmptySlice("gen_ai.output.messages").AppendEmpty().SetEmptyMap().PutEmptySlice("parts")
		for _, p := range parts {
			m := list.AppendEmpty().SetEmptyMap()
			m.PutStr("type", "text")
			m.PutStr("content", p)
		}
		got := get(h.t, h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(), "gen_ai.output.messages")
		for _, m := range get(h.t, got.Slice().At(0).Map(), "parts").Slice().All() {
			out = append(out, get(h.t, m.Map(), "content").Str())
		}
		return out
	}},
	{"structured chunks", func(h *harness, parts []string) (out []string) {
		td, s := oneSpan()
		list := s.Attributes().PutEmptySlice("llm.chunks")
		for _, p := range parts {
			list.AppendEmpty().SetEmptyMap().PutEmptyMap("delta").PutStr("text", p)
		}
		got := get(h.t, h.trace(td).ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes(), "llm.chunks")
		for _, m := range got.Slice().All() {
			out = append(out, get(h.t, get(h.t, m.Map(), "delta").Map(), "text").Str())
		}
		return out
	}},
	{"chunks in JSON", inText(writeChunks, readChunks)},
	{"chunks in JSON in JSON", inText(quoted(writeChunks), unquoted(readChunks))},
	{"parts in JSON", inText(writeParts, readParts)},
	{"parts in JSON in JSON", inText(quoted(writeParts), unquoted(readParts))},
	{"elements in JSON", inText(func(p []string) string { return marshal(p) }, func(t testing.TB, text string) (out []string) {
		t.Helper()
		require.NoError(t, json.Unmarshal([]byte(text), &out))
		return out
	})},
	{"server-sent events", inText(eventLines("data: ", "\n\n"), readEvents("data: "))},
	{"named server-sent events", inText(eventLines("event: delta\ndata: ", "\n\n"), readEvents("data: "))},
	{"server-sent events in JSON", inText(quoted(eventLines("data: ", "\n\n")), unquoted(readEvents("data: ")))},
	{"JSON lines", inText(eventLines("", "\n"), readEvents(""))},
	{"JSON lines in JSON", inText(quoted(eventLines("", "\n")), unquoted(readEvents("")))},
}

// TestSecretsInPieces cuts a token at every place, in two and in three, in
// every kind of neighbourhood: nothing of it is left, all pieces have one
// mask, what stands beside them stays, and masking twice changes nothing.
func TestSecretsInPieces(t *testing.T) {
	for _, c := range carriers {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Memory.Traces = 0
			cfg.Annotate = annotateNone
			h := start(t, cfg)
			token := secret(t, 7)
			var cuts [][]int
			for i := 1; i < len(token); i++ {
				cuts = append(cuts, []int{i}, []int{(i + 1) / 2, (i+1)/2 + (len(token)-i)/2})
			}
			for _, cut := range cuts {
				parts, left := pieces(token, cut...)
				got := c.send(h, parts)
				require.Len(t, got, len(parts))
				marks := map[string]bool{}
				for i := range got {
					require.Equal(t, left[i], anyMask.ReplaceAllString(got[i], ""), "piece %d of a token cut at %v", i, cut)
					for _, m := range anyMask.FindAllStringSubmatch(got[i], -1) {
						marks[m[1]] = true
					}
				}
				require.Len(t, marks, 1, "masks of a token cut at %v", cut)
				require.Equal(t, got, c.send(h, got), "masking twice changed a token cut at %v", cut)
			}
		})
	}
}

// TestManyPieces: a model's stream has a few letters in each chunk.
func TestManyPieces(t *testing.T) {
	for _, c := range carriers {
		if !strings.Contains(c.name, "chunk") && !strings.Contains(c.name, "sent") && !strings.Contains(c.name, "lines") {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			h := start(t, testConfig(t))
			text := "Use this: " + secret(t, 8) + " as the key."
			var parts []string
			for from := 0; from < len(text); from += 3 {
				parts = append(parts, text[from:min(len(text), from+3)])
			}
			got := anyMask.ReplaceAllString(strings.Join(c.send(h, parts), ""), "")
			require.Equal(t, "Use this:  as the key.", got)
		})
	}
}

// TestKeyBlockInRecords: each line of a private key is a record of its own.
func TestKeyBlockInRecords(t *testing.T) {
	h := start(t, testConfig(t))
	dashes := strings.Repeat("-", 5)
	body := strings.ReplaceAll(strings.ReplaceAll(secret(t, 9)+secret(t, 10), "_", "x"), "ghp", "MII")
	lines := []string{"starting", dashes + "BEGIN RSA PRIVATE KEY" + dashes, body[:64], body[10:74], body[:24], dashes + "END RSA PRIVATE KEY" + dashes, "listening on 8080"}
	for _, c := range carriers[2:4] {
		got := c.send(h, lines)
		require.Equal(t, "starting", got[0], c.name)
		require.Equal(t, "listening on 8080", got[6], c.name)
		for i := 1; i < 6; i++ {
			require.Empty(t, anyMask.ReplaceAllString(got[i], ""), "%s: line %d", c.name, i)
		}
	}
}

// TestNeighboursStayApart: what only looks like one token when it is put
// together is not touched, and whole tokens side by side keep their own masks.
func TestNeighboursStayApart(t *testing.T) {
	h := start(t, testConfig(t))
	for _, c := range carriers {
		for _, parts := range [][]string{
			{"call_Ab12Cd34Ef56Gh78", "call_Zx12Cd34Ef56Gh99"},
			{"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"},
			{"the password", "=reset1 was sent"},
			{"api_key", "=none", "42"},
			{"--verbose", "--token-file", "/etc/token42"},
		} {
			require.Equal(t, parts, c.send(h, parts), c.name)
		}
		one, two := secret(t, 11), secret(t, 12)
		got := c.send(h, []string{one, "We", two, "--verbose", one})
		require.Equal(t, []string{"", "We", "", "--verbose", ""}, []string{
			anyMask.ReplaceAllString(got[0], ""), got[1], anyMask.ReplaceAllString(got[2], ""), got[3], anyMask.ReplaceAllString(got[4], ""),
		}, c.name)
		require.Equal(t, got[0], got[4], c.name)
		require.NotEqual(t, got[0], got[2], c.name)
	}
}

// TestJoinedIsCounted: what was put together has a word of its own in metrics.
func TestJoinedIsCounted(t *testing.T) {
	h := start(t, testConfig(t))
	parts, _ := pieces(secret(t, 13), 20)
	carriers[0].send(h, parts)
	require.Equal(t, int64(2), h.sum(metricPrefix+"findings", "evidence=joined"))
	td, s := oneSpan()
	s.Attributes().PutStr("a", secret(t, 14))
	h.trace(td)
	require.Equal(t, int64(1), h.sum(metricPrefix+"findings", "evidence=direct"))
	require.Equal(t, int64(0), h.sum(metricPrefix+"findings", "evidence=memory"))
}
