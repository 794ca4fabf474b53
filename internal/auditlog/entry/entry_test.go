package entry

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func some() *Entry {
	at := time.Date(2026, 1, 31, 12, 0, 0, 5, time.UTC)
	return &Entry{
		Seq: 7, ID: strings.Repeat("0f", 16), Kind: "tracescrub.held", Time: at, Logged: at, Trace: strings.Repeat("a", 32), Span: strings.Repeat("b", 16),
		Severity: 13, Component: "verdict/eu", Instance: "i-1",
		Attributes: map[string]any{"b": []any{int64(-1), true, "x"}, "a": true, "text": "\"\\\b\f\n\r\t\x01é\u2028<&"},
	}
}

func TestLine(t *testing.T) {
	line, err := some().Line()
	require.NoError(t, err)
	require.Equal(t, `{"attributes":{"a":true,"b":[-1,true,"x"],"text":"\"\\\b\f\n\r\t\u0001é`+"\u2028"+`<&"},"component":"verdict/eu",`+
		`"id":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","instance":"i-1","kind":"tracescrub.held","logged":"2026-01-31T12:00:00.000000005Z","seq":7,`+
		`"severity_number":13,"span_id":"bbbbbbbbbbbbbbbb","time":"2026-01-31T12:00:00.000000005Z","trace_id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","v":1}`, string(line))
	e, err := Parse(line)
	require.NoError(t, err)
	require.Equal(t, some(), e)
}

func TestLineCuts(t *testing.T) {
	e := some()
	e.Attributes["x"], e.Attributes["y"] = strings.Repeat("x", 50_000), strings.Repeat("y", 40_000)
	line, err := e.Line()
	require.NoError(t, err)
	require.Less(t, len(line), MaxLine)
	e, err = Parse(line)
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, e.Cut)
	require.Contains(t, e.Attributes, "y")
	e.Instance = strings.Repeat("x", MaxLine)
	_, err = e.Line()
	require.Error(t, err)
}

// TestLineCutsNoMore: attributes go until the line fits, and not one more.
func TestLineCutsNoMore(t *testing.T) {
	for n, around := range map[int]int{1: 200, 2: 200, 3: 100, 5000: 2} {
		for slack := -around; slack <= around; slack++ {
			e := some()
			e.Attributes = map[string]any{}
			for i := range n {
				e.Attributes[fmt.Sprint("n", i)] = strings.Repeat("x", (MaxLine-350)/max(n-1, 1)+slack)
			}
			all := e.Attributes
			line, err := e.Line()
			require.NoError(t, err)
			require.LessOrEqual(t, len(line), MaxLine)
			require.Len(t, all, len(e.Cut)+len(e.Attributes))
			again, err := Parse(line)
			require.NoError(t, err)
			require.Equal(t, e.Cut, again.Cut)
			if len(e.Cut) == 0 {
				continue
			}
			last := e.Cut[len(e.Cut)-1]
			x := *e
			x.Cut, x.Attributes = e.Cut[:len(e.Cut)-1], maps.Clone(e.Attributes)
			if x.Attributes == nil {
				x.Attributes = map[string]any{}
			}
			x.Attributes[last] = all[last]
			b, err := Canonical(asObject(&x))
			require.NoError(t, err)
			require.Greater(t, len(b), MaxLine, "%d attributes: %s need not have gone", n, last)
		}
	}
}

// TestParseRefuses changes one thing in a good line.
func TestParseRefuses(t *testing.T) {
	good, err := some().Line()
	require.NoError(t, err)
	for name, c := range map[string][2]string{
		"space":             {`{"attributes"`, `{ "attributes"`},
		"line end":          {`"v":1}`, `"v":1}` + "\n"},
		"order":             {`"a":true,"b":[-1,true,"x"]`, `"b":[-1,true,"x"],"a":true`},
		"twice":             {`"a":true`, `"a":true,"a":true`},
		"escape":            {"é", `\u00e9`},
		"upper-case escape": {`\u0001`, `\U0001`},
		"long escape":       {`\n`, `\u000a`},
		"control":           {`\n`, "\n"},
		"UTF-8":             {"é", "\xff"},
		"null":              {`"a":true`, `"a":null`},
		"fraction":          {`-1`, `-1.0`},
		"exponent":          {`-1`, `1e3`},
		"minus nothing":     {`-1`, `-0`},
		"too large":         {`-1`, `9007199254740992`},
		"leading zero":      {`-1`, `01`},
		"name":              {`"a":`, `"A":`},
		"comma":             {`"x"]`, `"x",]`},
		"field":             {`"v":1`, `"v":1,"w":1`},
		"version":           {`"v":1`, `"v":2`},
		"type":              {`"seq":7`, `"seq":"7"`},
		"empty":             {`"component":"verdict/eu"`, `"component":""`},
		"missing":           {`"kind":"tracescrub.held",`, ``},
		"negative":          {`"seq":7`, `"seq":-7`},
		"time":              {`05Z","seq"`, `05+00:00","seq"`},
		"day":               {`01-31T12:00:00.000000005Z","seq"`, `02-31T12:00:00.000000005Z","seq"`},
		"kind":              {`tracescrub.held`, `other.held`},
		"id":                {`0f0f`, `0F0f`},
		"deep":              {`[-1,true,"x"]`, strings.Repeat("[", 8) + strings.Repeat("]", 8)},
		"severity":          {`:13`, `:25`},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), c[0], c[1], 1)
			require.NotEqual(t, string(good), bad)
			_, err := Parse([]byte(bad))
			require.Error(t, err)
		})
	}
}

// FuzzParse: what is taken is written again in the same bytes, and any JSON
// parser reads the same from it.
func FuzzParse(f *testing.F) {
	good, err := some().Line()
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte(`{"v":1}`))
	f.Add([]byte(strings.Repeat(`{"a":[`, 20)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := parseCanonical(b); err == nil {
			again, err := Canonical(v)
			if err != nil || string(again) != string(b) {
				t.Fatal("a value is not written as it was read")
			}
			var std any
			if json.Unmarshal(b, &std) != nil {
				t.Fatal("encoding/json refuses what is taken")
			}
			if m, ok := v.(map[string]any); ok && len(m) != reflect.ValueOf(std).Len() {
				t.Fatal("encoding/json sees another object")
			}
		}
		e, err := Parse(b)
		if err != nil {
			return
		}
		line, err := e.Line()
		if err != nil || string(line) != string(b) {
			t.Fatal("an entry is not written as it was read")
		}
	})
}

// FuzzForms holds what is done by hand against how the format says it.
func FuzzForms(f *testing.F) {
	kind := regexp.MustCompile(`^tracescrub(\.[a-z0-9_]+)+$`)
	for _, s := range []string{
		"tracescrub.held", "tracescrub.", "tracescrub", "tracescrub..x", "tracescrub.x.", "tracescrub.A", "tracescrubx.a", "tracescrub.a.b_0",
		"2026-01-31T12:00:00.000000005Z", "2026-01-31T12:00:00,000000005Z", "2026-02-30T12:00:00.000000005Z", "2026-01-31T24:00:00.000000005Z", "2026-01-31T 2:00:00.000000005Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isKind(s) != (kind.MatchString(s) && len(s) <= maxName) {
			t.Fatal("a kind, or none")
		}
		at, err := time.Parse(timeForm, s)
		if (err == nil && hasTimeForm(s)) != (err == nil && at.Format(timeForm) == s) {
			t.Fatal("a time in its form, or none")
		}
	})
}

// FuzzText: any text comes back.
func FuzzText(f *testing.F) {
	f.Add("a\x00\x1f\"\\/é\U0001F600")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := Canonical(s)
		if err != nil {
			if strings.ToValidUTF8(s, "") == s {
				t.Fatal("valid text is refused")
			}
			return
		}
		var std string
		if json.Unmarshal(b, &std) != nil || std != s {
			t.Fatal("encoding/json reads something else")
		}
		v, err := parseCanonical(b)
		if err != nil || v != any(s) {
			t.Fatal("the text does not come back")
		}
	})
}
