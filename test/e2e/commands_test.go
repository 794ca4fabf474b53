//go:build e2e

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestComponents: the distribution holds what builder-config.yaml promises, under these names.
func TestComponents(t *testing.T) {
	code, out := run(t, "components")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	type named struct {
		Name   string `yaml:"name"`
		Scheme string `yaml:"scheme"`
	}
	var got map[string]yaml.Node
	if err := yaml.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("the list is no YAML: %v", err)
	}
	for kind, want := range map[string][]string{
		"receivers":  {"otlp", "release_gate"},
		"processors": {"attributes", "filter", "memory_limiter", "resource", "secret_mask", "transform"},
		"exporters":  {"audit_log", "debug", "file", "nop", "otlp_grpc", "otlp_http", "quarantine"},
		"connectors": {"forward", "verdict"},
		"extensions": {"basicauth", "bearertokenauth", "file_storage", "health_check", "oidc", "pprof", "zpages"},
		"providers":  {"env", "file", "yaml"},
	} {
		var items []named
		node := got[kind]
		if err := node.Decode(&items); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		var names []string
		for _, item := range items {
			names = append(names, item.Name+item.Scheme)
		}
		slices.Sort(names)
		if !slices.Equal(names, want) {
			t.Errorf("%s: %v, want %v", kind, names, want)
		}
	}
}

// configurations are all whole configurations that we ship or show.
func configurations(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != "../.." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"_build", "bin", "data", "testdata"}, name)) {
			return fs.SkipDir
		}
		ext := filepath.Ext(path)
		if d.IsDir() || (ext != ".md" && (ext != ".yaml" || !strings.Contains(path, "/deploy/"))) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		blocks := []string{string(text)}
		if ext == ".md" {
			blocks = strings.Split(string(text), "```yaml\n")[1:]
		}
		for i, block := range blocks {
			if ext == ".md" {
				block, _, _ = strings.Cut(block, "```")
			}
			if strings.Contains(block, "\nservice:") || strings.HasPrefix(block, "service:") {
				all[strings.TrimPrefix(path, "../../")+"#"+string(rune('0'+i))] = block
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no configurations")
	}
	return all
}

// TestValidate: every configuration we ship or show is one that the binary takes.
func TestValidate(t *testing.T) {
	for name, text := range configurations(t) {
		t.Run(name, func(t *testing.T) {
			if code, out := run(t, "validate", "--config", "yaml:"+text); code != 0 {
				t.Errorf("exit code %d:\n%s", code, out)
			}
		})
	}
	t.Run("unknown key", func(t *testing.T) {
		code, out := run(t, "validate", "--config", "../../deploy/embedded.yaml", "--config", "yaml:processors: {secret_mask: {no_such_key: 1}}")
		if code == 0 || !strings.Contains(out, "no_such_key") {
			t.Errorf("exit code %d, and the message does not name the key", code)
		}
	})
	t.Run("unknown component", func(t *testing.T) {
		code, out := run(t, "validate", "--config", "../../deploy/embedded.yaml", "--config", "yaml:processors: {no_such_thing: {}}")
		if code == 0 || !strings.Contains(out, "no_such_thing") {
			t.Errorf("exit code %d, and the message does not name the component", code)
		}
	})
}

// TestPrintConfig: what is printed is the embedded default, defaults filled in, secrets not shown.
func TestPrintConfig(t *testing.T) {
	code, out := run(t, "print-config", "--config", "../../deploy/embedded.yaml")
	if code != 0 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	var got map[string]any
	if err := yaml.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("what is printed is no YAML: %v", err)
	}
	processors, _ := got["processors"].(map[string]any)
	if _, ok := processors["secret_mask"]; !ok {
		t.Error("no secret_mask")
	}
}
