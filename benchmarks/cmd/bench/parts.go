package main

import (
	"context"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// part is a section of the page. It is measured, recorded and compared by
// itself, so that one can be made anew without the others.
type part struct {
	name, title string
	// measure takes the figures of all runs and, where there are, profiles.
	measure func(context.Context, options) (all []figure.Figure, profiles string, err error)
	// tables writes the section.
	tables func(sheet) string
	// ratios writes what stands above all sections; nil without.
	ratios func(sheet) string
	// asked: measured only when it is named.
	asked bool
}

var parts = []part{
	{name: "engine", title: "Engine by size", measure: engineFigures, tables: engineTables, ratios: engineRatios},
	{name: "texts", title: "Engine by kind of text", measure: textFigures, tables: textTables, ratios: textRatios},
	{name: "processor", title: "Processor", measure: spanFigures, tables: spanTables, ratios: waitRatios},
	{name: "collector", title: "Whole Collector", measure: collectorFigures, tables: otherTables, ratios: otherRatios},
	{name: "soak", title: "An hour of it", measure: soakFigures, tables: otherTables, ratios: otherRatios, asked: true},
	{name: "peers", title: "Peers", measure: peerFigures, tables: otherTables, ratios: otherRatios},
	{name: "accuracy", title: "Peers side by side", measure: accuracyFigures, tables: accuracyTables},
	{name: "quarantine", title: "Holding and releasing", measure: heldFigures, tables: quarantineTables},
	{name: "index", title: "Ten million held items", measure: indexFigures, tables: indexTables, asked: true},
	{name: "audit", title: "Audit log", measure: loggedFigures, tables: auditTables},
}

func partNames() []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return names
}
