//go:build e2e

package runtimes

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

const mask = "[MASKED]"

var maskForm = regexp.MustCompile(`\[MASKED:[a-z0-9-]+:[0-9a-f]{8}\]`)

// judge knows what of a request must have become of it.
type judge struct {
	plan    *plan
	forms   map[string][]string // of the secrets, by place
	decoys  map[string][]string // forms, by what they are
	to      *strings.Replacer   // every form of every secret by the mask
	pieces  map[string]string   // pieces of the streamed answer, by what they become
	planted map[string]map[string]bool
	places  int // texts that were compared
}

func newJudge(p *plan) *judge {
	j := &judge{plan: p, forms: map[string][]string{}, decoys: map[string][]string{}, pieces: map[string]string{}, planted: map[string]map[string]bool{}}
	var pairs []string
	for place, secret := range p.secrets {
		j.forms[place] = escaped(secret)
		for _, f := range j.forms[place] {
			pairs = append(pairs, f, mask)
		}
	}
	for what, text := range p.decoys {
		j.decoys[what] = escaped(text)
	}
	j.to = strings.NewReplacer(pairs...)
	answer, secret := p.texts["answer"], p.secrets["streamed answer"]
	from := strings.Index(answer, secret)
	at := 0
	for _, piece := range pieces(answer) {
		a, b := max(from-at, 0), min(from+len(secret)-at, len(piece))
		if a < b {
			j.pieces[piece] = piece[:a] + mask + piece[b:]
		}
		at += len(piece)
	}
	return j
}

// escaped is a text as it stands in a string, in JSON, in JSON in JSON, and so
// on, written by those who keep other letters than ASCII and by those who do
// not, and as Python prints it. The most escaped come first: they hold no other.
func escaped(text string) []string {
	all, last := []string{text}, []string{text}
	for range 4 {
		var next []string
		for _, s := range last {
			printed := strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s)
			plain := strings.ReplaceAll(printed, `"`, `\"`)
			html := strings.ReplaceAll(plain, "&", `\u0026`) // as Go writes it
			for _, form := range []string{html, plain, asASCII(plain), printed} {
				if !slices.Contains(all, form) {
					all, next = append(all, form), append(next, form)
				}
			}
		}
		last = next
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	return all
}

// asASCII escapes what is not ASCII as JSON may.
func asASCII(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 128 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// compare holds what the collector wrote against the request that it was sent.
func (j *judge) compare(t *testing.T, signal string, sent, wrote []byte) {
	t.Helper()
	want, got := parse(t, sent), parse(t, wrote)
	j.diff(t, signal, want, unstamped(got))
}

func parse(t *testing.T, line []byte) (tree any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatalf("a line that is no JSON: %v", err)
	}
	return tree
}

// unstamped takes our stamps away.
func unstamped(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = unstamped(v[i])
		}
	case map[string]any:
		for k, e := range v {
			list, ok := e.([]any)
			if ok && k == "attributes" {
				list = slices.DeleteFunc(list, func(e any) bool {
					key, _ := e.(map[string]any)["key"].(string)
					return strings.HasPrefix(key, "tracescrub.")
				})
				if len(list) == 0 {
					delete(v, k)
					continue
				}
				e = list
			}
			v[k] = unstamped(e)
		}
	}
	return v
}

// diff fails the test where got is not what must have become of want. It names
// places, lengths and offsets, and no value.
func (j *judge) diff(t *testing.T, path string, want, got any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || !slices.Equal(slices.Sorted(maps.Keys(w)), slices.Sorted(maps.Keys(g))) {
			t.Errorf("%s: other members than were sent", path)
			return
		}
		at := path
		if key, ok := w["key"].(string); ok {
			at += " " + j.to.Replace(key)
		}
		for k := range w {
			j.diff(t, at+step(k), w[k], g[k])
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			t.Errorf("%s: another number of elements than were sent", path)
			return
		}
		for i := range w {
			j.diff(t, path, w[i], g[i])
		}
	case string:
		g, ok := got.(string)
		if !ok {
			t.Errorf("%s: no text any more", path)
			return
		}
		if strings.HasSuffix(path, ".bytesValue") {
			w, g = unbase64(t, w), unbase64(t, g)
		}
		j.text(t, path, w, g)
	default:
		if want != got {
			t.Errorf("%s: another value than was sent", path)
		}
	}
}

// step is what a member adds to the path of a place: nothing if it only holds others.
func step(member string) string {
	switch member {
	case "key", "value", "stringValue", "arrayValue", "kvlistValue", "values", "resourceSpans", "scopeSpans", "resourceLogs", "scopeLogs", "attributes":
		return ""
	}
	return "." + member
}

func unbase64(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Errorf("bytes that are no base64: %v", err)
	}
	return string(b)
}

// text compares one text, and remembers what was planted in it.
func (j *judge) text(t *testing.T, path, sent, wrote string) {
	t.Helper()
	j.places++
	for what, forms := range j.forms {
		j.note(what, path, sent, forms)
	}
	for what, forms := range j.decoys {
		j.note("decoy: "+what, path, sent, forms)
	}
	want, isPiece := j.pieces[sent]
	if isPiece {
		j.note("piece of the answer", path, sent, []string{sent})
	} else {
		want = j.to.Replace(sent)
	}
	got := maskForm.ReplaceAllString(wrote, mask)
	if got == want || got == j.cut(path, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	var left []string
	for place, secret := range j.plan.secrets {
		if leaks([]byte(wrote), secret) {
			left = append(left, place)
		}
	}
	t.Errorf("%s: %d bytes sent, must become %d and are %d (masks without rule and fingerprint), first difference at %d; masks %d, expected %d; secrets left: %q; masks here: %q",
		path, len(sent), len(want), len(got), at, strings.Count(got, mask), strings.Count(want, mask), left, maskForm.FindAllString(wrote, 9))
}

// cut is a text that ends inside a secret, which may be masked too. If it is
// not and is long enough to be worth something, it is found as a leak.
func (j *judge) cut(path, text string) string {
	for place, forms := range j.forms {
		for _, form := range forms {
			for n := len(form) - 1; n >= 8; n-- {
				if strings.HasSuffix(text, form[:n]) {
					j.plant("cut: "+place, path)
					return text[:len(text)-n] + mask
				}
			}
		}
	}
	return text
}

// note remembers that something was planted somewhere.
func (j *judge) note(what, path, text string, forms []string) {
	if !slices.ContainsFunc(forms, func(f string) bool { return strings.Contains(text, f) }) {
		return
	}
	j.plant(what, path)
}

func (j *judge) plant(what, path string) {
	if j.planted[what] == nil {
		j.planted[what] = map[string]bool{}
	}
	j.planted[what][path] = true
}

// leaks says whether any twelve bytes of a secret stand in a text, as they are
// or encoded. Of a private key only the random part counts.
func leaks(text []byte, secret string) bool {
	if strings.HasPrefix(secret, "-----") {
		secret = strings.Split(secret, "\n")[2]
	}
	secret = strings.TrimPrefix(secret, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI")
	if len(secret) > 24 {
		secret = secret[13:] // what all of its kind begin with
	}
	const piece = 12
	for i := 0; i+piece <= len(secret); i += 3 {
		if bytes.Contains(text, []byte(secret[i:i+piece])) {
			return true
		}
	}
	if bytes.Contains(text, []byte(hex.EncodeToString([]byte(secret[:piece])))) {
		return true
	}
	for shift := range 3 { // base64 has three faces of the same bytes
		s := base64.RawStdEncoding.EncodeToString([]byte("xxx"[:shift] + secret[:piece]))
		if bytes.Contains(text, []byte(s[(shift*8+5)/6:(shift+piece)*8/6])) {
			return true
		}
	}
	return false
}
