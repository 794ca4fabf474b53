package rules

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// TestCheapLooksLoseNothing: that the filter looks at case and at what follows,
// that candidates are refused by a cheap look, that a value with a form is not judged
// by its name, and that names and keys are remembered changes no finding, on the examples of all rules in many disguises
// and on the corpus.
func TestCheapLooksLoseNothing(t *testing.T) {
	builtin, err := packs.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compile(Limits{}, builtin...)
	if err != nil {
		t.Fatal(err)
	}
	narrow, wide := newScanner(e), newScanner(e)
	if wide.filter, err = e.wide(); err != nil {
		t.Fatal(err)
	}
	keys := []string{"", "gen_ai.content", "password", "db.statement", "process.command_args", "authorization", "datadog.value"}
	texts, found := 0, 0
	check := func(where string, text []byte) {
		key := Context{Key: keys[texts%len(keys)]}
		got := slices.Clone(narrow.scan(nil, text, key))
		wide.thorough, wide.names, wide.keys = true, nameMemo{}, keyMemo{}
		want := wide.scan(nil, text, key)
		if !slices.EqualFunc(got, want, func(a, b Finding) bool { return a == b }) {
			t.Errorf("%s: %d findings, without the hints %d or others", where, len(got), len(want))
		}
		texts, found = texts+1, found+len(want)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range builtin {
		for i := range p.Rules {
			r := &p.Rules[i]
			for n, ex := range slices.Concat(r.Examples, r.NearMisses) {
				text, _, err := pack.Expand(ex, rng)
				if err != nil {
					t.Fatal(err)
				}
				for d, disguised := range disguises(text) {
					check(r.ID+" "+strconv.Itoa(n)+" disguise "+strconv.Itoa(d), disguised)
				}
			}
		}
	}
	files, err := filepath.Glob("../testdata/corpus/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files of the corpus: %v", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil {
			check(f, text)
		}
	}
	if found < texts/4 {
		t.Errorf("only %d findings in %d texts", found, texts)
	}
}

// disguises are ways in which a text may stand in another.
func disguises(text string) [][]byte {
	all := [][]byte{[]byte(text), []byte("see " + text + "."), []byte("\x1b[31m" + text + "\x1b[0m"), []byte("%22" + text + "%22")}
	all = append(all, []byte(strconv.Quote(text)), []byte(strconv.Quote(strconv.Quote(text))), bytes.ToUpper([]byte(text)))
	all = append(all, []byte("SOME_TOKEN="+text+"\n"), []byte(`{"password": "`+text+`"}`), []byte("Authorization: Bearer "+text), []byte("api_key = '"+text+"'; next"))
	for at := 3; at < min(len(text), 16); at += 3 {
		for _, between := range []string{"\n", "\\\n", `\u0030`, "\u200b", `" + "`, "=\r\n", `\/`} {
			all = append(all, []byte(text[:at]+between+text[at:]))
		}
		all = append(all, []byte(text[:at]), []byte(text[:len(text)-at]))
	}
	return all
}
