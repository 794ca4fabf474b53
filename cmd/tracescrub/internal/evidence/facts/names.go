package facts

import (
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// names knows who commitments stand for.
type names struct {
	of   map[string]subjects.Row
	show bool
}

func newNames(t *subjects.Table, show bool) *names {
	n := &names{of: map[string]subjects.Row{}, show: show}
	for _, r := range t.Rows() {
		n.of[r.Commitment] = r
	}
	return n
}

// person is who or what a commitment stands for; nil if it is empty. What is
// no commitment is no person: it may be anything that somebody sent.
func (n *names) person(commitment string) *Person {
	if commitment == "" {
		return nil
	}
	if subjects.Commitment.FindString(commitment) != commitment {
		return &Person{Commitment: "(no commitment)"}
	}
	p := &Person{Commitment: commitment}
	r, ok := n.of[commitment]
	p.Erased = !ok
	if n.show {
		p.Subject = r.Value
	}
	return p
}

// sender says whether a person is who sent the telemetry, by the keyed hash in
// its stamp; known is false if that cannot be told. The gate tries further
// names of a person, which are not in the log.
func (n *names) sender(key []byte, person, producer string) (same, known bool) {
	who, ok := n.of[person]
	sent, ok2 := n.of[producer]
	if len(key) == 0 || !ok || !ok2 {
		return false, false
	}
	_, subject, _ := strings.Cut(who.Value, " ")
	return slices.ContainsFunc([]string{who.Value, subject}, func(name string) bool {
		return name != "" && verdict.Commit(key, name) == sent.Value
	}), true
}
