package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/tracescrub/tracescrub/rules/classify"
)

// TestModelIsTrained says that the committed model is what the training makes.
func TestModelIsTrained(t *testing.T) {
	want, err := os.ReadFile("../model.bin")
	if err != nil {
		t.Fatal(err)
	}
	m, err := trained()
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("model.bin is not what training makes: run go run ./rules/classify/train")
	}
}

// TestCurveIsCurrent says that the page shows the figures of the model.
func TestCurveIsCurrent(t *testing.T) {
	want, err := os.ReadFile("../../../docs/detection-curve.md")
	if err != nil {
		t.Fatal(err)
	}
	if curvePage(classify.Builtin()) != string(want) {
		t.Error("docs/detection-curve.md is out of date: run go run ./rules/classify/train -curve")
	}
}

// TestOperatingPoint asks for precision and recall at the default threshold on
// values of words that training never saw.
func TestOperatingPoint(t *testing.T) {
	for _, q := range questions {
		at, styles := judge(classify.Builtin(), q, []float64{0.5})
		p, r := at[0].precision(), at[0].recall()
		t.Logf("question %d: precision %.4f, recall %.4f", q, p, r)
		if p < 0.97 || r < 0.90 || at[0].found+at[0].missed < 10_000 || at[0].wrong+at[0].right < 10_000 {
			t.Errorf("question %d: precision %.4f, recall %.4f of %+v", q, p, r, at[0])
		}
		for name, s := range styles {
			t.Logf("  %-22s missed %d of %d, wrong %d of %d", name, s.missed, s.found+s.missed, s.wrong, s.wrong+s.right)
		}
	}
}
