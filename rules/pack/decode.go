package pack

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder turns yaml nodes into a Pack by hand: yaml's own strict mode stops
// at the first mistake and names no path.
type decoder struct {
	file string
	// lines has the line of each path that was set, for the checks after decoding.
	lines map[string]int
	errs  []error
	bad   map[string]bool // paths that could not be read: check says nothing more about them
}

// fail records that a value could not be read.
func (d *decoder) fail(line int, path, format string, args ...any) {
	d.bad[path] = true
	d.report(line, path, format, args...)
}

// report records a mistake. line 0 means that it has none of its own.
func (d *decoder) report(line int, path, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if path != "" {
		msg = path + ": " + msg
	}
	if line > 0 {
		d.errs = append(d.errs, fmt.Errorf("%s:%d: %s", d.file, line, msg))
		return
	}
	d.errs = append(d.errs, fmt.Errorf("%s: %s", d.file, msg))
}

func (d *decoder) pack(root *yaml.Node, p *Pack) {
	d.mapping(root, "", reflect.ValueOf(p).Elem())
}

// mapping fills the struct v from n; every key must be a field's yaml tag and stand once.
func (d *decoder) mapping(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, path, "must be a mapping")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		field, known := fieldByTag(v, key)
		switch {
		case !known:
			d.fail(key.Line, at, "unknown key; known are %s", strings.Join(tags(v.Type()), ", "))
		case seen[key.Value]:
			d.fail(key.Line, at, "stands twice")
		default:
			seen[key.Value] = true
			d.lines[at] = val.Line
			d.value(val, at, field)
		}
	}
}

// value fills v, whose kind says what n must be.
func (d *decoder) value(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		d.fail(n.Line, path, "yaml aliases are not allowed")
		return
	}
	if s, ok := v.Addr().Interface().(*Severity); ok {
		if err := s.UnmarshalText([]byte(n.Value)); err != nil {
			d.fail(n.Line, path, "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		d.list(n, path, v)
	case reflect.Struct:
		d.mapping(n, path, v)
	case reflect.Map:
		d.table(n, path, v)
	default:
		if err := scalar(n, v); err != nil {
			d.fail(n.Line, path, "%v", err)
		}
	}
}

func (d *decoder) list(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n.Line, path, "must be a list")
		return
	}
	if len(n.Content) == 0 {
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.lines[at] = item.Line
		d.value(item, at, list.Index(i))
	}
	v.Set(list)
}

// table fills a map of strings; a key that stands twice is a mistake.
func (d *decoder) table(n *yaml.Node, path string, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, path, "must be a mapping")
		return
	}
	table := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		var text string
		err := scalar(val, reflect.ValueOf(&text).Elem())
		switch _, twice := table[key.Value]; {
		case key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str":
			d.fail(key.Line, path, "keys must be strings")
		case twice:
			d.fail(key.Line, at, "stands twice")
		case err != nil:
			d.fail(val.Line, at, "%v", err)
		default:
			table[key.Value] = text
		}
	}
	if len(table) > 0 {
		v.Set(reflect.ValueOf(table))
	}
}

// scalar sets a string, number or bool. Types are not converted: a string
// that yaml reads as a number or a bool wants quotes.
func scalar(n *yaml.Node, v reflect.Value) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("must be a %s", kindName(v.Kind()))
	}
	tag := n.ShortTag()
	switch v.Kind() {
	case reflect.String:
		if tag != "!!str" {
			return fmt.Errorf("must be a string: put it in quotes")
		}
		v.SetString(n.Value)
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if tag != "!!bool" || err != nil {
			return fmt.Errorf("must be true or false")
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(n.Value)
		if tag != "!!int" || err != nil {
			return fmt.Errorf("must be a whole number")
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		f, err := strconv.ParseFloat(n.Value, 64)
		if (tag != "!!int" && tag != "!!float") || err != nil {
			return fmt.Errorf("must be a number")
		}
		v.SetFloat(f)
	}
	return nil
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	default:
		return "number"
	}
}

// fieldByTag finds the field of struct v that key names.
func fieldByTag(v reflect.Value, key *yaml.Node) (reflect.Value, bool) {
	if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
		return reflect.Value{}, false
	}
	for i, tag := range tags(v.Type()) {
		if tag == key.Value {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// tags lists the yaml keys of a struct type in the order of its fields.
func tags(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
	}
	return names
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
