package browser_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/browser"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// never is what the script must not do: it is part of documents that are kept
// as evidence, and what it says must depend on its arguments only.
var never = []struct {
	what    string
	pattern *regexp.Regexp
	planted string
}{
	{"asks the network", regexp.MustCompile(`\b(fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts)\b|\bimport\b`), `await fetch(u)`},
	{"names an address", regexp.MustCompile(`https?://`), `"https://example.org"`},
	{"touches the page", regexp.MustCompile(`\b(document|window|localStorage|sessionStorage|location)\s*[.\[]`), `document.title = ""`},
	{"runs text", regexp.MustCompile(`\beval\b|\bnew Function\b|setTimeout`), `eval(x)`},
	{"ends the element it stands in", regexp.MustCompile(`(?i)</script|<!--`), `// </script>`},
	{"writes to the console", regexp.MustCompile(`console\.`), `console.log(1)`},
}

// What the script does is tested in a browser (test/browser); this holds it
// against what it must not do, and against the format that it is written for.
func TestScript(t *testing.T) {
	s := browser.Script()
	require.Contains(t, s, "globalThis.tracescrubCheck = ")
	require.Equal(t, 1, strings.Count(s, "globalThis.tracescrubCheck"))
	require.LessOrEqual(t, strings.Count(s, "\n"), 400)
	for _, n := range never {
		require.Nil(t, n.pattern.FindStringIndex(s), "the script %s", n.what)
		require.Regexp(t, n.pattern, n.planted)
	}
	head, _, _ := strings.Cut(string((&proof.Receipt{}).Marshal()), "\n")
	require.Contains(t, s, `"`+head+`"`, "the script and the receipts are of different versions")
}
