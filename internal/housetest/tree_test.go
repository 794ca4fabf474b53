package housetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the import path of the repository's root.
const module = "github.com/tracescrub/tracescrub"

// tree is what the rules look at.
type tree struct {
	fset  *token.FileSet
	files []goFile
	// docs are the Markdown and YAML files, by path.
	docs map[string]string
	// paths are all files and directories.
	paths map[string]bool
}

// goFile is one Go file. Its directory is its package.
type goFile struct {
	path  string
	lines int
	ast   *ast.File
}

func (f goFile) pkg() string  { return path.Dir(f.path) }
func (f goFile) test() bool   { return strings.HasSuffix(f.path, "_test.go") }
func (f goFile) helper() bool { return strings.HasPrefix(f.path, "test/") }

// skipped are directories without files of ours to check.
func skipped(name string) bool {
	if name == "." || name == ".ci" {
		return false
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
		slices.Contains([]string{"bin", "data", "dist", "node_modules"}, name)
}

// load reads a tree. Go files under testdata are no code of ours.
func load(t *testing.T, fsys fs.FS) *tree {
	t.Helper()
	tr := &tree{fset: token.NewFileSet(), docs: map[string]string{}, paths: map[string]bool{}}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		tr.paths[p] = true
		if d.IsDir() {
			if skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		goCode := strings.HasSuffix(p, ".go") && !strings.Contains(p, "testdata/")
		if !goCode && !isDoc(p) {
			return nil
		}
		text, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		if !goCode {
			tr.docs[p] = string(text)
			return nil
		}
		f, err := parser.ParseFile(tr.fset, p, text, parser.ParseComments)
		if err != nil {
			return err
		}
		tr.files = append(tr.files, goFile{path: p, lines: strings.Count(string(text), "\n"), ast: f})
		return nil
	})
	if err != nil {
		t.Fatalf("reading the tree: %v", err)
	}
	return tr
}

// isDoc says whether the content of a file matters to a rule.
func isDoc(p string) bool {
	return slices.Contains([]string{".md", ".yaml", ".yml"}, path.Ext(p))
}

// packages groups the files by directory.
func (tr *tree) packages() map[string][]goFile {
	pkgs := map[string][]goFile{}
	for _, f := range tr.files {
		pkgs[f.pkg()] = append(pkgs[f.pkg()], f)
	}
	return pkgs
}

// components are the folders of Collector components.
func (tr *tree) components() []string {
	var dirs []string
	for dir := range tr.packages() {
		kind, name, ok := strings.Cut(dir, "/")
		if ok && !strings.Contains(name, "/") && slices.Contains([]string{"processor", "connector", "exporter", "receiver", "extension"}, kind) {
			dirs = append(dirs, dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// ours returns the directory that an import path of this module names.
func ours(importPath string) (string, bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// imports lists what a file imports.
func (f goFile) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		paths = append(paths, strings.Trim(spec.Path.Value, `"`))
	}
	return paths
}
