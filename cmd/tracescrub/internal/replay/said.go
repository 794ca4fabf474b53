package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/chat"
)

// said is what a span or a log record has of messages.
type said struct {
	Time  time.Time   `json:"time,omitzero"`
	Name  string      `json:"name"`
	Trace string      `json:"trace_id,omitempty"`
	Span  string      `json:"span_id,omitempty"`
	Turns []chat.Turn `json:"turns"`
	// Known counts messages that earlier ones have said: agents send the
	// history along with every call.
	Known int `json:"said_before"`
}

// conversation collects the messages of all spans and log records, by time.
func conversation(td ptrace.Traces, ld plog.Logs) []said {
	var all []said
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				if turns := chat.OfSpan(s); len(turns) > 0 {
					all = append(all, said{moment(s.StartTimestamp()), s.Name(), s.TraceID().String(), s.SpanID().String(), turns, 0})
				}
			}
		}
	}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				if turns := chat.OfRecord(r); len(turns) > 0 {
					all = append(all, said{moment(r.Timestamp()), r.EventName(), r.TraceID().String(), r.SpanID().String(), turns, 0})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b said) int { return a.Time.Compare(b.Time) })
	h := history{at: map[[sha256.Size]byte][]int{}, runs: map[[sha256.Size]byte]bool{}}
	for i := range all {
		all[i].Turns, all[i].Known = h.fresh(all[i].Turns)
	}
	return all
}

func moment(t pcommon.Timestamp) time.Time {
	if t == 0 {
		return time.Time{}
	}
	return t.AsTime()
}

// history is what has been said, by where it first was.
type history struct {
	turns int
	at    map[[sha256.Size]byte][]int
	runs  map[[sha256.Size]byte]bool
}

// fresh parts what is new from what stands in what was said already, in the
// same order.
func (h *history) fresh(turns []chat.Turn) (fresh []chat.Turn, known int) {
	next := 0
	fresh = []chat.Turn{}
	for _, t := range turns {
		sum := sumOf(t.Role, t.Parts)
		places := h.at[sum]
		if i, _ := slices.BinarySearch(places, next); i < len(places) {
			next = places[i] + 1
			known++
			continue
		}
		if h.ran(t.Parts) { // the span of a tool's run repeats the messages around it
			known++
			continue
		}
		h.at[sum] = append(places, h.turns)
		h.turns++
		fresh = append(fresh, t)
	}
	return fresh, known
}

// ran says whether parts are only tool calls and answers that are known, and
// knows them from now on.
func (h *history) ran(parts []chat.Part) bool {
	all := len(parts) > 0
	for _, p := range parts {
		if p.ID == "" || p.Kind != "call" && p.Kind != "result" {
			all = false
			continue
		}
		sum := sumOf("", []chat.Part{{Kind: p.Kind, ID: p.ID, Text: compact(p.Text)}})
		if !h.runs[sum] {
			all = false
		}
		h.runs[sum] = true
	}
	return all
}

// compact makes the same JSON the same text, whatever the spaces in it.
func compact(s string) string {
	var b bytes.Buffer
	if json.Compact(&b, []byte(s)) != nil {
		return s
	}
	return b.String()
}

func sumOf(role string, parts []chat.Part) [sha256.Size]byte {
	b, err := json.Marshal(chat.Turn{Role: role, Parts: parts})
	if err != nil {
		panic(err) // texts only
	}
	return sha256.Sum256(b)
}
