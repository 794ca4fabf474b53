package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a pack file: a file above it is refused, not cut.
const maxFile = 4 << 20

// Load reads one pack. name stands in messages, a file name as a rule. The
// error joins every mistake of the file, one line each:
//
//	github.yaml:12: rules[3].pattern: ...
//
// What it returns without error is valid by itself; that ids are unique over
// several packs is for whoever puts them together.
func Load(name string, r io.Reader) (*Pack, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("%s: reading the pack: %w", name, err)
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%s: the pack is longer than %d bytes", name, maxFile)
	}
	root, err := parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &decoder{file: name, lines: map[string]int{}, bad: map[string]bool{}}
	p := &Pack{}
	d.pack(root, p)
	setDefaults(p)
	d.check(p)
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	return p, nil
}

// LoadFS loads every *.yaml file at the root of files, in the order of their
// names, and also reports ids that two files share. A file system without a
// pack is an error: an empty set of rules would find nothing in silence.
func LoadFS(files fs.FS) ([]*Pack, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing packs: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("listing packs: there is no *.yaml file")
	}
	var packs []*Pack
	var errs []error
	owner := map[string]string{}
	for _, name := range names {
		p, err := loadFile(files, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		packs = append(packs, p)
		for _, id := range p.ids() {
			if first, taken := owner[id]; taken {
				errs = append(errs, fmt.Errorf("%s: id %q is already in %s", name, id, first))
			}
			owner[id] = name
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return packs, nil
}

func loadFile(files fs.FS, name string) (*Pack, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening a pack: %w", err)
	}
	p, err := Load(path.Base(name), f)
	return p, errors.Join(err, f.Close())
}

// ids lists the ids of rules and names.
func (p *Pack) ids() []string {
	ids := make([]string, 0, len(p.Rules)+len(p.Names))
	for i := range p.Rules {
		ids = append(ids, p.Rules[i].ID)
	}
	for i := range p.Names {
		ids = append(ids, p.Names[i].ID)
	}
	return ids
}

// parse returns the mapping at the root of the only document in raw.
func parse(raw []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(string(raw)))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, fmt.Errorf("parsing yaml: %w", err)
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("a pack is a single yaml document")
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("a pack is a mapping with the keys version, name, rules, names")
	}
	return doc.Content[0], nil
}

// setDefaults writes the defaults out, so that a loaded pack says all it means.
func setDefaults(p *Pack) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Left == "" {
			r.Left = "word"
			if len(r.Near) > 0 {
				r.Left = "any"
			}
		}
		if len(r.Near) > 0 && len(r.Not) == 0 {
			r.Not = defaultNot
		}
		if r.Right == "" {
			r.Right = "extend"
		}
		if r.Within == 0 {
			r.Within = defaultWithin
		}
	}
}
