package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
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

// place says where and of what figures were taken.
type place struct{ machine, goVersion, commit, date string }

func describe(now time.Time) place {
	p := place{date: now.Format("2006-01-02"), goVersion: runtime.Version(), commit: "unknown"}
	p.machine = fmt.Sprintf("%s, %d cores, %s/%s", cpu(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	if out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		p.commit = strings.TrimSpace(string(out))
	}
	if out, err := exec.Command("git", "status", "--porcelain", "--", "*.go", "*.yaml", "go.mod").Output(); err == nil && len(out) > 0 {
		p.commit += " with changes"
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

// tables writes the page's part between the markers.
func tables(p place, cases []*bench) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s, %s. Commit %s, %s. Command: `make bench`.\nMedians of %d runs, taken in turn.\n",
		p.machine, p.goVersion, p.commit, p.date, len(cases[0].rates))
	fmt.Fprintf(&b, "\nScanning with the built-in rules, one core, MB/s (10^6 bytes); allocations per value in brackets:\n\n| |")
	for _, s := range sizes {
		fmt.Fprintf(&b, " %s |", s.name)
	}
	fmt.Fprintf(&b, "\n|---|%s", strings.Repeat("---|", len(sizes)))
	for _, row := range []string{clean, planted} {
		fmt.Fprintf(&b, "\n| %s |", row)
		for _, s := range sizes {
			for _, c := range cases {
				if c.table == "engine" && c.row == row && c.col == s.name {
					fmt.Fprintf(&b, " %s (%s) |", number(c.rate()), perItem(c.allocs/float64(s.count)))
				}
			}
		}
	}
	fmt.Fprintf(&b, "\n\nClean spans through the processor, batches of %d, one core:\n\n| attributes | spans/s | µs per span | allocations per batch |\n|---|---|---|---|\n", spansPerBatch)
	for _, c := range cases {
		if c.table == "processor" {
			fmt.Fprintf(&b, "| %s | %s | %.1f | %.0f |\n", c.row, number(c.rate()), 1e6/c.rate(), c.allocs)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// number writes three digits of a rate, which is more than it is worth.
func number(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f million", v/1e6)
	case v >= 10_000:
		return fmt.Sprintf("%d,%d00", int(v)/1000, int(v)%1000/100)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// perItem writes a small number of allocations; what the clock and the
// collector of garbage do besides is no allocation per item.
func perItem(v float64) string {
	if v < 0.001 {
		return "0"
	}
	return fmt.Sprintf("%.2g", v)
}

// raw writes every single figure.
func raw(p place, cases []*bench) string {
	var b strings.Builder
	fmt.Fprintf(&b, "machine: %s\ngo: %s\ncommit: %s\ndate: %s\ncommand: make bench\n\n", p.machine, p.goVersion, p.commit, p.date)
	for _, c := range cases {
		fmt.Fprintf(&b, "%s | %s | %s | %s | found %d |", c.table, c.row, c.col, c.unit, c.want)
		for _, r := range c.rates {
			fmt.Fprintf(&b, " %.1f", r)
		}
		fmt.Fprintf(&b, " | %.1f allocations, %.0f bytes per run\n", c.allocs, c.bytes)
	}
	return b.String()
}
