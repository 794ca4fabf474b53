package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/filescan"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// document is what the limits are about.
type document struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct {
					ID   string
					Full struct{ Text string } `json:"fullDescription"`
					Help struct{ Text string }
				}
			}
		}
		Results     []json.RawMessage
		Invocations []struct {
			Successful    bool `json:"executionSuccessful"`
			Notifications []struct {
				Level   string
				Message struct{ Text string }
			} `json:"toolExecutionNotifications"`
		}
	}
}

func written(t *testing.T, findings int) document {
	t.Helper()
	var out bytes.Buffer
	w, err := New("sarif", &out, Meta{Version: "1", Rules: []rules.Info{
		{ID: "a-rule", Description: strings.Repeat("ä", 2000), Severity: pack.High},
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := filescan.File{Path: "dir/a file.txt"}
	for i := range findings {
		f.Findings = append(f.Findings, filescan.Finding{
			Line: i + 1, Column: 1, EndLine: i + 1, EndColumn: 9,
			Hit: mask.Hit{RuleID: "a-rule", Finding: rules.Finding{Severity: pack.High}},
		})
	}
	if err := w.File(f); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSARIFLimits: a report has no more results than code scanning accepts,
// and says so; each rule has the texts that it wants, no longer than it takes.
func TestSARIFLimits(t *testing.T) {
	run := written(t, maxResults+3).Runs[0]
	if len(run.Results) != maxResults {
		t.Errorf("%d results, want %d", len(run.Results), maxResults)
	}
	notes := run.Invocations[0].Notifications
	if len(notes) != 1 || notes[0].Level != "warning" || !strings.HasPrefix(notes[0].Message.Text, "3 more findings") || !run.Invocations[0].Successful {
		t.Errorf("nothing is said about what is left out: %+v", run.Invocations)
	}
	for _, r := range run.Tool.Driver.Rules {
		if n := len([]rune(r.Full.Text)); n == 0 || n > maxText || r.Help.Text == "" {
			t.Errorf("%s: a description of %d characters, a help of %d bytes", r.ID, n, len(r.Help.Text))
		}
	}
	if run := written(t, maxResults).Runs[0]; len(run.Results) != maxResults || len(run.Invocations[0].Notifications) != 0 {
		t.Error("a report that is just short enough is cut or complains")
	}
}
