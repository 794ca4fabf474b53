package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/walk"
)

// decodeDepth is the default of gitleaks' command line.
const decodeDepth = 5

// newGitleaks is gitleaks as a library with its default rules. It finds and
// does not mask, and knows no telemetry: it is given every text that our walker
// visits, and what it finds there is replaced.
func newGitleaks() (*contender, error) {
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, err
	}
	d.MaxDecodeDepth = decodeDepth
	w := walk.New(leaksVisitor{d}, walk.Options{})
	return &contender{
		name: gitleaksName, finder: true,
		traces: func(_ context.Context, td ptrace.Traces) (ptrace.Traces, error) {
			w.Traces(td)
			return td, nil
		},
		logs: func(_ context.Context, ld plog.Logs) (plog.Logs, error) {
			w.Logs(ld)
			return ld, nil
		},
	}, nil
}

type leaksVisitor struct{ detector *detect.Detector }

func (leaksVisitor) Attributes(*walk.Place, pcommon.Map) {}

func (leaksVisitor) Done(*walk.Place, pcommon.Map) bool { return true }

func (v leaksVisitor) Text(at *walk.Place, text []byte) []byte {
	if at.Number || at.TooDeep {
		return nil
	}
	found := v.detector.DetectString(string(text))
	if len(found) == 0 {
		return nil
	}
	return []byte(replaced(string(text), found))
}

// replaced is a text without what gitleaks has found in it: all bytes of the
// secrets, and of one that it has decoded the lines and columns that it names.
func replaced(text string, found []report.Finding) string {
	var spans [][2]int
	for _, f := range found {
		if f.Secret == "" {
			continue
		}
		for at := 0; ; {
			i := strings.Index(text[at:], f.Secret)
			if i < 0 {
				break
			}
			spans = append(spans, [2]int{at + i, at + i + len(f.Secret)})
			at += i + len(f.Secret)
		}
		if slices.ContainsFunc(f.Tags, func(tag string) bool { return strings.HasPrefix(tag, "decoded:") }) {
			spans = append(spans, [2]int{offset(text, f.StartLine, f.StartColumn-1), offset(text, f.EndLine, f.EndColumn)})
		}
	}
	slices.SortFunc(spans, func(a, b [2]int) int { return cmp.Or(a[0]-b[0], b[1]-a[1]) })
	var b strings.Builder
	end := 0
	for _, s := range spans {
		if s[1] <= end {
			continue
		}
		if s[0] >= end {
			b.WriteString(text[end:s[0]])
			b.WriteString(theirMask)
		}
		end = s[1]
	}
	return b.String() + text[end:]
}

// offset is where a column of a line is. Columns of all lines but the first
// begin at the line break before it.
func offset(text string, line, column int) int {
	at := 0
	for i := range line {
		next := strings.IndexByte(text[at+min(i, 1):], '\n')
		if next < 0 {
			break
		}
		at += next + min(i, 1)
	}
	return min(max(at+column, 0), len(text))
}
