package housetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openTelemetryBelow lists what packages import of OpenTelemetry, in turn:
// the import table sees only the first step.
func openTelemetryBelow(t *testing.T, dir string, patterns ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-deps"}, patterns...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var found []string
	deps := strings.Fields(string(out))
	for _, dep := range deps {
		if strings.HasPrefix(dep, "go.opentelemetry.io/") {
			found = append(found, dep)
		}
	}
	if len(deps) == 0 {
		t.Fatal("go list named no packages")
	}
	return found
}

func TestEngineBuildsWithoutOpenTelemetry(t *testing.T) {
	var patterns []string
	for _, p := range noOpenTelemetry {
		if _, err := os.Stat(filepath.Join("../..", strings.TrimSuffix(p, "/..."))); err == nil {
			patterns = append(patterns, "./"+p)
		}
	}
	if found := openTelemetryBelow(t, "../..", patterns...); len(found) > 0 {
		t.Errorf("%v import %v", patterns, found)
	}
}

func TestEngineBuildsWithoutOpenTelemetryPlanted(t *testing.T) {
	dir := t.TempDir()
	for path, text := range files(
		"go.mod", "module example.com/a\n\ngo 1.26\n\nrequire go.opentelemetry.io/x v0.0.0\n\nreplace go.opentelemetry.io/x => ./x\n",
		"rules/a.go", "package rules\n\nimport _ \"example.com/a/between\"\n",
		"between/a.go", "package between\n\nimport _ \"go.opentelemetry.io/x\"\n",
		"x/go.mod", "module go.opentelemetry.io/x\n\ngo 1.26\n",
		"x/a.go", "package x\n",
	) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if found := openTelemetryBelow(t, dir, "./rules"); len(found) != 1 {
		t.Errorf("found %v, want the one planted", found)
	}
}
