package replay

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

// telemetry is what records hold.
type telemetry struct {
	traces  []ptrace.Traces
	logs    []plog.Logs
	metrics []pmetric.Metrics
}

var errSignal = errors.New("of no signal that is known")

// add takes the bytes of a record.
func (t *telemetry) add(signal string, b []byte) error {
	switch signal {
	case shape.Traces.Signal:
		td, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(b)
		if err != nil {
			return err
		}
		t.traces = append(t.traces, td)
	case shape.Logs.Signal:
		ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(b)
		if err != nil {
			return err
		}
		t.logs = append(t.logs, ld)
	case shape.Metrics.Signal:
		md, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(b)
		if err != nil {
			return err
		}
		t.metrics = append(t.metrics, md)
	default:
		return errSignal
	}
	return nil
}

// names says whether any unit is of a conversation.
func (t *telemetry) names(conversation string) bool {
	found := false
	look := func(attrs pcommon.Map) bool {
		found = found || sameConversation(conversationOf(attrs), conversation)
		return true
	}
	merge(shape.Traces, t.traces, look)
	merge(shape.Logs, t.logs, look)
	merge(shape.Metrics, t.metrics, look)
	return found
}

func conversationOf(attrs pcommon.Map) string {
	if v, ok := attrs.Get(conversationID); ok && v.Type() == pcommon.ValueTypeStr {
		return v.Str()
	}
	return ""
}

// unit is a span, a log record or a metric with what it belongs to.
type unit[R, S, U any] struct {
	resource R
	scope    S
	unit     U
	at       pcommon.Timestamp
	place    [2][sha256.Size]byte // of resource and scope
}

// merge makes one batch of several: without our stamps, in the order of time,
// and what several batches have once. keep says by its attributes whether a
// unit stays, left counts those that do not.
func merge[B, R, S, U any](sh *shape.Shape[B, R, S, U], batches []B, keep func(pcommon.Map) bool) (merged B, left int) {
	var units []unit[R, S, U]
	seen := map[[sha256.Size]byte]int{} // how often one batch had it, at most
	for _, b := range batches {
		here := map[[sha256.Size]byte]int{}
		each(sh, b, func(one B, u unit[R, S, U]) {
			sum := digest(sh, one)
			if here[sum]++; here[sum] <= seen[sum] {
				return
			}
			seen[sum] = here[sum]
			if keep(sh.Attrs(u.unit)) {
				units = append(units, u)
			} else {
				left++
			}
		})
	}
	slices.SortStableFunc(units, func(a, b unit[R, S, U]) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	merged = sh.New()
	var resource R
	var scope S
	for i, u := range units {
		other := i == 0 || units[i-1].place[0] != u.place[0]
		if other {
			resource = sh.AddResource(merged)
			sh.CopyResource(u.resource, resource)
		}
		if other || units[i-1].place[1] != u.place[1] {
			scope = sh.AddScope(resource)
			sh.CopyScope(u.scope, scope)
		}
		sh.CopyUnit(u.unit, sh.AddUnit(scope))
	}
	return merged, left
}

// each gives every unit of a batch as a batch of its own, without our stamps.
func each[B, R, S, U any](sh *shape.Shape[B, R, S, U], b B, do func(one B, u unit[R, S, U])) {
	for i := range sh.Resources(b) {
		for j := range sh.Scopes(sh.Resource(b, i)) {
			from := sh.Scope(sh.Resource(b, i), j)
			for k := range sh.Units(from) {
				one := sh.New()
				u := unit[R, S, U]{resource: sh.AddResource(one)}
				sh.CopyResource(sh.Resource(b, i), u.resource)
				verdict.Strip(sh.ResourceAttrs(u.resource))
				u.place[0] = digest(sh, one)
				u.scope = sh.AddScope(u.resource)
				sh.CopyScope(from, u.scope)
				verdict.Strip(sh.ScopeAttrs(u.scope))
				u.place[1] = digest(sh, one)
				u.unit = sh.AddUnit(u.scope)
				sh.CopyUnit(sh.Unit(from, k), u.unit)
				verdict.Strip(sh.Attrs(u.unit))
				for p := range sh.Points(u.unit) {
					verdict.Strip(sh.Point(u.unit, p))
				}
				times := sh.Times(u.unit)
				if u.at = times[0]; u.at == 0 {
					u.at = times[1]
				}
				do(one, u)
			}
		}
	}
}

func digest[B, R, S, U any](sh *shape.Shape[B, R, S, U], b B) [sha256.Size]byte {
	raw, err := sh.Marshal(b)
	if err != nil {
		panic(fmt.Errorf("telemetry that was read cannot be written: %w", err)) // pdata has no such case
	}
	return sha256.Sum256(raw)
}
