package entry

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asObject is an entry as an object, for Canonical.
func asObject(e *Entry) map[string]any {
	m := map[string]any{
		"v": int64(Version), "seq": e.Seq, "id": e.ID, "kind": e.Kind,
		"time": e.Time.UTC().Format(timeForm), "logged": e.Logged.UTC().Format(timeForm),
	}
	for name, v := range map[string]string{"trace_id": e.Trace, "span_id": e.Span, "component": e.Component, "instance": e.Instance} {
		if v != "" {
			m[name] = v
		}
	}
	if e.Severity != 0 {
		m["severity_number"] = int64(e.Severity)
	}
	if len(e.Attributes) > 0 {
		m["attributes"] = e.Attributes
	}
	if len(e.Cut) > 0 {
		cut := make([]any, len(e.Cut))
		for i, c := range e.Cut {
			cut[i] = c
		}
		m["cut"] = cut
	}
	return m
}

// TestLineIsCanonical: an entry, with and without each of its fields, is
// written as the object that it is.
func TestLineIsCanonical(t *testing.T) {
	for fields := range 1 << 7 {
		e := &Entry{
			Seq: int64(fields) * 7919, ID: strings.Repeat("0f", 16), Kind: "tracescrub.held",
			Time: time.Unix(1_700_000_000, int64(fields)), Logged: time.Unix(1_800_000_000, 5).In(time.FixedZone("", 3600)),
		}
		for bit, set := range []func(){
			func() { e.Trace = strings.Repeat("a1", 16) },
			func() { e.Span = strings.Repeat("b2", 8) },
			func() { e.Severity = 13 },
			func() { e.Component = "verdict/\"x\"\n\x01é\\" },
			func() { e.Instance = "i" },
			func() {
				e.Attributes = map[string]any{"b": []any{true, int64(-1), map[string]any{"z": "", "a": "\t"}}, "a.b_1": "é\"x\\"}
			},
			func() { e.Cut = []string{"x", "y.z"} },
		} {
			if fields>>bit&1 != 0 {
				set()
			}
		}
		want, err := Canonical(asObject(e))
		require.NoError(t, err)
		got, err := e.canonical()
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	for what, e := range map[string]*Entry{
		"attribute's name":  {Attributes: map[string]any{"A": "x"}},
		"attribute's text":  {Attributes: map[string]any{"a": "\xff"}},
		"component":         {Component: "\xff"},
		"cut":               {Cut: []string{"\xff"}},
		"nested too deep":   {Attributes: map[string]any{"a": []any{[]any{[]any{[]any{[]any{[]any{[]any{}}}}}}}}},
		"number too large":  {Attributes: map[string]any{"a": int64(1) << 53}},
		"instance and more": {Instance: "\xff", Trace: "x"},
	} {
		_, err := e.canonical()
		require.Error(t, err, what)
		_, err = Canonical(asObject(e))
		require.Error(t, err, what)
	}
}
