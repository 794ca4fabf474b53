package apitest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// Services are the services of Fill's items, in turn.
var Services = []string{"checkout-agent", "support-bot", "code-reviewer", "payments-agent"}

// kinds are what is found in Fill's items, in turn.
var kinds = []struct {
	severity string
	votes    int
	rules    []string
}{
	{"critical", 2, []string{"aws-access-key", "private-key"}},
	{"high", 1, []string{"github-token"}},
	{"medium", 1, []string{"jwt", "password-assignment"}},
	{"critical", 2, []string{"stripe-live-key"}},
}

// Fill adds n pending items, held at intervals of a minute, the last one just
// now. Their ids follow from their number; numbers go on at the next call.
func (f *Fake) Fill(n int) {
	f.mu.Lock()
	first := f.filled
	f.filled += n
	f.mu.Unlock()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := first; i < first+n; i++ {
		kind := kinds[i%len(kinds)]
		at := now.Add(-time.Duration(first+n-1-i) * time.Minute)
		d := gate.Detail{Item: gate.Item{
			ID: ID(i), State: gate.Pending, Version: 1, Signal: "traces", TraceID: TraceID(i),
			Service: Services[i%len(Services)], Severity: kind.severity, Rules: kind.rules,
			Findings: len(kind.rules), Secrets: len(kind.rules), Spans: 3, Bytes: int64(2048 + i),
			HeldAt: at, ExpiresAt: at.Add(7 * 24 * time.Hour), RequiredVotes: kind.votes, Policy: "5b1c7e9a",
		}}
		for j, rule := range kind.rules {
			d.FindingList = append(d.FindingList, gate.Finding{
				Rule: rule, Severity: kind.severity, Field: fmt.Sprintf("span.attributes[gen_ai.input.messages][%d].content", j),
				Fingerprint: fingerprint(i, j), Length: 40,
			})
		}
		d.History = []gate.Change{{At: at, Event: "held", Version: 1}}
		f.Add(d, "", preview(i, d))
	}
}

// ID is the id of Fill's item number i.
func ID(i int) string { return digest("item", i) }

// TraceID is the trace id of Fill's item number i.
func TraceID(i int) string { return digest("trace", i) }

func digest(what string, i int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, i))
	return hex.EncodeToString(sum[:16])
}

func fingerprint(i, j int) string { return digest("fingerprint", 1000*i+j)[:8] }

// preview makes a small trace of an agent, as OTLP/JSON: a span for the
// agent, and below it one for the model and one for a tool.
func preview(i int, d gate.Detail) []byte {
	start := d.HeldAt.Add(-3 * time.Second)
	var messages, findings []any
	messages = append(messages, message("user", "Why does the deployment fail?"))
	for j, found := range d.FindingList {
		mask := fmt.Sprintf("[MASKED:%s:%s]", found.Rule, found.Fingerprint)
		messages = append(messages, message("tool", "the environment has "+mask+" in line "+fmt.Sprint(j+1)))
		findings = append(findings, map[string]any{"kvlistValue": map[string]any{"values": []any{
			attribute("rule", found.Rule), attribute("severity", found.Severity), attribute("field", found.Field),
			attribute("fingerprint", found.Fingerprint), attribute("action", "hold"),
		}}})
	}
	chat, err := json.Marshal(messages)
	if err != nil {
		panic(err) // strings only
	}
	span := func(n int, parent, name string, from, to time.Duration, attributes ...any) map[string]any {
		return map[string]any{
			"traceId": d.TraceID, "spanId": digest("span", 10*i+n)[:16], "parentSpanId": parent, "name": name, "kind": 1,
			"startTimeUnixNano": fmt.Sprint(start.Add(from).UnixNano()), "endTimeUnixNano": fmt.Sprint(start.Add(to).UnixNano()),
			"attributes": attributes, "status": map[string]any{},
		}
	}
	root := digest("span", 10*i)[:16]
	spans := []any{
		span(0, "", "invoke_agent "+d.Service, 0, 3*time.Second, attribute("gen_ai.operation.name", "invoke_agent"), attribute("gen_ai.agent.name", d.Service)),
		span(1, root, "chat example-model", 100*time.Millisecond, 2*time.Second,
			attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.request.model", "example-model"),
			attribute("gen_ai.input.messages", string(chat)), attribute("tracescrub.verdict", "held"),
			map[string]any{"key": "tracescrub.findings", "value": map[string]any{"arrayValue": map[string]any{"values": findings}}}),
		span(2, root, "execute_tool read_file", 2100*time.Millisecond, 2900*time.Millisecond,
			attribute("gen_ai.operation.name", "execute_tool"), attribute("gen_ai.tool.name", "read_file")),
	}
	out, err := json.Marshal(map[string]any{"resourceSpans": []any{map[string]any{
		"resource":   map[string]any{"attributes": []any{attribute("service.name", d.Service), attribute("tracescrub.policy", d.Policy)}},
		"scopeSpans": []any{map[string]any{"scope": map[string]any{"name": "agent"}, "spans": spans}},
	}}})
	if err != nil {
		panic(err) // strings, numbers and maps only
	}
	return out
}

func message(role, content string) any {
	return map[string]any{"role": role, "parts": []any{map[string]any{"type": "text", "content": content}}}
}

func attribute(key, value string) any {
	return map[string]any{"key": key, "value": map[string]any{"stringValue": value}}
}
