package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

// shown is small enough to be read in the golden files.
const shown = `{"name":"shown","class":"dirty","signal":"traces",
 "secrets":[{"id":"s01","kind":"github_pat","group":"token"},{"id":"s02","kind":"password_assignment","group":"password","shape":"{Word}-{digits:4}\"!"}],
 "payload":{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"name":"GET /{{s01}}/x","attributes":[
  {"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"tool\",\"content\":\"first {{s01.js}} and\\nthen {{s01.js}} again, PASSWORD={{s02.js}} and more words than there is room for\"}]"}},
  {"key":"日本語","value":{"stringValue":"日本語のログに {{s01}} が入っています、長い文章です"}}]}]}]}]}}`

func TestShowGolden(t *testing.T) {
	loaded, err := corpus.Load(fstest.MapFS{"shown.json": {Data: []byte(shown)}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := dialect{name: "Shown", template: "shown"}.fill(loaded, 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		golden string
		screen screen
	}{
		{"testdata/plain80.golden", screen{width: 80}},
		{"testdata/colour120.golden", screen{width: 120, colour: true}},
	} {
		t.Run(x.golden, func(t *testing.T) {
			var out bytes.Buffer
			if err := x.screen.show(&out, dialect{name: "Shown", template: "shown"}, c, "OTLP/gRPC", c.Ideal); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(out.String(), "\x1b", "␛")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(x.golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(x.golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			for _, line := range strings.Split(out.String(), "\n") {
				for _, code := range []string{red, green, bold, faint, reset} {
					line = strings.ReplaceAll(line, code, "")
				}
				if columns(line) > x.screen.width {
					t.Errorf("a line is %d columns wide", columns(line))
				}
			}
		})
	}
}

func TestNotMaskedIsShownAsItIs(t *testing.T) {
	a, b := compared(corpus.Row{}, "abc", "abc")
	if a.left+a.middle+a.right != "abc" || b.left != "abc" || b.middle != "" {
		t.Error("an unmasked text is not shown as it is")
	}
}
