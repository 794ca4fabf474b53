package corpus

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// small is a case with one secret in a plain text, in JSON in JSON, and as two map keys.
const small = `{"name":"small","class":"edge","signal":"traces",
 "secrets":[{"id":"s01","kind":"github_pat","group":"token"},{"id":"s02","kind":"gitlab_pat","group":"token"}],
 "decoys":[{"id":"d01","kind":"sha","shape":"{hex:40}"}],
 "payload":{"resourceSpans":[{"scopeSpans":[{"scope":{"name":"x"},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c",
  "spanId":"b7ad6b7169203331","name":"call","kind":3,"startTimeUnixNano":"1789742337103000000","attributes":[
  {"key":"plain","value":{"stringValue":"key={{s01}} keeps these words"}},
  {"key":"nested","value":{"stringValue":"{\"a\":\"{\\\"token\\\":\\\"{{s01.js.js}}\\\",\\\"n\\\":1}\"}"}},
  {"key":"map","value":{"kvlistValue":{"values":[{"key":"{{s01}}","value":{"intValue":"1"}},{"key":"{{s02}}","value":{"intValue":"2"}}]}}},
  {"key":"clean","value":{"stringValue":"commit {{d01}}"}},
  {"key":"count","value":{"intValue":"3"}}]}]}]}]}}`

func smallCase(t *testing.T) Case {
	t.Helper()
	c, err := Load(fstest.MapFS{"small.json": {Data: []byte(small)}})
	if err != nil {
		t.Fatal(err)
	}
	cases, err := c.Fill(7)
	if err != nil {
		t.Fatal(err)
	}
	return cases[0]
}

// Every way to do it wrong shows in the figure that names it, and in no other.
func TestScoreFindsPlantedFaults(t *testing.T) {
	c := smallCase(t)
	token, other, sha := c.Secrets[0].plain, c.Secrets[1].plain, c.Decoys[0].plain
	mask, mask2 := maskOf("s01"), maskOf("s02")
	for _, x := range []struct {
		name     string
		old, new string // what a faulty masker would have written instead of the ideal one
		want     map[string]int
	}{
		{"ideal", "", "", nil},
		{"a secret not masked", "key=" + mask, "key=" + token, map[string]int{"leaked": 1}},
		{"only escaped otherwise", `\\\"` + mask, `\\\"\\\\u0067` + token[1:], map[string]int{"leaked": 1}},
		{"only encoded otherwise", "key=" + mask, "key=" + must(t, "b64", token), map[string]int{"leaked": 1}},
		{"percent-encoded", "key=" + mask, "key=%67" + token[1:], map[string]int{"leaked": 1}},
		{"a map key not masked", `"` + mask2 + `"`, `"` + other + `"`, map[string]int{"leaked": 1}},
		{"copied to another place", `"call"`, `"call ` + token + `"`, map[string]int{"elsewhere": 1, "clean": 1}},
		{"twice in its place", "key=" + mask, "key=" + token + " " + token, map[string]int{"leaked": 1, "elsewhere": 1}},
		{"copied to a stamp", `{"key":"count"`, `{"key":"tracescrub.findings","value":{"stringValue":"` + token + `"}},{"key":"count"`, map[string]int{"elsewhere": 1}},
		{"a stamp", `{"key":"count"`, `{"key":"tracescrub.verdict","value":{"stringValue":"masked"}},{"key":"count"`, nil},
		{"half of it left", "key=" + mask, "key=" + token[6:], map[string]int{"windows": 1}},
		{"another mask", "key=" + mask, "key=[MASKED:known:99999999]", map[string]int{"masks": 1}},
		{"words lost", "key=" + mask + " keeps these words", mask, map[string]int{"words": 4}},
		{"broken JSON", `\\\"` + mask + `\\\"`, `\\\"` + mask + `\"`, map[string]int{"json": 1}},
		{"a JSON member lost", `,\\\"n\\\":1`, "", map[string]int{"shape": 1}},
		{"a JSON number made a list", `\\\"n\\\":1`, `\\\"n\\\":[1]`, map[string]int{"shape": 1}},
		{"keys that collide", mask2, mask, map[string]int{"shape": 1}},
		{"a clean value changed", "commit ", "Commit ", map[string]int{"clean": 1}},
		{"a decoy destroyed", sha, "[MASKED:sha:12345678]", map[string]int{"clean": 1, "decoys": 1}},
		{"a type changed", `{"intValue":"3"}`, `{"doubleValue":3}`, map[string]int{"clean": 1, "types": 1}},
		{"an id changed", "b7ad6b71", "b7ad6b70", map[string]int{"ids": 1}},
		{"a time lost", `"startTimeUnixNano":"1789742337103000000",`, "", map[string]int{"ids": 1}},
		{"a span too many", `{"intValue":"3"}}]}`, `{"intValue":"3"}}]},{"name":"x"}`, map[string]int{"ids": 1}},
		{"not JSON", "{", "", map[string]int{"unreadable": 1}},
	} {
		t.Run(x.name, func(t *testing.T) {
			masked := strings.Replace(string(c.Ideal), x.old, x.new, 1)
			if x.old != "" && masked == string(c.Ideal) {
				t.Fatal("the fault was not planted")
			}
			r := Score(c, []byte(masked))
			for name, got := range map[string]int{
				"leaked": r.Leaked(), "elsewhere": r.Elsewhere, "windows": r.Windows, "clean": r.CleanChanged, "decoys": r.DecoysDestroyed,
				"words": r.WordsLost, "masks": r.Inconsistent, "json": r.JSONBroken, "shape": r.Shape, "types": r.Types, "ids": r.IDs,
				"unreadable": r.Unreadable,
			} {
				if got != x.want[name] {
					t.Errorf("%s = %d, want %d", name, got, x.want[name])
				}
			}
			for _, n := range append(r.Notes, fmt.Sprintf("%v %+v %s %#v %v", c.Rows, c.Rows, c.Secrets, c.Secrets, r)) {
				if strings.Contains(n, token) || strings.Contains(n, other) {
					t.Error("a note or a formatted row holds a secret")
				}
			}
		})
	}
}

func must(t *testing.T, form, s string) string {
	t.Helper()
	out, err := apply(nil, form, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The reader of the scorer undoes every form of the filler.
func TestViewsUndoForms(t *testing.T) {
	key := "a\"b\\c'd<e>&fé/0123456789xyz"
	for _, chain := range []string{
		"js", "py", "go", "php", "js.js.js", "py.js", "go.py", "php.php", "sql", "repr", "repr.js", "pct", "pct.pct", "html", "html.js", "b64", "b64.js",
		"b64url", "hex", "hex.b64", "u6", "utf16", "b64.b64", "pct.js", "png.b64", "js.b64.js", "html.pct",
		"zw", "zw.js", "zw.py", "shy.py", "ansi", "ansi.js", "ansi.py", "gz.b64", "gz.b64.b64.js",
	} {
		t.Run(chain, func(t *testing.T) {
			s := key
			for form := range strings.SplitSeq(chain, ".") {
				out, err := apply(new(filler).rng(), form, s)
				if err != nil {
					t.Fatal(err)
				}
				s = out
			}
			text := "before " + s + " after"
			what := search{needles: []string{key}}
			found := what.in(views(text))
			if len(found) != 1 {
				t.Fatalf("found %d times", len(found))
			}
			if f := found[0]; f.from < 7 || int(f.to) > len(text)-6 {
				t.Errorf("found at [%d, %d) of %d bytes", f.from, f.to, len(text))
			}
		})
	}
}

func TestUnknownForm(t *testing.T) {
	if _, err := apply(nil, "rot13", "x"); err == nil {
		t.Error("no error")
	}
	bad := strings.Replace(small, "{{s01}} keeps", "{{s01.rot13}} keeps {{s09}}", 1)
	c, err := Load(fstest.MapFS{"small.json": {Data: []byte(bad)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Fill(1); err == nil {
		t.Error("a template with an unknown form and an unknown id fills without an error")
	}
}
