package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
)

// fieldOf names a field of a struct: the package, the type, the field.
type fieldOf struct{ pkg, typ, field string }

// comments are the comments of fields, as one line each.
type comments map[fieldOf]string

// fieldComments reads the sources of all packages in which configs have types.
func fieldComments(configs []component.Config) (comments, error) {
	pkgs := map[string]bool{}
	seen := map[reflect.Type]bool{}
	for _, cfg := range configs {
		packagesOf(reflect.TypeOf(cfg), pkgs, seen)
	}
	args := append([]string{"list", "-f", "{{.ImportPath}}\t{{.Dir}}"}, slices.Sorted(maps.Keys(pkgs))...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return nil, fmt.Errorf("finding the sources: %w", err)
	}
	all := comments{}
	for line := range strings.Lines(string(out)) {
		pkg, dir, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if err := all.read(pkg, dir); err != nil {
			return nil, fmt.Errorf("reading the sources of %s: %w", pkg, err)
		}
	}
	return all, nil
}

// packagesOf collects the packages of all structs that t is made of.
func packagesOf(t reflect.Type, pkgs map[string]bool, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		packagesOf(t.Elem(), pkgs, seen)
	case reflect.Struct:
		if strings.Contains(t.PkgPath(), ".") { // not the standard library
			pkgs[t.PkgPath()] = true
		}
		for i := range t.NumField() {
			packagesOf(t.Field(i).Type, pkgs, seen)
		}
	}
}

func (c comments) read(pkg, dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				c.addStruct(pkg, spec.Name.Name, s)
			}
			return true
		})
	}
	return nil
}

func (c comments) addStruct(pkg, typ string, s *ast.StructType) {
	for _, f := range s.Fields.List {
		for _, name := range f.Names {
			c[fieldOf{pkg, typ, name.Name}] = strings.Join(strings.Fields(f.Doc.Text()), " ")
		}
	}
}

// typeName is the name of a type in its source, without type arguments.
func typeName(t reflect.Type) string {
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}
