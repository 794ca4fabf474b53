package secretmaskprocessor

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// source is a pack file as it was read.
type source struct {
	path string // in the configuration, such as rules::packs[0]
	file string
	data []byte
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
			all = append(all, source{path: path, file: file, data: data})
		}
	}
	return all, errors.Join(m...)
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
	}
	return hex.EncodeToString(h.Sum(nil))
}

// compile makes an engine of the built-in packs and sources, or reports
// every mistake in them.
func (c *Config) compile(sources []source) (*rules.Engine, error) {
	var m mistakes
	var all []*pack.Pack
	if c.Rules.Builtin {
		builtin, err := packs.Builtin()
		if err != nil {
			m.add("rules::builtin", "%w", err)
		}
		all = builtin
	}
	for _, s := range sources {
		p, err := pack.Load(s.file, bytes.NewReader(s.data))
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
	engine, err := rules.Compile(rules.Limits{Size: c.Limits.MaxValueBytes, Findings: c.Limits.MaxFindings, Threshold: c.Detection.Threshold}, all...)
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
		p.Rules = slices.DeleteFunc(p.Rules, func(r pack.Rule) bool { return match(r.ID) })
		p.Names = slices.DeleteFunc(p.Names, func(r pack.Name) bool { return match(r.ID) })
	}
	return n
}

// policyHash stands for everything that decides what is found and what
// becomes of it. It is public: no key goes into it.
func (c *Config) policyHash(e *rules.Engine) string {
	b, err := json.Marshal([]any{e.Hash(), c.Policy, c.Mask, c.Limits, c.Scan, c.Fail})
	if err != nil {
		panic("policy of strings and numbers does not encode: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
