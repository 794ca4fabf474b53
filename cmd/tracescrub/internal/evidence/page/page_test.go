package page_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/logtest"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/page"
	"github.com/tracescrub/tracescrub/internal/auditlog/browser"
)

func written(t *testing.T, r *facts.Report) string {
	t.Helper()
	var b bytes.Buffer
	o := page.Options{Receipts: map[int64]string{1: "a receipt </pre>"}, Anchor: 1, Range: json.RawMessage(`{"first":0}`), Checker: browser.Script()}
	require.NoError(t, page.Write(&b, r, o))
	return b.String()
}

// code is what of a page is ours, and no text.
var code = regexp.MustCompile(`(?s)<style>.*?</style>|<script[ >].*?</script>`)

// hostile is a report that has a bad text wherever a sender, a voter or a file can put one.
func hostile() *facts.Report {
	const bad = logtest.Hostile
	at := logtest.Start
	who := &facts.Person{Commitment: bad, Subject: bad}
	step := facts.Step{Seq: 1, Kind: bad, At: at, Who: who, Decision: bad, Mode: bad, Via: bad, Reason: who}
	counts := []facts.Count{{Name: bad, Events: 3, Days: map[string]int64{"2026-07-01": 3}}}
	change := []facts.Change{{Kind: bad, At: at, Component: bad, Instance: bad, What: bad}}
	return &facts.Report{
		Tool: bad, Made: at.AddDate(0, 0, 2), Log: facts.Log{Origin: bad, Root: bad, Keys: []string{bad}},
		Period: facts.Period{From: at, To: at.AddDate(0, 0, 1)}, Verification: facts.Verification{Problems: []string{bad}},
		Kinds: append(counts, facts.Count{Name: "masked", Events: 1, Days: map[string]int64{"2026-07-01": 1}}), Rules: counts, Services: counts, Severities: counts, Tellers: counts,
		Decisions: []facts.Decision{{
			Step: step, Item: bad, Signal: bad, Service: bad, Severity: bad, Rules: []string{bad}, Trace: bad, Policy: bad,
			Producer: who, Votes: []facts.Step{step}, Steps: []facts.Step{step},
		}},
		Changes: change, Removals: change, Exceptions: []facts.Exception{{Code: bad, What: bad}},
		Continuity: facts.Continuity{Gaps: change, Listed: []facts.Silence{{From: at, To: at.Add(time.Hour), Why: bad}}},
	}
}

// TestHostile: nothing that the log holds is markup, a script, or hidden.
func TestHostile(t *testing.T) {
	text := written(t, hostile())
	outside := code.ReplaceAllString(text, "")
	require.NotContains(t, outside, "<script")
	require.NotContains(t, outside, "</script")
	require.Equal(t, 3, strings.Count(text, "<script"), "the proof, the checker and the page's own")
	at := regexp.MustCompile("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]").FindStringIndex(outside)
	if at != nil {
		t.Fatalf("%q is hidden", outside[max(0, at[0]-60):at[1]])
	}
	require.Contains(t, outside, `&lt;script&gt;alert(1)&lt;/script&gt;\u001b[31m\u202eevil`)
	require.Contains(t, outside, "a receipt &lt;/pre&gt;")
	// Everything that is a tag is one of ours.
	for _, tag := range regexp.MustCompile(`<[a-zA-Z/!][^>]*>`).FindAllString(outside, -1) {
		require.NotContains(t, html.UnescapeString(tag), "alert", "in an attribute")
	}
}

// TestAlone: the page loads nothing, and its policy allows its own code only.
func TestAlone(t *testing.T) {
	text := written(t, hostile())
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	require.NotNil(t, policy)
	said := html.UnescapeString(policy[1])
	require.Contains(t, said, "default-src 'none'")
	require.NotContains(t, said, "unsafe")
	codes := regexp.MustCompile(`(?s)<(?:style|script)>(.*?)</(?:style|script)>`).FindAllStringSubmatch(text, -1)
	require.Len(t, codes, 3)
	for _, c := range codes {
		h := sha256.Sum256([]byte(c[1]))
		require.Contains(t, said, "'sha256-"+base64.StdEncoding.EncodeToString(h[:])+"'")
	}
	require.Equal(t, 3, strings.Count(said, "sha256-"))
	outside := code.ReplaceAllString(text, "")
	require.NotRegexp(t, `(?i)<[^>]* (style|on[a-z]+|src|srcset|action|ping|background)\s*=`, outside)
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(outside, -1) {
		require.Regexp(t, `^#[a-z]+$`, m[1])
		require.Contains(t, outside, `id="`+m[1][1:]+`"`)
	}
	require.NotRegexp(t, `(?i)url\(|@import|https?://`, codes[0][1])
	require.NotRegexp(t, `(?i)\b(fetch|XMLHttpRequest|WebSocket|import|sendBeacon|innerHTML|eval)\b`, codes[2][1])
}

// TestPlots: each plot has a name and a description, and each bar a number; the
// same numbers are in a table.
func TestPlots(t *testing.T) {
	dir := t.TempDir()
	logtest.Story(30).Write(dir)
	r, _, err := facts.Collect(context.Background(), facts.Options{Directory: dir, Now: logtest.Start.AddDate(0, 0, 31)})
	require.NoError(t, err)
	text := written(t, r)
	plots := regexp.MustCompile(`(?s)<svg class="plot".*?</svg>`).FindAllString(text, -1)
	require.Len(t, plots, 2)
	ids := map[string]bool{}
	for _, p := range plots {
		m := regexp.MustCompile(`aria-labelledby="(\S+) (\S+)"><title id="(\S+)">[^<]+</title><desc id="(\S+)">[^<]+</desc>`).FindStringSubmatch(p)
		require.NotNil(t, m)
		require.Equal(t, m[1:3], m[3:5])
		require.False(t, ids[m[1]])
		ids[m[1]] = true
	}
	var masked int64
	for _, c := range r.Kinds {
		if c.Name == "masked" {
			masked = c.Events
		}
	}
	require.Positive(t, masked)
	require.Contains(t, plots[0], ">sum "+"240"+"<")
	require.Equal(t, int64(240), masked)
	require.Equal(t, 30, strings.Count(plots[0], " masked</title>"))
	require.Contains(t, text, `<th scope="row">2026-07-30</th><td class="num">8</td>`)
}

// TestPeriods: however long the period is, there is room for its bars.
func TestPeriods(t *testing.T) {
	for _, c := range []struct {
		days int
		word string
	}{{0, "day"}, {1, "day"}, {90, "day"}, {400, "week"}, {4000, "month"}} {
		r := hostile()
		r.Period.To = r.Period.From.AddDate(0, 0, c.days)
		r.Made = r.Period.To
		text := written(t, r)
		if c.days > 0 {
			require.Contains(t, text, "Events by "+c.word)
			require.Contains(t, text, ": 1 masked</title>")
		}
		require.NotRegexp(t, `NaN|Inf\b`, strings.Join(regexp.MustCompile(`<(rect|line|text)[^>]*>`).FindAllString(text, -1), ""))
		require.Less(t, len(text), 300_000)
	}
}
