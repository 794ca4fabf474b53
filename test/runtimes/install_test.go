//go:build e2e

package runtimes

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// installed is where an application's interpreter is, and what it needs.
type installed struct{ python, node string }

var (
	installOnce sync.Once
	ready       installed
	problem     string
)

// TestMain leaves everything out where an interpreter is missing, and says so.
// With E2E=all that is a failure.
func TestMain(m *testing.M) {
	for _, tool := range []string{"python3", "node", "npm"} {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s is missing (Debian: python3 python3-venv python3-pip nodejs npm): nothing was tested\n", tool)
		if os.Getenv("E2E") == "all" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// install makes _deps, which git ignores, of what requirements.txt and
// package-lock.json pin, unless it is there. What cannot be had is a failure.
func install(t *testing.T) installed {
	t.Helper()
	installOnce.Do(func() { ready, problem = installAll() })
	if problem != "" {
		t.Fatal(problem)
	}
	return ready
}

func installAll() (installed, string) {
	deps, err := filepath.Abs("_deps")
	if err != nil {
		return installed{}, err.Error()
	}
	venv, js := filepath.Join(deps, "python"), filepath.Join(deps, "js")
	in := installed{python: filepath.Join(venv, "bin", "python"), node: filepath.Join(js, "agent.mjs")}
	said := made(venv, []string{"python/requirements.txt"}, [][]string{
		{"python3", "-m", "venv", "--clear", venv},
		{in.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--require-hashes", "-r", "python/requirements.txt"},
	})
	if said != "" {
		return in, "python3, pip and venv are needed (Debian: python3 python3-venv python3-pip): " + said
	}
	// Modules are looked for beside the file that imports them.
	said = made(js, []string{"js/package.json", "js/package-lock.json"}, [][]string{
		{"rm", "-rf", js},
		{"mkdir", "-p", js},
		{"cp", "js/package.json", "js/package-lock.json", js},
		{"npm", "ci", "--prefix", js, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"},
	})
	if said != "" {
		return in, "node and npm are needed (Debian: nodejs npm): " + said
	}
	text, err := os.ReadFile("js/agent.mjs")
	if err == nil {
		err = os.WriteFile(in.node, text, 0o600)
	}
	if err != nil {
		return in, err.Error()
	}
	return in, ""
}

// made runs steps unless dir was made of these very files before. It returns
// what went wrong.
func made(dir string, files []string, steps [][]string) string {
	sum := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return err.Error()
		}
		sum.Write(text)
	}
	want, stamp := hex.EncodeToString(sum.Sum(nil)), filepath.Join(dir, "made-of")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return ""
	}
	for _, step := range steps {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			return step[0] + ": " + err.Error() + "\n" + string(out)
		}
	}
	if err := os.WriteFile(stamp, []byte(want), 0o600); err != nil {
		return err.Error()
	}
	return ""
}
