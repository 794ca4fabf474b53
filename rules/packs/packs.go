// Package packs holds the rules that tracescrub comes with, one YAML file per
// field. docs/rules.md says how to read and write them; the tests of this
// package prove every rule with its own examples and near misses.
package packs

import (
	"embed"
	"fmt"

	"github.com/tracescrub/tracescrub/rules/pack"
)

//go:embed *.yaml
var files embed.FS

// Builtin loads the packs of this folder. It fails only when the repository
// is broken; the caller owns the result.
func Builtin() ([]*pack.Pack, error) {
	all, err := pack.LoadFS(files)
	if err != nil {
		return nil, fmt.Errorf("loading the built-in packs: %w", err)
	}
	return all, nil
}
