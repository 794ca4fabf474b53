package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules/classify"
)

// Step is one answer of Explain. It holds no text of what was scanned.
type Step struct {
	// Rule is the id of the rule; empty where the name of a credential was
	// looked for and none was found.
	Rule    string
	Outcome Outcome
	// Start and End are byte offsets into the text: of the secret where there
	// is one, else of the place that was looked at.
	Start, End int
	// Why says on what grounds, in words and figures.
	Why string
}

// Outcome is what became of a candidate.
type Outcome uint8

const (
	// Found is a finding of Scan.
	Found Outcome = iota
	// Covered was accepted, but another finding stands for the same bytes.
	Covered
	// Allowed was accepted, and an allow-list took it back.
	Allowed
	// Rejected is no secret.
	Rejected
	// Absent: the rule has no candidate in the text.
	Absent
)

// String returns the outcome in one word.
func (o Outcome) String() string {
	return [...]string{"found", "covered", "allowed", "rejected", "absent"}[o]
}

// maxSteps bounds the memory of an explanation.
const maxSteps = 10_000

// trace is what a scan says about itself when it is asked to.
type trace struct {
	steps []Step
}

// Explain scans text as Scan does, by the same code, and says of every
// candidate what became of it; rule, if not empty, is the only one that is
// told about. It is an error if there is no such rule.
func (e *Engine) Explain(text []byte, ctx Context, rule string) ([]Step, error) {
	if rule != "" && !e.ids[rule] {
		return nil, fmt.Errorf("there is no rule %q", rule)
	}
	s := newScanner(e) // not of the pool: a trace must not go on
	s.trace, s.thorough = &trace{}, true
	var err error
	if s.filter, err = e.wide(); err != nil {
		return nil, err
	}
	var found []Finding
	if len(text) > e.limits.Size {
		found = e.Scan(nil, text, ctx)
	} else {
		found = s.scan(nil, text, ctx)
	}
	steps := e.settle(s.trace.steps, found)
	steps = slices.DeleteFunc(steps, func(st Step) bool {
		return rule != "" && st.Rule != rule && (st.Rule != "" || !e.isName(rule))
	})
	slices.SortStableFunc(steps, func(a, b Step) int {
		if a.Start != b.Start {
			return a.Start - b.Start
		}
		return int(a.Outcome) - int(b.Outcome)
	})
	steps = slices.Compact(steps)
	if rule != "" && !slices.ContainsFunc(steps, func(st Step) bool { return st.Rule == rule }) {
		steps = append(steps, Step{Rule: rule, Outcome: Absent, Why: e.absent(rule)})
	}
	return steps, nil
}

// settle says of what the rules accepted whether it is a finding: that is
// known only when all of them have been heard.
func (e *Engine) settle(steps []Step, found []Finding) []Step {
	id := func(f *Finding) string {
		if f.Withheld != None {
			return ""
		}
		return e.infos[f.Rule].ID
	}
	for i := range steps {
		st := &steps[i]
		if st.Outcome != Found {
			continue
		}
		st.Outcome, st.Why = Covered, st.Why+"; but it does not lie within one string of its document"
		for k := range found {
			f := &found[k]
			if f.Start < st.End && f.End > st.Start && !(id(f) == st.Rule && f.Start <= st.Start && f.End >= st.End) {
				st.Why = fmt.Sprintf("%s; but bytes %d to %d go by %s", strings.TrimSuffix(st.Why, "; but it does not lie within one string of its document"), f.Start, f.End, id(f))
			}
		}
	}
	for k := range found {
		f := &found[k]
		steps = slices.DeleteFunc(steps, func(st Step) bool {
			return st.Outcome == Covered && st.Rule == id(f) && f.Start <= st.Start && f.End >= st.End
		})
		steps = append(steps, Step{Rule: id(f), Outcome: Found, Start: f.Start, End: f.End, Why: grounds(f)})
	}
	return steps
}

// grounds are the evidence of a finding.
func grounds(f *Finding) string {
	if f.Withheld != None {
		return "it could not be scanned: " + f.Withheld.String()
	}
	why := []string{"severity " + f.Severity.String()}
	for _, e := range []struct {
		flag Evidence
		text string
	}{
		{ChecksumPassed, "its checksum passes"},
		{ChecksumFailed, "its checksum fails, which lowers the severity"},
		{DocExample, "it is an example of public documentation"},
		{ByKey, "it stands under the name of a credential"},
		{Decoded, "it stands in an encoding, which is masked as a whole where it has to be"},
		{Bare, "it is a number"},
		{Truncated, "the text ends within it"},
	} {
		if f.Evidence&e.flag != 0 {
			why = append(why, e.text)
		}
	}
	return strings.Join(why, "; ")
}

// isName says that a rule goes by names.
func (e *Engine) isName(id string) bool {
	return slices.ContainsFunc(e.names, func(n name) bool { return e.infos[n.rule].ID == id })
}

// absent says why a rule has no candidate at all.
func (e *Engine) absent(id string) string {
	if e.isName(id) {
		return "no name of this rule stands in the text or is its key"
	}
	if i := slices.IndexFunc(e.infos, func(info Info) bool { return info.ID == id }); e.known.has(uint32(i)) {
		return "no value of the dictionary stands in the text"
	}
	var anchors []string
	for lit, targets := range e.targets {
		for _, t := range targets {
			if t.kind == patternTarget && e.infos[t.rule].ID == id {
				anchors = append(anchors, fmt.Sprintf("%q", e.lits[lit]))
			}
		}
	}
	slices.Sort(anchors)
	if n := len(anchors); n > 6 {
		anchors = append(anchors[:6], fmt.Sprintf("or one of %d more", n-6))
	}
	return "no anchor of this rule stands in the text: " + strings.Join(anchors, ", ")
}

// The reasons of accept and its neighbours. Those with %g get two figures.
const (
	whyBorder   = "a letter, digit or underscore stands right before it, so no token begins here"
	whyCase     = "the anchor stands here in another case"
	whyPattern  = "an anchor stands here, but the pattern fits only up to the end of this range"
	whyLength   = "it is longer than the pattern allows, and the length is the evidence"
	whyEmpty    = "the part that would be the secret is empty"
	whyKeyword  = "none of the rule's keywords stands within %g bytes before it or in the key"
	whyMask     = "it is a mask of ours, or lies within one"
	whyBlob     = "it stands in the middle of a long run of base64"
	whyFiller   = "it is a placeholder, or nothing that is ever a secret here"
	whyCredible = "what stands here is no credible value for these words: a word, a reference or code"
	whyChecksum = "its checksum fails, and the rule requires it"
	whyEntropy  = "its entropy is %.2f bits per byte, and at least %.2f are needed"
	whyName     = "the words here are no name of a credential, or another word makes them something else"
	whyUnset    = "a name of a credential may stand here, but no value that could be read is assigned to it"
)

// reject records why a rule's candidate text[a:b] is no secret. It returns 0, as accept does.
func (s *scanner) reject(rule uint32, a, b int, why string, got, want float64) int {
	if s.trace != nil {
		s.trace.add(s.e.infos[rule].ID, Rejected, a, b, figures(why, got, want))
	}
	return 0
}

func figures(why string, got, want float64) string {
	switch strings.Count(why, "%") {
	case 1:
		return fmt.Sprintf(why, got)
	case 2:
		return fmt.Sprintf(why, got, want)
	}
	return why
}

// rejectName records that the words text[start:end] led to nothing.
func (s *scanner) rejectName(start, end int, why string) {
	if s.trace != nil {
		s.trace.add("", Rejected, start, end, why)
	}
}

// rejectValue records why the value of a name is no secret.
func (s *scanner) rejectValue(n int, text []byte, v value) {
	if s.trace == nil {
		return
	}
	nm := &s.e.names[n]
	why := whyMask
	if v.start >= v.end {
		why = whyEmpty
	} else if secret := text[v.start:v.end]; !s.e.inMask(text, v.start, v.end) && !s.e.masked(secret) && s.e.maskLen(secret) == 0 {
		why = s.e.doubt(nm, text, v)
	}
	s.trace.add(s.e.infos[nm.rule].ID, Rejected, v.start, max(v.start, v.end), why)
}

// doubt says in words what accepts has decided about a value.
func (e *Engine) doubt(n *name, text []byte, v value) string {
	b := text[v.start:v.end]
	switch {
	case len(b) < n.min:
		return fmt.Sprintf("the value has %d bytes, at least %d are needed", len(b), n.min)
	case placeholder(b):
		return "the value is a placeholder"
	case reference(b):
		return "the value is a reference to where a secret is kept"
	case stopWord(b):
		return "the value is a word that is a type, a state or a name"
	case prose(b):
		return "the value is a sentence"
	case codeLike(b):
		return "the value is an expression of a program"
	case urlLike(b):
		return "the value is a URL"
	case n.kind == tokenValue && len(b) < minToken:
		return fmt.Sprintf("the value has %d bytes, a token by name alone has at least %d", len(b), minToken)
	}
	q := classify.Password
	if n.kind == tokenValue || n.kind == anyValue {
		q = classify.Token
	}
	at := about(text, v)
	return fmt.Sprintf("the classifier of generic values gives it %d points, and %d are needed; most against it: %s", e.model.Score(q, b, at), e.threshold, against(e.model.Explain(q, b, at)))
}

// against names the three features that speak most against a value.
func against(parts []classify.Part) string {
	slices.SortStableFunc(parts, func(a, b classify.Part) int { return a.Weight - b.Weight })
	var names []string
	for _, p := range parts[:3] {
		names = append(names, fmt.Sprintf("%s (%d)", p.Feature, p.Weight))
	}
	return strings.Join(names, ", ")
}

// add appends a step.
func (t *trace) add(rule string, o Outcome, start, end int, why string) {
	if len(t.steps) < maxSteps {
		t.steps = append(t.steps, Step{rule, o, start, max(start, end), why})
	}
}

// mark is the number of steps, for move and cut.
func (t *trace) mark() int {
	if t == nil {
		return 0
	}
	return len(t.steps)
}

// move changes the offsets of the steps since mark from those of a decoded
// text to those of its source.
func (t *trace) move(mark int, source func(start, end int) (int, int)) {
	for i := mark; i < len(t.steps); i++ {
		st := &t.steps[i]
		st.Start, st.End = source(st.Start, st.End)
	}
}

// cut forgets the steps since mark: the text was read in a way that proved wrong.
func (t *trace) cut(mark int) {
	if t != nil {
		t.steps = t.steps[:mark]
	}
}
