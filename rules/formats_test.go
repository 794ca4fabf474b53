package rules

import (
	"bufio"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// TestFormatsAreFound: each known format of the list is found whole, those
// that need a word or a name in the context that their template gives.
func TestFormatsAreFound(t *testing.T) {
	e := builtin(t)
	f, err := os.Open("packs/testdata/formats.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		c := strings.Split(s.Text(), "\t")
		if strings.HasPrefix(s.Text(), "#") || len(c) < 6 || c[5] == "" {
			continue
		}
		n++
		t.Run(c[0]+" "+c[1], func(t *testing.T) {
			for seed := range uint64(8) {
				template := c[5]
				if !strings.Contains(template, "{{") {
					template = "its value is {{" + template + "}}"
				}
				text, secret, err := pack.Expand(template, rand.New(rand.NewPCG(seed, 6)))
				if err != nil {
					t.Fatal(err)
				}
				covered(t, e, "the format", text, secret)
			}
		})
	}
	if n < 480 {
		t.Errorf("only %d formats", n)
	}
}
