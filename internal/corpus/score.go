package corpus

import (
	"fmt"
	"slices"
	"strings"
)

// Tally counts occurrences and how many of them leaked.
type Tally struct{ Rows, Leaked int }

// Result says what a masker did to one or more cases. The zero value is the
// result of nothing; everything but the totals should be 0.
type Result struct {
	// Cases, Values, Decoys, JSONDocs and Words are totals.
	Cases, Values, Decoys, JSONDocs, Words int
	// Unreadable counts masked payloads that are no OTLP/JSON.
	Unreadable int
	// By counts the occurrences of secrets, and those still readable at their
	// place after any decoding, by difficulty.
	By map[string]Tally
	// Leaks are those occurrences themselves.
	Leaks []Row
	// Elsewhere counts secrets in places where they were not before.
	Elsewhere int
	// Windows counts masked secrets of which 16 bytes in a row are left.
	Windows int
	// DecoysDestroyed and AmbiguousDestroyed count look-alikes that are gone.
	DecoysDestroyed, AmbiguousDestroyed int
	// CleanChanged counts values without a secret that are not the same bytes.
	CleanChanged int
	// JSONBroken counts JSON documents inside values that are none any more;
	// Shape counts members and elements lost, added, collided or of another type.
	JSONBroken, Shape int
	// Types counts values of another type, IDs changed ids, times, numbers and counts.
	Types, IDs int
	// WordsLost counts the words beside secrets that are gone.
	WordsLost int
	// Inconsistent counts secrets that got more than one mask.
	Inconsistent int
	// Notes name the places of all of these, without any value.
	Notes []string
}

func (r *Result) note(format string, args ...any) {
	if len(r.Notes) < 200 {
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
}

// Leaked is the number of readable occurrences of all difficulties.
func (r Result) Leaked() (n int) {
	for _, t := range r.By {
		n += t.Leaked
	}
	return n
}

// Rows is the number of occurrences of all difficulties.
func (r Result) Rows() (n int) {
	for _, t := range r.By {
		n += t.Rows
	}
	return n
}

// Add adds the figures of another result.
func (r *Result) Add(o Result) {
	for _, p := range [][2]*int{
		{&r.Cases, &o.Cases},
		{&r.Values, &o.Values},
		{&r.Decoys, &o.Decoys},
		{&r.JSONDocs, &o.JSONDocs},
		{&r.Words, &o.Words},
		{&r.Unreadable, &o.Unreadable},
		{&r.Elsewhere, &o.Elsewhere},
		{&r.Windows, &o.Windows},
		{&r.DecoysDestroyed, &o.DecoysDestroyed},
		{&r.AmbiguousDestroyed, &o.AmbiguousDestroyed},
		{&r.CleanChanged, &o.CleanChanged},
		{&r.JSONBroken, &o.JSONBroken},
		{&r.Shape, &o.Shape},
		{&r.Types, &o.Types},
		{&r.IDs, &o.IDs},
		{&r.WordsLost, &o.WordsLost},
		{&r.Inconsistent, &o.Inconsistent},
	} {
		*p[0] += *p[1]
	}
	for k, t := range o.By {
		r.tally(k, t.Rows, t.Leaked)
	}
	r.Leaks = append(r.Leaks, o.Leaks...)
	for _, n := range o.Notes {
		r.note("%s", n)
	}
}

func (r *Result) tally(difficulty string, rows, leaked int) {
	if r.By == nil {
		r.By = map[string]Tally{}
	}
	t := r.By[difficulty]
	r.By[difficulty] = Tally{t.Rows + rows, t.Leaked + leaked}
}

// Score compares a masked payload (OTLP/JSON) with the case it was made of.
// Attributes with the prefix "tracescrub." are taken off first, but a secret in them counts.
func Score(c Case, masked []byte) Result {
	r := Result{Cases: 1}
	was, err := parse(c.Payload)
	if err != nil {
		panic("a filled case does not parse: " + err.Error())
	}
	is, err := parse(masked)
	if err != nil || is.kind != '{' {
		r.Unreadable++
		r.note("UNREADABLE %s", c.Name)
		return r
	}
	s := &scoring{c: c, r: &r, own: stripOwn(is), before: map[string]leaf{}, after: map[string]leaf{}, ideal: map[string]string{}, seen: map[string][]*view{}}
	if best, err := parse(c.Ideal); err == nil {
		leaves(best, func(l leaf) { s.ideal[l.path] = l.text })
	}
	leaves(was, func(l leaf) { s.order = append(s.order, l.path); s.before[l.path] = l })
	leaves(is, func(l leaf) { s.after[l.path] = l })
	s.leaks()
	s.elsewhere()
	s.decoys()
	s.values()
	s.consistency()
	s.tree("", was, is)
	return r
}

// scoring is the state of one Score.
type scoring struct {
	c             Case
	r             *Result
	own           []string // texts of the masker's own attributes
	order         []string // paths of the leaves before
	before, after map[string]leaf
	ideal         map[string]string
	seen          map[string][]*view // decoded readings of texts
	leaky         map[string]bool    // secrets with a leak
}

func (s *scoring) note(kind string, what any) { s.r.note("%s %s: %v", kind, s.c.Name, what) }

func (s *scoring) views(text string) []*view {
	v, ok := s.seen[text]
	if !ok {
		v = views(text)
		s.seen[text] = v
	}
	return v
}

// leaks looks for every row's secret at the row's place.
func (s *scoring) leaks() {
	s.leaky = map[string]bool{}
	groups := map[string][]Row{}
	var order []string
	for _, row := range s.c.Rows {
		k := row.Path + " " + row.Secret
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], row)
	}
	for _, k := range order {
		rows := groups[k]
		leaked, extra := s.readable(rows)
		if extra > 0 {
			s.r.Elsewhere += extra
			s.note("ELSEWHERE", rows[0])
		}
		for i, row := range rows {
			n := 0
			if leaked[i] {
				n = 1
				s.leaky[row.Secret] = true
				s.r.Leaks = append(s.r.Leaks, row)
				s.note("LEAK", row)
			}
			s.r.tally(row.Difficulty, 1, n)
		}
	}
}

// readable says which of the rows of one secret in one leaf can still be
// read. What is found counts for the row that is written like it, else for any
// row that is left; extra is what no row is left for.
func (s *scoring) readable(rows []Row) (leaked []bool, extra int) {
	text := s.after[rows[0].Path].text
	var what search
	for _, row := range rows {
		what.add(row.needle)
	}
	what.wholeWord = s.group(rows[0].Secret) == "numeric"
	leaked = make([]bool, len(rows))
	for _, f := range what.in(s.views(text)) {
		slice := text[f.from:f.to]
		fits := []func(Row) bool{
			func(row Row) bool { return row.raw == slice },
			func(row Row) bool { return strings.Contains(row.raw, slice) },
			func(Row) bool { return true },
		}
		if !slices.ContainsFunc(fits, func(fit func(Row) bool) bool {
			for i, row := range rows {
				if !leaked[i] && fit(row) {
					leaked[i] = true
					return true
				}
			}
			return false
		}) {
			extra++
		}
	}
	return leaked, extra
}

func (s *scoring) group(id string) string {
	return s.c.Secrets[slices.IndexFunc(s.c.Secrets, func(x Secret) bool { return x.ID == id })].Group
}

// elsewhere looks for secrets where they were not, and for pieces of masked ones.
func (s *scoring) elsewhere() {
	has := map[string]bool{}
	for _, row := range s.c.Rows {
		has[row.Path+" "+row.Secret] = true
	}
	for _, x := range s.c.Secrets {
		what := search{wholeWord: x.Group == "numeric"}
		what.add(x.plain)
		for path, l := range s.after {
			changed := s.before[path].text != l.text
			if changed && !has[path+" "+x.ID] && len(x.plain) >= 6 && len(what.in(s.views(l.text))) > 0 {
				s.r.Elsewhere++
				s.note("ELSEWHERE", x.ID+" at "+path)
			}
		}
		for _, text := range s.own {
			if len(x.plain) >= 6 && len(what.in(s.views(text))) > 0 {
				s.r.Elsewhere++
				s.note("ELSEWHERE", x.ID+" in an attribute of the masker")
			}
		}
		if !s.leaky[x.ID] && s.window(x, what.needles) {
			s.r.Windows++
			s.note("WINDOW", x)
		}
	}
}

// window says whether 16 bytes of the middle of a secret are left in a leaf
// that held it, where an ideal masker leaves none: a public key beside a
// private one begins alike.
func (s *scoring) window(x Secret, needles []string) bool {
	for _, row := range s.c.Rows {
		if row.Secret != x.ID {
			continue
		}
		text := s.after[row.Path].text
		for _, n := range needles {
			if len(n) < 24 {
				continue
			}
			for i := 8; i+16 <= len(n); i += 4 {
				if w := n[i : i+16]; strings.Contains(text, w) && !strings.Contains(s.ideal[row.Path], w) {
					return true
				}
			}
		}
	}
	return false
}

func (s *scoring) decoys() {
	for _, d := range s.c.Decoys {
		planted := map[string]int{}
		for _, p := range d.paths {
			planted[p]++
		}
		for path, n := range planted {
			a, b := s.before[path].text, s.after[path].text
			gone := 0
			if a != b {
				what := search{needles: []string{d.plain}}
				gone = min(n, max(0, len(what.in(s.views(a)))-len(what.in(s.views(b)))))
			}
			if d.Ambiguous {
				s.r.AmbiguousDestroyed += gone
				continue
			}
			s.r.Decoys += n
			s.r.DecoysDestroyed += gone
			if gone > 0 {
				s.note("DECOY", d.Kind+" "+d.ID+" at "+path)
			}
		}
	}
}
