// Package verdict writes the outcome of a scan onto telemetry, as attributes
// with the prefix `tracescrub.`, and removes such attributes from what senders
// send: a verdict that anyone could write would be none.
package verdict

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// prefix is the prefix of all attributes of ours.
const prefix = "tracescrub."

// The attributes.
const (
	// Policy, at a resource: the short hash of the rules and policy that
	// scanned it. Absent: it was not scanned.
	Policy = prefix + "policy"
	// Producer, at a resource: a keyed hash that stands for the authenticated sender.
	Producer = prefix + "producer"
	// Verdict, at whatever a finding was in: Masked, Held or Dropped. Absent:
	// nothing was found.
	Verdict = prefix + "verdict"
	// Findings, beside Verdict: what was found, never the text. A slice of
	// maps, or a map of counts by rule where only a summary is wanted.
	Findings = prefix + "findings"
	// Restore: bytes, the sealed patch that restores the original. It is beside
	// Verdict Held; and also beside Masked at a resource, scope or metric that
	// may be held because of what is below it. What goes on without being held
	// must lose it: verdict does that.
	Restore = prefix + "restore"
)

// The values of Verdict.
const (
	Masked = "masked"
	Held   = "held"
	// Dropped is at what is left of what was dropped: no content, only what an
	// audit event about it needs. It must go no further than verdict.
	Dropped = "dropped"
)

// maxFindings is the most findings that a stamp lists.
const maxFindings = 100

// Finding is what a stamp says of a finding.
type Finding struct {
	Rule, Severity, Field, Fingerprint, Action string
	// Length is the length of the secret where it stood, in bytes.
	Length int
}

// Strip removes attributes of ours and returns how many there were. Without
// any it does not write to m.
func Strip(m pcommon.Map) int {
	n := 0
	for k := range m.All() {
		if isOurs(k) {
			n++
		}
	}
	if n > 0 {
		m.RemoveIf(func(k string, _ pcommon.Value) bool { return isOurs(k) })
	}
	return n
}

// isOurs ignores case: a back end may do so as well.
func isOurs(k string) bool {
	return len(k) >= len(prefix) && k[0]|0x20 == prefix[0] && strings.EqualFold(k[:len(prefix)], prefix)
}

// Commit returns the value of Producer: it stands for subject and can be
// checked by whoever has both key and subject, but not turned back.
func Commit(key []byte, subject string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("tracescrub producer\x00")) // apart from the fingerprints under the same key
	h.Write([]byte(subject))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Stamp writes the outcome for whatever has findings: a list of them, or a
// count by rule if a summary will do. verdict is empty if all of them were
// only reported. Of more than 100 the list has the gravest, and of each action at
// least one.
func Stamp(m pcommon.Map, verdict string, findings []Finding, summary bool) {
	if verdict != "" {
		m.PutStr(Verdict, verdict)
	}
	if summary {
		count(m.PutEmptyMap(Findings), findings)
		return
	}
	findings = gravest(findings)
	list := m.PutEmptySlice(Findings)
	list.EnsureCapacity(len(findings))
	for _, f := range findings {
		e := list.AppendEmpty().SetEmptyMap()
		e.EnsureCapacity(6)
		e.PutStr("rule", f.Rule)
		e.PutStr("severity", f.Severity)
		e.PutStr("field", f.Field)
		e.PutStr("fingerprint", f.Fingerprint)
		e.PutStr("action", f.Action)
		e.PutInt("length", int64(f.Length))
	}
}

// gravest returns as many findings as a stamp lists. How grave an item is, and
// so how many people must approve it, is read from there: what is left out
// must not be what is graver than the rest. Whether a secret stands there in
// the clear is read from the actions.
func gravest(findings []Finding) []Finding {
	if len(findings) <= maxFindings {
		return findings
	}
	findings = slices.Clone(findings)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return slices.Index(severities, b.Severity) - slices.Index(severities, a.Severity)
	})
	kept, last := findings[:maxFindings], maxFindings-1
	for _, f := range findings[maxFindings:] {
		if slices.ContainsFunc(kept, func(k Finding) bool { return k.Action == f.Action }) {
			continue
		}
		for last > 0 && slices.IndexFunc(kept, func(k Finding) bool { return k.Action == kept[last].Action }) == last {
			last-- // the only one of its action
		}
		if last == 0 {
			break // the gravest stays
		}
		kept[last] = f
		last--
	}
	return kept
}

// severities rise.
var severities = []string{"low", "medium", "high", "critical"}

func count(counts pcommon.Map, findings []Finding) {
	for _, f := range findings {
		if v, ok := counts.Get(f.Rule); ok {
			v.SetInt(v.Int() + 1)
		} else {
			counts.PutInt(f.Rule, 1)
		}
	}
}
