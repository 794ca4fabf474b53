package rules

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// TestExplainAgreesWithScan: on all examples and near misses, in all
// wrappings, what Explain calls found is what Scan finds, for each rule alone
// as for all.
func TestExplainAgreesWithScan(t *testing.T) {
	e := builtin(t)
	found := 0
	for i, ex := range allExamples(t) {
		text, _, err := pack.Expand(ex, rand.New(rand.NewPCG(7, uint64(i))))
		if err != nil {
			t.Fatal(err)
		}
		for w, wrapped := range wrappings(text) {
			ctx := Context{Key: []string{"", "x.password"}[(i+w)%2]}
			want := e.Scan(nil, []byte(wrapped), ctx)
			steps, err := e.Explain([]byte(wrapped), ctx, "")
			if err != nil {
				t.Fatal(err)
			}
			var got []Finding
			for _, st := range steps {
				if st.Start < 0 || st.End < st.Start || st.End > len(wrapped) || st.Why == "" {
					t.Errorf("template %d, wrapping %d: a step at [%d,%d) in %d bytes, why %q", i, w, st.Start, st.End, len(wrapped), st.Why)
				}
				if st.Outcome == Found {
					got = append(got, Finding{Start: st.Start, End: st.End, Rule: e.ruleOf(st.Rule)})
				}
			}
			same := func(a, b Finding) bool {
				return a.Start == b.Start && a.End == b.End && (a.Rule == b.Rule || b.Withheld != None)
			}
			if !slices.EqualFunc(got, want, same) {
				t.Errorf("template %d, wrapping %d: explained %s, found %s", i, w, describe(e, got), describe(e, want))
			}
			found += len(want)
			if w == 0 {
				explainsAlone(t, e, wrapped, ctx, want)
			}
		}
	}
	if found == 0 {
		t.Fatal("nothing was found at all")
	}
}

func (e *Engine) ruleOf(id string) uint32 {
	return uint32(slices.IndexFunc(e.infos, func(i Info) bool { return i.ID == id }))
}

// explainsAlone asks about each rule that found something, and one that did not.
func explainsAlone(t *testing.T, e *Engine, text string, ctx Context, found []Finding) {
	t.Helper()
	for _, id := range []string{"github-token", "jwt"} {
		n := 0
		for _, f := range found {
			if f.Withheld == None && e.infos[f.Rule].ID == id {
				n++
			}
		}
		steps, err := e.Explain([]byte(text), ctx, id)
		if err != nil || len(steps) == 0 {
			t.Fatalf("%s: %d steps, %v", id, len(steps), err)
		}
		for _, st := range steps {
			if st.Outcome == Found && st.Rule == id {
				n--
			}
		}
		if n != 0 {
			t.Errorf("%s: %d findings are not explained", id, n)
		}
	}
}

func TestExplain(t *testing.T) {
	secret := "ghp_" + strings.Repeat("a1B2c3D4e", 4)
	word := "Correct7-Horse"
	e := withAllow(t, pack.Allow{Description: "the revoked one", Values: []string{strings.Replace(secret, "a1", "zz", 1)}})
	for _, c := range []struct {
		name, rule, text string
		want             Outcome
		why              string
	}{
		{"found", "github-token", "x " + secret, Found, "its checksum fails"},
		{"absent", "github-token", "nothing here", Absent, "no anchor of this rule stands in the text: "},
		{"short", "github-token", "x " + secret[:12] + " y", Rejected, "the pattern fits only up to the end of this range"},
		{"allowed", "github-token", strings.Replace(secret, "a1", "zz", 1), Allowed, "the revoked one"},
		{"covered", "named-password", "password: " + secret, Covered, "go by github-token"},
		{"reference", "named-password", "password: $DB_PASSWORD", Rejected, "the value is a reference"},
		{"word", "named-password", "password: required", Rejected, "a type, a state or a name"},
		{"identifier", "named-password", "password = userPassword;", Rejected, "most against it: "},
		{"name", "named-password", "password_policy = " + word, Rejected, "no name of a credential"},
		{"unset", "named-password", "the password here", Rejected, "no value"},
		{"no name", "named-password", "x = y", Absent, "no name of this rule"},
		{"in JSON", "named-password", `{"a":"password=` + word + `\n"}`, Found, "under the name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			steps, err := e.Explain([]byte(c.text), Context{}, c.rule)
			if err != nil {
				t.Fatal(err)
			}
			ok := false
			for _, st := range steps {
				ok = ok || st.Outcome == c.want && strings.Contains(st.Why, c.why)
				for _, s := range []string{secret[4:], word} {
					if strings.Contains(st.Why, s) {
						t.Error("a step holds the secret")
					}
				}
			}
			if !ok {
				t.Errorf("steps %v", steps)
			}
		})
	}
	if _, err := e.Explain(nil, Context{}, "no-such-rule"); err == nil {
		t.Error("no error for a rule that does not exist")
	}
}
