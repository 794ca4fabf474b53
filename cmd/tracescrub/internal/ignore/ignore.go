// Package ignore reads .gitignore files and their kin: which paths of a tree
// are left out. It is gitignore(5) but for one thing: it works from the
// patterns alone, so a file that git tracks in spite of them is left out too.
package ignore

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// List is the patterns of one file, which count below its directory. It is immutable.
type List struct {
	base  string // slash-separated directory, "" for the root of the walk
	rules []rule
}

type rule struct {
	glob    string
	keep    bool // "!": not left out after all
	dirOnly bool
}

// Parse reads the patterns of a file in the directory base, a slash-separated
// path relative to the root of the walk. It reports every bad pattern, by
// line, together with the patterns that are good.
func Parse(base string, content []byte) (List, error) {
	l := List{base: strings.Trim(base, "/")}
	if l.base == "." {
		l.base = ""
	}
	var errs []error
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
	lines.Buffer(nil, max(len(content)+1, 64))
	for n := 1; lines.Scan(); n++ {
		r, ok := parse(lines.Text())
		if !ok {
			continue
		}
		if !doublestar.ValidatePattern(r.glob) {
			errs = append(errs, fmt.Errorf("line %d: bad pattern", n))
			continue
		}
		l.rules = append(l.rules, r)
	}
	return l, errors.Join(append(errs, lines.Err())...)
}

// parse turns a line into a rule; ok is false for comments and empty lines.
func parse(line string) (r rule, ok bool) {
	line = strings.TrimSuffix(line, "\r")
	for strings.HasSuffix(line, " ") && !strings.HasSuffix(line, `\ `) {
		line = line[:len(line)-1]
	}
	if line == "" || line[0] == '#' {
		return r, false
	}
	if line[0] == '!' {
		r.keep, line = true, line[1:]
	} else if strings.HasPrefix(line, `\!`) || strings.HasPrefix(line, `\#`) {
		line = line[1:]
	}
	if strings.HasSuffix(line, "/") {
		r.dirOnly, line = true, strings.TrimRight(line, "/")
	}
	if line == "" {
		return r, false
	}
	// Braces mean nothing in gitignore, but do in the library.
	line = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(line)
	if strings.Contains(line, "/") {
		r.glob = strings.TrimPrefix(line, "/")
	} else {
		r.glob = "**/" + line
	}
	return r, true
}

// Match says what the list has to say about a path (slash-separated, relative
// to the root of the walk): whether any pattern fits, and whether the last one
// that fits leaves the path out.
func (l List) Match(name string, dir bool) (out, decided bool) {
	rel := name
	if l.base != "" {
		var below bool
		if rel, below = strings.CutPrefix(name, l.base+"/"); !below {
			return false, false
		}
	}
	for i := len(l.rules) - 1; i >= 0; i-- {
		r := l.rules[i]
		if r.dirOnly && !dir {
			continue
		}
		if doublestar.MatchUnvalidated(r.glob, rel) {
			return !r.keep, true
		}
	}
	return false, false
}

// Stack is the lists that count in a directory, the outermost first.
type Stack []List

// Match says whether a path is left out: the innermost list that decides wins.
func (s Stack) Match(name string, dir bool) bool {
	name = path.Clean(name)
	for i := len(s) - 1; i >= 0; i-- {
		if out, decided := s[i].Match(name, dir); decided {
			return out
		}
	}
	return false
}

// Push returns the stack with one more list; the receiver stays as it was.
func (s Stack) Push(l List) Stack {
	return append(s[:len(s):len(s)], l)
}
