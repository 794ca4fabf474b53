package main

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// reference is what may stand for any value: ${env:NAME}, ${file:...}, alone or in a text.
var reference = node{"type": "string", "pattern": `\$\{[^}]+\}`, "description": "filled in when the configuration is read"}

// durationPattern is what time.ParseDuration takes.
const durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// ofConfig makes the schema of a component's configuration out of its default.
func (c comments) ofConfig(cfg any) (node, error) { return c.of(reflect.ValueOf(cfg), 0) }

// of makes the schema of a value: its type says what it may be, it itself is the default.
func (c comments) of(v reflect.Value, depth int) (node, error) {
	if depth > 24 {
		return nil, fmt.Errorf("%s: too deep, or without an end", v.Type())
	}
	t := v.Type()
	switch {
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v = reflect.New(t.Elem())
		}
		return c.of(v.Elem(), depth+1)
	case isOptional(t):
		return c.optional(v, depth)
	case t == durationType:
		s := node{"anyOf": []any{node{"type": "string", "pattern": durationPattern}, toReference, node{"const": 0}}}
		return withDefault(s, v, v.Interface().(time.Duration).String()), nil
	case t.Implements(textType) || reflect.PointerTo(t).Implements(textType):
		return node{"type": "string"}, nil
	}
	switch t.Kind() {
	case reflect.Struct:
		return c.object(v, depth)
	case reflect.Slice, reflect.Array:
		items, err := c.of(reflect.New(t.Elem()).Elem(), depth+1)
		kinds := []string{"array", "null"}
		if t.Elem().Kind() == reflect.String {
			kinds = append(kinds, "string") // texts with commas between, as ${env:NAME} gives them
		}
		return node{"type": kinds, "items": items}, err
	case reflect.Map:
		values, err := c.of(reflect.New(t.Elem()).Elem(), depth+1)
		return node{"type": []string{"object", "null"}, "additionalProperties": values}, err
	case reflect.String:
		return withDefault(node{"type": "string"}, v, v.String()), nil
	case reflect.Bool:
		return withDefault(orReference("boolean"), v, v.Interface()), nil
	case reflect.Float32, reflect.Float64:
		return withDefault(orReference("number"), v, v.Interface()), nil
	case reflect.Interface:
		return node{}, nil
	}
	if v.CanInt() || v.CanUint() {
		return withDefault(orReference("integer"), v, v.Interface()), nil
	}
	return nil, fmt.Errorf("%s: no schema for this kind of type", t)
}

var toReference = node{"$ref": "#/$defs/reference"}

func orReference(kind string) node {
	return node{"anyOf": []any{node{"type": kind}, toReference}}
}

// withDefault names the default, unless it is nothing.
func withDefault(s node, v reflect.Value, shown any) node {
	if !v.IsZero() {
		s["default"] = shown
	}
	return s
}

// isOptional says whether t is a configoptional.Optional, whose fields cannot be seen from here.
func isOptional(t reflect.Type) bool {
	return t.PkgPath() == "go.opentelemetry.io/collector/config/configoptional" && strings.HasPrefix(t.Name(), "Optional[")
}

// optional is what the Optional holds; a key without a value, and `enabled`, switch it on or off.
func (c comments) optional(v reflect.Value, depth int) (node, error) {
	holder := reflect.New(v.Type())
	holder.Elem().Set(v)
	inner := holder.MethodByName("GetOrInsertDefault").Call(nil)[0].Elem()
	s, err := c.of(inner, depth+1)
	if err != nil {
		return nil, err
	}
	if properties, ok := s["properties"].(node); ok {
		enabled := orReference("boolean")
		enabled["description"] = "false leaves all of this out"
		properties["enabled"] = enabled
	}
	return s, nil
}

// object is a struct. What it does not know is a mistake, as for the Collector.
func (c comments) object(v reflect.Value, depth int) (node, error) {
	s := node{"type": []string{"object", "null"}, "additionalProperties": false}
	properties := node{}
	if err := c.fields(v, depth, properties, s); err != nil {
		return nil, err
	}
	s["properties"] = properties
	return s, nil
}

func (c comments) fields(v reflect.Value, depth int, properties, object node) error {
	t := v.Type()
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("mapstructure"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		switch {
		case strings.Contains(options, "remain"):
			object["additionalProperties"] = true
			continue
		case strings.Contains(options, "squash"):
			inner := v.Field(i)
			if inner.Kind() == reflect.Pointer {
				inner = reflect.New(inner.Type().Elem()).Elem()
			}
			if err := c.fields(inner, depth+1, properties, object); err != nil {
				return err
			}
			continue
		case name == "":
			name = strings.ToLower(f.Name)
		}
		s, err := c.of(v.Field(i), depth+1)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if text := c[fieldOf{t.PkgPath(), typeName(t), f.Name}]; text != "" {
			s["description"] = text
		}
		properties[name] = s
	}
	return nil
}
