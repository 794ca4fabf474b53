package item

import (
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/verdict"
)

// The bounds of a summary.
const (
	maxText  = 128
	maxRules = 32
	maxList  = 100
)

// taken are the actions that take a secret out of where it stood.
var taken = []string{"mask", "hold", "drop"}

// severities rise.
var severities = []string{"", "low", "medium", "high", "critical"}

// tally counts findings. Its zero value is ready.
type tally struct {
	Summary
	rules, secrets map[string]struct{}
}

// describe takes what a resource says of itself.
func (t *tally) describe(resource pcommon.Map) {
	t.Service = cut(text(resource, "service.name"))
	t.Policy = text(resource, verdict.Policy)
	t.Producer = text(resource, verdict.Producer)
}

// converse takes the conversation of a unit, if it is the first that has one.
func (t *tally) converse(unit pcommon.Map) {
	if t.Conversation == "" {
		t.Conversation = cut(text(unit, "gen_ai.conversation.id"))
	}
}

func text(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}

// cut makes s valid UTF-8 of at most maxText bytes.
func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") // without half a character
}

// add counts what the stamp in attrs lists and reports whether that is anything.
func (t *tally) add(attrs pcommon.Map) bool {
	v, ok := attrs.Get(verdict.Findings)
	if !ok {
		return false
	}
	if _, ok := attrs.Get(verdict.Verdict); ok {
		t.Masked = true
	}
	switch v.Type() {
	case pcommon.ValueTypeSlice:
		for _, e := range v.Slice().All() {
			if e.Type() == pcommon.ValueTypeMap {
				t.finding(e.Map())
			} else {
				t.Clear = true
			}
		}
	case pcommon.ValueTypeMap: // a summary
		t.Clear = true // it does not say what became of the findings
		for rule, n := range v.Map().All() {
			t.Findings += int(n.Int())
			t.rules = put(t.rules, rule)
		}
	default:
		t.Clear = true
	}
	return true
}

func (t *tally) finding(m pcommon.Map) {
	f := verdict.Finding{
		Rule: text(m, "rule"), Severity: text(m, "severity"), Field: text(m, "field"),
		Fingerprint: text(m, "fingerprint"), Action: text(m, "action"),
	}
	if v, ok := m.Get("length"); ok {
		f.Length = int(v.Int())
	}
	t.Findings++
	t.Clear = t.Clear || !slices.Contains(taken, f.Action)
	t.rules = put(t.rules, f.Rule)
	if f.Fingerprint != "" {
		t.secrets = put(t.secrets, f.Fingerprint)
	}
	if slices.Index(severities, f.Severity) > slices.Index(severities, t.Severity) {
		t.Severity = f.Severity
	}
	if len(t.List) < maxList {
		t.List = append(t.List, f)
	}
}

func put(set map[string]struct{}, s string) map[string]struct{} {
	if set == nil {
		set = map[string]struct{}{}
	}
	set[s] = struct{}{}
	return set
}

// summary ends the count.
func (t *tally) summary(signal string, trace [16]byte) Summary {
	s := t.Summary
	s.Signal, s.Trace = signal, trace
	s.Rules = slices.Sorted(maps.Keys(t.rules))
	s.Rules = s.Rules[:min(len(s.Rules), maxRules)]
	s.Secrets = len(t.secrets)
	return s
}
