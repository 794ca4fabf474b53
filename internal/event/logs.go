package event

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// maxList is the most findings that one event lists; Findings counts them all.
const maxList = 100

// The bounds of texts, in bytes. What people write, and paths, may be longer
// than words.
const (
	maxText = 4096
	maxWord = 128
)

// clip makes s valid UTF-8 of at most n bytes: field paths have keys of senders
// in them, and an audit log may refuse what its entries cannot hold.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") // without half a character
	}
	return s
}

// Source is who tells events. It may be used by many goroutines at once.
type Source struct {
	// Resource is the Collector's own, such as component.TelemetrySettings has.
	Resource pcommon.Resource
	// Component is the id of the component, such as release_gate/eu.
	Component string
	// Version is the Collector's.
	Version string
	// Secret is what the salts of events that name people are made of. All who
	// may tell the same event must have the same one.
	Secret []byte
}

// Logs returns a batch with a log record for each event.
func (s Source) Logs(events ...Event) plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	s.Resource.CopyTo(rl.Resource())
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName(Scope)
	sl.Scope().SetVersion(s.Version)
	sl.Scope().Attributes().PutStr("otelcol.component.id", s.Component)
	sl.LogRecords().EnsureCapacity(len(events))
	for i := range events {
		events[i].write(sl.LogRecords().AppendEmpty(), s.Secret)
	}
	return ld
}

// severities are those of the records. What lets something out that was held,
// or destroys something, is worth a look.
var severities = map[string]plog.SeverityNumber{
	Held: plog.SeverityNumberWarn, Approved: plog.SeverityNumberWarn, Released: plog.SeverityNumberWarn,
	Dropped: plog.SeverityNumberWarn, Denied: plog.SeverityNumberInfo2, Expired: plog.SeverityNumberWarn, PolicyChanged: plog.SeverityNumberWarn,
	KeyDestroyed: plog.SeverityNumberWarn,
}

// write makes r the record of e. The order of the attributes is that of
// docs/format/events.md.
func (e *Event) write(r plog.LogRecord, secret []byte) {
	r.SetEventName(e.Name)
	r.SetTimestamp(pcommon.NewTimestampFromTime(e.At))
	r.SetObservedTimestamp(pcommon.NewTimestampFromTime(e.At))
	r.SetSeverityNumber(plog.SeverityNumberInfo)
	if n, ok := severities[e.Name]; ok {
		r.SetSeverityNumber(n)
	}
	r.SetSeverityText(r.SeverityNumber().String())
	r.SetTraceID(e.Trace)
	r.SetSpanID(e.Span)

	m := r.Attributes()
	m.EnsureCapacity(32)
	for _, a := range []struct{ key, value string }{
		{"tracescrub.item.id", e.Item},
		{"tracescrub.signal", e.Signal},
		{"tracescrub.service", e.Service},
		{"gen_ai.conversation.id", e.Conversation},
		{"tracescrub.severity", e.Severity},
		{"tracescrub.policy", e.Policy},
		{"tracescrub.producer", e.Producer},
		{"tracescrub.key.id", e.Key},
		{"tracescrub.config.hash", e.Config},
		{"user.id", e.User},
		{"tracescrub.via", e.Via},
		{"tracescrub.decision", e.Decision},
		{"tracescrub.reason", e.Reason},
		{"tracescrub.release.mode", e.Mode},
	} {
		if a.value != "" {
			m.PutStr(a.key, clip(a.value, maxText))
		}
	}
	for _, a := range []struct {
		key   string
		value int64
	}{
		{"tracescrub.finding_count", int64(e.Findings)},
		{"tracescrub.secret_count", int64(e.Secrets)},
		{"tracescrub.unit_count", int64(e.Units)},
		{"tracescrub.version", int64(e.Version)}, //nolint:gosec // counts changes of an item
		{"tracescrub.release.attempt", int64(e.Attempt)},
		{"tracescrub.required_votes", int64(e.Required)},
	} {
		if a.value != 0 {
			m.PutInt(a.key, a.value)
		}
	}
	e.lists(m)
	e.Log.write(m)
	if len(e.Record) > 0 {
		sum := sha256.Sum256(e.Record)
		m.PutStr(AttrRecord, hex.EncodeToString(sum[:]))
		r.Body().SetEmptyBytes().FromRaw(e.Record)
	}
	e.salt(r, secret)
	m.PutStr(AttrID, e.id(r))
}

// salt makes the id of an event that names people useless to who guesses names:
// all else that it is a hash of stands in the audit log. The same event always
// gets the same salt. The first words tell it from what else is authenticated
// with the secret.
func (e *Event) salt(r plog.LogRecord, secret []byte) {
	if len(secret) == 0 || e.User == "" && e.Reason == "" && len(e.Votes) == 0 {
		return
	}
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("tracescrub event salt 1\n" + e.id(r)))
	r.Attributes().PutStr(AttrSalt, hex.EncodeToString(h.Sum(nil)[:16]))
}

func (e *Event) lists(m pcommon.Map) {
	if len(e.Rules) > 0 {
		rules := m.PutEmptySlice("tracescrub.rules")
		for _, r := range e.Rules {
			rules.AppendEmpty().SetStr(clip(r, maxWord))
		}
	}
	if len(e.List) > 0 {
		list := m.PutEmptySlice("tracescrub.findings")
		for _, f := range e.List[:min(len(e.List), maxList)] {
			x := list.AppendEmpty().SetEmptyMap()
			x.PutStr("rule", clip(f.Rule, maxWord))
			x.PutStr("severity", f.Severity)
			x.PutStr("field", clip(f.Field, maxText))
			x.PutStr("fingerprint", clip(f.Fingerprint, maxWord))
			x.PutStr("action", f.Action)
			x.PutInt("length", int64(f.Length))
		}
	}
	if len(e.Votes) > 0 {
		votes := m.PutEmptySlice("tracescrub.votes")
		for _, v := range e.Votes {
			x := votes.AppendEmpty().SetEmptyMap()
			x.PutStr("user.id", v.User)
			x.PutStr("decision", v.Decision)
			if v.Mode != "" {
				x.PutStr("mode", v.Mode)
			}
		}
	}
}

func (l *Log) write(m pcommon.Map) {
	if l.Origin != "" {
		m.PutStr("tracescrub.checkpoint.origin", l.Origin)
	}
	if l.Size != 0 {
		m.PutInt("tracescrub.checkpoint.size", l.Size)
	}
	if l.Root != "" {
		m.PutStr("tracescrub.checkpoint.root", l.Root)
	}
	if l.Note != "" {
		m.PutStr("tracescrub.checkpoint.note", l.Note)
	}
}

// moments are the kinds of events that can happen again and look the same but
// for their time.
var moments = map[string]bool{
	Viewed: true, PolicyLoaded: true, PolicyChanged: true, KeyCreated: true, KeyRotated: true, KeyDestroyed: true,
	Started: true, Stopped: true,
}

// id is a hash of what the record says so far. The time counts for moments only: a
// sender's second try of the same telemetry is the same event.
func (e *Event) id(r plog.LogRecord) string { return idOf(r, moments[e.Name]) }

// hasher writes values so that no two sequences of them are the same bytes.
type hasher struct{ hash.Hash }

func (h hasher) number(n uint64) { h.Write(binary.BigEndian.AppendUint64(nil, n)) }

func (h hasher) text(s string) {
	h.number(uint64(len(s)))
	h.Write([]byte(s))
}

func (h hasher) value(v pcommon.Value) {
	h.Write([]byte{byte(v.Type())})
	switch v.Type() {
	case pcommon.ValueTypeInt:
		h.number(uint64(v.Int())) //nolint:gosec // the same bits
	case pcommon.ValueTypeBool:
		if v.Bool() {
			h.number(1)
		}
	case pcommon.ValueTypeSlice:
		h.number(uint64(v.Slice().Len()))
		for _, e := range v.Slice().All() {
			h.value(e)
		}
	case pcommon.ValueTypeMap:
		h.number(uint64(v.Map().Len()))
		for k, e := range v.Map().All() {
			h.text(k)
			h.value(e)
		}
	default:
		h.text(v.Str())
	}
}
