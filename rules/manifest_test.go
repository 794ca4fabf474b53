package rules

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// TestManifestNames: a value of a Kubernetes Secret is named by its key, whatever else is
// found in the text.
func TestManifestNames(t *testing.T) {
	e := builtin(t)
	const manifest = "apiVersion: v1\nkind: Secret\ndata:\n  password: <32*base62>\n  tls.bin: <32*base62>\n"
	for _, beside := range []int{0, 5, 40} {
		text, _, err := pack.Expand(manifest+strings.Repeat("---\nSOME_API_KEY=<40*base62>\n", beside), rand.New(rand.NewPCG(1, uint64(beside))))
		if err != nil {
			t.Fatal(err)
		}
		if ids := ruleIDs(e, text, Context{}); len(ids) != 2+beside || ids[0] != "named-password@46" || ids[1] != "named-secret@90" {
			t.Errorf("beside %d others: %v", beside, ids)
		}
	}
}
