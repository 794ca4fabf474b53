package rules

import "github.com/tracescrub/tracescrub/rules/pack"

// Engine is a compiled set of rules. It is immutable and safe for concurrent use.
type Engine struct {
	infos  []Info
	limits Limits
	hash   string
}

// Info is what is public about a rule.
type Info struct {
	ID, Provider, Description, Reference string
	Severity                             pack.Severity
}

// Compile makes an engine of packs. It reports every mistake at once
// (errors.Join), each with pack name, rule id and YAML path.
func Compile(limits Limits, packs ...*pack.Pack) (*Engine, error) {
	return &Engine{limits: limits}, nil
}

// Scan appends the findings in text to dst, sorted by Start and not
// overlapping, and returns it. Clean text allocates nothing.
func (e *Engine) Scan(dst []Finding, text []byte, ctx Context) []Finding { return dst }

// ScanNumber is Scan for a number, given by its decimal text: it is a secret
// only where ctx.Key names a credential that may be numeric.
func (e *Engine) ScanNumber(dst []Finding, text []byte, ctx Context) []Finding { return dst }

// Rules lists the rules by Finding.Rule.
func (e *Engine) Rules() []Info { return e.infos }

// Hash is a short hex hash over all rules and limits: two engines with the
// same hash find the same.
func (e *Engine) Hash() string { return e.hash }
