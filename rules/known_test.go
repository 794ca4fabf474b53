package rules

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/rules/known"
	"github.com/tracescrub/tracescrub/rules/pack"
)

const (
	base62  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	signs   = base62 + `"\/+=&<>%'@!#$ ä`
	letters = "etaoinsr"
)

func randomText(rng *rand.Rand, alphabet string, n int) string {
	runes := []rune(alphabet)
	var b strings.Builder
	for range n {
		b.WriteRune(runes[rng.IntN(len(runes))])
	}
	return b.String()
}

func dictionary(t testing.TB, lines ...string) []known.Secret {
	t.Helper()
	all, err := known.Parse(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// manyKnown is a dictionary of n values, some alike, with some common words.
func manyKnown(t testing.TB, n int) (base, known *Engine) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for i := range n {
		lines = append(lines, []string{"", "live-prod-", "team"}[i%3]+randomText(rng, base62, 16+i%32))
	}
	base = builtin(t)
	known, err := base.WithKnown(dictionary(t, lines...))
	if err != nil {
		t.Fatal(err)
	}
	return base, known
}

// envelopes are the ways a value reaches telemetry; each returns the text.
var envelopes = map[string]func(v string) string{
	"plain":          func(v string) string { return "x " + v + " y" },
	"glued to words": func(v string) string { return "abc" + v + "def" },
	"JSON":           func(v string) string { return asJSON(map[string]string{"a": v}) },
	"JSON in JSON":   func(v string) string { return asJSON(map[string]string{"a": asJSON([]string{"b", v})}) },
	"JSON, cut":      func(v string) string { return asJSON([]string{v, "x"}) + `, {"a": "` },
	"JSON, slashes":  func(v string) string { return strings.ReplaceAll(asJSON([]string{v}), "/", `\/`) },
	"percent":        func(v string) string { return "https://example.com/?q=" + url.QueryEscape(v) + "&r=1" },
	"percent, path":  func(v string) string { return "https://example.com/" + url.PathEscape(v) + "?r=1" },
	"HTML":           func(v string) string { return "<b>" + html.EscapeString(v) + "</b>" },
	"base64": func(v string) string {
		return "data " + base64.StdEncoding.EncodeToString([]byte("some text before "+v+" and after"))
	},
	"base64url": func(v string) string {
		return base64.RawURLEncoding.EncodeToString([]byte("some text before " + v + " and after"))
	},
	"hex": func(v string) string { return hex.EncodeToString([]byte("some text before " + v + " and after")) },
}

func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// TestKnownSecrets: every value is found in every envelope, whatever its bytes,
// and nothing of it stays.
func TestKnownSecrets(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var lines []string
	for i := range 60 {
		alphabet := []string{base62, signs, letters}[i%3]
		v := randomText(rng, alphabet, 10+i%30)
		lines = append(lines, "k"+strings.TrimSpace(strings.ReplaceAll(v, " ", "_"))+"z")
	}
	for range 20 { // no run of letters in them stays as it is in every encoding
		v := ""
		for range 10 {
			v += randomText(rng, base62, 2) + randomText(rng, `"\/+=&<>%@!#$`, 1)
		}
		lines = append(lines, v)
	}
	for _, filler := range []int{0, 5000} { // with the matcher of small dictionaries, and without
		all := lines
		for range filler {
			all = append(all, randomText(rng, base62, 24))
		}
		e, err := builtin(t).WithKnown(dictionary(t, all...))
		if err != nil {
			t.Fatal(err)
		}
		for name, wrap := range envelopes {
			for i, v := range lines {
				text := wrap(v)
				found := e.Scan(nil, []byte(text), Context{Digest: digest})
				hit := false
				for _, f := range found {
					hit = hit || strings.HasPrefix(e.Rules()[f.Rule].ID, knownRule) && f.Digest != 0
				}
				if !hit || strings.Contains(string(splice([]byte(text), found)), v) {
					t.Errorf("%s, value %d of %d bytes, dictionary of %d: not found (%d findings)", name, i, len(v), len(all), len(found))
				}
			}
		}
	}
}

func TestKnownNumbers(t *testing.T) {
	e, err := builtin(t).WithKnown(dictionary(t, "pin-of-alice\t847293811029"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`{"a":847293811029,"b":[1]}`, `{"a":"{\"b\":847293811029}"}`} {
		found := e.Scan(nil, []byte(text), Context{Digest: digest})
		if len(found) != 1 || e.Rules()[found[0].Rule].ID != "known-secret-pin-of-alice" || !json.Valid(splice([]byte(text), found)) {
			t.Errorf("%d findings: %s", len(found), describe(e, found))
		}
	}
	if found := e.ScanNumber(nil, []byte("847293811029"), Context{Key: "count"}); len(found) != 1 {
		t.Errorf("%d findings for the number", len(found))
	}
	if found := e.ScanNumber(nil, []byte("847293811028"), Context{Key: "count"}); len(found) != 0 {
		t.Errorf("%d findings for another number", len(found))
	}
	if found := e.Scan(nil, []byte(`{"a":8472938110291}`), Context{}); len(found) != 0 {
		t.Errorf("%d findings for a longer number", len(found))
	}
}

// TestKnownIsTheMostSpecific: where a rule finds the same bytes, the dictionary names them.
func TestKnownIsTheMostSpecific(t *testing.T) {
	token := "ghp_" + strings.Repeat("a1B2", 9)
	base := builtin(t)
	e, err := base.WithKnown(dictionary(t, "ci\t"+token))
	if err != nil {
		t.Fatal(err)
	}
	found := e.Scan(nil, []byte("token: "+token+", other"), Context{})
	if len(found) != 1 || e.Rules()[found[0].Rule].ID != "known-secret-ci" || found[0].End-found[0].Start != len(token) {
		t.Errorf("found %s", describe(e, found))
	}
	again, err := e.WithKnown(nil)
	if err != nil {
		t.Fatal(err)
	}
	if found := again.Scan(nil, []byte("token: "+token), Context{}); len(again.Rules()) != len(base.Rules()) || len(found) != 1 || again.known.has(found[0].Rule) {
		t.Error("an engine keeps the dictionary of the one it was made of")
	}
	if e.Hash() == base.Hash() || again.Hash() == e.Hash() {
		t.Error("the hash does not tell the engines apart")
	}
	masked := splice([]byte("a "+token+" b"), e.Scan(nil, []byte("a "+token+" b"), Context{Digest: digest}))
	if found := e.Scan(nil, masked, Context{}); len(found) != 0 {
		t.Errorf("masked text has findings: %s", describe(e, found))
	}
}

func TestKnownCleanTextAllocatesNothing(t *testing.T) {
	_, e := manyKnown(t, 2000)
	text := []byte(cleanText)
	var dst []Finding
	if dst = e.Scan(dst, text, Context{}); len(dst) != 0 {
		t.Fatalf("%d findings in clean text", len(dst))
	}
	if n := testing.AllocsPerRun(100, func() { dst = e.Scan(dst[:0], text, Context{}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestKnownMemory: 10,000 values take less than 64 MB.
func TestKnownMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	base := builtin(t)
	var lines []string
	for range 10_000 {
		lines = append(lines, randomText(rng, base62, 40))
	}
	secrets := dictionary(t, lines...)
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	e, err := base.WithKnown(secrets)
	if err != nil {
		t.Fatal(err)
	}
	if used := heap() - before; used > 64<<20 || used < 0 {
		t.Errorf("10,000 values take %d bytes", used)
	} else {
		t.Logf("10,000 values take %d bytes", used)
	}
	runtime.KeepAlive(e)
	runtime.KeepAlive(secrets)
}

// TestKnownHostile: literals without their values, many times over, cost a
// bounded amount per byte.
func TestKnownHostile(t *testing.T) {
	v := randomText(rand.New(rand.NewPCG(5, 6)), base62, 4000)
	e, err := builtin(t).WithKnown(dictionary(t, v))
	if err != nil {
		t.Fatal(err)
	}
	lit := e.known.set.Literals()[0].Text
	text := []byte(strings.Repeat(lit+" ", 1<<16))
	start := time.Now()
	found := e.Scan(nil, text, Context{Deadline: start.Add(time.Minute)})
	if len(found) != 0 {
		t.Errorf("%d findings", len(found))
	}
}

const cleanParagraph = `{"role":"user","content":"The token count is 42; max_tokens=4096, see https://example.com/a?b=c.\nKeys: primary key"}` + "\n" +
	"2026-03-01T10:22:33Z INFO server: handled request id=7f3c path=/v1/items status=200 took 12ms\n" +
	"def walk(tree, visit): return [visit(node) for node in tree.children if node is not None]\n"

var cleanProse = strings.Repeat("The quick review of the third chapter shows how a river changes its course over centuries, "+
	"and why people who live beside it build their houses on hills; nobody knows what comes next.\n", 80)

var cleanText = strings.Repeat(cleanParagraph, 40)

func BenchmarkKnown(b *testing.B) {
	for _, n := range []int{0, 100, 1000, 10_000} {
		base, e := manyKnown(b, max(n, 1))
		if n == 0 {
			e = base
		}
		for name, text := range map[string]string{"telemetry": cleanText, "prose": cleanProse} {
			b.Run(fmt.Sprintf("%s/values=%d", name, n), func(b *testing.B) {
				text := []byte(text)
				var dst []Finding
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					dst = e.Scan(dst[:0], text, Context{})
				}
				if len(dst) != 0 {
					b.Fatalf("%d findings in clean text", len(dst))
				}
			})
		}
	}
}

// TestWithKnownKeepsAll: every field of an engine is its own in one with a
// dictionary, or the same.
func TestWithKnownKeepsAll(t *testing.T) {
	own := map[string]bool{
		"infos": true, "rules": true, "ids": true, "known": true, "hash": true,
		"list": true, "filter": true, "wide": true, "targets": true, "around": true, "lits": true, "pool": true,
	}
	base := withAllow(t, pack.Allow{Description: "test", Words: []string{"x"}})
	base.threshold = 7 // whose zero is a value as well
	e, err := base.WithKnown(dictionary(t, "some known value"))
	if err != nil {
		t.Fatal(err)
	}
	a, b := reflect.ValueOf(base).Elem(), reflect.ValueOf(e).Elem()
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if !own[name] && (a.Field(i).IsZero() || fmt.Sprintf("%#v", a.Field(i)) != fmt.Sprintf("%#v", b.Field(i))) {
			t.Errorf("field %s is lost", name)
		}
	}
}
