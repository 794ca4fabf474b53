package rules

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// TestFormStandsElsewhere: what was found in another string at the same offsets, or behind a
// token that stands between a name and its value, does not speak for a value.
func TestFormStandsElsewhere(t *testing.T) {
	e := builtin(t)
	const form = "ghp_<30*base62><check:github-crc32>"
	for _, c := range []struct {
		name, template string
		found          int
	}{
		{"the string before", `{"a":"` + form + `","b":"TOKEN=<40*base62>"}`, 2},
		{"a string within the string before", `{"a":"{\"x\":\"` + form + `\"}","b":"API_TOKEN     =<40*base62>"}`, 2},
		{"a value under a name", `{"abcdefgh":"` + form + `","token":"             <40*base62>"}`, 2},
		{"a type", `token: ` + form + ` = "` + form + `"`, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, _, err := pack.Expand(c.template, rand.New(rand.NewPCG(3, 4)))
			if err != nil {
				t.Fatal(err)
			}
			plain := newScanner(e)
			plain.thorough = true
			found, want := e.Scan(nil, []byte(text), Context{}), plain.scan(nil, []byte(text), Context{})
			if len(found) != c.found || len(want) != c.found {
				t.Errorf("%d findings, without a look ahead %d; %d secrets are there", len(found), len(want), c.found)
			}
		})
	}
}

// TestFormsAnywhere compares with an engine that looks at nothing ahead, on texts in which
// forms, names and values stand in all orders and often at the same offsets.
func TestFormsAnywhere(t *testing.T) {
	narrow, wide := newScanner(builtin(t)), newScanner(builtin(t))
	wide.thorough = true
	rng := rand.New(rand.NewPCG(5, 6))
	pick := func(of ...string) string { return of[rng.IntN(len(of))] }
	found := 0
	for n := range 20_000 {
		var template strings.Builder
		for range 1 + rng.IntN(4) {
			template.WriteString(pick("", `"`, `{"a":"`, `","b":"`, `","token":"`, `{"password": "`, `"}`, `{\"x\":\"`, "\n", " ", ", "))
			template.WriteString(strings.Repeat(pick(" ", "x", "-"), rng.IntN(10)))
			template.WriteString(pick("", "TOKEN=", "api_key: ", "secret = '", "Authorization: Bearer ", "token: str = ", "password=%3D", "ghp_", "data:\n  password: "))
			template.WriteString(pick("<40*base62>", "ghp_<30*base62><check:github-crc32>", "ghp_<30*base62><check:github-crc32>", "AKIA<16*base32>", "<40*hex>", "changeme"))
		}
		template.WriteString(pick("", `"}`, `"`, "\n", "'"))
		text, _, err := pack.Expand(template.String(), rng)
		if err != nil {
			t.Fatal(err)
		}
		got, want := slices.Clone(narrow.scan(nil, []byte(text), Context{})), wide.scan(nil, []byte(text), Context{})
		if !slices.Equal(got, want) {
			t.Fatalf("text %d, of %q: %d findings, without a look ahead %d or others", n, template.String(), len(got), len(want))
		}
		found += len(got)
	}
	if found < 20_000 {
		t.Errorf("only %d findings", found)
	}
}
