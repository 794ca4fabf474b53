package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/benchmarks/record"
)

const (
	begin = "<!-- bench:begin, made by make bench -->\n"
	end   = "<!-- bench:end -->\n"
)

// between puts tables between the markers of a page.
func between(page, tables string) (string, error) {
	i, j := strings.Index(page, begin), strings.Index(page, end)
	if i < 0 || j < i {
		return "", errors.New("the markers are missing")
	}
	return page[:i+len(begin)] + tables + page[j:], nil
}

// describe says where and of what figures are taken.
func describe(now time.Time) record.Place {
	p := record.Place{Date: now.Format("2006-01-02"), Go: runtime.Version(), Commit: "unknown"}
	p.Machine = fmt.Sprintf("%s, %d cores, %s/%s", cpu(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	if out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		p.Commit = strings.TrimSpace(string(out))
	}
	if out, err := exec.Command("git", "status", "--porcelain", "--", "*.go", "*.yaml", "go.mod").Output(); err == nil && len(out) > 0 {
		p.Commit += " with changes"
	}
	return p
}

// cpu names the processor where the system says it.
func cpu() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "a machine"
	}
	for line := range strings.SplitSeq(string(info), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a machine"
}

// tables makes all between the markers of the last record of each part: the
// machine of the first, ratios, and a section for each part.
func tables(records string) (string, error) {
	var ratios, sections strings.Builder
	var where *record.Place
	for _, p := range parts {
		r, err := record.Latest(records, p.name)
		if err != nil {
			return "", err
		}
		if r == nil {
			fmt.Fprintf(&sections, "\n## %s\n\nNot measured yet.\n", p.title)
			continue
		}
		if where == nil {
			where = &r.Place
		}
		if p.ratios != nil {
			ratios.WriteString(p.ratios(r.Series))
		}
		sections.WriteString(section(p, r, *where))
	}
	if where == nil {
		return "", fmt.Errorf("%s: there is no record", records)
	}
	return fmt.Sprintf("\n%s, %s. Command: `make bench`.\nMedians of several runs, taken in turn; each section says of which commit.\n\n## Ratios\n%s%s\n",
		where.Machine, where.Go, ratios.String(), sections.String()), nil
}

// section writes what one part has; where it says something else than the
// whole page, it says so.
func section(p part, r *record.Record, page record.Place) string {
	runs := 0
	if len(r.Series) > 0 {
		runs = len(r.Series[0].Values) // some are measured several times in a run
	}
	elsewhere := ""
	if r.Machine != page.Machine || r.Go != page.Go {
		elsewhere = fmt.Sprintf(", on %s, %s", r.Machine, r.Go)
	}
	return fmt.Sprintf("\n## %s\n\nCommit %s, %s%s; runs: %d.\n\n%s", p.title, r.Commit, r.Date, elsewhere, runs, strings.TrimLeft(p.tables(r.Series), "\n"))
}
