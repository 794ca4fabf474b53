//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refused starts a collector that must not come up and returns what it said.
func refused(t *testing.T, extra string) string {
	t.Helper()
	c := launch(t, t.TempDir(), extra)
	c.await(t, "a collector to end that must not start", func() bool {
		if strings.Contains(c.log.String(), "Everything is ready") {
			t.Fatal("it was not refused")
		}
		select {
		case <-c.done:
			return true
		default:
			return false
		}
	})
	if code := c.cmd.ProcessState.ExitCode(); code == 0 {
		t.Error("exit code 0")
	}
	if strings.Contains(c.log.String(), "Everything is ready") {
		t.Error("it was ready before it ended")
	}
	return c.log.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestBadStart: a collector that could not do its work does not start, and
// says everything that is wrong, where, and nothing that is secret.
func TestBadStart(t *testing.T) {
	dir := t.TempDir()
	pack := filepath.Join(dir, "broken.yaml")
	write(t, pack, `version: 1
name: broken
rules:
  - id: first-bad
    provider: Example
    description: bracket never closed
    severity: high
    reference: https://example.com/first
    pattern: 'abc[0-9'
  - id: second-bad
    provider: Example
    description: no such severity
    severity: terrible
    reference: https://example.com/second
    pattern: 'abcd[0-9]{20}'
`)
	shortKey := filepath.Join(dir, "short.key")
	body := newVault(31).random(base62, 12)
	write(t, shortKey, body)
	tests := []struct {
		name, config string
		want         []string
	}{
		{"broken rule pack, all mistakes at once", `{rules: {packs: [` + pack + `]}}`, []string{"rules::packs[0]", "broken.yaml", "pattern", "terrible"}},
		{"missing rule pack", `{rules: {packs: [` + dir + `/none.yaml, "` + dir + `/*.none"]}}`, []string{"rules::packs[0]", "rules::packs[1]"}},
		{"unreadable key file", `{fingerprint: {key_file: ` + dir + `}}`, []string{"fingerprint::key_file"}},
		{"missing key file", `{fingerprint: {key_file: ` + dir + `/none.key}}`, []string{"fingerprint::key_file"}},
		{"short key file", `{fingerprint: {key_file: ` + shortKey + `}}`, []string{"fingerprint::key_file", "at least 16"}},
		{"short key", `{fingerprint: {key: ` + body + `}}`, []string{"fingerprint::key"}},
		{"hold without a key to seal for", `{seal: {public_keys: ""}, policy: [{severity: critical, action: hold}]}`, []string{"policy[0]", "hold", "seal"}},
		{"no key to seal for", `{seal: {public_keys: ` + dir + `/none}}`, []string{"seal", "none"}},
		{
			"several mistakes", `{annotate: loud, limits: {max_depth: 0, max_value_bytes: -1}, policy: [{action: shout}]}`,
			[]string{"annotate", "limits::max_depth", "limits::max_value_bytes", "policy[0]::action"},
		},
		{"unknown key", `{ruels: {}}`, []string{"ruels"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := refused(t, "processors: {secret_mask: "+tt.config+"}")
			for _, want := range tt.want {
				if !strings.Contains(said, want) {
					t.Errorf("the message does not name %s:\n%s", want, said)
				}
			}
			if strings.Contains(said, body) {
				t.Error("the message holds the key")
			}
		})
	}
}

// ownPack is a rule pack with one rule, whose tokens begin with prefix.
func ownPack(prefix string) string {
	return fmt.Sprintf(`version: 1
name: own
rules:
  - id: own-token
    provider: Example
    description: token of the house
    severity: high
    reference: https://example.com/tokens
    pattern: '%s_[a-z0-9]{24}'
    examples: ['%s_<24*base36>']
    near_misses: ['%s_<9*base36>']
`, prefix, prefix, prefix)
}

// TestReload: a changed pack works without a restart; a broken one changes
// nothing and is reported; the next good one works again.
func TestReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.yaml")
	write(t, file, ownPack("acmeone"))
	c := start(t, t.TempDir(), "processors: {secret_mask: {rules: {packs: ["+file+"], reload_interval: 100ms}}}")
	v := &vault{rng: rand.New(rand.NewPCG(32, 2)), bodies: map[string]string{}}
	masks := func(prefix string) bool {
		ld := makeLogs(masked{}, 1)
		r := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		r.Body().SetStr("use " + prefix + "_" + v.random("abcdefghijklmnopqrstuvwxyz0123456789", 24) + " here")
		mustSend(t, c, logsBatch(ld))
		return bytes.Contains(lastLine(c.out(t, "logs")), []byte("[MASKED:own-token:"))
	}
	if !masks("acmeone") || masks("acmetwo") {
		t.Fatal("the first pack is not in force")
	}
	write(t, file, ownPack("acmetwo"))
	c.await(t, "the second pack", func() bool { return masks("acmetwo") })
	if masks("acmeone") {
		t.Error("the first pack is still in force")
	}
	write(t, file, "version: 1\nname: own\nrules: [{id: broken, pattern: '('}]\n")
	c.await(t, "the broken pack to be reported", func() bool {
		return strings.Contains(string(get(t, "http://"+c.metrics+"/metrics")), `result="failure"`)
	})
	if !masks("acmetwo") {
		t.Error("a broken pack has put the old one out of force")
	}
	write(t, file, ownPack("acmethree"))
	c.await(t, "the third pack", func() bool { return masks("acmethree") })
	c.alive(t)
}
