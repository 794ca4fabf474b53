// Package packs holds the rules that tracescrub comes with, one YAML file per
// field. docs/rules.md says how to read and write them; the tests of this
// package prove every rule with its own examples and near misses.
package packs

import (
	"embed"
	"fmt"
	"slices"
	"sync"

	"github.com/tracescrub/tracescrub/rules/pack"
)

//go:embed *.yaml
var files embed.FS

// parsed is read once: a reload shall not cost what telemetry needs.
var parsed = sync.OnceValues(func() ([]*pack.Pack, error) { return pack.LoadFS(files) })

// Builtin returns the packs of this folder. It fails only when the repository
// is broken; the caller owns the packs and their lists of rules, not what is in a rule.
func Builtin() ([]*pack.Pack, error) {
	all, err := parsed()
	if err != nil {
		return nil, fmt.Errorf("loading the built-in packs: %w", err)
	}
	own := make([]*pack.Pack, len(all))
	for i, p := range all {
		clone := *p
		clone.Rules, clone.Names, clone.Allow = slices.Clone(p.Rules), slices.Clone(p.Names), slices.Clone(p.Allow)
		own[i] = &clone
	}
	return own, nil
}
