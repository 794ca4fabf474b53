package corpus

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// ownPrefix marks the attributes that a masker may add.
const ownPrefix = "tracescrub."

// leaf is one text in an OTLP/JSON payload.
type leaf struct {
	path  string // "resourceSpans[0].scopeSpans[0].spans[2].attributes[5].value.stringValue"
	place string // "span_attr"
	key   string // the attribute's name
	kind  string // "str", "bytes", "key", "num"
	text  string // bytes decoded
	n     *node
}

// texts are the members of OTLP/JSON objects that hold text; all other
// scalars are ids, times, numbers and enums.
var texts = map[string]string{
	"stringValue": "str", "bytesValue": "bytes", "intValue": "num", "doubleValue": "num", "key": "key",
	"name": "str", "version": "str", "schemaUrl": "str", "message": "str", "traceState": "str",
	"eventName": "str", "severityText": "str", "description": "str", "unit": "str",
}

// owners say by the member that leads to them to whom texts and attributes belong.
var owners = map[string]string{
	"resource": "resource", "scope": "scope", "spans": "span", "events": "event", "links": "link",
	"logRecords": "log", "status": "status", "body": "log_body",
}

// leaves calls fn for every text below n in order.
func leaves(n *node, fn func(leaf)) { walkLeaves(n, leaf{}, "", "", fn) }

func walkLeaves(n *node, at leaf, owner, member string, fn func(leaf)) {
	switch n.kind {
	case '[':
		for i, k := range n.kids {
			next := at
			next.path += "[" + strconv.Itoa(i) + "]"
			walkLeaves(k, next, owner, member, fn)
		}
	case '{':
		attr := at.key
		if key := n.member("key"); key != nil && attr == "" {
			attr = key.text // now, since fn may change it
		}
		for i, k := range n.kids {
			next := at
			next.path = strings.TrimPrefix(at.path+"."+n.keys[i], ".")
			next.key = attr
			o := owner
			if x := owners[n.keys[i]]; x != "" && at.key == "" {
				o = x
			}
			walkLeaves(k, next, o, n.keys[i], fn)
		}
	default:
		kind, ok := texts[member]
		if !ok {
			return
		}
		at.kind, at.text, at.n, at.place = kind, n.text, n, placeOf(owner, member, at.key)
		if kind == "bytes" {
			if raw, err := base64.StdEncoding.DecodeString(n.text); err == nil {
				at.text = string(raw)
			}
		}
		fn(at)
	}
}

func placeOf(owner, member, key string) string {
	switch {
	case owner == "log_body":
		return owner
	case member == "key":
		return owner + "_attr_key"
	case key != "":
		return owner + "_attr"
	}
	return owner + "_" + strings.ToLower(member)
}

// Texts returns the texts of an OTLP/JSON payload by path; what a bytes value holds is decoded.
func Texts(payload []byte) (map[string]string, error) {
	n, err := parse(payload)
	if err != nil {
		return nil, fmt.Errorf("parsing a payload: %w", err)
	}
	stripOwn(n)
	out := map[string]string{}
	leaves(n, func(l leaf) { out[l.path] = l.text })
	return out, nil
}

// setText replaces the text of a leaf.
func (l leaf) setText(s string) {
	if l.kind == "bytes" {
		s = base64.StdEncoding.EncodeToString([]byte(s))
	}
	l.n.text = s
}

// stripOwn removes the masker's own attributes and returns their texts.
func stripOwn(n *node) (own []string) {
	if n.kind == '[' {
		kept := n.kids[:0]
		for _, k := range n.kids {
			if key := k.member("key"); key != nil && strings.HasPrefix(key.text, ownPrefix) {
				leaves(k, func(l leaf) { own = append(own, l.text) })
				continue
			}
			kept = append(kept, k)
		}
		n.kids = kept
	}
	for _, k := range n.kids {
		own = append(own, stripOwn(k)...)
	}
	return own
}
