package filescan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/ignore"
)

const (
	gitFile = ".gitignore"
	ownFile = ".tracescrubignore"
)

// visit is what a walk hands out: a file to scan, or an error in its place.
type visit func(name string, err error) error

// tree walks one path that the user named.
type tree struct {
	root    string // as given
	prefix  string // from the top of the repository to root, slash-separated
	exclude ignore.List
	git     bool // honour .gitignore
	visit   visit
}

// lists are the ignore files that count in a directory.
type lists struct{ git, own ignore.Stack }

// walk visits the files below every path in the order of their names. A file
// that was named itself is visited whatever .gitignore says.
func walk(ctx context.Context, paths []string, o Options, v visit) error {
	exclude, err := ignore.Parse("", []byte(strings.Join(o.Exclude, "\n")))
	if err != nil {
		return fmt.Errorf("reading --exclude: %w", err)
	}
	for _, p := range paths {
		t := &tree{root: p, exclude: exclude, git: !o.NoGitIgnore, visit: v}
		if err := t.start(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) start(ctx context.Context) error {
	info, err := os.Stat(t.root)
	if err != nil {
		return t.visit(t.root, err)
	}
	dir := t.root
	if !info.IsDir() {
		dir = filepath.Dir(t.root)
	}
	outer, err := t.above(dir)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return t.dir(ctx, "", outer)
	}
	if !info.Mode().IsRegular() {
		return t.visit(t.root, errors.New("no regular file"))
	}
	name := path.Join(t.prefix, filepath.Base(t.root))
	if outer, err = t.read(dir, t.prefix, outer); err != nil {
		return err
	}
	if t.excluded(name, false) || outer.own.Match(name, false) {
		return nil
	}
	return t.visit(t.root, nil)
}

// above reads the ignore files between the top of the repository that dir
// stands in and dir itself, and sets prefix.
func (t *tree) above(dir string) (lists, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return lists{}, fmt.Errorf("finding the directory: %w", err)
	}
	var names []string // from dir upwards
	for top := abs; ; {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			break
		}
		up := filepath.Dir(top)
		if up == top {
			return lists{}, nil // no repository: nothing above dir counts
		}
		names, top = append(names, filepath.Base(top)), up
	}
	var l lists
	at, rel := abs, ""
	for range names {
		at = filepath.Dir(at)
	}
	for i := len(names) - 1; i >= 0; i-- {
		if l, err = t.read(at, rel, l); err != nil {
			return l, err
		}
		at, rel = filepath.Join(at, names[i]), path.Join(rel, names[i])
	}
	t.prefix = rel
	return l, nil
}

// read adds the ignore files of a directory. One that cannot be read or has a
// bad pattern is an error of that file; the walk goes on with the others.
func (t *tree) read(dir, rel string, l lists) (lists, error) {
	one := func(s ignore.Stack, name string) (ignore.Stack, error) {
		file := filepath.Join(dir, name)
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return s, nil
		}
		var list ignore.List
		if err == nil {
			list, err = ignore.Parse(rel, content)
		}
		if err != nil {
			if err := t.visit(file, err); err != nil {
				return s, err
			}
		}
		return s.Push(list), nil
	}
	var err error
	if t.git {
		if l.git, err = one(l.git, gitFile); err != nil {
			return l, err
		}
	}
	l.own, err = one(l.own, ownFile)
	return l, err
}

// dir visits the files below a directory; rel is its path below root.
func (t *tree) dir(ctx context.Context, rel string, l lists) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	here := filepath.Join(t.root, filepath.FromSlash(rel))
	entries, err := os.ReadDir(here)
	if err != nil {
		return t.visit(here, err)
	}
	if l, err = t.read(here, path.Join(t.prefix, rel), l); err != nil {
		return err
	}
	for _, e := range entries {
		below := path.Join(rel, e.Name())
		name := path.Join(t.prefix, below)
		if t.excluded(name, e.IsDir()) || l.own.Match(name, e.IsDir()) || l.git.Match(name, e.IsDir()) {
			continue
		}
		switch {
		case e.IsDir() && e.Name() == ".git":
		case e.IsDir():
			err = t.dir(ctx, below, l)
		case e.Type().IsRegular():
			err = t.visit(filepath.Join(t.root, filepath.FromSlash(below)), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// excluded asks the --exclude patterns.
func (t *tree) excluded(name string, dir bool) bool {
	out, _ := t.exclude.Match(name, dir)
	return out
}
