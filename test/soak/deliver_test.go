//go:build e2e

package soak

import (
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// refuse notes what the backend will never take.
func (l *ledger) refuse(td ptrace.Traces) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range allSpans(td) {
		if known := l.spans[key{s.TraceID(), s.SpanID()}]; known != nil {
			known.refused = true
		}
	}
}

// deliver notes what came, and looks at each byte of it. What it returns notes
// that it was answered.
func (l *ledger) deliver(sender string, td ptrace.Traces) (answered func()) {
	now := time.Now()
	var noted []func()
	for _, rs := range td.ResourceSpans().All() {
		var item string
		var attempt int64
		if v, ok := rs.Resource().Attributes().Get("tracescrub.release.item"); ok {
			item = v.Str()
		}
		if v, ok := rs.Resource().Attributes().Get("tracescrub.release.attempt"); ok {
			attempt = v.Int()
		}
		l.searchResource(rs, item != "")
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				d := delivery{at: now, by: sender, item: item, attempt: attempt}
				noted = append(noted, l.note(s, d))
			}
		}
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, n := range noted {
			n()
		}
	}
}

// searchResource looks for secrets in what was not released as original.
func (l *ledger) searchResource(rs ptrace.ResourceSpans, released bool) {
	one := ptrace.NewTraces()
	rs.CopyTo(one.ResourceSpans().AppendEmpty())
	if released {
		one.ResourceSpans().At(0).ScopeSpans().RemoveIf(func(ss ptrace.ScopeSpans) bool {
			ss.Spans().RemoveIf(func(s ptrace.Span) bool { return l.decide(s.TraceID()) == releaseOriginal })
			return false
		})
	}
	body, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(one)
	if err != nil {
		l.complain("what came cannot be encoded: %v", err)
	}
	if l.leaks(body) {
		l.complain("a secret came to the backend, released %v", released)
	}
}

// note notes a span, and returns what notes that it was answered.
func (l *ledger) note(s ptrace.Span, d delivery) (answered func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := key{s.TraceID(), s.SpanID()}
	known := l.spans[k]
	if known == nil {
		l.wrong = append(l.wrong, "a span came that nobody sent: "+k.String())
		return func() {}
	}
	if why := differs(s, k, known.carries, l.decide(k.trace), d.item); why != "" {
		l.wrong = append(l.wrong, k.String()+": "+why)
	}
	known.came = append(known.came, d)
	i := len(known.came) - 1
	return func() { known.came[i].answered = true }
}

// differs says how a span is not what it should be.
func differs(s ptrace.Span, k key, carries string, f fate, item string) string {
	if v, _ := s.Attributes().Get("soak.text"); v.AsString() != text(k) {
		return "its text has changed"
	}
	for name, of := range map[string]string{"note": masked, "tool.result": critical} {
		v, ok := s.Attributes().Get(name)
		if ok != (carries == of) {
			return "attribute " + name + " came or went"
		}
		if ok && !strings.Contains(v.AsString(), "[MASKED:") && !(item != "" && f == releaseOriginal) {
			return "attribute " + name + " is not masked"
		}
	}
	switch {
	case carries == critical && item == "":
		return "it came without a release"
	case item != "" && f != releaseMasked && f != releaseOriginal:
		return "it was released, and should be " + string(f)
	}
	return ""
}

func allSpans(td ptrace.Traces) (all []ptrace.Span) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				all = append(all, s)
			}
		}
	}
	return all
}
