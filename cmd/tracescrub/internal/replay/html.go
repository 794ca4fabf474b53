package replay

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/otlptext"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/shape"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"line":   cell,
	"lines":  func(s string) []piece { return pieces(screen.Plain(s, true)) },
	"stamp":  stamp,
	"clock":  clock,
	"words":  (*happening).words,
	"role":   roleOf,
	"intro":  partName,
	"person": Person.String,
}).Parse(pageText))

// piece is text, or a mask in it.
type piece struct {
	Text string
	Mask bool
}

var mask = regexp.MustCompile(`\[(?:MASKED|WITHHELD):[A-Za-z0-9._-]{1,128}:[0-9a-f]{8,64}\]`)

func pieces(s string) (all []piece) {
	for len(s) > 0 {
		at := mask.FindStringIndex(s)
		if at == nil {
			return append(all, piece{Text: s})
		}
		if at[0] > 0 {
			all = append(all, piece{Text: s[:at[0]]})
		}
		all = append(all, piece{Text: s[at[0]:at[1]], Mask: true})
		s = s[at[1]:]
	}
	return all
}

// listed is a unit of telemetry, all of it as text.
type listed struct {
	At, Name, Text string
	Masked         bool
}

// HTML writes the timeline as one page that needs nothing else and runs nothing.
func (t *Timeline) HTML(w io.Writer) error {
	sum := sha256.Sum256([]byte(pageStyle))
	spans, err := list(shape.Traces, t.traces, ptrace.Span.Name)
	if err != nil {
		return err
	}
	logs, err := list(shape.Logs, t.logs, plog.LogRecord.EventName)
	if err != nil {
		return err
	}
	metrics, err := list(shape.Metrics, t.metrics, pmetric.Metric.Name)
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"T": t, "Title": t.About.title(), "Facts": t.facts(), "Outcomes": t.outcomes(), "Keeping": t.keeping(),
		"Units": []struct {
			Heading string
			All     []listed
		}{{"Spans", spans}, {"Log records", logs}, {"Metrics", metrics}},
		"Style":  template.CSS(pageStyle), //nolint:gosec // ours, from the binary
		"Policy": "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
	})
}

func list[B ptrace.Traces | plog.Logs | pmetric.Metrics, R, S, U any](sh *shape.Shape[B, R, S, U], batch B, name func(U) string) (all []listed, err error) {
	each(sh, batch, func(one B, u unit[R, S, U]) {
		var b strings.Builder
		if bad := otlptext.Batch(&b, one); bad != nil {
			err = bad
		}
		l := listed{At: clock(moment(u.at)), Name: name(u.unit), Text: b.String(), Masked: mask.MatchString(b.String())}
		if l.Name == "" {
			l.Name = strings.TrimSuffix(sh.Signal, "s")
		}
		all = append(all, l)
	})
	return all, err
}
