//go:build e2e

package packages

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// oldNames are other names of components, which the binary does not list.
var oldNames = []string{"otlp", "otlphttp"}

// TestSchemaComponents: the schema for editors knows every component that is
// in the binary, and no other.
func TestSchemaComponents(t *testing.T) {
	type component struct{ Name string }
	inside := map[string]json.RawMessage{}
	if err := yaml.Unmarshal([]byte(mustRun(t, "", nil, binary(t, "otelcol-tracescrub"), "components")), &inside); err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties map[string]struct {
			PatternProperties map[string]any `json:"patternProperties"`
		}
	}
	if err := json.Unmarshal(read(t, "../../docs/schema/otelcol-tracescrub.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	types := regexp.MustCompile(`\^\((.*)\)\(/`)
	for _, section := range []string{"receivers", "processors", "exporters", "connectors", "extensions"} {
		var in []component
		if err := json.Unmarshal(inside[section], &in); err != nil || len(in) == 0 {
			t.Fatalf("the binary names no %s: %v", section, err)
		}
		var have, know []string
		for _, c := range in {
			have = append(have, c.Name)
		}
		for pattern := range schema.Properties[section].PatternProperties {
			know = append(know, strings.Split(types.FindStringSubmatch(pattern)[1], "|")...)
		}
		know = slices.DeleteFunc(know, func(name string) bool { return section == "exporters" && slices.Contains(oldNames, name) })
		slices.Sort(have)
		slices.Sort(know)
		if !slices.Equal(have, know) {
			t.Errorf("%s: the binary has %v, the schema %v", section, have, know)
		}
	}
}
