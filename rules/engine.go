package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tracescrub/tracescrub/rules/classify"
	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/prefilter"
	"github.com/tracescrub/tracescrub/rules/verify"
)

// Engine is a compiled set of rules. It is immutable and safe for concurrent use.
type Engine struct {
	infos  []Info
	rules  []rule // by Finding.Rule; those with a name instead of a pattern have pattern nil
	names  []name
	index  nameIndex
	ids    map[string]bool // rule ids
	allows []allow
	known  *knownRules // nil without a dictionary
	limits Limits
	hash   string
	// What the classifier of generic values knows, and the score that it asks for.
	model     *classify.Model
	threshold int

	list   []prefilter.Literal // what filter is made of
	filter *prefilter.Filter
	// wide finds literals whatever their case and what follows them: Explain
	// says why those are no candidates.
	wide    func() (*prefilter.Filter, error)
	targets [][]target // by literal: what to try where it stands
	around  []bool     // by literal: something of that is about documents, not single strings
	lits    []string   // the literals

	pool sync.Pool // of *scanner
}

// Info is what is public about a rule.
type Info struct {
	ID, Provider, Description, Reference string
	Severity                             pack.Severity
	// Form: the form alone gives the secret away, without a name, a keyword or
	// a sentence beside it. Such a secret is known again wherever it stands.
	Form bool
}

// target is what a literal is an anchor of.
type target struct {
	kind targetKind
	rule int32 // of patternTarget; of viewTarget the view; of knownTarget the group
	// exact is the literal as the pattern has it, empty if case does not count.
	exact string
}

type targetKind uint8

const (
	patternTarget  targetKind = iota
	nearTarget                // the literal is a word near which tokens of plain form are credentials
	nameTarget                // the literal is part of the name of a credential
	viewTarget                // the literal says that an encoding is in use behind which others can hide
	escapeTarget              // the literal is an escape behind which others can hide
	manifestTarget            // the literal says that a text is a Kubernetes Secret
	maskTarget                // the literal begins one of our masks
	knownTarget               // the literal gives values of the dictionary away
)

// rule is a compiled pack.Rule.
type rule struct {
	pattern  *match.Pattern
	left     boundary
	right    boundary
	keywords []string        // lower case
	near     bool            // known by a word before it: see credible
	not      map[string]bool // with near, words that make it something else
	within   int
	check    verify.Func
	require  bool
	phrase   bool // the secret is the seed phrase in what matched
	entropy  float64
	severity pack.Severity
	rank     rank
	// document: the pattern spans quotes, so it describes the document around
	// the secret rather than the text of one string in it.
	document bool
}

type boundary uint8

const (
	anyByte    boundary = iota
	wordBorder          // left: no letter, digit or underscore before
	extend              // right: more bytes of the last alphabet belong to the secret
	exact               // right: more bytes of the last alphabet make it no match
)

// rank orders what was found in the same place: the more specific wins.
type rank uint8

const (
	rankName     rank = iota // by the name it stands under
	rankLoose                // by what stands around it, whoever issued it
	rankContext              // by what stands around it: a capture group
	rankGeneric              // by a form that many share
	rankProvider             // by a provider's form
	rankKnown                // a value of the dictionary
	rankWithheld             // not scanned: covers all
)

const (
	defaultSize     = 64 << 20
	defaultDepth    = 12
	defaultFindings = 100_000
	defaultWithin   = 100
	// defaultThreshold is where docs/detection-curve.md has its default row.
	defaultThreshold = 0.5
)

// Compile makes an engine of packs. It reports every mistake at once
// (errors.Join), each with pack name, rule id and YAML path.
func Compile(limits Limits, packs ...*pack.Pack) (*Engine, error) {
	e := &Engine{limits: withDefaults(limits), ids: map[string]bool{}, model: classify.Builtin()}
	e.threshold = classify.ScoreOf(e.limits.Threshold)
	c := compiler{engine: e, literals: map[string]int{}, ids: map[string]string{}}
	for _, p := range packs {
		for i := range p.Rules {
			c.rule(p.Name, i, &p.Rules[i])
			e.limits.Pause()
		}
		for i := range p.Names {
			c.name(p.Name, i, &p.Names[i])
			e.limits.Pause()
		}
	}
	for _, p := range packs {
		for i := range p.Allow {
			c.allow(p, i)
		}
	}
	c.nameLiterals()
	c.literal(manifestAnchor, nil, target{kind: manifestTarget, exact: manifestAnchor})
	c.literal("[MASKED:", nil, target{kind: maskTarget})
	c.literal("[WITHHELD:", nil, target{kind: maskTarget})
	for _, l := range escapeSigns {
		c.literal(l, nil, target{kind: escapeTarget})
	}
	for v, view := range views {
		for _, l := range view.signs {
			c.literal(l, nil, target{kind: viewTarget, rule: int32(v)})
		}
	}
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	var err error
	e.list = c.list
	if e.filter, err = prefilter.New(e.list); err != nil {
		return nil, fmt.Errorf("building the filter: %w", err)
	}
	knowledge, err := e.model.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("hashing the classifier: %w", err)
	}
	l := e.limits
	fmt.Fprintf(&c.digest, "limits %d %d %d %g\nmodel %x\n", l.Size, l.Depth, l.Findings, l.Threshold, sha256.Sum256(knowledge))
	sum := sha256.Sum256([]byte(c.digest.String()))
	e.hash = hex.EncodeToString(sum[:6])
	e.ready()
	return e, nil
}

// ready makes what follows from the rules, and what is made when it is needed.
func (e *Engine) ready() {
	e.around = make([]bool, len(e.targets))
	for lit, targets := range e.targets {
		e.around[lit] = slices.ContainsFunc(targets, func(t target) bool {
			return t.kind == nearTarget || t.kind == maskTarget || t.kind == knownTarget || t.kind == patternTarget && e.rules[t.rule].document
		})
	}
	e.pool.New = func() any { return newScanner(e) }
	e.wide = sync.OnceValues(func() (*prefilter.Filter, error) {
		list := slices.Clone(e.list)
		for i := range list {
			list[i].Exact, list[i].Follow = false, nil
		}
		return prefilter.New(list)
	})
}

func withDefaults(l Limits) Limits {
	if l.Size <= 0 {
		l.Size = defaultSize
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	if l.Findings <= 0 {
		l.Findings = defaultFindings
	}
	if l.Threshold <= 0 {
		l.Threshold = defaultThreshold
	}
	if l.Pause == nil {
		l.Pause = func() {}
	}
	return l
}

// compiler gathers rules, literals and mistakes.
type compiler struct {
	engine   *Engine
	literals map[string]int // folded literal to index in list
	list     []prefilter.Literal
	ids      map[string]string // id to pack
	// spellings are the names, words joined by "_".
	spellings []string
	digest    strings.Builder // all that decides what is found
	errs      []error
}

func (c *compiler) id(packName, path, id string, info Info) {
	if other, ok := c.ids[id]; ok {
		c.errs = append(c.errs, fmt.Errorf("%s: %s.id: %q stands in pack %s already", packName, path, id, other))
	}
	c.ids[id] = packName
	c.engine.ids[id] = true
	c.engine.infos = append(c.engine.infos, info)
}

func (c *compiler) rule(packName string, i int, r *pack.Rule) {
	path := fmt.Sprintf("rules[%d]", i)
	c.id(packName, path, r.ID, Info{r.ID, r.Provider, r.Description, r.Reference, r.Severity, byForm(r)})
	proto := *r
	proto.Examples, proto.NearMisses, proto.Description, proto.Reference = nil, nil, "", ""
	fmt.Fprintf(&c.digest, "%+v\n", proto)
	fail := func(key string, err error) {
		c.errs = append(c.errs, fmt.Errorf("%s: %s.%s (rule %s): %w", packName, path, key, r.ID, err))
	}
	index := int32(len(c.engine.rules))
	c.engine.rules = append(c.engine.rules, rule{severity: r.Severity})
	if len(r.Near) > 0 {
		if err := c.near(index, r); err != nil {
			fail("pattern", err)
		}
		return
	}
	p, err := match.Compile(r.Pattern, r.Secret)
	if err != nil {
		fail("pattern", err)
		return
	}
	if len(r.Anchors) > 0 {
		p.Look(r.Anchors)
	}
	for _, l := range p.Literals {
		if len(l) < prefilter.MinLength {
			fail("pattern", fmt.Errorf("no anchor: the best necessary literal is %q, but %d bytes are needed", l, prefilter.MinLength))
			return
		}
	}
	if len(p.Literals) == 0 {
		fail("pattern", fmt.Errorf("no anchor: no literal of %d bytes stands in every match", prefilter.MinLength))
		return
	}
	for _, l := range p.Literals {
		t := target{kind: patternTarget, rule: index}
		if !p.FoldCase {
			t.exact = l
		}
		c.literal(l, orBreak(p.Follow), t)
	}
	c.engine.rules[index] = compiled(r, p)
	if c.engine.rules[index].check == nil && r.Checksum != "" {
		fail("checksum", fmt.Errorf("%q is not one of %v", r.Checksum, verify.Names()))
	}
}

func compiled(r *pack.Rule, p *match.Pattern) rule {
	out := rule{
		pattern: p, within: r.Within, check: verify.Lookup(r.Checksum), require: r.Require,
		entropy: r.Entropy, severity: r.Severity, left: wordBorder, right: extend, rank: rankProvider,
	}
	out.document = strings.Contains(r.Pattern, `"`)
	if len(r.Near) > 0 {
		out.near = true
		out.not = map[string]bool{}
		for _, w := range r.Not {
			out.not[w] = true
		}
	}
	out.phrase = r.Checksum == "bip39"
	if r.Left == "any" {
		out.left = anyByte
	}
	switch r.Right {
	case "exact":
		out.right = exact
	case "any":
		out.right = anyByte
	}
	for _, k := range r.Keywords {
		out.keywords = append(out.keywords, strings.ToLower(k))
	}
	if out.within == 0 {
		out.within = defaultWithin
	}
	out.rank = rankOf(r)
	return out
}

// looseProviders are given where whoever issued the secret is not known.
var looseProviders = map[string]bool{"generic": true, "http": true, "url": true}

func rankOf(r *pack.Rule) rank {
	loose, context := looseProviders[strings.ToLower(r.Provider)], r.Secret != 0 || len(r.Near) > 0
	switch {
	case loose && context:
		return rankLoose
	case context:
		return rankContext
	case loose:
		return rankGeneric
	}
	return rankProvider
}

// byForm is Info.Form: a form that its issuer alone uses, wherever it stands.
func byForm(r *pack.Rule) bool {
	return rankOf(r) == rankProvider && len(r.Keywords) == 0
}

// Scan appends the findings in text to dst, sorted by Start and not
// overlapping, and returns it. Clean text allocates nothing.
func (e *Engine) Scan(dst []Finding, text []byte, ctx Context) []Finding {
	if len(text) == 0 {
		return dst
	}
	if len(text) > e.limits.Size {
		return append(dst, Finding{End: len(text), Withheld: Size, Severity: pack.Critical})
	}
	s := e.pool.Get().(*scanner)
	dst = s.scan(dst, text, ctx)
	e.pool.Put(s)
	return dst
}

// ScanNumber is Scan for a number, given by its decimal text: it is a secret
// only where ctx.Key names a credential that may be numeric.
func (e *Engine) ScanNumber(dst []Finding, text []byte, ctx Context) []Finding {
	if f, ok := e.knownNumber(text); ok {
		if ctx.Digest != nil {
			f.Digest = ctx.Digest(text)
		}
		return append(dst, f)
	}
	s := e.pool.Get().(*scanner)
	s.key = append(s.key[:0], ctx.Key...)
	n := s.nameOf(s.key)
	e.pool.Put(s)
	if n < 0 || !e.names[n].numeric(text) {
		return dst
	}
	f := e.byName(n, 0, len(text))
	if e.allowed(&ctx, text, &f, 0, len(text), text) >= 0 {
		return dst
	}
	if ctx.Digest != nil {
		f.Digest = ctx.Digest(text)
	}
	return append(dst, f)
}

// Rules lists the rules by Finding.Rule.
func (e *Engine) Rules() []Info { return e.infos }

// Hash is a short hex hash over all rules and limits: two engines with the
// same hash find the same. Of a dictionary only the number of values is in it,
// since a hash of the values themselves could be used to guess them.
func (e *Engine) Hash() string { return e.hash }
