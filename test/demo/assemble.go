package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
)

// atKey is the attribute that numbers the spans or log records of a shipment:
// what is held comes out later and apart from the rest.
const atKey = "demo.at"

// object is a JSON object whose members are left as they are.
type object = map[string]json.RawMessage

// words are the names of a signal's levels in OTLP/JSON.
type words struct{ resources, scopes, items string }

func wordsOf(signal string) words {
	if signal == "logs" {
		return words{"resourceLogs", "scopeLogs", "logRecords"}
	}
	return words{"resourceSpans", "scopeSpans", "spans"}
}

// piece is a span or log record that was written, with what it stood in.
type piece struct {
	resource, scope object
	item            json.RawMessage
}

// assembly collects the pieces of one shipment.
type assembly struct {
	words  words
	pieces map[int64]piece
}

func newAssembly(signal string) *assembly {
	return &assembly{words: wordsOf(signal), pieces: map[int64]piece{}}
}

// add takes the items of a resource that was written. One that came before is
// an error: the demo has sent it once.
func (a *assembly) add(resource json.RawMessage) error {
	var r object
	if err := json.Unmarshal(resource, &r); err != nil {
		return err
	}
	return each(r[a.words.scopes], func(s object) error {
		var items []json.RawMessage
		if err := read(s[a.words.items], &items); err != nil {
			return err
		}
		for _, item := range items {
			at, err := position(item)
			if err != nil {
				return err
			}
			if _, twice := a.pieces[at]; twice {
				return fmt.Errorf("item %d was written twice", at)
			}
			a.pieces[at] = piece{r, s, item}
		}
		return nil
	})
}

// payload puts the pieces in the order in which they were sent; nil if some are missing.
func (a *assembly) payload(sent []byte) ([]byte, error) {
	var whole object
	if err := json.Unmarshal(sent, &whole); err != nil {
		return nil, err
	}
	var resources []object
	missing := false
	err := each(whole[a.words.resources], func(r object) error {
		var scopes []object
		var last piece
		err := each(r[a.words.scopes], func(s object) error {
			var items []json.RawMessage
			err := each(s[a.words.items], func(item object) error {
				at, err := attribute(item["attributes"])
				p, ok := a.pieces[at]
				missing = missing || !ok
				last = p
				items = append(items, p.item)
				return err
			})
			scopes = append(scopes, with(last.scope, a.words.items, items))
			return err
		})
		resources = append(resources, with(last.resource, a.words.scopes, scopes))
		return err
	})
	if err != nil || missing {
		return nil, err
	}
	return json.Marshal(map[string]any{a.words.resources: resources})
}

// with is o with another value for one member.
func with(o object, name string, value any) object {
	raw, err := json.Marshal(value)
	if err != nil {
		raw = json.RawMessage("null") // raw messages that were read before
	}
	out := maps.Clone(o)
	if out == nil {
		out = object{}
	}
	out[name] = raw
	return out
}

// each calls fn with the objects of a list.
func each(list json.RawMessage, fn func(object) error) error {
	var objects []object
	if err := read(list, &objects); err != nil {
		return err
	}
	for _, o := range objects {
		if err := fn(o); err != nil {
			return err
		}
	}
	return nil
}

func read(raw json.RawMessage, into any) error {
	if len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, into)
}

func position(item json.RawMessage) (int64, error) {
	var o object
	if err := json.Unmarshal(item, &o); err != nil {
		return 0, err
	}
	return attribute(o["attributes"])
}

// attribute returns the number of an item.
func attribute(attributes json.RawMessage) (at int64, err error) {
	err = fmt.Errorf("an item has no %s", atKey)
	return at, errors.Join(each(attributes, func(a object) error {
		var key string
		var value struct {
			Int json.Number `json:"intValue"`
		}
		if json.Unmarshal(a["key"], &key) != nil || key != atKey {
			return nil
		}
		if err = json.Unmarshal(a["value"], &value); err == nil {
			at, err = value.Int.Int64()
		}
		return nil
	}), err)
}
