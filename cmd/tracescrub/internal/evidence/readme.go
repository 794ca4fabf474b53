package evidence

import (
	"bytes"
	_ "embed"
	"fmt"
	"path"
	"text/template"
	"time"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

//go:embed readme.md
var readmeText string

var readmeTemplate = template.Must(template.New("readme").Funcs(template.FuncMap{
	"stamp": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
}).Parse(readmeText))

// readme says how to check the bundle.
func readme(r *facts.Report, o facts.Options) ([]byte, error) {
	kinds, anchor := wanted(r)
	example := path.Base(receiptName(max(anchor, 0), kinds[anchor]))
	if len(r.Decisions) > 0 {
		example = path.Base(receiptName(r.Decisions[0].Seq, r.Decisions[0].Kind))
	}
	var b bytes.Buffer
	err := readmeTemplate.Execute(&b, struct {
		*facts.Report
		Names   bool
		Example string
		Last    int64
	}{r, o.Names, example, r.Period.First + r.Period.Entries - 1})
	if err != nil {
		return nil, fmt.Errorf("README.md: %w", err)
	}
	return []byte(screen.Plain(b.String(), true)), nil
}
