package facts

import (
	"strings"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
)

// The names of attributes, as docs/format/events.md has them.
const (
	attrItem     = "tracescrub.item.id"
	attrUser     = "user.id"
	attrReason   = "tracescrub.reason"
	attrProducer = "tracescrub.producer"
	attrService  = "tracescrub.service"
	attrSeverity = "tracescrub.severity"
	attrRules    = "tracescrub.rules"
	attrFindings = "tracescrub.findings"
	attrVotes    = "tracescrub.votes"
)

// kindOf is a kind without its prefix.
func kindOf(e *entry.Entry) string { return strings.TrimPrefix(e.Kind, "tracescrub.") }

func text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

func number(m map[string]any, name string) int64 {
	n, _ := m[name].(int64)
	return n
}

func maps(m map[string]any, name string) []map[string]any {
	list, _ := m[name].([]any)
	var out []map[string]any
	for _, x := range list {
		if o, ok := x.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

func texts(m map[string]any, name string) []string {
	list, _ := m[name].([]any)
	out := []string{}
	for _, x := range list {
		if s, ok := x.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
