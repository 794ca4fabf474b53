//go:build e2e

package packages

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// instrument is a metric, as its README (which internal/housetest holds
// against the code) or a running Collector describes it.
type instrument struct {
	kind   string // counter, gauge or histogram
	labels []string
	text   string // of the whole README: attribute values stand in it
}

var metricRow = regexp.MustCompile("(?m)^\\| `(otelcol_[a-z0-9_]+)` \\| [^|]*\\|([^|]*)\\|(.*)\\|$")

// documented are our own metrics.
func documented(t *testing.T) map[string]instrument {
	t.Helper()
	all := map[string]instrument{}
	for _, kind := range []string{"processor", "connector", "exporter", "receiver"} {
		files, err := filepath.Glob("../../" + kind + "/*/README.md")
		if err != nil || len(files) == 0 {
			t.Fatalf("no README of a %s: %v", kind, err)
		}
		for _, file := range files {
			text := string(read(t, file))
			for _, m := range metricRow.FindAllStringSubmatch(text, -1) {
				i := instrument{kind: "counter", text: text}
				for word := range strings.FieldsSeq(strings.NewReplacer("`", "", ",", "").Replace(m[2])) {
					i.labels = append(i.labels, word)
				}
				for _, k := range []string{"gauge", "histogram"} {
					if strings.HasPrefix(strings.TrimSpace(m[3]), k) {
						i.kind = k
					}
				}
				all[m[1]] = i
			}
		}
	}
	if len(all) < 40 {
		t.Fatalf("%d metrics in the READMEs, want all", len(all))
	}
	return all
}

// targetLabels are those that a scrape gives to everything.
var targetLabels = []string{"job", "instance"}

// judge lists what is wrong with an expression: metrics, labels and values of
// labels that do not exist, a rate of what is no counter.
func judge(expr string, known map[string]instrument) []string {
	ast, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return []string{err.Error()}
	}
	var bad []string
	wrong := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	selectors := 0
	parser.Inspect(ast, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		selectors++
		if s.Name == "up" {
			return nil
		}
		name, bucket := strings.CutSuffix(s.Name, "_bucket")
		in, ok := known[name]
		if !ok || bucket != (in.kind == "histogram") {
			wrong("there is no metric %s", s.Name)
			return nil
		}
		have := append(slices.Clone(targetLabels), in.labels...)
		if bucket {
			have = append(have, "le")
		}
		for _, m := range s.LabelMatchers {
			value := m.Value
			switch {
			case m.Name == nameLabel:
			case !slices.Contains(have, m.Name):
				wrong("%s has no label %s", name, m.Name)
			case slices.Contains(in.labels, m.Name) && !strings.Contains(in.text, "`"+value+"`"):
				wrong("%s: its README names no %s %q", name, m.Name, value)
			}
		}
		rated := false
		for _, above := range path {
			switch above := above.(type) {
			case *parser.Call:
				rated = rated || above.Func.Name == "rate" || above.Func.Name == "increase"
			case *parser.AggregateExpr:
				for _, label := range above.Grouping {
					if !slices.Contains(have, label) {
						wrong("%s has no label %s to group by", name, label)
					}
				}
			}
		}
		if rated != (in.kind != "gauge") {
			wrong("%s is a %s", name, in.kind)
		}
		return nil
	})
	if selectors == 0 {
		wrong("asks for nothing")
	}
	return bad
}

// alerts are the alert rules, by name.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	groups, errs := rulefmt.ParseFile("../../deploy/prometheus/tracescrub.rules.yaml", false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	all := map[string]rulefmt.Rule{}
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			if all[r.Alert].Expr != "" {
				t.Errorf("%s: twice", r.Alert)
			}
			all[r.Alert] = r
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s: severity %q", r.Alert, r.Labels["severity"])
			}
			if r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("%s: must say what it means and what to do", r.Alert)
			}
		}
	}
	return all
}

// nameLabel is what Prometheus keeps the name of a metric under.
const nameLabel = "__name__"

var alertRow = regexp.MustCompile("(?m)^\\| `(Tracescrub\\w+)` \\| (\\w+) \\| .+ \\|$")

// TestOperationsKnowsTheAlerts: who is woken finds the alert, with its severity, in docs/operations.md.
func TestOperationsKnowsTheAlerts(t *testing.T) {
	told := map[string]string{}
	for _, m := range alertRow.FindAllStringSubmatch(string(read(t, "../../docs/operations.md")), -1) {
		told[m[1]] = m[2]
	}
	for name, r := range alerts(t) {
		if severity := r.Labels["severity"]; told[name] != severity {
			t.Errorf("docs/operations.md has %s with severity %q, it is %q", name, told[name], severity)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("docs/operations.md tells of %s, which is no alert", name)
	}
}

// dashboard is what of Grafana's model is looked at.
type dashboard struct {
	UID    string
	Panels []struct {
		Type, Title string
		ID          int
		GridPos     struct{ H, W, X, Y int }
		Targets     []struct{ Expr string }
	}
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.+), *(\w+)\)$`)
	variable    = regexp.MustCompile(`\$\{?(\w+)`)
)

// dashboardExpressions are those of the panels, by title, and of the variables.
func dashboardExpressions(t *testing.T) map[string]string {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(read(t, "../../deploy/grafana/tracescrub.json"), &d); err != nil {
		t.Fatal(err)
	}
	variables := []string{"__rate_interval"}
	all := map[string]string{}
	for _, v := range d.Templating.List {
		variables = append(variables, v.Name)
		if m := labelValues.FindStringSubmatch(v.Definition); m != nil {
			all["variable "+v.Name] = "rate(" + m[1] + "[5m])" // of a counter
		}
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.GridPos.W == 0 {
			t.Errorf("panel %q: id or place is wrong", p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for i, target := range p.Targets {
			for _, m := range variable.FindAllStringSubmatch(target.Expr, -1) {
				if !slices.Contains(variables, m[1]) {
					t.Errorf("panel %q: there is no variable %s", p.Title, m[1])
				}
			}
			all[fmt.Sprintf("%s[%d]", p.Title, i)] = strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
		}
	}
	return all
}

// TestMetricsExist: every metric of ours that the dashboard shows or an alert
// asks for exists, with the labels and values that are asked for; those of the
// Collector itself are on the page of a running one.
func TestMetricsExist(t *testing.T) {
	known := documented(t)
	maps.Copy(known, exposed(t))
	rules, panels := map[string]string{}, dashboardExpressions(t)
	for name, r := range alerts(t) {
		rules[name] = r.Expr
	}
	if len(rules) < 20 || len(panels) < 30 {
		t.Fatalf("%d alerts and %d expressions of panels, want 20 and 30", len(rules), len(panels))
	}
	for _, all := range []map[string]string{rules, panels} {
		for name, expr := range all {
			for _, bad := range judge(expr, known) {
				t.Errorf("%s: %s", name, bad)
			}
		}
	}
}

// TestMetricsPlanted: the judge sees what is wrong.
func TestMetricsPlanted(t *testing.T) {
	known := map[string]instrument{
		"otelcol_a": {kind: "counter", labels: []string{"reason"}, text: "`full`"},
		"otelcol_g": {kind: "gauge"},
		"otelcol_h": {kind: "histogram"},
	}
	for _, tt := range []struct{ name, expr, want string }{
		{"all is well", `sum by (job, reason) (rate(otelcol_a{reason="full"}[5m])) > 0 or histogram_quantile(0.9, sum by (le) (rate(otelcol_h_bucket[5m]))) > otelcol_g`, ""},
		{"no such metric", "rate(otelcol_b[5m])", "no metric otelcol_b"},
		{"a suffix that we do not have", "rate(otelcol_a_total[5m])", "no metric otelcol_a_total"},
		{"a histogram without its suffix", "rate(otelcol_h[5m])", "no metric otelcol_h"},
		{"no such label", `rate(otelcol_a{cause="full"}[5m])`, "no label cause"},
		{"no such value", `rate(otelcol_a{reason="ful"}[5m])`, `names no reason "ful"`},
		{"grouped by what it has not", "sum by (cause) (rate(otelcol_a[5m]))", "no label cause"},
		{"rate of a gauge", "rate(otelcol_g[5m])", "is a gauge"},
		{"a counter as it is", "otelcol_a > 0", "is a counter"},
		{"not PromQL", "rate(otelcol_a[5m]", "unclosed"},
		{"nothing", "vector(1) > 0", "asks for nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bad := strings.Join(judge(tt.expr, known), "; ")
			if !strings.Contains(bad, tt.want) || (tt.want == "") != (bad == "") {
				t.Errorf("found %q, want %q", bad, tt.want)
			}
		})
	}
}
