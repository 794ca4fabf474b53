// Command scale makes the tables of docs/scale.md and docs/deploy.md of the
// records of the benchmarks. It runs in the root of the repository.
package main

import (
	"fmt"
	"os"

	"github.com/tracescrub/tracescrub/benchmarks/scale"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "scale: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	costs, err := scale.Read("benchmarks/records")
	if err != nil {
		return err
	}
	for file, tables := range scale.Documents(scale.Usual, costs) {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		made := string(text)
		for name, table := range tables {
			if made, err = scale.Put(made, name, table); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		if err := os.WriteFile(file, []byte(made), 0o644); err != nil { //nolint:gosec // G306: a file of the repository
			return err
		}
	}
	return nil
}
