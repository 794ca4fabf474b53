package pack

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"go.yaml.in/yaml/v3"
)

// good is a pack that uses every key.
const good = `version: 1
name: test
rules:
  - id: acme-token
    provider: Acme
    description: access token
    severity: critical
    reference: https://acme.example/docs
    pattern: 'acme_([A-Za-z0-9]{20,})'
    anchors: ["acme_"]
    secret: 1
    left: any
    right: exact
    keywords: ["acme"]
    within: 50
    checksum: github-crc32
    require: true
    entropy: 2.5
    examples:
      - 'ACME={{acme_<30*base62><check:github-crc32>}}'
    near_misses:
      - 'acme_<4*digit>'
  - id: acme-plain-key
    provider: Acme
    description: key without a form of its own
    severity: high
    reference: https://acme.example/docs
    pattern: '[0-9a-f]{32}'
    near: [acme, ac_me]
    not: [id, trace]
    examples: ['acme key: {{<32*hex>}}']
    near_misses: ['acme trace <32*hex>']
names:
  - id: acme-password
    provider: Acme
    description: password
    severity: low
    reference: https://acme.example/docs
    names: [acme_password]
    not: [count]
    not_before: [has]
    value: password
    min_length: 4
    examples: ['acme_password={{<12*password>}}']
    near_misses: ['acme_password_count=3']
`

func TestLoad(t *testing.T) {
	p, err := Load("good.yaml", strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	r := p.Rules[0]
	if p.Version != 1 || p.Name != "test" || r.Severity != Critical || r.Secret != 1 || r.Right != "exact" || !r.Require || r.Entropy != 2.5 {
		t.Error("a key of the rule was lost")
	}
	if n := p.Rules[1]; n.Left != "any" || len(n.Not) != 2 {
		t.Error("a key of the second rule was lost")
	} else if expr, group := n.Search(); group != 1 || !regexp.MustCompile(expr).MatchString("the Ac-Me key: "+strings.Repeat("a1", 16)) {
		t.Error("the words of a rule are not in what it searches for")
	}
	if n := p.Names[0]; n.Severity != Low || n.Value != "password" || n.MinLength != 4 || len(n.Not) != 1 || len(n.NotBefore) != 1 {
		t.Error("a key of the name was lost")
	}
	for _, key := range append(tags(reflect.TypeFor[Rule]()), tags(reflect.TypeFor[Name]())...) {
		if !strings.Contains(good, " "+key+":") && !strings.Contains(good, "- "+key+":") {
			t.Errorf("the pack of this test does not use %q", key)
		}
	}
}

func TestDefaults(t *testing.T) {
	text := regexp.MustCompile(`(?m)^    (anchors|left|right|within|keywords|secret|checksum|require|entropy): .*\n`).ReplaceAllString(good, "")
	p, err := Load("good.yaml", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Rules[0]; r.Left != "word" || r.Right != "extend" || r.Within != 100 || r.Secret != 0 || r.Anchors != nil {
		t.Errorf("left %q, right %q, within %d, secret %d, %d anchors", r.Left, r.Right, r.Within, r.Secret, len(r.Anchors))
	}
}

// mistakes are edits of good and what must be said about them, in this order.
var mistakes = []struct{ name, old, new, want string }{
	{"version", "version: 1", "version: 2", "a.yaml:1: version: must be 1"},
	{"no version", "version: 1\n", "", "a.yaml: version: must be 1"},
	{"version is text", "version: 1", "version: '1'", "a.yaml:1: version: must be a whole number"},
	{"no name", "name: test\n", "", "a.yaml: name: must be set"},
	{"unknown key", "    left: any", "    lift: any", "a.yaml:12: rules[0].lift: unknown key"},
	{"unknown key at the top", "version: 1", "version: 1\nrule: []", "a.yaml:2: rule: unknown key"},
	{"key twice", "    left: any", "    left: any\n    left: any", "a.yaml:13: rules[0].left: stands twice"},
	{"id form", "id: acme-token", "id: Acme_Token", "a.yaml:4: rules[0].id: "},
	{"id of two", "id: acme-password", "id: acme-token", `a.yaml:34: names[0].id: "acme-token" is already the id of rules[0]`},
	{"severity", "severity: critical", "severity: terrible", `a.yaml:7: rules[0].severity: "terrible" is none of`},
	{"no severity", "    severity: critical\n", "", "a.yaml:4: rules[0].severity: must be low"},
	{"no provider", "    provider: Acme\n    description: access", "    description: access", "a.yaml:4: rules[0].provider: must be set"},
	{"no description", "    description: access token\n", "", "a.yaml:4: rules[0].description: must be set"},
	{"reference", "reference: https://acme.example/docs\n    pattern", "reference: acme\n    pattern", "a.yaml:8: rules[0].reference: must be an http or https URL"},
	{"pattern", "{20,})'", "{20,'", "a.yaml:9: rules[0].pattern: error parsing regexp"},
	{"no pattern", "    pattern: 'acme_([A-Za-z0-9]{20,})'\n", "", "a.yaml:4: rules[0].pattern: must be set"},
	{"word border", "'acme_(", `'\bacme_(`, `a.yaml:9: rules[0].pattern: \b is not allowed`},
	{"line end", "{20,})'", "{20,})$'", "a.yaml:9: rules[0].pattern: "},
	{"short match", "'acme_([A-Za-z0-9]{20,})'", "'a([0-9])'", "a.yaml:9: rules[0].pattern: matches texts of less than 3 bytes"},
	{"group", "secret: 1", "secret: 2", "a.yaml:11: rules[0].secret: is group 2, the pattern has 1"},
	{"negative group", "secret: 1", "secret: -1", "a.yaml:11: rules[0].secret: is group -1"},
	{"group is text", "secret: 1", "secret: one", "a.yaml:11: rules[0].secret: must be a whole number"},
	{"anchor", `["acme_"]`, `["ac"]`, "a.yaml:10: rules[0].anchors[0]: must have at least 3 bytes"},
	{"anchors are text", `["acme_"]`, `acme`, "a.yaml:10: rules[0].anchors: must be a list"},
	{"anchor is a list", `["acme_"]`, `[["acme_"]]`, "a.yaml:10: rules[0].anchors[0]: must be a string"},
	{"left", "left: any", "left: both", `a.yaml:12: rules[0].left: "both" is none of word, any`},
	{"right", "right: exact", "right: word", `a.yaml:13: rules[0].right: "word" is none of`},
	{"near", "near: [acme, ac_me]", "near: [acme, a_c, Acme]", "a.yaml:29: rules[1].near[1]: must have at least 3 letters"},
	{"not without near", "    near: [acme, ac_me]\n", "", "a.yaml:29: rules[1].not: needs near"},
	{"keyword case", `["acme"]`, `["Acme"]`, "a.yaml:14: rules[0].keywords[0]: must be lower case"},
	{"within", "within: 50", "within: 100000", "a.yaml:15: rules[0].within: must be between"},
	{"checksum", "github-crc32\n", "crc-nothing\n", `a.yaml:16: rules[0].checksum: "crc-nothing" is unknown; known are anthropic,`},
	{"require", "    checksum: github-crc32\n", "", "a.yaml:16: rules[0].require: needs a checksum"},
	{"require is text", "require: true", "require: 'true'", "a.yaml:17: rules[0].require: must be true or false"},
	{"entropy", "entropy: 2.5", "entropy: 8", "a.yaml:18: rules[0].entropy: must be at least 0"},
	{"entropy not a number", "entropy: 2.5", "entropy: .nan", "a.yaml:18: rules[0].entropy: must be a number"},
	{"entropy is text", "entropy: 2.5", "entropy: high", "a.yaml:18: rules[0].entropy: must be a number"},
	{"no examples", "    examples:\n      - 'ACME={{acme_<30*base62><check:github-crc32>}}'\n", "", "a.yaml:4: rules[0].examples: must have at least one"},
	{"no near misses", "    near_misses: ['acme_password_count=3']\n", "", "a.yaml:34: names[0].near_misses: must have at least one"},
	{"template", "<30*base62>", "<30*base63>", `a.yaml:20: rules[0].examples[0]: expanding the template: <30*base63>: unknown alphabet "base63"`},
	{"empty secret", "{{<12*password>}}", "{{}}", "a.yaml:44: names[0].examples[0]: the marked secret is empty"},
	{"empty near miss", "'acme_password_count=3'", "''", "a.yaml:45: names[0].near_misses[0]: expands to nothing"},
	{"no names", "names: [acme_password]", "names: []", "a.yaml:39: names[0].names: must have at least one"},
	{"name form", "names: [acme_password]", "names: [AcmePassword]", `a.yaml:39: names[0].names[0]: "AcmePassword" must be lower case`},
	{"not form", "not: [count]", "not: [a b]", `a.yaml:40: names[0].not[0]: "a b" must be`},
	{"value", "value: password", "value: pin", `a.yaml:42: names[0].value: "pin" is none of`},
	{"length", "min_length: 4", "min_length: -4", "a.yaml:43: names[0].min_length: must be between"},
	{"alias", `["acme_"]`, `[&a "acme_", *a]`, "a.yaml:10: rules[0].anchors[1]: yaml aliases are not allowed"},
	{"rule is text", "names:\n  - id", "names:\n  - text\n  - id", "a.yaml:34: names[0]: must be a mapping"},
}

func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			text := strings.Replace(good, m.old, m.new, 1)
			if text == good {
				t.Fatal("the edit changes nothing")
			}
			_, err := Load("a.yaml", strings.NewReader(text))
			if err == nil || !strings.Contains("\n"+err.Error(), "\n"+m.want) {
				t.Errorf("error %v\nwant %s", err, m.want)
			}
		})
	}
}

// TestAllMistakesAtOnce: an edit does not hide another.
func TestAllMistakesAtOnce(t *testing.T) {
	text := good
	pick := map[string]bool{"unknown key": true, "group": true, "checksum": true, "value": true, "reference": true, "template": true}
	for _, m := range mistakes {
		if pick[m.name] {
			text = strings.Replace(text, m.old, m.new, 1)
		}
	}
	_, err := Load("a.yaml", strings.NewReader(text))
	if err == nil {
		t.Fatal("no error")
	}
	for _, m := range mistakes {
		if pick[m.name] && !strings.Contains(err.Error(), m.want) {
			t.Errorf("nothing is said about: %s\n%v", m.name, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	broken := iotest.ErrReader(errors.New("disk on fire"))
	if _, err := Load("a.yaml", broken); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("reader's error: %v", err)
	}
	for name, text := range map[string]string{
		"empty": "", "comment": "# nothing\n", "list": "- a\n", "two documents": good + "---\n" + good,
		"tabs": "version:\t1\n\tname: x\n", "nothing inside": "version: 1\nname: x\n",
		"too long": "# " + strings.Repeat("x", maxFile),
	} {
		if _, err := Load("a.yaml", strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.HasPrefix(err.Error(), "a.yaml") {
			t.Errorf("%s: the error does not name the file: %v", name, err)
		}
	}
}

func TestLoadFS(t *testing.T) {
	second := strings.NewReplacer("acme-token", "other-token", "acme-plain-key", "other-plain-key", "acme-password", "other-password").Replace(good)
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	packs, err := LoadFS(fstest.MapFS{"b.yaml": file(good), "a.yaml": file(second), "c.txt": file("no pack")})
	if err != nil || len(packs) != 2 || packs[0].Rules[0].ID != "other-token" {
		t.Errorf("%d packs, %v; want two in the order of their names", len(packs), err)
	}
	_, err = LoadFS(fstest.MapFS{"a.yaml": file(good), "b.yaml": file(good), "c.yaml": file("x: 1\n")})
	for _, want := range []string{`b.yaml: id "acme-token" is already in a.yaml`, "c.yaml:1: x: unknown key"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
	if _, err := LoadFS(fstest.MapFS{}); err == nil {
		t.Error("no error without a pack")
	}
}

func TestSeverity(t *testing.T) {
	for s := Low; s <= Critical; s++ {
		text, err := s.MarshalText()
		var back Severity
		if err != nil || back.UnmarshalText(text) != nil || back != s || s.String() != string(text) {
			t.Errorf("%d does not survive", s)
		}
	}
	if _, err := Severity(0).MarshalText(); err == nil || Severity(0).String() != "none" || Severity(9).String() != "none" {
		t.Error("the zero severity has a name")
	}
}

// FuzzLoad: whatever loads is the same after writing and loading it again.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(good))
	for _, m := range mistakes {
		f.Add([]byte(strings.Replace(good, m.old, m.new, 1)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Load("a.yaml", bytes.NewReader(raw))
		if err != nil {
			return
		}
		out, err := yaml.Marshal(p)
		if err != nil {
			t.Fatalf("writing: %v", err)
		}
		back, err := Load("a.yaml", bytes.NewReader(out))
		if err != nil {
			t.Fatalf("loading what was written: %v", err)
		}
		if !reflect.DeepEqual(p, back) {
			t.Fatalf("changed by writing and loading: %d rules, %d names", len(back.Rules), len(back.Names))
		}
	})
}
