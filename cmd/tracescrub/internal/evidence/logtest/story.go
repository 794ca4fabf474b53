package logtest

import (
	"fmt"
	"strings"
	"time"
)

// Start is when the story begins.
var Start = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)

// Hostile is a service that wants to be markup, a formula and an escape.
const Hostile = "=cmd|'</script><script>alert(1)</script>\x1b[31m\u202eevil"

// People of the story.
const (
	Alice = "https://id.example.com alice"
	Bob   = "https://id.example.com bob"
	Carol = "https://id.example.com carol"
)

// Item is the id of the nth item.
func Item(n int) string { return fmt.Sprintf("%032x", 0xabc0000+n) }

// about is what events say of an item.
func about(n int, service, severity string, rules ...string) map[string]any {
	list := []any{}
	for _, r := range rules {
		list = append(list, r)
	}
	return map[string]any{
		"tracescrub.item.id": Item(n), "tracescrub.signal": "traces", "tracescrub.service": service, "tracescrub.severity": severity,
		"tracescrub.rules": list, "tracescrub.finding_count": int64(len(rules) + n%3), "tracescrub.secret_count": int64(len(rules)),
		"tracescrub.unit_count": int64(4), "tracescrub.policy": "p1", "tracescrub.producer": "producer of " + service,
	}
}

func with(m map[string]any, more ...any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		name, _ := more[i].(string)
		out[name] = more[i+1]
	}
	return out
}

// Story tells of so many days, from Start on: masked batches, a held item a day
// that is approved, denied or expires; one approval too few on the fourth day; a stop, a
// crash, a silence; another policy, key and configuration; an erasure.
func Story(days int) *Log {
	l := New()
	at := func(day int, clock string) time.Time {
		d, err := time.Parse("15:04", clock)
		check(err)
		return Start.AddDate(0, 0, day).Add(time.Duration(d.Hour())*time.Hour + time.Duration(d.Minute())*time.Minute)
	}
	l.Add(at(0, "00:00"), "log.opened", map[string]any{"version": int64(1), "origin": Origin, "key": l.Public})
	l.Add(at(0, "00:00"), "started", map[string]any{"tracescrub.config.hash": strings.Repeat("1", 32), "tracescrub.policy": "v1"})
	for day := range days {
		for hour := range 24 {
			l.hour(at(day, fmt.Sprintf("%02d:00", hour)), day, hour)
		}
	}
	l.Erase(Start.AddDate(0, 0, days), Carol)
	l.Add(Start.AddDate(0, 0, days), "log.closed", nil)
	return l
}

// hour has a heartbeat every four minutes, save where the story says otherwise.
func (l *Log) hour(at time.Time, day, hour int) {
	if day%9 == 5 && hour == 3 {
		return // nothing was written, and nobody knows why
	}
	switch {
	case day%9 == 6 && hour == 4:
		l.Add(at, "log.closed", nil)
		return
	case day%9 == 6 && hour == 5:
		l.Add(at, "log.opened", map[string]any{"version": int64(1), "origin": Origin, "key": l.Public})
		l.Add(at, "started", map[string]any{"tracescrub.config.hash": strings.Repeat("2", 32), "tracescrub.policy": "v2"})
		l.Add(at, "policy.changed", map[string]any{"tracescrub.policy": "v2"})
		l.Add(at, "key.rotated", map[string]any{"tracescrub.key.id": "key-2"})
	case day%9 == 7 && hour == 12:
		l.Add(at, "gap", map[string]any{"reason": "not_closed", "since": at.Add(-4 * time.Minute).Format("2006-01-02T15:04:05.000000000Z")})
	}
	for minute := 0; minute < 60; minute += 4 {
		l.Add(at.Add(time.Duration(minute)*time.Minute), "heartbeat", nil)
		if minute == 8 && hour%3 == day%3 {
			l.telemetry(at.Add(9*time.Minute), day, hour)
		}
		if minute == 20 && hour == 9 {
			l.decide(at.Add(21*time.Minute), day)
		}
	}
}

func (l *Log) telemetry(at time.Time, day, hour int) {
	services := []string{"shop", "agent-runner", "billing", Hostile}
	rules := []string{"github-token", "aws-access-key", "named-password", "jwt"}
	l.Add(at, "masked", about(1000+day*24+hour, services[(day+hour)%4], "high", rules[hour%4], rules[day%4]))
	if hour == 5 && day%10 == 4 {
		l.Add(at, "passed", about(5000+day, "shop", "low", "email"))
	}
	if hour < 3 {
		l.Add(at, "held", about(day, services[day%4], "critical", "pem-private-key"))
	}
}

// decide is what people do about the item of the day.
func (l *Log) decide(at time.Time, day int) {
	services := []string{"shop", "agent-runner", "billing", Hostile}
	item := about(day, services[day%4], "critical", "pem-private-key")
	vote := func(after time.Duration, who, decision, why string) {
		l.Add(at.Add(after), "voted", with(item, "user.id", who, "tracescrub.via", "page", "tracescrub.decision", decision,
			"tracescrub.reason", why, "tracescrub.release.mode", "masked", "tracescrub.required_votes", int64(2)))
	}
	listed := func(decision string, who ...string) []any {
		list := []any{}
		for _, w := range who {
			list = append(list, map[string]any{"user.id": w, "decision": decision, "mode": "masked"})
		}
		return list
	}
	approved := func(votes []any) {
		l.Add(at.Add(90*time.Second), "approved", with(item, "tracescrub.votes", votes, "tracescrub.required_votes", int64(2), "tracescrub.release.mode", "masked"))
		for i, kind := range []string{"releasing", "released", "shredded"} {
			l.Add(at.Add(time.Duration(91+i)*time.Second), kind, with(item, "tracescrub.release.mode", "masked"))
		}
	}
	if day%5 != 2 { // the one that expires is never looked at
		l.Add(at, "viewed", with(item, "user.id", Alice, "tracescrub.via", "page"))
		vote(30*time.Second, Alice, "approve", "a key of the test environment, see ticket "+fmt.Sprint(day))
	}
	switch day % 5 {
	case 0, 4:
		vote(60*time.Second, Bob, "approve", "looked at it as well")
		approved(listed("approve", Alice, Bob))
	case 1:
		vote(60*time.Second, Carol, "deny", "that is ours")
		l.Add(at.Add(90*time.Second), "denied", with(item, "user.id", Carol, "tracescrub.reason", "that is ours",
			"tracescrub.votes", append(listed("approve", Alice), listed("deny", Carol)...)))
		l.Add(at.Add(91*time.Second), "shredded", item)
	case 2:
		l.Add(at.Add(90*time.Second), "expired", item) // and its key is still there
	case 3:
		approved(listed("approve", Alice, Alice)) // one person, twice
	}
}
