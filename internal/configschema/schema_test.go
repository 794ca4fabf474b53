package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const golden = "../../docs/schema/otelcol-tracescrub.schema.json"

var update = flag.Bool("update", false, "write the schema anew")

// made is the schema as the code has it today.
func made(t *testing.T) []byte {
	t.Helper()
	t.Setenv("TRACESCRUB_DATA", "")
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden: the schema in docs/ is the one of this code.
func TestGolden(t *testing.T) {
	want := made(t)
	if *update {
		if err := os.WriteFile(golden, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/schema is not that of the code: go run ./internal/configschema > docs/schema/otelcol-tracescrub.schema.json")
	}
}

// TestDescribed: a key of ours without a description is of little use in an editor.
func TestDescribed(t *testing.T) {
	n, bare := 0, 0
	var look func(at string, v any)
	look = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			properties, _ := v["properties"].(map[string]any)
			for key, p := range properties {
				n++
				if s, ok := p.(map[string]any); ok && s["description"] == nil {
					bare++
				}
				look(at+"::"+key, p)
			}
			for key, p := range v {
				if key != "properties" {
					look(at, p)
				}
			}
		case []any:
			for _, p := range v {
				look(at, p)
			}
		}
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(made(t)))
	if err != nil {
		t.Fatal(err)
	}
	look("", schema)
	if n < 100 || bare*5 > n {
		t.Errorf("%d keys, %d of them without a description: want 100 or more, and at most a fifth bare", n, bare)
	}
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(made(t)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// TestDeploy: every configuration in deploy/ validates.
func TestDeploy(t *testing.T) {
	s := compiled(t)
	files, err := filepath.Glob("../../deploy/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d configurations in deploy/: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, string(text)); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

// TestMistakes: what the Collector would refuse for its form does not validate.
func TestMistakes(t *testing.T) {
	s := compiled(t)
	for _, tt := range []struct{ name, good, bad, where string }{
		{"unknown key", "processors: {secret_mask: {annotate: full}}", "processors: {secret_mask: {anotate: full}}", "secret_mask"},
		{"key in another place", "processors: {secret_mask: {limits: {max_depth: 3}}}", "processors: {secret_mask: {max_depth: 3}}", "secret_mask"},
		{"a word for a number", "processors: {secret_mask: {limits: {max_depth: 3}}}", "processors: {secret_mask: {limits: {max_depth: deep}}}", "max_depth"},
		{"a number for a duration", "exporters: {audit_log: {timeout: 4s}}", "exporters: {audit_log: {timeout: 4}}", "timeout"},
		{"a duration without a unit", "connectors: {verdict: {held_duration: 1h30m}}", `connectors: {verdict: {held_duration: "90"}}`, "held_duration"},
		{"a list for a map", "receivers: {release_gate: {store: {local: {directory: d}}}}", "receivers: {release_gate: {store: [local]}}", "store"},
		{"a value for a list", "connectors: {verdict: {clean: [traces]}}", "connectors: {verdict: {clean: traces}}", "clean"},
		{"deep below a list", "receivers: {release_gate: {quorum: [{severity: high, required: 2}]}}", "receivers: {release_gate: {quorum: [{severity: high, require: 2}]}}", "quorum"},
		{"below an optional part", "receivers: {release_gate: {login: {issuer: i}}}", "receivers: {release_gate: {login: {isuer: i}}}", "login"},
		{"below Kafka", "exporters: {quarantine: {store: {kafka: {brokers: [b]}}}}", "exporters: {quarantine: {store: {kafka: {broker: [b]}}}}", "kafka"},
		{"no such component", "receivers: {otlp/two: }", "receivers: {otpl: }", "receivers"},
		{"a component of another kind", "connectors: {verdict: }", "processors: {verdict: }", "processors"},
		{"no such section", "service: {extensions: [zpages]}", "services: {extensions: [zpages]}", "services"},
		{"no such signal", "service: {pipelines: {traces/a: {receivers: [otlp]}}}", "service: {pipelines: {trace: {receivers: [otlp]}}}", "pipelines"},
		{"no such part of a pipeline", "service: {pipelines: {logs: {receivers: [otlp]}}}", "service: {pipelines: {logs: {receiver: [otlp]}}}", "logs"},
		{"a reference", "processors: {secret_mask: {limits: {max_depth: '${env:DEPTH}'}}}", "processors: {secret_mask: {limits: {max_depth: '$DEPTH'}}}", "max_depth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := validate(t, s, tt.good); err != nil {
				t.Errorf("the right one: %v", err)
			}
			err := validate(t, s, tt.bad)
			if err == nil || !strings.Contains(err.Error(), tt.where) {
				t.Errorf("the mistake: %v, want one at %s", err, tt.where)
			}
		})
	}
}
