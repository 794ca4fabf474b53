package gitleaks

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
)

func importFile(t *testing.T) (*pack.Pack, []Difference) {
	t.Helper()
	data, err := os.ReadFile("testdata/acme.toml")
	if err != nil {
		t.Fatal(err)
	}
	p, diffs, err := Import("testdata/acme.toml", data, Options{
		Read: os.ReadFile, Taken: func(id string) bool { return id == "acme-base" }, Examples: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, diffs
}

func engine(t *testing.T, p *pack.Pack) *rules.Engine {
	t.Helper()
	e, err := rules.Compile(rules.Limits{}, p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestImport: what the file describes is found, and in telemetry's ways of
// writing as well; what its allow-lists allow is not.
func TestImport(t *testing.T) {
	p, _ := importFile(t)
	e := engine(t, p)
	run := func(alphabet string, n int) string { return strings.Repeat(alphabet, n)[:n] }
	key := "acmekey_" + run("a7q3z9k1", 32)
	session := run("k3j9x2m7", 24)
	base := "acmebase_" + run("Ab3xY9", 30)
	env := "ENVKEY-" + run("A1B2C3D4F5", 20)
	for _, c := range []struct {
		name, text, secret, rule string
	}{
		{"at the end", "x " + key, key, "acme-key"},
		{"in JSON", `{"a":"` + key + `"}`, key, "acme-key"},
		{"before a full stop", "it is " + key + ".", key, "acme-key"},
		{"in a URL", "https://example.com/?k=" + key + "&x=1", key, "acme-key"},
		{"too long", key + "a", "", ""},
		{"glued", "x" + key, "", ""},
		{"entropy", "acmekey_" + run("ab", 32), "", ""},
		{"allowed pattern", "acmekey_0000" + run("a7q3z9k1", 28), "", ""},
		{"allowed word", key[:20] + "testtest" + run("q3z9k1", 12), "", ""},
		{"group", `acme_SESSION = "` + session + `"`, session, "acme-session"},
		{"keyword in front", "the acmepin is 48151623.", "48151623", "acme-pin"},
		{"keyword in front, too long", "the acmepin is 481516234.", "", ""},
		{"no keyword", "the number is 48151623.", "", ""},
		{"keyword before", "host acme, key " + env, env, "acme-env"},
		{"keyword missing", "key " + env, "", ""},
		{"allowed line", "acme # docs: " + env, "", ""},
		{"line with more", "acme " + env + " # docs: ENVKEY-none", env, "acme-env"},
		{"extended, open end", "x" + base + ",", base, "acme-base-imported"},
		{"and, one of two", base[:20] + "AAAA" + base[24:], base[:20] + "AAAA" + base[24:], "acme-base-imported"},
		{"and, both", base[:20] + "AAAABBBB" + base[28:], "", ""},
		{"disabled", "acmeold_" + run("a7q3z9k1", 32), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := e.Scan(nil, []byte(c.text), rules.Context{})
			if c.secret == "" {
				if len(found) != 0 {
					t.Errorf("%s finds [%d,%d)", e.Rules()[found[0].Rule].ID, found[0].Start, found[0].End)
				}
				return
			}
			at := strings.Index(c.text, c.secret)
			if len(found) != 1 || found[0].Start != at || found[0].End != at+len(c.secret) || e.Rules()[found[0].Rule].ID != c.rule {
				t.Errorf("%d findings %+v, want [%d,%d)", len(found), found, at, at+len(c.secret))
			}
		})
	}
	if i := slices.IndexFunc(p.Rules, func(r pack.Rule) bool { return r.ID == "acme-key" }); i < 0 || p.Rules[i].Severity != pack.Critical {
		t.Error("the tag does not set the severity")
	}
}

// TestDifferences: whatever is otherwise than in the file is said.
func TestDifferences(t *testing.T) {
	_, diffs := importFile(t)
	want := []struct {
		where, what string
		lost        bool
	}{
		{"testdata/acme.toml:19: rules[1] (Acme.Session)", "its id is acme-session here", false},
		{"testdata/acme.toml:26: rules[2] (acme-pin)", "only behind one of its keywords", false},
		{"testdata/acme.toml:32: rules[3] (acme-env)", "a keyword must stand within", false},
		{"testdata/acme.toml:37: rules[4] (acme-file)", "names files by path only", true},
		{"testdata/acme.toml:42: rules[5] (acme-anything)", "it has no anchor", true},
		{"testdata/base.toml:11: rules[2] (acme-base)", "its id is acme-base-imported here", false},
		{"testdata/acme.toml: allowlists[0]", "paths and commits", true},
		{"testdata/acme.toml: allowlists[0]", "must overlap the match", false},
	}
	for _, w := range want {
		if !slices.ContainsFunc(diffs, func(d Difference) bool {
			return d.Where == w.where && strings.Contains(d.What, w.what) && d.Lost == w.lost
		}) {
			t.Errorf("nothing is said about %s: %s", w.where, w.what)
		}
	}
	if len(diffs) != len(want) {
		t.Errorf("%d differences, want %d: %v", len(diffs), len(want), diffs)
	}
}

// TestWritten: the pack that an import gives is a pack file, examples and all.
func TestWritten(t *testing.T) {
	p, _ := importFile(t)
	out, err := yaml.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back, err := pack.Load("acme.yaml", bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Rules) != len(p.Rules) || len(back.Allow) != len(p.Allow) {
		t.Errorf("%d rules and %d allow-lists, want %d and %d", len(back.Rules), len(back.Allow), len(p.Rules), len(p.Allow))
	}
	if one, two := engine(t, p).Hash(), engine(t, back).Hash(); one != two {
		t.Errorf("the written pack finds something else: %s, %s", one, two)
	}
}

func TestBorders(t *testing.T) {
	for _, c := range []struct{ in, pattern, left, right string }{
		{`\bkey_[a-z]{20}\b`, `key_[a-z]{20}`, "word", "exact"},
		{`key_[a-z]{20}`, `key_[a-z]{20}`, "any", "extend"},
		{"(?:^|[^0-9A-Za-z])(key_[a-z]{20})(?:[\\x60'\"\\s;]|\\\\[nr]|$)", `(key_[a-z]{20})`, "any", "exact"},
		{`\b(key_[a-z]{20})(?:['|\"|\n|\r|\s|\x60|;]|$)`, `(key_[a-z]{20})`, "word", "exact"},
		{`(?i)\b(key_[a-z]{20})(?:[\x60'"\s;]|\\[nr]|$)`, `((?i:KEY_)[A-Za-z]{20})`, "word", "exact"},
		{`key_[a-z]{20}={0,2}`, `key_[a-z]{20}={0,2}`, "any", "extend"},
		{`key_[a-z]{20}=?`, `key_[a-z]{20}=?`, "any", "extend"},
		{`key_[a-z]{20}[\s"']?`, `key_[a-z]{20}`, "any", "exact"},
		{`^key_[a-z]{20}$`, `key_[a-z]{20}`, "word", "exact"},
	} {
		data := fmt.Sprintf("[[rules]]\nid = \"x\"\ndescription = \"x\"\nregex = '''%s'''\n", c.in)
		p, _, err := Import("x.toml", []byte(data), Options{})
		if err != nil || len(p.Rules) != 1 {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		r := p.Rules[0]
		if !strings.EqualFold(r.Pattern, c.pattern) || r.Left != c.left || r.Right != c.right {
			t.Errorf("%s: %s left %s right %s, want %s %s %s", c.in, r.Pattern, r.Left, r.Right, c.pattern, c.left, c.right)
		}
	}
}

func TestImportMistakes(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"syntax", "[[rules]]\nid = \n", "x.toml:2: parsing toml"},
		{"no id", "[[rules]]\nregex = 'abcd'\n", "x.toml:1: rules[0]: id must be set"},
		{"nothing to find", "[[rules]]\nid = 'a'\n", "rules[0] (a): has neither regex nor path"},
		{"regex", "[[rules]]\nid = 'a'\nregex = 'abc('\n", "rules[0] (a): regex: "},
		{"group", "[[rules]]\nid = 'a'\nregex = 'abcd'\nsecretGroup = 2\n", "secretGroup is 2, the regex has 0 groups"},
		{"allow-list", "[[allowlists]]\nregexes = ['(']\n", "allowlists[0].regexes[0]: "},
		{"condition", "[[allowlists]]\ncondition = 'XOR'\nregexes = ['a']\n", "none of OR, AND"},
		{"target", "[[allowlists]]\nregexTarget = 'file'\nregexes = ['a']\n", "none of secret, match, line"},
		{"extended file", "[extend]\npath = 'none.toml'\n", "x.toml: extend.path: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := Import("x.toml", []byte(c.in), Options{Read: os.ReadFile})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	loop := func(string) ([]byte, error) { return []byte("[extend]\npath = 'x.toml'\n"), nil }
	if _, _, err := Import("x.toml", []byte("[extend]\npath = 'x.toml'\n"), Options{Read: loop}); err == nil {
		t.Error("a configuration that extends itself is taken")
	}
}

// FuzzImport: whatever is imported compiles.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"testdata/acme.toml", "testdata/base.toml"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := Import("x.toml", data, Options{})
		if err != nil {
			return
		}
		if _, err := rules.Compile(rules.Limits{}, p); err != nil {
			t.Errorf("%d rules do not compile: %v", len(p.Rules), err)
		}
	})
}
