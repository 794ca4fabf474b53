package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestBorders: a secret is found wherever it stands to the border of a chunk,
// one that spans lines included, and all other bytes stay.
func TestBorders(t *testing.T) {
	record := map[string]string{}
	if _, err := plantText("@github@ @pem@", t.Name(), record); err != nil {
		t.Fatal(err)
	}
	const chunk, carry = 1 << 20, 64 << 10
	for _, line := range []string{"an ordinary line of a log\n", "no line ends here; "} {
		for _, border := range []int{chunk, chunk + carry} {
			for _, before := range []int{1700, 41, 20, 0} {
				filler := strings.Repeat(line, border/len(line)+1)
				head := filler[:border-before-1] + "\n"
				tail := "\n" + filler
				for name, secret := range record {
					in := head + secret + tail
					code, out, said := command([]byte(in), "mask")
					if code != 0 {
						t.Fatalf("code %d: %s", code, said)
					}
					if found := leaks(string(out), record); len(found) > 0 {
						t.Errorf("%s, %d bytes before %d: leaked", name, before, border)
					}
					if n := len(maskForm.FindAll(out, -1)); n != 1 {
						t.Errorf("%s, %d bytes before %d: %d masks", name, before, border, n)
					}
					rest := maskForm.ReplaceAll(out, nil)
					if !bytes.Equal(bytes.TrimSpace(rest), bytes.TrimSpace([]byte(head+tail))) {
						t.Errorf("%s, %d bytes before %d: other bytes changed", name, before, border)
					}
				}
			}
		}
	}
}
