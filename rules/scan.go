package rules

import (
	"bytes"
	"time"

	"github.com/tracescrub/tracescrub/rules/decode"
	"github.com/tracescrub/tracescrub/rules/known"
	"github.com/tracescrub/tracescrub/rules/match"
	"github.com/tracescrub/tracescrub/rules/prefilter"
)

const (
	blockSize  = 64 << 10 // bytes filtered before candidates are looked at
	maxHits    = 4096     // hits held at a time
	workFactor = 8        // a rule may cost this many steps per byte of text before it is run linearly
	workFloor  = 20_000

	// What compressed runs in a text may decode to, all together and those
	// within others included: so many bytes, and so many for each of its own.
	roomFloor  = 8 << 20
	roomFactor = 8
)

// scanner is the working memory of one Scan at a time.
type scanner struct {
	e      *Engine
	filter *prefilter.Filter // the engine's, but for Explain
	ctx    Context
	trace  *trace // nil but for Explain
	// thorough: nothing is refused by a cheap look, so that Explain can say why,
	// and a test that such looks lose nothing.
	thorough bool
	match    match.State
	out      []Finding // of the text at hand, offsets relative to it
	slash    bool      // a backslash stood where candidates of the text at hand were looked at
	tables   int       // tables without rules before this offset are settled
	values   int       // bytes of values that names of the text at hand led to
	budget   budget
	ahead    ahead // of what raw scans
	tick     int   // counts towards looking at the clock
	late     bool  // Context.Deadline passed
	looked   int   // work at the last look at the clock
	room     int   // bytes that compressed runs may still decode to
	clock    func() time.Time

	// For the tests that bound them: bytes and steps looked at, candidates of
	// rules tried, and identifiers looked at.
	work, tried, named int

	// matched counts what was found, also if an allow-list or the document around
	// took it back, and what was withheld.
	matched int
	repeats repeats
	history history

	key, prev []byte // Context's, as bytes
	keyed     []byte // for underKey

	find    prefilter.Work
	hits    []prefilter.Hit // in a key
	names   nameMemo
	keys    keyMemo
	levels  []level // by depth of encoding
	scratch []byte  // for digests
	joined  []byte  // a token with its breaks taken out
	jmap    decode.Map
	spare   []byte
	smap    decode.Map
}

// level is the working memory for one depth of encoding.
type level struct {
	hits  []prefilter.Hit
	json  decode.JSON
	runs  decode.Runs
	text  []byte // decoded
	m     decode.Map
	spent []spending // by rule
	epoch uint32
}

// spending is what a rule has done on the text at hand.
type spending struct {
	epoch uint32 // of the text; older entries count as zero
	steps int
	done  int // candidates before this offset are settled
	begun int // attempts at places before this offset were made
	tried int // with near: a token before this offset has been looked for
	// failed is, with near, the range of text behind whose gaps no token begins.
	failed [2]int
	memo   *match.Memo // of a rule that has cost much on the text
}

// begin forgets what the rules have spent on the text before.
func (lv *level) begin(rules int) {
	lv.epoch++
	if lv.spent == nil {
		lv.spent = make([]spending, rules)
	}
}

// newScanner makes room for every depth: levels do not move.
func newScanner(e *Engine) *scanner {
	return &scanner{e: e, filter: e.filter, clock: time.Now, levels: make([]level, e.limits.Depth+2), repeats: newRepeats(e.limits.Repeats), history: newHistory(e.limits.Repeats, e.lits)}
}

func (s *scanner) scan(dst []Finding, text []byte, ctx Context) []Finding {
	s.ctx, s.out, s.late = ctx, s.out[:0], false
	s.work, s.looked, s.tried, s.named = 0, 0, 0, 0
	s.room = roomFloor + roomFactor*len(text)
	s.key, s.prev = append(s.key[:0], ctx.Key...), append(s.prev[:0], ctx.Prev...)
	past := Past{}
	if hash, repeat := s.isRepeat(text, s.key, s.prev, 0); !repeat {
		matched := s.matched
		s.history.start(s.repeats.seed, text)
		s.text(text, s.key, s.prev, 0)
		s.history.keep(text, s.key, s.matched-matched)
		s.remember(hash, s.matched == matched, text, s.key, s.prev, 0)
		past = s.history.told
	}
	if ctx.Past != nil {
		*ctx.Past = past
	}
	if len(s.out) > 0 {
		s.out = resolve(s.out, s.rankOf)
		dst = append(dst, s.out...)
	}
	s.ctx = Context{}
	return dst
}

// text appends the findings in text to s.out.
func (s *scanner) text(text, key, prev []byte, depth int) {
	if s.expired() {
		s.withhold(0, len(text), Time)
		return
	}
	if len(s.out) >= s.e.limits.Findings {
		s.withhold(0, len(text), Findings)
		return
	}
	looks := decode.Looks(text)
	named, command := -1, false
	if len(key) > 0 {
		facts := s.factsOf(key)
		if named, command = facts.name, facts.command; depth == 0 && len(facts.near) > 0 {
			s.underKey(text, key, facts.near)
		}
	}
	if named < 0 {
		named = s.flagOf(prev)
	}
	lv := &s.levels[depth]
	hits, next := s.block(lv, text, 0)
	for len(hits) == 0 && next < len(text) {
		if s.expired() {
			s.withhold(0, len(text), Time)
			return
		}
		hits, next = s.block(lv, text, next)
	}
	cut := false
	if looks && (len(hits) > 0 || named >= 0) {
		if depth >= s.e.limits.Depth {
			s.withhold(0, len(text), Depth)
			return
		}
		var valid bool
		if valid, cut = s.document(text, key, depth); valid {
			s.around(text, depth, next)
			return
		}
	}
	var seen viewSet
	s.slash, s.ahead.found = false, len(s.out)
	if len(hits) > 0 || next < len(text) {
		seen = s.raw(text, key, depth, next, cut, false)
	}
	s.ahead.lv = nil
	if named >= 0 {
		s.whole(named, text)
	} else if command {
		s.shortFlag(text)
	}
	s.views(text, depth, s.slash, seen)
}

// raw scans text as it stands, from the hits of its first blocks on, and
// says which encodings it has seen signs of. document: text is JSON whose
// strings were scanned, and only the rules about documents are tried.
func (s *scanner) raw(text, key []byte, depth, next int, cut, document bool) (seen viewSet) {
	lv := &s.levels[depth]
	lv.begin(len(s.e.rules))
	s.values, s.tables, s.slash = 0, 0, false
	s.ahead.lv, s.ahead.key, s.ahead.cut = lv, key, cut
	s.budget.begin(text)
	name, manifest := 0, 0 // before these offsets they are settled
	outside := 0           // where the last mask ends
	var memo known.Memo
	for hits := lv.hits; ; {
		for i, h := range hits {
			if h.Pos < outside || document && !s.e.around[h.Lit] {
				continue
			}
			if why := s.over(); why != None {
				s.withhold(max(0, h.Pos-maxBack), len(text), why)
				return seen
			}
			names := false
			targets := s.e.targets[h.Lit]
			for k := range targets {
				t := &targets[k]
				switch t.kind {
				case patternTarget:
					if (!document || s.e.rules[t.rule].document) && s.mayMatch(t.rule, text, h) {
						s.candidate(text, key, lv, t, h.Pos, cut)
					}
				case nearTarget: // of a document too: the word may be the name of a member above
					s.nearby(text, key, lv, t.rule, h.Pos, h.Pos+len(s.e.lits[h.Lit]))
				case nameTarget:
					names = !document
				case manifestTarget:
					if !document && h.Pos >= manifest {
						manifest = s.manifest(text, h.Pos)
					}
				case escapeTarget:
					s.slash = true
				case viewTarget:
					seen |= 1 << t.rule
				case knownTarget:
					seen |= s.knownAt(text, &memo, int(t.rule), h.Pos, document)
				case maskTarget:
					outside = max(outside, h.Pos+s.e.maskLen(text[h.Pos:]))
				}
			}
			if names && h.Pos >= name {
				s.ahead.hits = i + 1
				name = s.assignment(text, h.Pos, len(s.e.lits[h.Lit]))
			}
		}
		if next >= len(text) {
			return seen
		}
		if s.expired() {
			s.withhold(max(0, next-maxBack), len(text), Time)
			return seen
		}
		hits, next = s.block(lv, text, next)
	}
}

// mayMatch says cheaply whether a rule can match where its literal stands.
func (s *scanner) mayMatch(rule int32, text []byte, h prefilter.Hit) bool {
	if s.thorough {
		return true
	}
	r := &s.e.rules[rule]
	p := r.pattern
	if p.MaxBefore == 0 && r.left == wordBorder && !leftBorder(text, h.Pos) {
		return false
	}
	if p.MayFollow(text, h.Pos+len(s.e.lits[h.Lit])) {
		return true
	}
	// An escape in what a match would have begun with has to be seen.
	return p.MaxBefore > 0 && bytes.IndexByte(text[max(0, h.Pos-p.MaxBefore):h.Pos], '\\') >= 0
}

// add appends f unless it is allowed, with the digest of the secret.
func (s *scanner) add(f Finding, text []byte) {
	s.addMatch(f, text, f.Start, f.End, 0)
}
