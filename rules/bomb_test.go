package rules

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"runtime"
	"strings"
	"testing"
)

// zipped is text in gzip in base64.
func zipped(t *testing.T, text string) string {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(buf.Bytes())
}

// TestBombs: what compressed runs cost is bounded by the text that they stand
// in, however many there are and however deep, counted in bytes looked at and
// in memory. What is not looked at is withheld.
func TestBombs(t *testing.T) {
	e := builtin(t)
	one := zipped(t, strings.Repeat("a quick word ", 1<<20/13+10))
	nested := one
	for range 3 { // without a bound: 300 * 300 * 300 MiB
		nested = zipped(t, strings.Repeat(nested+" , ", 300))
	}
	for _, tt := range []struct {
		name, text string
		withheld   int // at least
	}{
		{"one", one, 1},
		{"side by side", strings.Repeat(one+" , ", 200), 200},
		{"in each other", nested, 1},
		{"in each other, side by side", strings.Repeat(nested+" , ", 20), 20},
		{"in JSON", `{"a":"` + nested + `","b":["` + one + `","` + one + `"]}`, 3},
		{"in escaped JSON", `{"a":"{\"b\":\"` + nested + `\"}"}`, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScanner(e)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			found := s.scan(nil, []byte(tt.text), Context{})
			runtime.ReadMemStats(&after)
			// Each byte is looked at a few times: as JSON, as it stands, decoded.
			if most := 4 * (roomFloor + (roomFactor+8)*len(tt.text)); s.work > most {
				t.Errorf("%d bytes looked at for a text of %d, at most %d", s.work, len(tt.text), most)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 256<<20 {
				t.Errorf("%d MiB allocated", spent>>20)
			}
			withheld := 0
			for _, f := range found {
				if f.Withheld == Size {
					withheld++
				}
			}
			if withheld < tt.withheld {
				t.Errorf("%d runs withheld, want %d", withheld, tt.withheld)
			}
		})
	}
}

// TestBombHidesNothing: what stands beside bombs is found as ever.
func TestBombHidesNothing(t *testing.T) {
	bomb := zipped(t, strings.Repeat("a quick word ", 1<<20))
	text := strings.Repeat(bomb+" , ", 40) + " password=" + "h7Gq" + "2Lw9Zp4X" + "cT6v " + strings.Repeat(bomb+" , ", 40)
	at := strings.Index(text, "password=")
	for _, f := range builtin(t).Scan(nil, []byte(text), Context{}) {
		if f.Withheld == None && f.Start > at && f.End < at+40 {
			return
		}
	}
	t.Error("the password between them is not found")
}
