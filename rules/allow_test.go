package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/known"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// withAllow compiles the built-in packs and a pack of allow-list entries.
func withAllow(t *testing.T, entries ...pack.Allow) *Engine {
	t.Helper()
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile(Limits{}, append(ps, &pack.Pack{Version: 1, Name: "allow", Allow: entries})...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ruleIDs lists what is found in text, by rule and place.
func ruleIDs(e *Engine, text string, ctx Context) []string {
	ids := []string{}
	for _, f := range e.Scan(nil, []byte(text), ctx) {
		ids = append(ids, fmt.Sprintf("%s@%d", e.Rules()[f.Rule].ID, f.Start))
	}
	return ids
}

func TestAllow(t *testing.T) {
	one := "ghp_" + strings.Repeat("a1B2c3D4e", 4)
	two := "ghp_" + strings.Repeat("Z9y8X7w6v", 4)
	hash := fmt.Sprintf("%s%x", pack.HashPrefix, sha256.Sum256([]byte(one)))
	both := "a " + one + " b " + two
	field := func() string { return `span.attributes["db.query"]` }
	resource := func(name string) (string, bool) { return "checkout", name == "service.name" }
	in := Context{Field: field, Resource: resource}
	for _, c := range []struct {
		name  string
		allow pack.Allow
		text  string
		ctx   Context
		want  []string
	}{
		{"value", pack.Allow{Values: []string{one}}, both, Context{}, []string{"github-token@45"}},
		{"hash", pack.Allow{Values: []string{hash}}, both, Context{}, []string{"github-token@45"}},
		{"value, in JSON", pack.Allow{Values: []string{one}}, asJSON([]string{both}), Context{}, []string{"github-token@47"}},
		{"value, in base64", pack.Allow{Values: []string{one}}, base64.StdEncoding.EncodeToString([]byte("here it is: " + one)), Context{}, nil},
		{"part of a value", pack.Allow{Values: []string{one[:20]}}, both, Context{}, []string{"github-token@2", "github-token@45"}},
		{"value and rule", pack.Allow{Values: []string{one}, Rules: []string{"github-*"}}, both, Context{}, []string{"github-token@45"}},
		{"value and another rule", pack.Allow{Values: []string{one}, Rules: []string{"slack-*"}}, both, Context{}, []string{"github-token@2", "github-token@45"}},
		{"another rule of the same bytes", pack.Allow{Values: []string{one}, Rules: []string{"github-*"}}, "password: " + one, Context{}, []string{"named-password@10"}},
		{"pattern", pack.Allow{Patterns: []string{"^ghp_a1"}}, both, Context{}, []string{"github-token@45"}},
		{"pattern of what stands beside", pack.Allow{Patterns: []string{" b "}}, both, Context{}, []string{"github-token@2", "github-token@45"}},
		{"line", pack.Allow{Patterns: []string{"a ghp_"}, Target: "line"}, both, Context{}, []string{"github-token@45"}},
		{"line, beside", pack.Allow{Patterns: []string{"# fine"}, Target: "line"}, one + " # fine", Context{}, []string{"github-token@0"}},
		{"line, another one", pack.Allow{Patterns: []string{"(?s)a.*ghp_"}, Target: "line"}, "a\n" + one, Context{}, []string{"github-token@2"}},
		{"word", pack.Allow{Words: []string{"Z9Y8"}}, both, Context{}, []string{"github-token@2"}},
		{"field", pack.Allow{Fields: []string{`span.attributes["db.*"]`}}, both, in, []string{}},
		{"another field", pack.Allow{Fields: []string{`log.body*`}}, one, in, []string{"github-token@0"}},
		{"no field", pack.Allow{Fields: []string{`*`}}, one, Context{}, []string{"github-token@0"}},
		{"service", pack.Allow{Resource: map[string]string{"service.name": "check*"}}, one, in, []string{}},
		{"another service", pack.Allow{Resource: map[string]string{"service.name": "web"}}, one, in, []string{"github-token@0"}},
		{"no resource", pack.Allow{Resource: map[string]string{"service.name": "*"}}, one, Context{}, []string{"github-token@0"}},
		{"all must hold", pack.Allow{Values: []string{one}, Fields: []string{"log*"}}, one, in, []string{"github-token@0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.allow.Description = "test"
			if got := ruleIDs(withAllow(t, c.allow), c.text, c.ctx); !slices.Equal(got, c.want) {
				t.Errorf("found %v, want %v", got, c.want)
			}
		})
	}
}

// TestAllowNumber: numbers under a key are found, and allowed, by another way.
func TestAllowNumber(t *testing.T) {
	e := withAllow(t, pack.Allow{Description: "test", Values: []string{"481516"}})
	for text, want := range map[string]int{"481516": 0, "481517": 1} {
		if found := e.ScanNumber(nil, []byte(text), Context{Key: "pin"}); len(found) != want {
			t.Errorf("number: %d findings, want %d", len(found), want)
		}
		if found := e.Scan(nil, []byte(`{"pin":`+text+`}`), Context{}); len(found) != want {
			t.Errorf("JSON number: %d findings, want %d", len(found), want)
		}
	}
}

// TestAllowOfAPack: an entry without rules is about the rules of its pack.
func TestAllowOfAPack(t *testing.T) {
	rule := pack.Rule{ID: "own-key", Provider: "Own", Severity: pack.High, Pattern: "own_[a-z0-9]{20}", Left: "word", Right: "extend"}
	ps, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile(Limits{}, append(ps, &pack.Pack{Name: "own", Rules: []pack.Rule{rule}, Allow: []pack.Allow{{Description: "test", Words: []string{"a1b2"}}}})...)
	if err != nil {
		t.Fatal(err)
	}
	text := "own_" + strings.Repeat("a1b2", 5) + " own_" + strings.Repeat("c3d4", 5) + " ghp_" + strings.Repeat("a1B2c3D4e", 4)
	if got := ruleIDs(e, text, Context{}); !slices.Equal(got, []string{"own-key@25", "github-token@50"}) {
		t.Errorf("found %v", got)
	}
}

func TestAllowInline(t *testing.T) {
	e := builtin(t)
	secret := "ghp_" + strings.Repeat("a1B2c3D4e", 4)
	for _, c := range []struct {
		comment string
		allowed bool
	}{
		{"# tracescrub:allow", true},
		{"// tracescrub:allow because it is revoked", true},
		{"# tracescrub:allow=github-token", true},
		{"# tracescrub:allow=slack-token,github-token */", true},
		{"# tracescrub:allow=slack-token", false},
		{"# tracescrub:allow=", false},
		{"# tracescrub:allowed", false},
		{"\n# tracescrub:allow", false},
		{"", false},
	} {
		text := "x " + secret + " " + c.comment + "\nx " + secret
		if got := len(ruleIDs(e, text, Context{})); got != 2 {
			t.Errorf("%q: %d findings without leave, want 2", c.comment, got)
		}
		want := 2
		if c.allowed {
			want = 1
		}
		if got := len(ruleIDs(e, text, Context{AllowInline: true})); got != want {
			t.Errorf("%q: %d findings, want %d", c.comment, got, want)
		}
	}
}

// TestAllowNeverKnown: what must never leave is not allowed by anything.
func TestAllowNeverKnown(t *testing.T) {
	value := "live-" + strings.Repeat("q7", 10)
	e, err := withAllow(t, pack.Allow{Description: "test", Rules: []string{"*"}, Values: []string{value}}).WithKnown([]known.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	if e, err = e.WithKnown(dictionary(t, value)); err != nil {
		t.Fatal(err)
	}
	if got := ruleIDs(e, "x "+value+" # tracescrub:allow", Context{AllowInline: true}); len(got) != 1 {
		t.Errorf("found %v", got)
	}
}

func TestAllowMistakes(t *testing.T) {
	for _, a := range []pack.Allow{
		{Words: []string{"x"}},
		{Description: "x", Rules: []string{"*"}},
		{Description: "x", Patterns: []string{"("}},
		{Description: "x", Patterns: []string{"a*"}},
		{Description: "x", Values: []string{"sha256:12"}},
		{Description: "x", Values: []string{""}},
		{Description: "x", Words: []string{"x"}, Target: "file"},
	} {
		if _, err := Compile(Limits{}, &pack.Pack{Name: "allow", Allow: []pack.Allow{a}}); err == nil {
			t.Errorf("no mistake in %+v", a)
		}
	}
}
