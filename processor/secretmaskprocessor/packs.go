package secretmaskprocessor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/gitleaks"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// source is a pack file as it was read.
type source struct {
	path string // in the configuration, such as rules::packs[0]
	file string
	data []byte
	// extends are the files that a configuration of gitleaks extends, by path.
	extends map[string][]byte
}

// maxPackBytes bounds a pack file: a wrong path must not fill the memory.
const maxPackBytes = 4 << 20

// readPacks reads all pack files of the configuration.
func (c *Config) readPacks() ([]source, error) {
	var m mistakes
	var all []source
	seen := map[string]bool{}
	for i, pattern := range c.Rules.Packs {
		path := fmt.Sprintf("rules::packs[%d]", i)
		files := []string{pattern}
		if strings.ContainsAny(pattern, "*?[") {
			files, _ = filepath.Glob(pattern) // Validate has seen to the pattern
			if len(files) == 0 {
				m.add(path, "no file matches %s", pattern)
			}
		}
		slices.Sort(files)
		for _, file := range files {
			if seen[file] {
				continue
			}
			seen[file] = true
			data, err := readBounded(file, maxPackBytes)
			if err != nil {
				m.add(path, "reading a rule pack: %w", err)
			}
			s := source{path: path, file: file, data: data}
			if s.toml() && err == nil {
				s.readExtended(data, file)
			}
			all = append(all, s)
		}
	}
	return all, errors.Join(m...)
}

func (s *source) toml() bool { return filepath.Ext(s.file) == ".toml" }

// readExtended reads the files that a configuration extends, in turn. What
// cannot be read is reported by who imports the configuration.
func (s *source) readExtended(data []byte, file string) {
	path := gitleaks.Extends(file, data)
	if _, seen := s.extends[path]; path == "" || seen {
		return
	}
	more, err := readBounded(path, maxPackBytes)
	if err != nil {
		return
	}
	if s.extends == nil {
		s.extends = map[string][]byte{}
	}
	s.extends[path] = more
	s.readExtended(more, path)
}

// load makes a pack of the source.
func (s *source) load(taken func(id string) bool, differs func(gitleaks.Difference)) (*pack.Pack, error) {
	if !s.toml() {
		return pack.Load(s.file, bytes.NewReader(s.data))
	}
	p, diffs, err := gitleaks.Import(s.file, s.data, gitleaks.Options{Taken: taken, Read: func(path string) ([]byte, error) {
		if data, ok := s.extends[path]; ok {
			return data, nil
		}
		return readBounded(path, maxPackBytes)
	}})
	for _, d := range diffs {
		differs(d)
	}
	return p, err
}

func readBounded(file string, limit int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", file)
	}
	if info.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, %d at most are read", file, info.Size(), limit)
	}
	return os.ReadFile(file)
}

// hashSources tells whether anything changed since the last read.
func hashSources(all []source) string {
	h := sha256.New()
	for _, s := range all {
		fmt.Fprintf(h, "%q %d\n", s.file, len(s.data))
		h.Write(s.data)
		for _, path := range slices.Sorted(maps.Keys(s.extends)) {
			fmt.Fprintf(h, "%q %d\n", path, len(s.extends[path]))
			h.Write(s.extends[path])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// compile makes an engine of the built-in packs and sources, or reports
// every mistake in them. differs hears of rules that are not what their file says.
// pause is rules.Limits.Pause.
func (c *Config) compile(sources []source, differs func(gitleaks.Difference), pause func()) (*rules.Engine, error) {
	var m mistakes
	var all []*pack.Pack
	if c.Rules.Builtin {
		builtin, err := packs.Builtin()
		if err != nil {
			m.add("rules::builtin", "%w", err)
		}
		all = builtin
	}
	taken := func(id string) bool {
		return slices.ContainsFunc(all, func(p *pack.Pack) bool {
			return slices.ContainsFunc(p.Rules, func(r pack.Rule) bool { return r.ID == id }) ||
				slices.ContainsFunc(p.Names, func(n pack.Name) bool { return n.ID == id })
		})
	}
	for _, s := range sources {
		p, err := s.load(taken, differs)
		if err != nil {
			m.addAll(s.path, err)
			continue
		}
		all = append(all, p)
	}
	for i, pattern := range c.Rules.Disable {
		if disable(all, pattern) == 0 && len(m) == 0 {
			m.add(fmt.Sprintf("rules::disable[%d]", i), "%q matches no rule", pattern)
		}
	}
	if len(m) > 0 {
		return nil, errors.Join(m...)
	}
	engine, err := rules.Compile(rules.Limits{
		Size: c.Limits.MaxValueBytes, Findings: c.Limits.MaxFindings, Threshold: c.Detection.Threshold, Repeats: c.Memory.CleanBytes, Pause: pause,
	}, append(all, c.allowPack())...)
	if err != nil {
		m.addAll("rules", err)
		return nil, errors.Join(m...)
	}
	return engine, nil
}

// disable takes the rules whose id matches pattern out of the packs.
func disable(all []*pack.Pack, pattern string) int {
	n := 0
	match := func(id string) bool {
		ok, err := filepath.Match(pattern, id)
		if ok && err == nil {
			n++
		}
		return ok && err == nil
	}
	for _, p := range all {
		some := len(p.Rules)+len(p.Names) > 0
		p.Rules = slices.DeleteFunc(p.Rules, func(r pack.Rule) bool { return match(r.ID) })
		p.Names = slices.DeleteFunc(p.Names, func(r pack.Name) bool { return match(r.ID) })
		if some && len(p.Rules)+len(p.Names) == 0 {
			// What was about the rules of this pack must not become about all.
			p.Allow = slices.DeleteFunc(p.Allow, func(a pack.Allow) bool { return len(a.Rules) == 0 })
		}
	}
	return n
}

// policyHash stands for everything that decides what is found and what
// becomes of it. It is public: no key goes into it.
func (c *Config) policyHash(e *rules.Engine) string {
	b, err := json.Marshal([]any{e.Hash(), c.policy(), c.AllowInline, c.Mask, c.Limits, c.Scan, c.Fail})
	if err != nil {
		panic("policy of strings and numbers does not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
