package main

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// TestKnownAgainInOneText: a password named once is masked where it is quoted,
// encoded and in halves, with its places in the input; the next text knows
// nothing of it.
func TestKnownAgainInOneText(t *testing.T) {
	s, err := readSettings(t.Context(), "", "none", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMasking(s)
	if err != nil {
		t.Fatal(err)
	}
	pw, _, err := pack.Expand("<14*base62>", rand.New(rand.NewPCG(1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	pw += "!7" + "q#"
	parts := []string{pw, pw, pw[:10], base64.StdEncoding.EncodeToString([]byte("me:" + pw)), pw}
	text := "I try " + parts[0] + " now.\npassword=" + parts[1] + "\nIt begins with " + parts[2] + " as said; and " + parts[3] + " or " + parts[4] + "."
	out, hits := m.text(nil, []byte(text))
	if strings.Contains(string(out), pw[2:10]) || strings.Contains(string(out), parts[3][8:20]) {
		t.Error("a part of the password is left")
	}
	if strings.Count(string(out), "[MASKED:") != len(parts) || !strings.HasSuffix(string(out), "].") {
		t.Errorf("%d masks, want %d", strings.Count(string(out), "[MASKED:"), len(parts))
	}
	if len(hits) != len(parts) {
		t.Fatalf("%d hits, want %d", len(hits), len(parts))
	}
	for i, h := range hits {
		if text[h.Start:h.End] != parts[i] || h.Fingerprint != hits[0].Fingerprint || h.RuleID != hits[0].RuleID {
			t.Errorf("hit %d at [%d, %d): another place, rule or fingerprint", i, h.Start, h.End)
		}
	}
	if again, _ := m.text(nil, out); again != nil && string(again) != string(out) {
		t.Error("masking twice changed something")
	}
	if out, _ := m.text(nil, []byte("I try "+pw+" now.")); out != nil {
		t.Error("another text knows the password")
	}
}
