package replay

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/shape"
)

// Timeline is what happened. As JSON it is what docs/audit.md describes.
// Nothing in it is safe for a terminal or a page but by Text and HTML.
type Timeline struct {
	About         Query    `json:"about"`
	Traces        []string `json:"trace_ids"`
	Conversations []string `json:"conversations"`
	Services      []string `json:"services"`
	Senders       []Person `json:"senders"`
	Items         []*item  `json:"items"`
	// Findings are those that the entries list, Unlisted how many more they count.
	Findings []finding    `json:"findings"`
	Unlisted int64        `json:"findings_not_listed"`
	Events   []*happening `json:"events"`
	// Said are the messages of agents in the telemetry.
	Said []said `json:"messages"`
	// Telemetry is OTLP/JSON by signal: all that is kept, messages as well.
	Telemetry map[string]json.RawMessage `json:"telemetry"`
	// Left counts what is left out because it names another conversation.
	Left int `json:"of_other_conversations"`
	// Problems are what should not be: lines that are no entries, records that
	// were changed.
	Problems []string `json:"problems"`

	traces  ptrace.Traces
	logs    plog.Logs
	metrics pmetric.Metrics
}

// Person is who did something, or what they wrote.
type Person struct {
	Commitment string `json:"commitment"`
	// Name is what the commitment stands for, where that is asked for and known.
	Name string `json:"name,omitempty"`

	// asked says that the name was looked for.
	asked bool
}

// finding is one place of a secret, in all entries that list it.
type finding struct {
	Rule        string  `json:"rule"`
	Severity    string  `json:"severity"`
	Field       string  `json:"field"`
	Fingerprint string  `json:"fingerprint"`
	Action      string  `json:"action"`
	Length      int64   `json:"length"`
	Entries     []int64 `json:"entries"`
}

// record is the masked telemetry that an entry is about.
type record struct {
	Digest string `json:"digest"`
	State  string `json:"state"` // kept, gone, changed or unreadable
}

// The states of records.
const (
	kept       = "kept"
	gone       = "gone"
	changed    = "changed"
	unreadable = "unreadable"
)

// happening is an entry, and those that tell the same again.
type happening struct {
	Seq       int64     `json:"seq"`
	ID        string    `json:"id"`
	Again     []int64   `json:"again,omitempty"`
	Kind      string    `json:"kind"`
	Time      time.Time `json:"time"`
	Logged    time.Time `json:"logged"`
	Component string    `json:"component,omitempty"`
	Instance  string    `json:"instance,omitempty"`
	Trace     string    `json:"trace_id,omitempty"`
	Item      string    `json:"item,omitempty"`
	Signal    string    `json:"signal,omitempty"`
	Service   string    `json:"service,omitempty"`
	Severity  string    `json:"severity,omitempty"`
	Rules     []string  `json:"rules,omitempty"`
	Policy    string    `json:"policy,omitempty"`
	Findings  int64     `json:"finding_count,omitempty"`
	Secrets   int64     `json:"secret_count,omitempty"`
	Units     int64     `json:"unit_count,omitempty"`
	By        *Person   `json:"by,omitempty"`
	Via       string    `json:"via,omitempty"`
	Decision  string    `json:"decision,omitempty"`
	Mode      string    `json:"mode,omitempty"`
	Reason    *Person   `json:"reason,omitempty"`
	Votes     []vote    `json:"votes,omitempty"`
	Required  int64     `json:"required_votes,omitempty"`
	Attempt   int64     `json:"attempt,omitempty"`
	Version   int64     `json:"version,omitempty"`
	Record    *record   `json:"record,omitempty"`
	// Cut names attributes that the entry had no room for.
	Cut []string `json:"cut,omitempty"`
}

type vote struct {
	By       Person `json:"by"`
	Decision string `json:"decision"`
	Mode     string `json:"mode,omitempty"`
}

// Make tells what entries, in their order, and records say. names are what
// commitments stand for; without, they stay. problems are Find's.
func Make(q Query, entries []read.Item, problems []string, get Records, names map[string]string) (*Timeline, error) {
	m := &maker{t: &Timeline{About: q, Problems: problems}, names: names, ids: map[string]*happening{}, items: map[string]*item{}, findings: map[string]int{}}
	for i := range entries {
		m.entry(&entries[i])
	}
	var kept telemetry
	if err := m.fetch(get, &kept); err != nil {
		return nil, err
	}
	keep := func(attrs pcommon.Map) bool {
		of := conversationOf(attrs)
		return q.Conversation == "" || of == "" || sameConversation(of, q.Conversation)
	}
	t, left := m.t, [3]int{}
	t.traces, left[0] = merge(shape.Traces, kept.traces, keep)
	t.logs, left[1] = merge(shape.Logs, kept.logs, keep)
	t.metrics, left[2] = merge(shape.Metrics, kept.metrics, keep)
	t.Left = left[0] + left[1] + left[2]
	t.Said = conversation(t.traces, t.logs)
	return t, t.marshal()
}

// fetch reads the records of the events.
func (m *maker) fetch(get Records, into *telemetry) error {
	states := map[string]string{}
	for _, e := range m.t.Events {
		if e.Record == nil {
			continue
		}
		d := e.Record.Digest
		if _, done := states[d]; !done {
			b, err := get(d)
			switch {
			case errors.Is(err, records.ErrGone):
				states[d] = gone
			case errors.Is(err, records.ErrChanged):
				states[d] = changed
				m.t.Problems = append(m.t.Problems, "record "+d+": it is not what its entry says")
			case err != nil:
				return err
			default:
				states[d] = kept
				if into.add(e.Signal, b) != nil {
					states[d] = unreadable
				}
			}
		}
		e.Record.State = states[d]
	}
	return nil
}

// marshal writes the telemetry as JSON.
func (t *Timeline) marshal() (err error) {
	t.Telemetry = map[string]json.RawMessage{}
	put := func(signal string, n int, doc func() ([]byte, error)) {
		if n > 0 && err == nil {
			t.Telemetry[signal], err = doc()
		}
	}
	put("traces", t.traces.SpanCount(), func() ([]byte, error) { return (&ptrace.JSONMarshaler{}).MarshalTraces(t.traces) })
	put("logs", t.logs.LogRecordCount(), func() ([]byte, error) { return (&plog.JSONMarshaler{}).MarshalLogs(t.logs) })
	put("metrics", t.metrics.MetricCount(), func() ([]byte, error) { return (&pmetric.JSONMarshaler{}).MarshalMetrics(t.metrics) })
	for _, list := range []*[]string{&t.Traces, &t.Conversations, &t.Services, &t.Problems} {
		*list = slices.Concat([]string{}, *list) // an empty list is no null
	}
	t.Senders, t.Items = slices.Concat([]Person{}, t.Senders), slices.Concat([]*item{}, t.Items)
	t.Findings, t.Events, t.Said = slices.Concat([]finding{}, t.Findings), slices.Concat([]*happening{}, t.Events), slices.Concat([]said{}, t.Said)
	return err
}
