package corpus

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

const page = "../../docs/detection-scenarios.md"

var update = flag.Bool("update", false, "write "+page)

// tableRow is one row of the page: the occurrences of a kind of secret in one
// place and form, over the fills of all seeds.
type tableRow struct {
	scenario, about, where, form, kind, difficulty string
	planted, leaked                                int
}

func (r tableRow) cells() string {
	if r.kind == "" {
		return fmt.Sprintf("| %s | %s | | | no secret | | 0 | 0 | 0 |", r.scenario, r.about)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %d | %d | %d |", r.scenario, r.about, r.where, r.form,
		strings.ReplaceAll(r.kind, "_", " "), r.difficulty, r.planted, r.planted-r.leaked, r.leaked)
}

// tally masks every scenario with every seed and counts what is left.
func tally(loaded *corpus.Corpus, mask masker) ([]tableRow, error) {
	rows := map[string]*tableRow{}
	for _, seed := range seeds {
		cases, err := loaded.Fill(seed)
		if err != nil {
			return nil, err
		}
		for _, c := range cases {
			if !strings.HasPrefix(c.Scenario, "S") {
				continue
			}
			masked, err := mask(c, c.Payload)
			if err != nil {
				return nil, fmt.Errorf("masking %s: %w", c.Name, err)
			}
			if len(c.Secrets) == 0 {
				rows[c.Scenario] = &tableRow{scenario: c.Scenario, about: c.About}
			}
			for _, r := range c.Rows {
				rowOf(rows, c, r).planted++
			}
			for _, r := range corpus.Score(c, masked).Leaks {
				rowOf(rows, c, r).leaked++
			}
		}
	}
	var out []tableRow
	last := ""
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		r := *rows[k]
		if r.scenario == last {
			r.about = ""
		}
		last = r.scenario
		out = append(out, r)
	}
	return out, nil
}

// rowOf is the row that an occurrence belongs to.
func rowOf(rows map[string]*tableRow, c corpus.Case, r corpus.Row) *tableRow {
	kind := c.Secrets[slices.IndexFunc(c.Secrets, func(s corpus.Secret) bool { return s.ID == r.Secret })].Kind
	where := strings.ReplaceAll(r.Place, "_", " ")
	if r.Key != "" {
		where = "`" + r.Key + "` (" + where + ")"
	}
	key := strings.Join([]string{c.Scenario, where, r.Form, kind, r.Difficulty}, "\x00")
	if rows[key] == nil {
		rows[key] = &tableRow{scenario: c.Scenario, about: c.About, where: where, form: r.Form, kind: kind, difficulty: r.Difficulty}
	}
	return rows[key]
}

func render(rows []tableRow) string {
	var b strings.Builder
	planted, leaked := 0, 0
	for _, r := range rows {
		planted, leaked = planted+r.planted, leaked+r.leaked
	}
	fmt.Fprintf(&b, `# Scenarios

What becomes of a secret in every place and form that we know agents to write.
Each scenario is a file of [testdata/corpus](../testdata/corpus), filled with
fresh secrets %d times and masked by the processor with its default configuration.
A secret counts as leaked if it can be read at its place after any decoding, a
broken one if any of its pieces can.

The command that made this page:

    go test ./test/corpus -run TestScenarioPage -update

%d occurrences, %d found, %d leaked. Forms are written from the outside in:
"json>b64" is base64 in JSON in a string; "cut" is a piece of a secret.

| scenario | what | where | form | kind | difficulty | planted | found | leaked |
|---|---|---|---|---|---|---:|---:|---:|
`, len(seeds), planted, planted-leaked, leaked)
	for _, r := range rows {
		b.WriteString(r.cells() + "\n")
	}
	return b.String()
}

var figures = regexp.MustCompile(`(?m) \d+ \| \d+ \|$|^\d+ occurrences, \d+ found, \d+ leaked\.`)

// structure is a page without what a better engine changes.
func structure(md string) string { return figures.ReplaceAllString(md, "") }

var rowRE = regexp.MustCompile(`(?m)^\| (S\d\d) \|.*\| (\d+) \| (\d+) \| (\d+) \|$`)

// wrongSums lists the rows of a page whose found and leaked are not what was
// planted, and the scenarios that it does not have.
func wrongSums(md string) (bad []string) {
	have := map[string]bool{}
	for _, m := range rowRE.FindAllStringSubmatch(md, -1) {
		have[m[1]] = true
		planted, _ := strconv.Atoi(m[2])
		found, _ := strconv.Atoi(m[3])
		leaked, _ := strconv.Atoi(m[4])
		if found+leaked != planted {
			bad = append(bad, fmt.Sprintf("%s: %d found and %d leaked of %d", m[1], found, leaked, planted))
		}
	}
	for i := 1; i <= 99; i++ {
		if name := fmt.Sprintf("S%02d", i); !have[name] {
			bad = append(bad, name+" is missing")
		}
	}
	return bad
}

// The page has every scenario and every place of it; its figures are those of
// the day it was made.
func TestScenarioPage(t *testing.T) {
	rows, err := tally(load(t), secretMask(t))
	if err != nil {
		t.Fatal(err)
	}
	want := render(rows)
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil { //nolint:gosec // a page for everybody
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if structure(string(got)) != structure(want) {
		t.Errorf("%s is of another corpus: go test ./test/corpus -run TestScenarioPage -update", page)
	}
	for _, b := range wrongSums(string(got)) {
		t.Error(b)
	}
}

func TestPageCheckFindsFaults(t *testing.T) {
	md, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(md)
	lines := rowRE.FindAllString(whole, -1)
	if len(lines) < 150 {
		t.Fatalf("%d rows in the page", len(lines))
	}
	if bad := wrongSums(strings.Replace(whole, lines[0], "| S01 | x | | | | | 3 | 1 | 1 |", 1)); len(bad) != 1 {
		t.Errorf("a wrong sum gives %q", bad)
	}
	var s98 []string
	for _, l := range lines {
		if !strings.HasPrefix(l, "| S98 ") {
			s98 = append(s98, l)
		}
	}
	if bad := wrongSums(strings.Join(s98, "\n")); len(bad) != 1 {
		t.Errorf("a missing scenario gives %q", bad)
	}
	if structure(strings.Replace(whole, lines[9]+"\n", "", 1)) == structure(whole) {
		t.Error("the structure does not see a missing row")
	}
	if better := regexp.MustCompile(`\| \d+ \| \d+ \|\n`).ReplaceAllString(whole, "| 7 | 0 |\n"); structure(better) != structure(whole) {
		t.Error("a better engine changes the structure")
	}
}
