// Command train makes the model of package classify.
//
// From the root of the repository, go run ./rules/classify/train writes
// rules/classify/model.bin, byte for byte the same on every machine: all sums
// are of integers. With -curve it writes docs/detection-curve.md instead: how
// the committed model does on values made of words that it was never shown.
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/tracescrub/tracescrub/rules/classify"
)

func main() {
	curve := flag.Bool("curve", false, "write the precision/recall curve instead of the model")
	model := flag.String("model", "rules/classify/model.bin", "where the model is written")
	page := flag.String("page", "docs/detection-curve.md", "where the curve is written")
	flag.Parse()
	if err := run(*curve, *model, *page); err != nil {
		fmt.Fprintln(os.Stderr, "train:", err)
		os.Exit(1)
	}
}

func run(curve bool, model, page string) error {
	if curve {
		return os.WriteFile(page, []byte(curvePage(classify.Builtin())), 0o644)
	}
	m, err := trained()
	if err != nil {
		return fmt.Errorf("training: %w", err)
	}
	data, err := m.MarshalBinary()
	if err != nil {
		return fmt.Errorf("training: %w", err)
	}
	return os.WriteFile(model, data, 0o644)
}
