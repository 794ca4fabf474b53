package pack

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/verify"
)

// TestDocument: docs/rules.md names every key, filler, alphabet and check,
// and its example of a pack loads.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(doc, -1)
	if len(blocks) == 0 {
		t.Fatal("the document has no example of a pack")
	}
	for _, b := range blocks {
		if _, err := Load("docs/rules.md", strings.NewReader(b[1])); err != nil {
			t.Error(err)
		}
	}
	var words []string
	for _, typ := range []reflect.Type{reflect.TypeFor[Pack](), reflect.TypeFor[Rule](), reflect.TypeFor[Name](), reflect.TypeFor[Allow]()} {
		words = append(words, tags(typ)...)
	}
	for name := range alphabets {
		words = append(words, name)
	}
	for name := range checksums {
		words = append(words, name)
	}
	for name := range pemEnds {
		words = append(words, name)
	}
	words = append(words, verify.Names()...)
	for _, w := range words {
		if w != "" && !strings.Contains(doc, "`"+w+"`") {
			t.Errorf("%q is not in the document", w)
		}
	}
	for name := range generators {
		if !strings.Contains(doc, "`<"+name) {
			t.Errorf("the filler %q is not in the document", name)
		}
	}
	for name := range encoders {
		if !strings.Contains(doc, "`<"+name+":T>`") {
			t.Errorf("the encoder %q is not in the document", name)
		}
	}
}
