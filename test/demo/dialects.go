package main

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

// runKey is the resource attribute by which the output is recognised.
const runKey = "demo.run"

// dialect is one way in which agent runtimes write telemetry.
type dialect struct {
	name     string // what it is called
	template string // in testdata/corpus
	// without are the template's secrets that are not sent: those that stand
	// where only a person would take them for one.
	without []string
}

var dialects = []dialect{
	{"GenAI semantic conventions", "dirty_semconv_json", []string{"s08"}},
	{"OpenInference", "dirty_openinference", []string{"s01"}},
	{"OpenLLMetry", "dirty_traceloop", []string{"s01", "s04", "s05"}},
	{"Claude Code logs", "dirty_claude_code", nil},
	{"Codex logs", "dirty_codex", nil},
	{"application logs", "dirty_app_logs", nil},
	{"Vercel AI SDK", "dirty_vercel_ai", []string{"s09"}},
	{"Model Context Protocol", "dirty_mcp", []string{"s05"}},
}

// shipment is a filled case, marked with the run it belongs to.
type shipment struct {
	corpus.Case
	run    string
	traces ptrace.Traces // one of the two, by Signal
	logs   plog.Logs
	items  int // spans or log records
}

// fill makes the shipment of a dialect.
func (d dialect) fill(loaded *corpus.Corpus, seed uint64, i int) (shipment, error) {
	cases, err := loaded.LeaveOut(d.template, d.without...).Fill(seed, d.template)
	if err != nil {
		return shipment{}, fmt.Errorf("filling %s: %w", d.name, err)
	}
	s := shipment{Case: cases[0], run: fmt.Sprintf("%016x-%d", seed, i)}
	// What was marked is what is sent and what the output is compared with.
	if s.Signal == "logs" {
		if s.logs, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(s.Payload); err != nil {
			return s, fmt.Errorf("reading %s: %w", d.template, err)
		}
		s.items = markLogs(s.logs, s.run)
		s.Payload, err = (&plog.JSONMarshaler{}).MarshalLogs(s.logs)
		return s, err
	}
	if s.traces, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(s.Payload); err != nil {
		return s, fmt.Errorf("reading %s: %w", d.template, err)
	}
	s.items = markTraces(s.traces, s.run)
	s.Payload, err = (&ptrace.JSONMarshaler{}).MarshalTraces(s.traces)
	return s, err
}

// markTraces writes the run and the numbers of the spans; it returns how many there are.
func markTraces(td ptrace.Traces, run string) (n int) {
	for _, r := range td.ResourceSpans().All() {
		r.Resource().Attributes().PutStr(runKey, run)
		for _, s := range r.ScopeSpans().All() {
			for _, item := range s.Spans().All() {
				item.Attributes().PutInt(atKey, int64(n))
				n++
			}
		}
	}
	return n
}

// markLogs is the same for log records.
func markLogs(ld plog.Logs, run string) (n int) {
	for _, r := range ld.ResourceLogs().All() {
		r.Resource().Attributes().PutStr(runKey, run)
		for _, s := range r.ScopeLogs().All() {
			for _, item := range s.LogRecords().All() {
				item.Attributes().PutInt(atKey, int64(n))
				n++
			}
		}
	}
	return n
}
