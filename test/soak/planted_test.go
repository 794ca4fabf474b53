//go:build e2e

package soak

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// planted is a small world without processes: what senders sent came, masked, or
// is held, as its fate is.
func planted(t *testing.T) *ledger {
	t.Helper()
	l := newLedger(1)
	for range 300 {
		r, td := l.compose()
		r.attempts, r.taken, r.via = 1, true, "gateway1"
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().RemoveIf(func(s ptrace.Span) bool {
			k := key{s.TraceID(), s.SpanID()}
			if !l.held[k.trace] {
				for _, name := range []string{"note", "tool.result"} {
					if _, ok := s.Attributes().Get(name); ok {
						s.Attributes().PutStr(name, "[MASKED:x:12345678]")
					}
				}
				return false
			}
			id := "item of " + k.trace.String()
			if l.items[id] == nil {
				state := map[fate]string{releaseMasked: "released", releaseOriginal: "shredded", deny: "denied", leave: "pending"}[l.decide(k.trace)]
				l.items[id] = &item{id: id, trace: k.trace, state: state}
			}
			l.items[id].keys = append(l.items[id].keys, k)
			if f := l.decide(k.trace); f == releaseMasked || f == releaseOriginal {
				l.spans[k].came = []delivery{{at: time.Now(), by: "gate1", answered: true, item: id, attempt: 1}}
			}
			return true
		})
		l.deliver("gateway1", td)()
	}
	return l
}

// find returns a span of a kind.
func find(t *testing.T, l *ledger, which func(key, *span) bool) (key, *span) {
	t.Helper()
	for k, s := range l.spans {
		if which(k, s) {
			return k, s
		}
	}
	t.Fatal("no such span")
	return key{}, nil
}

// TestPlanted sees the account find each fault that it is there for, and
// nothing where there is none.
func TestPlanted(t *testing.T) {
	came := func(_ key, s *span) bool { return len(s.came) > 0 && s.came[0].item == "" }
	again := func(l *ledger, change func(*span)) {
		_, s := find(t, l, came)
		s.came = append(s.came, s.came[0])
		s.came[1].at = s.came[0].at.Add(time.Second)
		change(s)
	}
	original := func(l *ledger, k key, carries string) ptrace.Traces {
		td := ptrace.NewTraces()
		l.fill(td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty(), k, carries)
		return td
	}
	for _, test := range []struct {
		name  string
		fault func(*ledger)
		want  string // part of a complaint; empty: none
	}{
		{"nothing", func(*ledger) {}, ""},
		{"a span was lost", func(l *ledger) { _, s := find(t, l, came); s.came = nil }, "is lost"},
		{"a held item was lost", func(l *ledger) {
			for id, it := range l.items {
				if l.decide(it.trace) == leave {
					delete(l.items, id)
					return
				}
			}
		}, "is lost"},
		{"what was released did not come", func(l *ledger) {
			k, s := find(t, l, func(k key, s *span) bool { return len(s.came) > 0 && s.came[0].item != "" })
			s.came = nil
			l.items["item of "+k.trace.String()].state = "released"
		}, "is lost"},
		{"an item that should wait is gone", func(l *ledger) {
			for _, it := range l.items {
				if l.decide(it.trace) == leave {
					it.state = "forgotten"
				}
			}
		}, "is lost"},
		{"an item without its span", func(l *ledger) {
			for _, it := range l.items {
				if l.decide(it.trace) == deny {
					it.keys = it.keys[1:]
				}
			}
		}, "is lost"},
		{"a copy without reason", func(l *ledger) { again(l, func(*span) {}) }, "came again"},
		{"a copy of what was not answered", func(l *ledger) { again(l, func(s *span) { s.came[0].answered = false }) }, ""},
		{"a copy of what was sent again", func(l *ledger) { again(l, func(s *span) { s.sent.attempts++ }) }, ""},
		{"a copy of the same attempt to release", func(l *ledger) {
			_, s := find(t, l, func(_ key, s *span) bool { return len(s.came) > 0 && s.came[0].item != "" })
			s.came = append(s.came, s.came[0])
		}, "came again"},
		{"a key came", func(l *ledger) {
			k, _ := find(t, l, func(_ key, s *span) bool { return s.carries == masked && len(s.came) > 0 })
			l.deliver("gateway1", original(l, k, masked))
		}, "a secret came"},
		{"what is held came without a release", func(l *ledger) {
			k, _ := find(t, l, func(_ key, s *span) bool { return s.carries == critical })
			td := original(l, k, critical)
			allSpans(td)[0].Attributes().PutStr("tool.result", "[MASKED:x:12345678]")
			l.deliver("gateway1", td)
		}, "without a release"},
		{"a text has changed", func(l *ledger) {
			k, _ := find(t, l, came)
			td := original(l, k, clean)
			allSpans(td)[0].Attributes().PutStr("soak.text", text(k)+".")
			l.deliver("gateway1", td)
		}, "text has changed"},
		{"what was denied was released", func(l *ledger) {
			k, _ := find(t, l, func(k key, s *span) bool { return s.carries == clean && l.held[k.trace] && l.decide(k.trace) == deny })
			td := original(l, k, clean)
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("tracescrub.release.item", "x")
			l.deliver("gate1", td)
		}, "should be denied"},
		{"what is clean was held", func(l *ledger) {
			k, _ := find(t, l, came)
			l.items["x"] = &item{id: "x", trace: k.trace, state: "pending", keys: []key{k}}
		}, "nothing is in its trace"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := planted(t)
			test.fault(l)
			a := l.account(func(string, time.Time, time.Time) bool { return false })
			if test.want == "" && len(a.wrong) > 0 {
				t.Errorf("%d complaints, the first: %s", len(a.wrong), a.wrong[0])
			}
			if test.want != "" && !slices.ContainsFunc(a.wrong, func(s string) bool { return strings.Contains(s, test.want) }) {
				t.Errorf("%d complaints, and none of them: %s", len(a.wrong), test.want)
			}
		})
	}
}

// TestSearch sees the search find a secret in every form, wherever it is in a file.
func TestSearch(t *testing.T) {
	l := newLedger(1)
	secret := l.secret()
	for name, leak := range map[string]string{
		"as it is": secret, "its beginning": secret[:11], "its end": secret[19:],
		"hexadecimal": hex.EncodeToString([]byte(secret)),
		"base64":      base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64, one": base64.StdEncoding.EncodeToString([]byte("a" + secret)),
		"base64, two": base64.URLEncoding.EncodeToString([]byte("ab" + secret)),
		"none":        "",
	} {
		for _, before := range []int{0, 1<<20 - 50, 1<<20 - 5, 1 << 20} {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "file"), strings.Repeat("-", before)+leak+strings.Repeat("-", 100))
			l.wrong = nil
			files, size, err := l.search(dir)
			if stat, _ := os.Stat(filepath.Join(dir, "file")); err != nil || files != 1 || size != stat.Size() {
				t.Errorf("%s: %d files, %d bytes, %v", name, files, size, err)
			}
			if found := len(l.wrong) > 0; found != (leak != "") {
				t.Errorf("%s behind %d bytes: found %v", name, before, found)
			}
		}
	}
	if _, _, err := l.search(t.TempDir()); err == nil {
		t.Error("an empty directory was searched")
	}
}
