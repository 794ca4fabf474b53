package housetest

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// operations is the document that has every metric and every failure.
const operations = "docs/operations.md"

var (
	// anchored is a link with an anchor; the path may be empty.
	anchored = regexp.MustCompile(`\]\(([^)#\s]*)#([^)\s]+)\)`)
	// heading is one of a document, outside of fenced blocks.
	heading = regexp.MustCompile("^#{1,6} +(.+?) *#*$")
	// linked is a link within a heading, of which only the text counts.
	linked = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	// metric is the name of one of ours, wherever it stands.
	metric = regexp.MustCompile(`\botelcol_(?:processor_secret_mask|connector_verdict|exporter_quarantine|exporter_audit_log|receiver_release_gate)_[a-z0-9_]+`)
	// coded is what stands between backticks.
	coded = regexp.MustCompile("`([^`]+)`")
)

// checkAnchors wants links to sections to end at a heading.
func checkAnchors(tr *tree) []string {
	var bad []string
	n := 0
	for p, m := range localLinks(tr, anchored) {
		n++
		target := p
		if m[1] != "" {
			target = path.Join(path.Dir(p), m[1])
		}
		if path.Ext(target) == ".md" && !slices.Contains(anchors(tr.docs[target]), m[2]) {
			bad = append(bad, fmt.Sprintf("%s: link to %s#%s, and there is no such heading", p, target, m[2]))
		}
	}
	if n == 0 {
		return []string{"no links to sections"}
	}
	return bad
}

// anchors are those of a document's headings, as hosts of repositories make them.
func anchors(markdown string) []string {
	var all []string
	seen := map[string]int{}
	fenced := false
	for line := range strings.Lines(markdown) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		m := heading.FindStringSubmatch(line)
		if fenced || m == nil {
			continue
		}
		a := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, linked.ReplaceAllString(m[1], "$1"))
		if seen[a]++; seen[a] > 1 {
			a = fmt.Sprintf("%s-%d", a, seen[a]-1)
		}
		all = append(all, a)
	}
	return all
}

// made are the names of all metrics of our components.
func made(tr *tree) map[string]bool {
	names := map[string]bool{}
	for _, dir := range tr.components() {
		for _, name := range instruments(tr, dir+"/telemetry.go") {
			names[name] = true
		}
	}
	return names
}

// checkOperations wants the document of operations to have a row for every
// metric of ours, and every document and file to name only those that exist.
func checkOperations(tr *tree) []string {
	var bad []string
	names := made(tr)
	if len(names) == 0 {
		return []string{"no metrics"}
	}
	rows := map[string]bool{}
	for _, m := range metricRow.FindAllStringSubmatch(tr.docs[operations], -1) {
		rows[m[1]] = true
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !rows[name] {
			bad = append(bad, fmt.Sprintf("%s: no row for the metric %s", operations, name))
		}
	}
	for p, text := range tr.docs {
		for _, name := range metric.FindAllString(text, -1) {
			if !names[base(name, names)] {
				bad = append(bad, fmt.Sprintf("%s: there is no metric %s", p, name))
			}
		}
	}
	return bad
}

// base takes off what Prometheus adds to the name of a metric.
func base(name string, names map[string]bool) string {
	for _, end := range []string{"_bucket", "_sum", "_count", "_total"} {
		if cut, ok := strings.CutSuffix(name, end); ok && names[cut] {
			return cut
		}
	}
	return name
}

// checkFailures wants the document of operations to name whatever the README
// of a component gives as the reason or the trouble of a failure.
func checkFailures(tr *tree) []string {
	var bad []string
	n := 0
	for _, dir := range tr.components() {
		for _, s := range sections(tr.docs[dir+"/README.md"]) {
			if s.title != "When it fails" {
				continue
			}
			for line := range strings.Lines(s.text) {
				cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
				if !strings.HasPrefix(line, "|") || len(cells) < 3 {
					continue
				}
				for _, m := range coded.FindAllStringSubmatch(cells[len(cells)-1], -1) {
					n++
					if !strings.Contains(tr.docs[operations], "`"+m[1]+"`") && !strings.Contains(tr.docs[operations], "_"+m[1]+"`") {
						bad = append(bad, fmt.Sprintf("%s: no word about %s, which %s/README.md gives for a failure", operations, m[1], dir))
					}
				}
			}
		}
	}
	if n == 0 {
		return []string{"no reasons of failures"}
	}
	return bad
}

// checkIndex wants docs/README.md to link to every document beside it.
func checkIndex(tr *tree) []string {
	var bad []string
	const index = "docs/README.md"
	n := 0
	for _, p := range slices.Sorted(maps.Keys(tr.docs)) {
		if path.Dir(p) != "docs" || path.Ext(p) != ".md" || p == index {
			continue
		}
		n++
		if !strings.Contains(tr.docs[index], "]("+path.Base(p)+")") {
			bad = append(bad, fmt.Sprintf("%s: no link to %s", index, p))
		}
	}
	if n == 0 {
		return []string{"no documents"}
	}
	return bad
}
