package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// The tables that the program of the part accuracy prints. Beside each of
// counts there is one of what they are a part of.
const (
	accuracySpeed   = "accuracy speed"
	accuracyRules   = "accuracy rules"
	accuracyPlaces  = "accuracy places"
	accuracyKinds   = "accuracy kinds of places"
	accuracyLeaked  = "accuracy leaked"
	accuracyDamaged = "accuracy damaged"
	ofSuffix        = " of"
)

// accuracyFigures sets secret_mask beside the processors of others. That
// program fails where secret_mask does not keep what it promises.
func accuracyFigures(ctx context.Context, o options) ([]figure.Figure, string, error) {
	return program(ctx, []string{"CGO_ENABLED=0"},
		[]string{accuracySpeed, accuracyRules, accuracyPlaces, accuracyKinds, accuracyLeaked, accuracyDamaged},
		"go", "-C", "benchmarks/peers", "run", "./cmd/accuracy", "-rounds", strconv.Itoa(o.heavy))
}

// accuracyColumn is a column of a table of the page, and where it comes from.
type accuracyColumn struct{ head, table, col string }

func accuracyTables(s sheet) string {
	var b strings.Builder
	b.WriteString("The same telemetry, the same rules as far as others can have them; what each is given is said below.\n" +
		"Places that are masked, occurrences of secrets that leak, look-alikes that are destroyed, MB of text per second of CPU:\n")
	s.counts(&b, s.rows(accuracyLeaked), []accuracyColumn{
		{"places", accuracyPlaces, "all"},
		{"leaked", accuracyLeaked, "all"},
		{"easy", accuracyLeaked, "easy"},
		{"medium", accuracyLeaked, "medium"},
		{"hard", accuracyLeaked, "hard"},
		{"look-alikes", accuracyDamaged, "look-alikes"},
		{"MB/s", accuracySpeed, "speed"},
	})
	b.WriteString("\nWhat masking does to the rest: words beside secrets that are lost, JSON in texts that is broken, values of another type:\n")
	s.counts(&b, s.rows(accuracyPlaces), []accuracyColumn{
		{"words", accuracyDamaged, "words"}, {"JSON", accuracyDamaged, "JSON"}, {"types", accuracyDamaged, "types"},
	})
	b.WriteString("\nPlaces by signal:\n")
	s.counts(&b, s.rows(accuracyPlaces), []accuracyColumn{
		{"spans", accuracyPlaces, "spans"}, {"logs", accuracyPlaces, "logs"}, {"metrics", accuracyPlaces, "metrics"},
	})
	b.WriteString("\nPlaces by kind, all signals:\n")
	var who []accuracyColumn
	for _, col := range s.cols(accuracyKinds) {
		who = append(who, accuracyColumn{col, accuracyKinds, col})
	}
	s.counts(&b, s.rows(accuracyKinds), who)
	b.WriteString("\nBuilt-in rules as regular expressions:\n")
	s.counts(&b, s.rows(accuracyRules), []accuracyColumn{{"rules", accuracyRules, "rules"}})
	return b.String()
}

// counts writes a table of counts, each with what it is a part of.
func (s sheet) counts(b *strings.Builder, rows []string, cols []accuracyColumn) {
	head := ""
	for _, c := range cols {
		head += " | " + c.head
	}
	heading(b, head)
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |", row)
		for _, c := range cols {
			fmt.Fprintf(b, " %s |", s.count(cell{c.table, row, c.col}))
		}
		b.WriteString("\n")
	}
}

func (s sheet) count(c cell) string {
	x := s.find(c)
	switch {
	case x == nil:
		return "–"
	case x.Unit != "count":
		return short(x.Value)
	}
	c.table += ofSuffix
	if of := s.find(c); of != nil {
		return fmt.Sprintf("%.0f of %.0f", x.Value, of.Value)
	}
	return fmt.Sprintf("%.0f", x.Value)
}
