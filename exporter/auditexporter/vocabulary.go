package auditexporter

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/tracescrub/tracescrub/internal/event"
)

// form says whether a value is of the form that an attribute has.
type form func(pcommon.Value) bool

var (
	kindForm = regexp.MustCompile(`^tracescrub(\.[a-z0-9_]{1,40}){1,2}$`)
	nameForm = regexp.MustCompile(`^tracescrub(\.[a-z0-9_]{1,40}){1,3}$`)
	wordForm = regexp.MustCompile(`^[A-Za-z0-9._:/-]{0,128}$`)
	hex32    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	hex64    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

const (
	maxInt  = 1<<53 - 1 // what JSON can hold
	maxList = 1000
	maxText = 4096 // bytes, of what people write and of paths
)

// forms are those of docs/format/events.md. What has a form that is looser
// than it could be is so on purpose: a refusal stops the data.
var forms = map[string]form{
	event.AttrID:                 matches(hex32),
	event.AttrSalt:               matches(hex32),
	"tracescrub.item.id":         matches(hex32),
	"tracescrub.signal":          word,
	"tracescrub.service":         short(128),
	"tracescrub.severity":        word,
	"tracescrub.rules":           list(short(256)),
	"tracescrub.policy":          short(128),
	"tracescrub.producer":        short(256),
	"tracescrub.finding_count":   count,
	"tracescrub.secret_count":    count,
	"tracescrub.unit_count":      count,
	"tracescrub.findings":        list(object(finding)),
	"tracescrub.key.id":          short(128),
	"tracescrub.via":             word,
	"tracescrub.decision":        word,
	"tracescrub.reason":          short(maxText),
	"tracescrub.release.mode":    word,
	"tracescrub.release.attempt": count,
	"tracescrub.version":         count,
	"tracescrub.votes":           list(object(vote)),
	"tracescrub.required_votes":  count,
	"tracescrub.config.hash":     word,
	event.AttrRecord:             matches(hex64),
	"user.id":                    short(maxText),
	"gen_ai.conversation.id":     short(128),

	"tracescrub.checkpoint.origin": short(256),
	"tracescrub.checkpoint.size":   count,
	"tracescrub.checkpoint.root":   short(64),
	"tracescrub.checkpoint.note":   short(maxText),
}

var finding = map[string]form{
	"rule": short(256), "severity": word, "field": short(maxText), "fingerprint": short(128), "action": word, "length": count,
}

var vote = map[string]form{"user.id": short(maxText), "decision": word, "mode": word}

func matches(re *regexp.Regexp) form {
	return func(v pcommon.Value) bool { return v.Type() == pcommon.ValueTypeStr && re.MatchString(v.Str()) }
}

// word is a value of a closed set, or an id: nothing that could be prose.
var word = matches(wordForm)

// short is text of at most so many bytes.
func short(most int) form {
	return func(v pcommon.Value) bool {
		return v.Type() == pcommon.ValueTypeStr && len(v.Str()) <= most && utf8.ValidString(v.Str())
	}
}

func count(v pcommon.Value) bool {
	return v.Type() == pcommon.ValueTypeInt && v.Int() >= 0 && v.Int() <= maxInt
}

func list(of form) form {
	return func(v pcommon.Value) bool {
		if v.Type() != pcommon.ValueTypeSlice || v.Slice().Len() > maxList {
			return false
		}
		for _, e := range v.Slice().All() {
			if !of(e) {
				return false
			}
		}
		return true
	}
}

func object(of map[string]form) form {
	return func(v pcommon.Value) bool {
		if v.Type() != pcommon.ValueTypeMap || v.Map().Len() > len(of) {
			return false
		}
		seen := map[string]bool{}
		for k, e := range v.Map().All() {
			if f := of[k]; f == nil || !f(e) || seen[k] {
				return false
			}
			seen[k] = true
		}
		return true
	}
}

// later is what an attribute may be that this program does not know yet: one
// of a newer Collector, but no text.
func later(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeBool:
		return true
	case pcommon.ValueTypeInt:
		return v.Int() >= -maxInt && v.Int() <= maxInt
	case pcommon.ValueTypeSlice:
		return list(word)(v)
	}
	return word(v)
}

// maxAttributes is the most attributes of an event.
const maxAttributes = 100

// attributesOf reads attributes, and refuses what events do not have.
func attributesOf(m pcommon.Map) (map[string]any, error) {
	if m.Len() > maxAttributes {
		return nil, errors.New("there are too many attributes")
	}
	out := make(map[string]any, m.Len())
	for k, v := range m.All() {
		f, known := forms[k]
		switch {
		case known && !f(v):
			return nil, fmt.Errorf("the value of %s is not of its form", k)
		case !known && (!nameForm.MatchString(k) || !later(v)):
			return nil, errors.New("an attribute is none of an event")
		}
		if _, twice := out[k]; twice {
			return nil, errors.New("an attribute is there twice")
		}
		out[k] = plain(v)
	}
	return out, nil
}

// plain is a value that has a form, as package auditlog takes it.
func plain(v pcommon.Value) any {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return strings.Clone(v.Str()) // it may outlive the batch
	case pcommon.ValueTypeInt:
		return v.Int()
	case pcommon.ValueTypeBool:
		return v.Bool()
	case pcommon.ValueTypeSlice:
		all := make([]any, 0, v.Slice().Len())
		for _, e := range v.Slice().All() {
			all = append(all, plain(e))
		}
		return all
	}
	all := make(map[string]any, v.Map().Len())
	for k, e := range v.Map().All() {
		all[strings.Clone(k)] = plain(e)
	}
	return all
}
