package housetest

import (
	"go/ast"
	"path"
	"strings"
)

// corpora is where go test looks for the inputs of a fuzz target that are kept.
const corpora = "/testdata/fuzz/"

// checkFuzz wants a kept corpus for every fuzz target, so that what fuzzing has
// found once is tried by every `go test`, and a target for every corpus.
func checkFuzz(tr *tree) []string {
	var bad []string
	targets := map[string]bool{}
	for _, f := range tr.files {
		for _, decl := range f.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && f.test() && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") {
				targets[f.pkg()+corpora+fn.Name.Name] = true
			}
		}
	}
	kept := map[string]bool{}
	for p := range tr.paths {
		if strings.Contains(path.Dir(p), corpora) {
			kept[path.Dir(p)] = true
		}
	}
	for dir := range targets {
		if !kept[dir] {
			bad = append(bad, "no inputs are kept in "+dir)
		}
	}
	for dir := range kept {
		if !targets[dir] {
			bad = append(bad, "there is no fuzz target for "+dir)
		}
	}
	if len(targets) == 0 {
		bad = append(bad, "there is no fuzz target")
	}
	return bad
}
