package scale

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Rates are those of docs/scale.md, in spans a second.
var Rates = []float64{1_000, 100_000, 10_000_000}

// ByRate is the table of what each rate takes.
func ByRate(a Assumed, c *Costs) string {
	var plans []Plan
	for _, r := range Rates {
		plans = append(plans, a.Plan(c, r))
	}
	var b strings.Builder
	head := []string{""}
	for _, p := range plans {
		head = append(head, short(p.Rate)+" spans/s")
	}
	row(&b, head...)
	row(&b, slices.Repeat([]string{"---"}, len(head))...)
	for _, r := range []struct {
		what string
		cell func(Plan) string
	}{
		{fmt.Sprintf("telemetry in (%.1f KB a span)", sizes[usualSize].bytes/1000), func(p Plan) string { return bytes(p.In) + "/s" }},
		{"**gateways**: cores", func(p Plan) string { return count(p.Cores) }},
		{fmt.Sprintf("gateways of %.0f cores, at least two", a.GatewayCores), func(p Plan) string { return count(p.Gateways) }},
		{"**held** items", func(p Plan) string { return rate(p.HeldRate) }},
		{"held bytes, sealed", func(p Plan) string { return bytes(p.HeldBytes*day) + " a day" }},
		{"items that wait if nobody decides", func(p Plan) string { return count(p.Waiting) }},
		{"**stores**, each with topics and gates of its own", func(p Plan) string { return count(p.Clusters) }},
		{"partitions of each topic", func(p Plan) string { return count(p.Partitions) }},
		{"Kafka's disks, all copies", func(p Plan) string { return bytes(p.Topics) }},
		{"**gates**: memory of one for its index", func(p Plan) string { return bytes(p.GateMemory) }},
		{"gates: building the index at a start", func(p Plan) string { return seconds(p.Start) }},
		{"**audit** entries", func(p Plan) string { return rate(p.Entries) }},
		{"audit logs", func(p Plan) string { return count(p.Logs) }},
		{"audit logs' disks", func(p Plan) string { return bytes(p.LogBytes) + " a day" }},
		{"**people** who decide item by item", func(p Plan) string { return count(p.People) }},
	} {
		cells := []string{r.what}
		for _, p := range plans {
			cells = append(cells, r.cell(p))
		}
		row(&b, cells...)
	}
	return b.String()
}

// BySize is the table of how many spans a core takes, by their size.
func BySize(a Assumed, c *Costs) string {
	var b strings.Builder
	row(&b, "attributes of a span", "spans/s of a core", "cores for 1,000 spans/s", "10,000", "100,000")
	row(&b, slices.Repeat([]string{"---"}, 5)...)
	for i, s := range sizes {
		cells := []string{s.row, count(math.Floor(a.Busy / c.Span[i]))}
		for _, r := range []float64{1e3, 1e4, 1e5} {
			cells = append(cells, fmt.Sprintf("%.*f", decimals(r*c.Span[i]/a.Busy), r*c.Span[i]/a.Busy))
		}
		row(&b, cells...)
	}
	return b.String()
}

// ByShare is the table of what the share of held traces means for people.
func ByShare(a Assumed, c *Costs) string {
	var b strings.Builder
	row(&b, "held, of all traces", "items a day", "people", "items that wait if nobody decides")
	row(&b, slices.Repeat([]string{"---"}, 4)...)
	for _, share := range []float64{0.01, 0.001, 0.0001, 0.00001} {
		a.Held = share
		p := a.Plan(c, Rates[1])
		row(&b, fmt.Sprintf("1 of %s", count(1/share)), count(p.HeldRate*day), count(p.People), count(p.Waiting))
	}
	return b.String()
}

// AssumedTable lists the assumptions.
func AssumedTable(a Assumed) string {
	var b strings.Builder
	row(&b, "assumed", "")
	row(&b, "---", "---")
	for _, r := range [][2]string{
		{"spans of a trace", count(a.SpansPerTrace)},
		{"traces with anything found", fmt.Sprintf("%g %%", 100*a.Found)},
		{"traces that are held", "1 of " + count(1/a.Held)},
		{"a held trace, sealed", bytes(a.ItemBytes)},
		{"of the processors, planned for", fmt.Sprintf("%g %%", 100*a.Busy)},
		{"until an item expires", fmt.Sprintf("%g days", a.Waiting/day)},
		{"copies in Kafka", count(a.Replicas)},
		{"planned for one partition", bytes(a.PartitionBytes) + "/s"},
		{"most items in one index", count(a.ItemsPerCluster)},
		{"a decision takes a person", fmt.Sprintf("%g s, %g hours a day", a.DecisionSeconds, a.WorkingSeconds/3600)},
	} {
		row(&b, r[0], r[1])
	}
	return b.String()
}

func row(b *strings.Builder, cells ...string) {
	if cells[len(cells)-1] == "---" {
		b.WriteString("|" + strings.Join(cells, "|") + "|\n")
		return
	}
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// decimals are few for large numbers.
func decimals(v float64) int {
	switch {
	case v < 1:
		return 2
	case v < 10:
		return 1
	}
	return 0
}

// three digits say as much as such a computation can.
func three(v float64) float64 {
	if v < 1000 {
		return v
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	return math.Round(v/unit) * unit
}

func count(v float64) string {
	if math.IsNaN(v) {
		return "NaN"
	}
	digits := fmt.Sprintf("%.0f", math.Ceil(three(v)-1e-9))
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func rate(perSecond float64) string {
	if perSecond < 1 {
		return count(perSecond*day) + " a day"
	}
	return count(perSecond) + "/s"
}

func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	}
	return fmt.Sprint(v)
}

func bytes(v float64) string {
	units := []string{"B", "KB", "MB", "GB", "TB", "PB"}
	i := 0
	for ; v >= 1000 && i < len(units)-1; i++ {
		v /= 1000
	}
	return fmt.Sprintf("%.*f %s", min(1, decimals(v)), v, units[i])
}

func seconds(v float64) string {
	if v < 0.1 {
		return "at once"
	}
	return fmt.Sprintf("%.*f s", min(1, decimals(v)), v)
}

// Put puts a table between its markers in a document.
func Put(document, name, table string) (string, error) {
	begin, end := "<!-- scale:"+name+", made by go run ./benchmarks/cmd/scale -->\n", "<!-- scale:end -->\n"
	i := strings.Index(document, begin)
	if i < 0 {
		return "", fmt.Errorf("no marker of %s", name)
	}
	i += len(begin)
	j := strings.Index(document[i:], end)
	if j < 0 {
		return "", errors.New("no marker of the end of " + name)
	}
	return document[:i] + "\n" + table + "\n" + document[i+j:], nil
}

// Documents are the tables that each document has, by the marker's name.
func Documents(a Assumed, c *Costs) map[string]map[string]string {
	return map[string]map[string]string{
		"docs/scale.md":  {"rates": ByRate(a, c), "assumed": AssumedTable(a), "people": ByShare(a, c)},
		"docs/deploy.md": {"sizes": BySize(a, c)},
	}
}
