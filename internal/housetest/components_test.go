package housetest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// componentFiles are in every component's folder, beside at least one more
// file that does the work and at least one test.
var componentFiles = []string{"doc.go", "config.go", "factory.go", "telemetry.go", "README.md", "testdata/config.yaml"}

// readmeSections are all the second-level headings of a component's README, in order.
var readmeSections = []string{"What it does", "Configuration", "Metrics", "When it fails"}

// checkFolders wants every component's folder to look the same.
func checkFolders(tr *tree) []string {
	var bad []string
	dirs := tr.components()
	if len(dirs) == 0 {
		return []string{"no components"}
	}
	for _, dir := range dirs {
		for _, name := range componentFiles {
			if !tr.paths[dir+"/"+name] {
				bad = append(bad, fmt.Sprintf("%s: no %s", dir, name))
			}
		}
		work, tests := 0, 0
		for _, f := range tr.packages()[dir] {
			switch {
			case f.test():
				tests++
			case !slices.Contains(componentFiles, strings.TrimPrefix(f.path, dir+"/")):
				work++
			}
		}
		if work == 0 {
			bad = append(bad, dir+": no file that does the work")
		}
		if tests == 0 {
			bad = append(bad, dir+": no tests")
		}
	}
	return bad
}

// checkReadmes wants the same sections in every component's README.
func checkReadmes(tr *tree) []string {
	var bad []string
	dirs := tr.components()
	if len(dirs) == 0 {
		return []string{"no components"}
	}
	for _, dir := range dirs {
		var got []string
		for _, s := range sections(tr.docs[dir+"/README.md"]) {
			got = append(got, s.title)
			if strings.TrimSpace(s.text) == "" {
				bad = append(bad, fmt.Sprintf("%s/README.md: section %q is empty", dir, s.title))
			}
		}
		if !slices.Equal(got, readmeSections) {
			bad = append(bad, fmt.Sprintf("%s/README.md: sections %q, want %q", dir, got, readmeSections))
		}
	}
	return bad
}

// section is a second-level heading and what stands below it.
type section struct{ title, text string }

func sections(markdown string) []section {
	var all []section
	fenced := false
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if title, ok := strings.CutPrefix(line, "## "); ok && !fenced {
			all = append(all, section{title: strings.TrimSpace(title)})
		} else if len(all) > 0 {
			all[len(all)-1].text += line
		}
	}
	return all
}

// metricRow is a row of a README's table of metrics.
var metricRow = regexp.MustCompile("(?m)^\\| *`(otelcol_[a-z0-9_]+)`")

// checkMetrics wants the README's table and telemetry.go to name the same instruments.
func checkMetrics(tr *tree) []string {
	var bad []string
	dirs := tr.components()
	if len(dirs) == 0 {
		return []string{"no components"}
	}
	for _, dir := range dirs {
		var documented []string
		for _, s := range sections(tr.docs[dir+"/README.md"]) {
			if s.title == "Metrics" {
				for _, m := range metricRow.FindAllStringSubmatch(s.text, -1) {
					documented = append(documented, m[1])
				}
			}
		}
		made := instruments(tr, dir+"/telemetry.go")
		if len(made) == 0 {
			bad = append(bad, dir+"/telemetry.go: no instruments found")
		}
		for _, name := range made {
			if !slices.Contains(documented, name) {
				bad = append(bad, fmt.Sprintf("%s/README.md: metric %s is not in the table", dir, name))
			}
		}
		for _, name := range documented {
			if !slices.Contains(made, name) {
				bad = append(bad, fmt.Sprintf("%s/README.md: metric %s is not in telemetry.go", dir, name))
			}
		}
	}
	return bad
}

// instruments lists the metric names in a file: its literals that begin as ours do.
func instruments(tr *tree, path string) []string {
	var names []string
	for _, f := range tr.files {
		if f.path != path {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, err := strconv.Unquote(lit.Value); err == nil && strings.HasPrefix(s, "otelcol_") {
				names = append(names, s)
			}
			return true
		})
	}
	return names
}
