//go:build e2e

package soak

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// What becomes of a span.
const (
	delivered   = "delivered"
	released    = "held and released"
	pending     = "held"
	denied      = "held and denied"
	refusedOnce = "refused for good by the backend"
	untaken     = "refused to the sender, until the end"
	underWay    = "approved, not released yet"
	lost        = "LOST"
)

// account is what became of all spans.
type account struct {
	of       map[string]int // spans by what became of them
	requests int
	again    int      // copies that came beside the first
	excused  int      // those that at-least-once allows
	wrong    []string // what must not be
}

// account says what became of each span. A copy needs an excuse: its sender
// had to send it again, the backend had not answered, who delivered it was
// killed before the next came, or the gate says that it is another attempt.
func (l *ledger) account(killed func(by string, from, to time.Time) bool) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := account{of: map[string]int{}, wrong: slices.Clone(l.wrong)}
	in := map[key][]*item{}
	for _, it := range l.items {
		for _, k := range it.keys {
			in[k] = append(in[k], it)
			if l.spans[k] == nil || k.trace != it.trace {
				a.wrong = append(a.wrong, fmt.Sprintf("item %s has a span that is not its own", it.id))
			} else if !l.held[k.trace] {
				a.wrong = append(a.wrong, fmt.Sprintf("span %s is held, and nothing is in its trace", k))
			}
		}
	}
	requests := map[*request]bool{}
	for k, s := range l.spans {
		requests[s.sent] = true
		what := l.became(k, s, in[k])
		if a.of[what]++; what == lost {
			a.wrong = append(a.wrong, fmt.Sprintf("span %s is lost: it carries %s, was taken by %s, %d attempts", k, s.carries, s.sent.via, s.sent.attempts))
		}
		for i := 1; i < len(s.came); i++ {
			a.again++
			if excused(s.sent, s.came[i-1], s.came[i], killed) {
				a.excused++
			} else {
				a.wrong = append(a.wrong, fmt.Sprintf("span %s came again, by %s and %s after %s", k, s.came[i-1].by, s.came[i].by, s.came[i].at.Sub(s.came[i-1].at)))
			}
		}
	}
	a.requests = len(requests)
	return a
}

func (l *ledger) became(k key, s *span, items []*item) string {
	switch {
	case len(s.came) > 0 && s.came[0].item != "":
		return released
	case len(s.came) > 0:
		return delivered
	}
	f := l.decide(k.trace)
	for _, it := range items {
		switch it.state {
		case "pending":
			return pending
		case "approved", "releasing":
			return underWay
		case "denied", "shredded", "forgotten":
			if f == deny {
				return denied
			}
		}
	}
	switch {
	case s.refused:
		return refusedOnce
	case !s.sent.taken:
		return untaken
	}
	return lost
}

func excused(r *request, before, after delivery, killed func(by string, from, to time.Time) bool) bool {
	return !before.answered || r.attempts > 1 || killed(before.by, before.at, after.at) ||
		before.item != "" && before.item == after.item && before.attempt != after.attempt
}

// done says whether nothing is to be waited for.
func (a account) done() bool { return a.of[lost]+a.of[underWay]+a.of[untaken] == 0 }

func (a account) String() string {
	total := 0
	for _, n := range a.of {
		total += n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d spans in %d requests:", total, a.requests)
	for _, what := range slices.Sorted(maps.Keys(a.of)) {
		fmt.Fprintf(&b, "\n  %8d %s", a.of[what], what)
	}
	fmt.Fprintf(&b, "\n  %8d copies came beside the first, %d of them excused", a.again, a.excused)
	return b.String()
}
