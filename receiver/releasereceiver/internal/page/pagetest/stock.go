package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api/apitest"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// show is an item of which a test, or a picture, shows something.
type show struct {
	service, severity, signal string
	votes                     int
	rules                     []string
	ago, left                 time.Duration
	owner                     string
	spans                     int
	size                      int64
	state                     gate.State
	voted                     []gate.Vote
	content                   func(it gate.Detail, at time.Time) any
}

// stock fills the gate: first plain items, then, newer, the ones that show something.
func stock(fake *apitest.Fake, now time.Time, more int) {
	services := []string{"checkout-agent", "support-bot", "code-reviewer", "payments-agent", "search-indexer"}
	plain := []show{
		{severity: "critical", votes: 2, rules: []string{"aws-access-key", "aws-secret-key"}},
		{severity: "high", votes: 1, rules: []string{"github-token"}},
		{severity: "medium", votes: 1, rules: []string{"jwt"}},
		{severity: "critical", votes: 2, rules: []string{"stripe-secret-key"}},
		{severity: "high", votes: 1, rules: []string{"password-in-url", "slack-token"}},
	}
	n := 0
	add := func(s show) {
		d := detail(n, s, now)
		fake.Add(d, s.owner, marshal(s.content(d, d.HeldAt)))
		n++
	}
	for i := range more {
		s := plain[i%len(plain)]
		s.service, s.signal, s.spans, s.size = services[i%len(services)], "traces", 3+i%5, int64(4096<<(i%3))
		s.ago, s.left = time.Duration(more-i)*17*time.Minute+3*time.Hour, 6*24*time.Hour
		s.content = agentTrace
		add(s)
	}
	for _, s := range shows(now) {
		add(s)
	}
}

// shows are the items that show something, the newest last.
func shows(now time.Time) []show {
	day := 24 * time.Hour
	return []show{
		{
			service: "ledger-agent", severity: "high", signal: "traces", votes: 1, rules: []string{"github-token"}, ago: 4 * day, left: 3 * day, spans: 4, size: 8192,
			state: gate.Released, content: agentTrace, voted: []gate.Vote{{By: "local carol", Decision: "approve", Mode: "masked", Reason: "Token of the sandbox, revoked.", At: now.Add(-3 * day)}},
		},
		{
			service: "mail-drafter", severity: "medium", signal: "traces", votes: 1, rules: []string{"jwt"}, ago: 5 * day, left: 2 * day, spans: 3, size: 4096,
			state: gate.Denied, content: agentTrace, voted: []gate.Vote{{By: "local carol", Decision: "deny", Reason: "Customer data beside the token.", At: now.Add(-4 * day)}},
		},
		{service: "metering", severity: "medium", signal: "metrics", votes: 1, rules: []string{"jwt"}, ago: 150 * time.Minute, left: 6 * day, size: 2048, content: metrics},
		{service: "codex-runner", severity: "high", signal: "logs", votes: 1, rules: []string{"github-token", "slack-token"}, ago: 140 * time.Minute, left: 6 * day, size: 4096, content: logs},
		{service: "research-agent", severity: "high", signal: "traces", votes: 1, rules: []string{"openai-key"}, ago: 130 * time.Minute, left: 6 * day, spans: 3, size: 8192, content: flatTrace},
		{service: "alices-own-agent", severity: "high", signal: "traces", votes: 1, rules: []string{"github-token"}, ago: 2 * time.Hour, left: 6 * day, spans: 4, size: 4096, owner: "alice", content: agentTrace},
		{service: hostileName, severity: "high", signal: "traces", votes: 1, rules: []string{"github-token"}, ago: 110 * time.Minute, left: 6 * day, spans: 6, size: 1 << 20, content: hostileTrace},
		{service: "nightly-batch", severity: "high", signal: "traces", votes: 1, rules: []string{"slack-token"}, ago: 7*day - 40*time.Minute, left: 40 * time.Minute, spans: 3, size: 4096, content: agentTrace},
		{service: "support-bot", severity: "high", signal: "traces", votes: 1, rules: []string{"github-token"}, ago: 55 * time.Minute, left: 7*day - 55*time.Minute, spans: 4, size: 4096, content: agentTrace},
		{service: "code-reviewer", severity: "medium", signal: "traces", votes: 1, rules: []string{"jwt", "password-in-url"}, ago: 31 * time.Minute, left: 7*day - 31*time.Minute, spans: 4, size: 8192, content: agentTrace},
		{
			service: "checkout-agent", severity: "critical", signal: "traces", votes: 2, rules: []string{"aws-access-key", "aws-secret-key", "stripe-secret-key", "postgres-uri"}, ago: 12 * time.Minute, left: 7*day - 12*time.Minute,
			spans: 6, size: 16384, content: agentTrace, voted: []gate.Vote{{By: "local carol", Decision: "approve", Mode: "masked", Reason: "Keys of the staging account; rotated this morning.", At: now.Add(-4 * time.Minute)}},
		},
	}
}

func detail(n int, s show, now time.Time) gate.Detail {
	at := now.Add(-s.ago)
	d := gate.Detail{Item: gate.Item{
		ID: apitest.ID(100 + n), State: gate.Pending, Version: 1, Signal: s.signal, TraceID: apitest.TraceID(100 + n),
		Service: s.service, Severity: s.severity, Rules: s.rules, Secrets: len(s.rules), Spans: s.spans, Bytes: s.size,
		HeldAt: at, ExpiresAt: now.Add(s.left), RequiredVotes: s.votes, Policy: "5b1c7e9a", Votes: s.voted,
	}}
	d.History = []gate.Change{{At: at, Event: "held", Version: 1}}
	for _, v := range s.voted {
		d.Version++
		d.History = append(d.History, gate.Change{At: v.At, Event: v.Decision, By: v.By, Reason: v.Reason, Version: d.Version})
	}
	if s.state != "" {
		d.State = s.state
		d.Version++
		d.History = append(d.History, gate.Change{At: s.voted[0].At.Add(2 * time.Second), Event: string(s.state), Version: d.Version})
	}
	fields := []string{`span.attributes["gen_ai.input.messages"][2].parts[0].response`, `span.attributes["gen_ai.tool.call.result"]`, `span.attributes["gen_ai.output.messages"][0].parts[0].content`}
	for i, rule := range s.rules {
		for j, field := range fields[:1+(i+1)%len(fields)] {
			severity := s.severity
			if i > 1 && j >= 0 {
				severity = "high"
			}
			d.FindingList = append(d.FindingList, gate.Finding{Rule: rule, Severity: severity, Field: field, Fingerprint: fingerprint(n, i), Length: 20 + 9*i})
		}
	}
	d.Findings = len(d.FindingList)
	return d
}

func fingerprint(n, i int) string { return apitest.ID(1000*n + 7000 + i)[:8] }

// masks returns the mask of each secret of an item, by rule.
func masks(d gate.Detail) map[string]string {
	m := map[string]string{}
	for _, f := range d.FindingList {
		m[f.Rule] = fmt.Sprintf("[MASKED:%s:%s]", f.Rule, f.Fingerprint)
	}
	return m
}

// environment is what a careless tool printed, masked.
func environment(d gate.Detail) string {
	lines := []string{"LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin"}
	m := masks(d)
	for _, rule := range slices.Sorted(slices.Values(d.Rules)) {
		lines = append(lines, strings.ToUpper(strings.ReplaceAll(rule, "-", "_"))+"="+m[rule])
	}
	return strings.Join(lines, "\n")
}
