//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// hostile is text of somebody who wants to be believed by a reader's terminal
// or eye: it clears the screen, sets the title, asks for an answer, moves back,
// turns the direction of reading, hides, and forges a line.
const hostile = "x\x1b[2J\x1b]0;owned\x07\x1b[6n\u009b31m\b\b\r\u202egpj\u2066\u200b\u00ad\U000e0041\u3164<script>alert(1)</script>\nITEM forged"

// steers returns the characters of a text that would do any of that.
func steers(text string) (found []rune) {
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u3164') {
			found = append(found, r)
		}
	}
	return found
}

// TestTerminal: whatever names senders, files and servers bear, no command of
// ours hands them to a terminal as they are, in output or in errors, and
// neither does the collector's log.
func TestTerminal(t *testing.T) {
	c := startHolding(t, t.TempDir(), verbose)
	a := newAdmin(t, c)
	v := newVault(95)
	td := session(v, 7, false)
	rs := td.ResourceSpans().At(0)
	for _, attrs := range []pcommon.Map{rs.Resource().Attributes(), rs.ScopeSpans().At(0).Spans().At(0).Attributes()} {
		attrs.PutStr("service.name", hostile)
		attrs.PutStr(hostile, hostile)
		attrs.PutStr("gen_ai.input.messages", hostile)
	}
	rs.ScopeSpans().At(0).Scope().SetName(hostile)
	for _, s := range rs.ScopeSpans().At(0).Spans().All() {
		s.SetName(hostile)
		s.Status().SetMessage(hostile)
		s.TraceState().FromRaw(hostile)
		s.Events().AppendEmpty().SetName(hostile)
	}
	mustSend(t, c, tracesBatch(td))
	it := a.pending(t, 1)[0]
	dir := t.TempDir()
	name := filepath.Join(dir, strings.ReplaceAll(hostile, "/", "|"))
	write(t, name, "export GITHUB_TOKEN="+v.token("a file")+"\n")
	login := []string{"--server", "http://" + c.admin, "--password-file", filepath.Join(c.data, "demo-approvers"), "--user", "alice"}
	with := func(args ...string) []string { return append(args, login...) }
	a.vote(t, "alice", it.ID, "deny", "")
	for _, tt := range []struct {
		args []string
		// shows says that the hostile text is to be seen, with its characters as codes.
		shows bool
	}{
		{with("items", "list", "--state", "all"), true},
		{with("items", "show", it.ID), true},
		{with("items", "show", it.ID, "--json"), false},
		{[]string{"items", "list", "--server", "http://" + hostile}, false},
		{with("items", "show", hostile), false},
		{[]string{"audit", "query", c.auditDir()}, true},
		{[]string{"audit", "query", "--format", "json", c.auditDir()}, false},
		{[]string{"audit", "replay", "--trace", it.TraceID, c.auditDir()}, false},
		{[]string{"audit", "verify", filepath.Join(dir, hostile)}, false},
		{[]string{"scan", dir}, true},
		{[]string{"scan", "--format", "json", dir}, false},
		{[]string{"scan", "--format", "sarif", dir}, false},
		{[]string{"scan", filepath.Join(dir, "none", hostile)}, false},
		{[]string{"mask", "--config", filepath.Join(dir, hostile+".yaml")}, false},
		{[]string{"rules", "check", name}, false},
		{[]string{"keys", "new", filepath.Join(name, hostile)}, false},
		{[]string{hostile}, false},
		{[]string{"scan", "--format", hostile}, false},
		{[]string{"--" + hostile}, false},
	} {
		t.Run(strings.Join(tt.args[:min(2, len(tt.args))], " "), func(t *testing.T) {
			_, said := tool(t, tt.args...)
			if found := steers(said); len(found) > 0 {
				t.Errorf("%U gets onto the terminal", found)
			}
			if strings.Contains(said, "\nITEM forged") {
				t.Error("a line is forged")
			}
			if tt.shows && !strings.Contains(said, `\u001b`) {
				t.Errorf("the name is not shown, with its characters as codes:\n%.2000s", said)
			}
			v.check(t, map[string][]byte{"the output": []byte(said)})
		})
	}
	if found := steers(c.log.String()); len(found) > 0 {
		t.Errorf("%U is in the collector's log", found)
	}
	_ = os.Remove(name)
}
