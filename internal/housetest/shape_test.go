package housetest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// The budgets: what one can take in at a time.
const (
	maxFileLines = 400
	maxFuncLines = 60
	maxExported  = 12
)

// overBudget are the allowed exceptions, with the reason for each.
var overBudget = map[string]string{
	"rules/decode":                           "one function for each encoding, all of one form",
	"processor/secretmaskprocessor":          "one type for each section of the configuration",
	"internal/event":                         "one name for each kind of event",
	"cmd/tracescrub/internal/evidence/facts": "what a report says, one type for each thing",
	"receiver/releasereceiver/internal/gate": "what the admin API shows, one type for each thing",
}

// bannedNames say nothing about what a package is for.
var bannedNames = []string{"util", "utils", "common", "helper", "helpers", "types", "errors", "misc", "shared", "base", "lib"}

// checkComments wants one package comment per package.
func checkComments(tr *tree) []string {
	var bad []string
	pkgs := tr.packages()
	if len(pkgs) == 0 {
		return []string{"no packages"}
	}
	for dir, files := range pkgs {
		var with []string
		for _, f := range files {
			if f.ast.Doc == nil || f.test() {
				continue
			}
			with = append(with, f.path)
			want := "Package " + f.ast.Name.Name + " "
			if f.ast.Name.Name == "main" {
				want = "Command " + path.Base(dir) + " "
			}
			if !strings.HasPrefix(strings.ReplaceAll(f.ast.Doc.Text(), "\n", " "), want) {
				bad = append(bad, fmt.Sprintf("%s: the package comment does not begin with %q", f.path, want))
			}
		}
		if len(with) != 1 {
			bad = append(bad, fmt.Sprintf("package %s has %d package comments %v, want one", dir, len(with), with))
		}
	}
	return bad
}

// checkNames refuses package names that say nothing.
func checkNames(tr *tree) []string {
	var bad []string
	if len(tr.files) == 0 {
		return []string{"no Go files"}
	}
	for _, f := range tr.files {
		name := strings.TrimSuffix(f.ast.Name.Name, "_test")
		if slices.Contains(bannedNames, name) || slices.Contains(bannedNames, path.Base(f.pkg())) {
			bad = append(bad, fmt.Sprintf("%s: a package called %s says nothing about what it is for", f.path, name))
		}
	}
	return bad
}

// checkBudgets measures files, functions and exported names.
func checkBudgets(tr *tree) []string {
	if len(tr.files) == 0 {
		return []string{"no Go files"}
	}
	over := map[string]string{}
	for _, f := range tr.files {
		if f.lines > maxFileLines {
			over[f.path] = fmt.Sprintf("%d lines, budget %d", f.lines, maxFileLines)
		}
		if f.test() {
			continue // a table of cases may be long
		}
		for _, decl := range f.ast.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := tr.fset.Position(fn.End()).Line - tr.fset.Position(fn.Pos()).Line + 1
			if lines > maxFuncLines {
				over[f.path+" "+fn.Name.Name] = fmt.Sprintf("%d lines, budget %d", lines, maxFuncLines)
			}
		}
	}
	for dir, files := range tr.packages() {
		if n := exported(files); n > maxExported {
			over[dir] = fmt.Sprintf("%d exported names, budget %d", n, maxExported)
		}
	}
	var bad []string
	for what, how := range over {
		if overBudget[what] == "" {
			bad = append(bad, what+": "+how)
		}
	}
	for what := range overBudget {
		if over[what] == "" {
			bad = append(bad, what+": the exception is no longer needed")
		}
	}
	return bad
}

// exported counts the names a user of the package has to learn: functions,
// types, variables and constants. The values of an enumeration count with
// their type, methods with their receiver.
func exported(files []goFile) int {
	n := 0
	for _, f := range files {
		if f.test() || f.helper() || f.ast.Name.Name == "main" {
			continue
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() {
					n++
				}
			case *ast.GenDecl:
				n += exportedIn(d)
			}
		}
	}
	return n
}

func exportedIn(d *ast.GenDecl) int {
	n := 0
	enum := false
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() {
				n++
			}
		case *ast.ValueSpec:
			if s.Type != nil {
				id, local := s.Type.(*ast.Ident)
				enum = d.Tok == token.CONST && local && id.IsExported()
			} else if len(s.Values) > 0 {
				enum = false
			}
			for _, name := range s.Names {
				if name.IsExported() && !enum {
					n++
				}
			}
		}
	}
	return n
}

// checkGoroutines wants goleak where goroutines start.
func checkGoroutines(tr *tree) []string {
	var bad []string
	starters := 0
	for dir, files := range tr.packages() {
		var starts string
		leak := false
		for _, f := range files {
			if f.test() {
				leak = leak || slices.Contains(f.imports(), "go.uber.org/goleak")
				continue
			}
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok && !f.helper() {
					starts = f.path
				}
				return true
			})
		}
		if starts != "" {
			starters++
			if !leak {
				bad = append(bad, fmt.Sprintf("%s starts a goroutine, but no test of %s uses goleak", starts, dir))
			}
		}
	}
	if starters == 0 {
		bad = append(bad, "no package starts a goroutine: is this the right tree?")
	}
	return bad
}
