package evidence

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// visible writes what steers a terminal or hides as its code, in JSON.
func visible(doc []byte) []byte { return screen.JSON(doc) }

// cell is a text in a table: nothing in it is hidden, and no program for
// tables takes it for a formula.
func cell(s string) string {
	s = screen.Plain(s, false)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func table(rows [][]string) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll(rows) // a buffer takes everything
	return b.Bytes()
}

func at(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000Z") }

func person(p *facts.Person) (commitment, subject string) {
	if p == nil {
		return "", ""
	}
	return cell(p.Commitment), cell(p.Subject)
}

// decisionsCSV has a row for each decision.
func decisionsCSV(r *facts.Report) []byte {
	rows := [][]string{{
		"seq", "decided_at", "decision", "mode", "item", "trace_id", "signal", "service", "severity", "rules", "findings", "secrets", "policy",
		"held_at", "seconds_to_decide", "required_votes", "approvals", "quorum_met", "decided_by", "voters", "voter_subjects", "producer",
		"released_at", "shredded_at", "receipt",
	}}
	for i := range r.Decisions {
		d := &r.Decisions[i]
		row := []string{
			fmt.Sprint(d.Seq), at(d.At), d.Kind, cell(d.Mode), cell(d.Item), d.Trace, cell(d.Signal), cell(d.Service), cell(d.Severity),
			cell(strings.Join(d.Rules, " ")), fmt.Sprint(d.Findings), fmt.Sprint(d.Secrets), cell(d.Policy),
		}
		held, took, required, approvals, met := "", "", "", "", ""
		if d.Held != nil {
			held, took = at(*d.Held), fmt.Sprint(*d.Seconds)
		}
		if d.Kind == "approved" {
			required, approvals, met = fmt.Sprint(d.Required), fmt.Sprint(d.Approvals), strconv.FormatBool(d.Met)
		}
		by, _ := person(d.Who)
		producer, _ := person(d.Producer)
		var voters, names []string
		for _, v := range d.Votes {
			c, s := person(v.Who)
			voters = append(voters, c)
			if s != "" {
				names = append(names, s)
			}
		}
		row = append(row, held, took, required, approvals, met, by, strings.Join(voters, " "), cell(strings.Join(names, "; ")), producer,
			later(d, "released"), later(d, "shredded"), receiptName(d.Seq, d.Kind))
		rows = append(rows, row)
	}
	return table(rows)
}

// later is when something happened to an item after a decision.
func later(d *facts.Decision, kind string) string {
	for _, s := range d.Steps {
		if s.Kind == kind && s.Seq > d.Seq {
			return at(s.At)
		}
	}
	return ""
}

// countsCSV has a row for each name and day, and one for each name alone.
func countsCSV(r *facts.Report) []byte {
	rows := [][]string{{"dimension", "name", "day", "events", "findings"}}
	for _, d := range []struct {
		name string
		list []facts.Count
	}{{"kind", r.Kinds}, {"rule", r.Rules}, {"service", r.Services}, {"severity", r.Severities}, {"teller", r.Tellers}} {
		for _, c := range d.list {
			rows = append(rows, []string{d.name, cell(c.Name), "", fmt.Sprint(c.Events), fmt.Sprint(c.Findings)})
			for _, day := range slices.Sorted(maps.Keys(c.Days)) {
				rows = append(rows, []string{d.name, cell(c.Name), day, fmt.Sprint(c.Days[day]), ""})
			}
		}
	}
	return table(rows)
}

// subjects writes the lines of the side table that open the commitments of the
// report: of the period, and of what happened to its items before.
func (b *bundle) subjects(r *facts.Report, seen map[string]bool) error {
	for i := range r.Decisions {
		for _, s := range r.Decisions[i].Steps {
			for _, p := range []*facts.Person{s.Who, s.Reason, r.Decisions[i].Producer} {
				if p != nil {
					seen[p.Commitment] = true
				}
			}
		}
	}
	t, err := subjects.Load(b.o.Directory, nil)
	if err != nil {
		return err
	}
	out, err := t.Keep(func(c string) bool { return seen[c] }).Lines()
	if err != nil {
		return err
	}
	return b.file(files.Subjects, out)
}
