package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/tracescrub/tracescrub/benchmarks/peers/internal/vectorscan"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// detector is an engine that finds secrets in values.
type detector struct {
	name string
	slow bool // measured on fewer values
	// has says whether value i has a secret of the planted kinds. What else an
	// engine believes to have found is not counted, but of ours.
	has func(t *texts, i int) (bool, error)
	// batch, in place of has, adds to a subject what works on all values at once.
	batch func(s *subject, t *texts) error
}

// plantedRules are gitleaks' rules for what corpus.Plant plants.
var plantedRules = []string{"github-pat", "slack-bot-token"}

// allDetectors begins with ours.
func allDetectors(ctx context.Context) ([]*detector, error) {
	ours, err := newOurs()
	if err != nil {
		return nil, fmt.Errorf("tracescrub: %w", err)
	}
	leaks, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, fmt.Errorf("gitleaks: %w", err)
	}
	vs, err := newVectorscan(leaks)
	if err != nil {
		return nil, err
	}
	all := []*detector{ours, newGitleaks(leaks), vs}
	onData, err := processors(ctx)
	return append(all, onData...), err
}

// subject is the detector on texts; slow is how many a slow one gets of them.
// It is nil where that few do not hold secrets at the share they should.
func (d *detector) subject(t *texts, col string, slow int) (*subject, error) {
	s := &subject{table: peersTable, row: d.name, col: col}
	if len(t.planted) > 0 {
		s.table = plantedTable
	}
	if d.slow {
		var ok bool
		if t, ok = t.first(slow); !ok {
			return nil, nil
		}
	}
	s.bytes, s.values, s.want = float64(t.bytes()), len(t.values), len(t.planted)
	if d.batch != nil {
		return s, d.batch(s, t)
	}
	if d.has == nil {
		return s, nil
	}
	s.pass = func() (int, error) { return d.count(t) }
	return s, d.check(t)
}

// count is one pass.
func (d *detector) count(t *texts) (n int, err error) {
	for i := range t.values {
		has, err := d.has(t, i)
		if err != nil {
			return n, err
		}
		if has {
			n++
		}
	}
	return n, nil
}

// check is a pass that looks at each value: which have a secret, not how many.
func (d *detector) check(t *texts) error {
	var wrong int
	for i := range t.values {
		has, err := d.has(t, i)
		if err != nil {
			return err
		}
		if _, want := slices.BinarySearch(t.planted, i); has != want {
			wrong++
		}
	}
	if wrong > 0 {
		return fmt.Errorf("wrong about %d of %d values, %d of which have a secret", wrong, len(t.values), len(t.planted))
	}
	return nil
}

// newOurs is our engine. All that it finds counts.
func newOurs() (*detector, error) {
	e, err := builtin()
	if err != nil {
		return nil, err
	}
	found := make([]rules.Finding, 0, 64)
	return &detector{name: "tracescrub, built-in rules", has: func(t *texts, i int) (bool, error) {
		found = e.Scan(found[:0], t.values[i], rules.Context{})
		for _, f := range found {
			if f.Withheld != rules.None {
				return false, fmt.Errorf("a text was withheld: %s", f.Withheld)
			}
		}
		return len(found) > 0, nil
	}}, nil
}

func builtin() (*rules.Engine, error) {
	all, err := packs.Builtin()
	if err != nil {
		return nil, err
	}
	return rules.Compile(rules.Limits{}, all...)
}

// newGitleaks is gitleaks as a library, with what its default configuration
// has: no decoding.
func newGitleaks(leaks *detect.Detector) *detector {
	return &detector{name: "gitleaks, default rules", slow: true, has: func(t *texts, i int) (bool, error) {
		for _, f := range leaks.DetectString(t.strings[i]) {
			if slices.Contains(plantedRules, f.RuleID) {
				return true, nil
			}
		}
		return false, nil
	}}
}

// newVectorscan looks for gitleaks' regular expressions and says where matches
// end. Keywords, entropy, allow lists, where a match begins and what of it is
// the secret are left out: it is the least that a detector around it would do.
// (The flag for where matches begin makes it refuse a pattern as too large; one
// match of each pattern only, with HS_FLAG_SINGLEMATCH, is slower on long texts.)
func newVectorscan(leaks *detect.Detector) (*detector, error) {
	d := &detector{name: "Vectorscan, gitleaks' regexes, positions only"}
	var ids []string
	var patterns []string
	for id, r := range leaks.Config.Rules {
		if r.Regex != nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		patterns = append(patterns, leaks.Config.Rules[id].Regex.String())
	}
	db, has, err := vectorscan.Regexps(patterns)
	if errors.Is(err, vectorscan.ErrAbsent) {
		return d, nil
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "peers: Vectorscan has %d of gitleaks' %d regexes, %d of them as filters only\n",
		len(ids)-len(has.Refused), len(ids), len(has.Loose))
	planted := make([]bool, len(ids))
	for _, id := range plantedRules {
		i, ok := slices.BinarySearch(ids, id)
		if !ok || slices.Contains(has.Refused, i) {
			return nil, fmt.Errorf("no regular expression of rule %s", id)
		}
		planted[i] = true
	}
	var hits []vectorscan.Hit
	d.has = func(t *texts, i int) (bool, error) {
		var err error
		if hits, err = db.Scan(hits, t.values[i]); err != nil {
			return false, err
		}
		return slices.ContainsFunc(hits, func(h vectorscan.Hit) bool { return planted[h.Pattern] }), nil
	}
	return d, nil
}
