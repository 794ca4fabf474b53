package main

import (
	"fmt"
	"go.opentelemetry.io/collector/component"

	"github.com/tracescrub/tracescrub/internal/mask"
	"github.com/tracescrub/tracescrub/rules"
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

// masking finds and masks in plain text, by the engine and the policy of a
// configuration. It is safe for concurrent use.
type masking struct {
	engine *rules.Engine
	key    []byte
}

func newMasking(component.Config) (*masking, error) {
	e, err := builtinEngine()
	return &masking{engine: e}, err
}

// find is a window.Find.
func (m *masking) find(dst []mask.Hit, text []byte) []mask.Hit {
	for _, f := range m.engine.Scan(nil, text, rules.Context{}) {
		dst = append(dst, mask.Hit{Finding: f, Action: mask.Mask, RuleID: m.engine.Rules()[f.Rule].ID, Fingerprint: "00000000"})
	}
	return dst
}

// render is a textstream.Render.
func (m *masking) render(dst, _ []byte, h mask.Hit) []byte {
	return fmt.Appendf(dst, "[MASKED:%s:%s]", h.RuleID, h.Fingerprint)
}

// text is a jsonlines.Mask.
func (m *masking) text(dst []mask.Hit, text []byte) ([]byte, []mask.Hit) {
	hits := m.find(dst, text)
	var out []byte
	from := 0
	for _, h := range hits {
		out = m.render(append(out, text[from:h.Start]...), text, h)
		from = h.End
	}
	if from == 0 {
		return nil, hits
	}
	return append(out, text[from:]...), hits
}
