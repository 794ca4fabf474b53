package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/window"
	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// builtinEngine compiles the packs that tracescrub comes with.
func builtinEngine() (*rules.Engine, error) {
	all, err := packs.Builtin()
	if err != nil {
		return nil, err
	}
	e, err := rules.Compile(rules.Limits{}, all...)
	if err != nil {
		return nil, fmt.Errorf("compiling the built-in rules: %w", err)
	}
	return e, nil
}

// engine is what the commands need of the rules in force.
type engine interface {
	mask.Engine
	Hash() string
	Explain(text []byte, ctx rules.Context, rule string) ([]rules.Step, error)
}

// masking finds and masks in plain text, by the engine and the policy of a
// configuration. It is safe for concurrent use.
type masking struct {
	engine engine
	masker *mask.Masker
	recall sync.Pool // of *recall
}

func newMasking(s settings) (*masking, error) {
	opts, err := s.MaskOptions(zap.NewNop())
	if err != nil {
		return nil, fmt.Errorf("secret_mask: %w", err)
	}
	e, ok := opts.Engine.(engine)
	if !ok {
		return nil, errors.New("secret_mask: unexpected engine")
	}
	m := &masking{engine: e}
	if m.masker, err = mask.New(opts); err != nil {
		return nil, fmt.Errorf("secret_mask: %w", err)
	}
	m.recall.New = func() any { return newRecall(m) }
	return m, nil
}

// text is a jsonlines.Mask.
func (m *masking) text(dst []mask.Hit, text []byte) ([]byte, []mask.Hit) {
	return m.at(dst, text, mask.Where{})
}

func (m *masking) at(dst []mask.Hit, text []byte, where mask.Where) ([]byte, []mask.Hit) {
	from := len(dst)
	r := m.recall.Get().(*recall)
	out, hits := r.text(dst, text, where)
	m.recall.Put(r)
	for i := from; i < len(hits); i++ {
		if hits[i].Withheld != rules.None {
			hits[i].Severity = pack.Critical // it must be treated as secret
		}
	}
	return out, hits
}

// find is a window.Find.
func (m *masking) find(dst []mask.Hit, text []byte) []mask.Hit {
	_, dst = m.text(dst, text)
	return dst
}

// in is a filescan.Options.Find: the path of the file is the field of allow-lists and policies.
func (m *masking) in(path string) window.Find {
	path = filepath.ToSlash(path)
	where := mask.Where{Field: func() string { return path }}
	return func(dst []mask.Hit, text []byte) []mask.Hit {
		_, dst = m.at(dst, text, where)
		return dst
	}
}

// renderer returns a textstream.Render, for one goroutine: a piece of a text is
// masked with what was found in a larger window.
func (m *masking) renderer() func(text []byte, hits []mask.Hit) []byte {
	var found []rules.Finding
	return func(text []byte, hits []mask.Hit) []byte {
		found = found[:0]
		for _, h := range hits {
			found = append(found, h.Finding)
		}
		if out, _ := m.masker.Mask(nil, text, found, &mask.Where{}); out != nil {
			return out
		}
		return text
	}
}
