package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

func TestTableFitsTheTerminal(t *testing.T) {
	infos := []rules.Info{
		{ID: "short", Provider: "Über", Description: "a key", Severity: pack.Low},
		{ID: strings.Repeat("long-", 12), Provider: strings.Repeat("Provider", 5), Description: strings.Repeat("describes ", 20), Severity: pack.Critical},
	}
	for _, width := range []int{0, 40, 80, 120, 400} {
		var out bytes.Buffer
		if err := writeRulesTable(&out, infos, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); width > 0 && n > width {
				t.Errorf("width %d: a line of %d characters", width, n)
			}
		}
		if whole := strings.Contains(out.String(), infos[1].Description); whole != (width == 0 || width == 400) {
			t.Errorf("width %d: the description is whole: %v", width, whole)
		}
	}
}
