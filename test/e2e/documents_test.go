//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// console is one command of a block ```console, behind its prompt.
type console struct{ where, command string }

func consoles(path, markdown string) (all []console) {
	open, n := false, 0
	for line := range strings.Lines(markdown) {
		n++
		line = strings.TrimSpace(line)
		switch command, prompt := strings.CutPrefix(line, "$ "); {
		case line == "```console":
			open = true
		case line == "```":
			open = false
		case open && prompt:
			all = append(all, console{fmt.Sprintf("%s:%d", path, n), command})
		}
	}
	return all
}

// TestDocuments: what documents for operators show behind a prompt works, one
// after the other, beside a running Collector in which people have decided.
func TestDocuments(t *testing.T) {
	dir := t.TempDir()
	c := startHolding(t, filepath.Join(dir, "data"))
	a := newAdmin(t, c)
	v := newVault(71)
	for id := range byte(3) {
		mustSend(t, c, tracesBatch(session(v, id+1, false)))
	}
	items := a.pending(t, 3)
	a.approve(t, items[0].ID, "masked")
	a.await(t, items[0].ID, "released", "shredded")
	if status := a.vote(t, "bob", items[1].ID, "deny", ""); status != http.StatusOK {
		t.Fatalf("denying: status %d", status)
	}
	a.await(t, items[1].ID, "shredded")
	site(t, dir, v)

	total := 0
	for _, name := range []string{"compliance", "deploy", "faq", "operations", "policy", "upgrade"} {
		text, err := os.ReadFile("../../docs/" + name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		all := consoles(name+".md", string(text))
		if len(all) == 0 {
			t.Errorf("%s.md has no commands", name)
		}
		for _, cmd := range all {
			total++
			if out, err := c.shell(t, dir, cmd.command, items[0].ID); err != nil {
				t.Errorf("%s: %s: %v\n%s", cmd.where, cmd.command, err, out)
			}
		}
	}
	if total < 25 {
		t.Errorf("only %d commands", total)
	}
	if _, err := c.shell(t, dir, "tracescrub audit verify --key nobody.pub", items[0].ID); err == nil {
		t.Error("a command that fails is not noticed")
	}
	v.check(t, map[string][]byte{"evidence": []byte(evidence(t, dir))})
}

// site makes the files that the documents' commands name.
func site(t *testing.T, dir string, v *vault) {
	t.Helper()
	for _, link := range []string{"bin", "deploy"} {
		target, err := filepath.Abs("../../" + link)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	gateway, err := os.ReadFile("../../deploy/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(session(v, 9, true))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"gateway.yaml": string(gateway),
		"policy.yaml":  "processors: {secret_mask: {policy: [{severity: low, action: mask}]}}\n",
		"rules.yaml":   ownPack("acme"),
		"line.txt":     "export GITHUB_TOKEN=" + v.token("a line") + "\n",
		"traces.json":  string(line),
	} {
		write(t, filepath.Join(dir, name), text)
	}
}

// shell runs a command as somebody would in a shell, in dir.
func (c *collector) shell(t *testing.T, dir, command, item string) (string, error) {
	t.Helper()
	if url, ok := strings.CutPrefix(command, "curl -fsS "); ok { // needs no curl here
		get(t, strings.ReplaceAll(url, "127.0.0.1:13133", c.health))
		return "", nil
	}
	if strings.HasPrefix(command, "make ") { // cmd/tracescrub looks at what make has; this binary is made by it
		return "", nil
	}
	cmd := exec.Command("sh", "-e", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "ITEM="+item,
		"TRACESCRUB_DATA=data", "TRACESCRUB_SERVER=http://"+c.admin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// evidence is all that a report has written.
func evidence(t *testing.T, dir string) string {
	t.Helper()
	all := map[string][]byte{}
	readAll(t, filepath.Join(dir, "evidence"), all)
	var b strings.Builder
	for _, text := range all {
		b.Write(text)
	}
	if b.Len() == 0 {
		t.Fatal("no evidence was written")
	}
	return b.String()
}
