package gitleaks

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/tracescrub/tracescrub/rules/pack"
)

// Difference says what is otherwise than in the configuration.
type Difference struct {
	// Where is file, line if known, TOML path, and id of the rule if there is one.
	Where string
	// What is different, in one line.
	What string
	// Lost: something would have been found, or allowed, that now is not.
	Lost bool
}

// String returns the difference in one line.
func (d Difference) String() string {
	kind := "note"
	if d.Lost {
		kind = "left out"
	}
	return d.Where + ": " + kind + ": " + d.What
}

// Options say what an import may rely on.
type Options struct {
	// Read reads a file that [extend] names, relative to the one that names
	// it. nil: such files are mistakes.
	Read func(path string) ([]byte, error)
	// Taken says that an id belongs to another rule; nil: none is.
	Taken func(id string) bool
	// Examples: give each rule the templates that a pack file must have.
	Examples bool
}

// maxExtend is how many configurations may extend each other.
const maxExtend = 4

// Import turns a configuration into a pack. The error joins all mistakes of
// the file: what the scanner itself would refuse.
func Import(name string, data []byte, o Options) (*pack.Pack, []Difference, error) {
	im := &importer{opts: o, ids: map[string]bool{}}
	cfg := im.load(name, data, 0)
	if len(im.errs) > 0 {
		return nil, nil, errors.Join(im.errs...)
	}
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	p := &pack.Pack{Version: 1, Name: base}
	for i := range cfg.Rules {
		im.rule(p, &cfg.Rules[i])
	}
	for i, a := range cfg.allowlists() {
		im.allow(p, a, fmt.Sprintf("%s: allowlists[%d]", name, i), im.targets(a, cfg.Extend.UseDefault))
	}
	if len(im.errs) > 0 {
		return nil, nil, errors.Join(im.errs...)
	}
	return p, im.diffs, nil
}

// importer collects differences and mistakes.
type importer struct {
	opts  Options
	ids   map[string]bool   // that are given away
	names map[string]string // ids in the file to ids in the pack
	diffs []Difference
	errs  []error
}

func (im *importer) note(where, format string, args ...any) {
	im.diffs = append(im.diffs, Difference{where, fmt.Sprintf(format, args...), false})
}

func (im *importer) lost(where, format string, args ...any) {
	im.diffs = append(im.diffs, Difference{where, fmt.Sprintf(format, args...), true})
}

func (im *importer) mistake(where, format string, args ...any) {
	im.errs = append(im.errs, fmt.Errorf("%s: "+format, append([]any{where}, args...)...))
}

// load decodes a configuration and what it extends.
func (im *importer) load(name string, data []byte, depth int) *config {
	cfg := &config{}
	meta, err := toml.NewDecoder(bytes.NewReader(data)).Decode(cfg)
	if err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			im.mistake(fmt.Sprintf("%s:%d", name, at.Position.Line), "parsing toml: %s", at.Message)
		} else {
			im.mistake(name, "parsing toml: %w", err)
		}
		return cfg
	}
	for _, key := range meta.Undecoded() {
		im.note(name+": "+key.String(), "is not known here and counts for nothing")
	}
	lines := headerLines(data)
	for i := range cfg.Rules {
		r := &cfg.Rules[i]
		r.where = fmt.Sprintf("%s: rules[%d]", name, i)
		if len(lines) == len(cfg.Rules) {
			r.where = fmt.Sprintf("%s:%d: rules[%d]", name, lines[i], i)
		}
		if r.ID != "" {
			r.where += " (" + r.ID + ")"
		}
	}
	if cfg.Extend.UseDefault {
		im.note(name+": extend.useDefault", "the default rules of gitleaks are not part of tracescrub: the built-in packs stand for them")
	}
	if cfg.Extend.URL != "" {
		im.lost(name+": extend.url", "configurations are not fetched from a network")
	}
	base := im.base(name, cfg, depth)
	merge(cfg, base)
	im.disable(name, cfg)
	return cfg
}

// Extends returns the path of the file that a configuration extends, or "".
func Extends(name string, data []byte) string {
	var cfg struct {
		Extend extend `toml:"extend"`
	}
	if err := toml.Unmarshal(data, &cfg); err != nil || cfg.Extend.Path == "" {
		return ""
	}
	return beside(name, cfg.Extend.Path)
}

// beside makes a path in a file relative to that file.
func beside(name, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(name), path)
}

// base loads what a configuration extends, nil if that is nothing.
func (im *importer) base(name string, cfg *config, depth int) *config {
	if cfg.Extend.Path == "" {
		return nil
	}
	where := name + ": extend.path"
	if im.opts.Read == nil || depth == maxExtend {
		im.mistake(where, "configurations may not extend others here, or are nested deeper than %d", maxExtend)
		return nil
	}
	path := beside(name, cfg.Extend.Path)
	data, err := im.opts.Read(path)
	if err != nil {
		im.mistake(where, "%w", err)
		return nil
	}
	return im.load(path, data, depth+1)
}

// disable takes the rules out that [extend] names.
func (im *importer) disable(name string, cfg *config) {
	for _, id := range cfg.Extend.DisabledRules {
		n := 0
		kept := cfg.Rules[:0]
		for _, r := range cfg.Rules {
			if r.ID == id {
				n++
				continue
			}
			kept = append(kept, r)
		}
		cfg.Rules = kept
		if n == 0 {
			im.note(name+": extend.disabledRules", "%q is no rule of the files: to leave built-in rules out, name them in rules::disable", id)
		}
	}
}

// headerLines are the lines on which [[rules]] stands.
func headerLines(data []byte) (lines []int) {
	for i, line := range bytes.Split(data, []byte("\n")) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		if string(bytes.ReplaceAll(bytes.TrimSpace(line), []byte(" "), nil)) == "[[rules]]" {
			lines = append(lines, i+1)
		}
	}
	return lines
}
