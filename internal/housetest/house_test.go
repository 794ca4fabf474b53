package housetest

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// houseRules are all rules. plant is a violation, as files of a small tree,
// and want a part of the complaint it must cause.
var houseRules = []struct {
	name  string
	check func(*tree) []string
	plant map[string]string
	want  string
}{
	{
		"imports: component imports component", checkImports,
		files("processor/secretmaskprocessor/a.go", `package p; import _ "github.com/tracescrub/tracescrub/connector/verdictconnector"`),
		"imports connector/verdictconnector, which the table does not allow",
	},
	{
		"imports: engine knows OpenTelemetry", checkImports,
		files("rules/match/a.go", `package match; import _ "go.opentelemetry.io/collector/pdata/ptrace"`),
		"rules/match builds without OpenTelemetry",
	},
	{
		"imports: walker imports rules", checkImports,
		files("internal/walk/a.go", `package walk; import _ "github.com/tracescrub/tracescrub/rules"`),
		"imports rules, which the table does not allow",
	},
	{
		"imports: command opens what is sealed", checkImports,
		files("cmd/tracescrub/a.go", `package main; import _ "github.com/tracescrub/tracescrub/internal/unseal"`),
		"imports internal/unseal",
	},
	{
		"imports: package not in the table", checkImports,
		files("internal/novelty/a.go", `package novelty`),
		"package internal/novelty is not in the import table",
	},
	{
		"imports: package of the table is gone", checkImports,
		files("rules/a.go", `package rules`),
		"import table: no package internal/walk",
	},
	{
		"comments: none", checkComments,
		files("rules/a.go", "package rules"),
		"has 0 package comments",
	},
	{
		"comments: two", checkComments,
		files("rules/a.go", "// Package rules is one.\npackage rules", "rules/b.go", "// Package rules is two.\npackage rules"),
		"has 2 package comments",
	},
	{
		"comments: not about the package", checkComments,
		files("rules/a.go", "// Copyright somebody.\npackage rules"),
		`does not begin with "Package rules "`,
	},
	{
		"names: package util", checkNames,
		files("internal/util/a.go", "package util"),
		"a package called util",
	},
	{
		"budgets: long file", checkBudgets,
		files("rules/a.go", "package rules\n"+strings.Repeat("\n", maxFileLines)),
		"401 lines, budget 400",
	},
	{
		"budgets: long function", checkBudgets,
		files("rules/a.go", "package rules\nfunc long() {"+strings.Repeat("\n", maxFuncLines)+"}"),
		"rules/a.go long: 61 lines, budget 60",
	},
	{
		"budgets: many exported names", checkBudgets,
		files("rules/a.go", "package rules\nvar A, B, C, D, E, F, G int\ntype H int\nconst (\nI H = iota\nJ\n)\nconst K = 1\nconst L = 1\nfunc M() {}\nfunc N() {}\nfunc (H) O() {}\nfunc p() {}\nvar Q int"),
		"rules: 13 exported names, budget 12",
	},
	{
		"budgets: exception not needed", checkBudgets,
		files("rules/decode/a.go", "package decode"),
		"rules/decode: the exception is no longer needed",
	},
	{
		"goroutines: no goleak", checkGoroutines,
		files("rules/a.go", "package rules\nfunc a() { go a() }", "rules/a_test.go", "package rules"),
		"rules/a.go starts a goroutine",
	},
	{
		"folders: file missing", checkFolders,
		without(goodComponent(), "processor/secretmaskprocessor/telemetry.go"),
		"no telemetry.go",
	},
	{
		"folders: no tests", checkFolders,
		without(goodComponent(), "processor/secretmaskprocessor/mask_test.go"),
		"no tests",
	},
	{
		"readmes: section missing", checkReadmes,
		with(goodComponent(), "processor/secretmaskprocessor/README.md", "## What it does\na\n## Metrics\nb\n## Configuration\nc\n## When it fails\nd\n"),
		"README.md: sections",
	},
	{
		"readmes: section empty", checkReadmes,
		with(goodComponent(), "processor/secretmaskprocessor/README.md", "## What it does\na\n## Configuration\n## Metrics\nb\n## When it fails\nd\n"),
		`section "Configuration" is empty`,
	},
	{
		"metrics: not documented", checkMetrics,
		with(goodComponent(), "processor/secretmaskprocessor/telemetry.go", "package p\nvar a, b = \"otelcol_one\", \"otelcol_two\""),
		"metric otelcol_two is not in the table",
	},
	{
		"metrics: not made", checkMetrics,
		with(goodComponent(), "processor/secretmaskprocessor/telemetry.go", "package p\nvar a = \"otelcol_three\""),
		"metric otelcol_one is not in telemetry.go",
	},
	{
		"examples: unknown key of a component", checkExamples,
		files("README.md", "```yaml\nsecret_mask:\n  no_such_key: 1\n```\n"),
		"no_such_key",
	},
	{
		"examples: unknown key inside a whole configuration", checkExamples,
		files("deploy/a.yaml", "processors:\n  secret_mask/x:\n    no_such_key: 1\n"),
		"no_such_key",
	},
	{
		"examples: unknown kind of document", checkExamples,
		files("docs/a.md", "```yaml\nsurprise: 1\n```\n"),
		"docs/a.md:1: surprise",
	},
	{
		"examples: broken YAML", checkExamples,
		files("docs/a.md", "```yaml\na: [\n```\n"),
		"docs/a.md:1: yaml",
	},
	{
		"examples: broken rule pack", checkExamples,
		files("docs/a.md", "```yaml\nversion: 1\nname: a\nrules:\n  - id: x\n    pattern: '('\n```\n"),
		"docs/a.md:1: ",
	},
	{
		"examples: change note of no kind", checkExamples,
		files("changes/a.yaml", "kind: miracle\ncomponent: rules\nnote: it works\n"),
		"changes/a.yaml: kind",
	},
	{
		"kafka: its writer", checkKafka,
		files("internal/holdstore/kafka/a.go", "package kafka\nimport \"github.com/segmentio/kafka-go\"\nvar w = &kafka.Writer{}"),
		"uses kafka.Writer",
	},
	{
		"kafka: its reader, by another name", checkKafka,
		files("internal/holdstore/kafka/a.go", "package kafka\nimport k \"github.com/segmentio/kafka-go\"\nvar r = k.NewReader(k.ReaderConfig{})"),
		"uses kafka.ReaderConfig",
	},
	{
		"kafka: hidden", checkKafka,
		files("internal/holdstore/kafka/a.go", "package kafka\nimport . \"github.com/segmentio/kafka-go\"\nvar r Reader"),
		"cannot be seen",
	},
	{
		"kafka: elsewhere", checkKafka,
		files("exporter/quarantineexporter/a.go", "package q\nimport _ \"github.com/segmentio/kafka-go\""),
		"which only",
	},
	{
		"links: file is gone", checkLinks,
		files("README.md", "[here](docs/gone.md)"),
		"link to docs/gone.md",
	},
	{
		"links: file map", checkLinks,
		files("docs/ARCHITECTURE.md", "## File map\n\n| path | what |\n|---|---|\n| `rules/gone` | x |\n"),
		"names rules/gone",
	},
	{
		"anchors: no such heading", checkAnchors,
		files("docs/a.md", "# A\n## One, two\n```\n# B\n```\n[x](#one-two) [y](../README.md#c)\n", "README.md", "## C\n[z](docs/a.md#b)\n"),
		"link to docs/a.md#b",
	},
	{
		"operations: metric without a row", checkOperations,
		with(goodComponent(), operations, "| `otelcol_two` | x |\n"),
		"no row for the metric otelcol_one",
	},
	{
		"operations: metric that is none", checkOperations,
		with(goodComponent(), "deploy/alerts.yaml", "expr: rate(otelcol_connector_verdict_surprises_total[5m]) > 0\n"),
		"deploy/alerts.yaml: there is no metric otelcol_connector_verdict_surprises_total",
	},
	{
		"failures: reason without a word", checkFailures,
		with(goodComponent(), "processor/secretmaskprocessor/README.md", "## When it fails\n| what | becomes | reason |\n|---|---|---|\n| disk full | refused | `full` |\n"),
		"no word about full",
	},
	{
		"index: document without a link", checkIndex,
		files("docs/README.md", "[b](b.md)\n", "docs/a.md", "# A\n", "docs/b.md", "# B\n"),
		"no link to docs/a.md",
	},
	{
		"merges: one is not finished", checkMerges,
		files("docs/a.md", "| a |\n"+strings.Repeat("<", 7)+" HEAD\n| b |\n"),
		"docs/a.md:2: a merge was not finished",
	},
}

// TestHouse holds this repository against every rule.
func TestHouse(t *testing.T) {
	tr := load(t, os.DirFS("../.."))
	done := map[string]bool{}
	for _, rule := range houseRules {
		name, _, _ := strings.Cut(rule.name, ":")
		if done[name] {
			continue
		}
		done[name] = true
		t.Run(name, func(t *testing.T) {
			bad := rule.check(tr)
			slices.Sort(bad)
			for _, complaint := range bad {
				t.Error(complaint)
			}
		})
	}
}

// TestPlanted sees every rule fail on what it is there for.
func TestPlanted(t *testing.T) {
	for _, rule := range houseRules {
		t.Run(rule.name, func(t *testing.T) {
			bad := rule.check(load(t, mapFS(rule.plant)))
			if !slices.ContainsFunc(bad, func(s string) bool { return strings.Contains(s, rule.want) }) {
				t.Errorf("complaints %q, none with %q", bad, rule.want)
			}
		})
	}
}

// TestNothingToCheck sees every rule fail when there is nothing to look at.
func TestNothingToCheck(t *testing.T) {
	for _, rule := range houseRules {
		if bad := rule.check(load(t, mapFS(nil))); len(bad) == 0 {
			t.Errorf("%s: an empty tree passes", rule.name)
		}
	}
}

// files makes a tree of paths and texts in turn.
func files(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func with(m map[string]string, path, text string) map[string]string {
	m = maps.Clone(m)
	m[path] = text
	return m
}

func without(m map[string]string, path string) map[string]string {
	m = maps.Clone(m)
	delete(m, path)
	return m
}

// goodComponent is a component's folder as it should be.
func goodComponent() map[string]string {
	dir := "processor/secretmaskprocessor/"
	return files(dir+"doc.go", "package p", dir+"config.go", "package p", dir+"factory.go", "package p",
		dir+"mask.go", "package p", dir+"mask_test.go", "package p", dir+"testdata/config.yaml", "secret_mask:\n",
		dir+"telemetry.go", "package p\nvar a = \"otelcol_one\"",
		dir+"README.md", "# x\n## What it does\na\n## Configuration\nb\n## Metrics\n| `otelcol_one` | x |\n## When it fails\nd\n")
}

func mapFS(m map[string]string) fs.FS {
	fsys := fstest.MapFS{}
	for p, text := range m {
		fsys[p] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// TestGoodComponent makes sure that the tree which plants start from is clean.
func TestGoodComponent(t *testing.T) {
	tr := load(t, mapFS(goodComponent()))
	for _, check := range []func(*tree) []string{checkFolders, checkReadmes, checkMetrics, checkExamples, checkNames} {
		if bad := check(tr); len(bad) > 0 {
			t.Errorf("complaints about a good component: %q", bad)
		}
	}
}
