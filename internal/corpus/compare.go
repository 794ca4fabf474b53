package corpus

import (
	"regexp"
	"slices"
	"strings"
)

// values compares the texts: those without a secret must be the same bytes,
// beside a secret the words must stay.
func (s *scoring) values() {
	hot, free := map[string][]string{}, map[string]bool{}
	for _, row := range s.c.Rows {
		hot[row.Path] = append(hot[row.Path], row.raw)
	}
	for _, d := range s.c.Decoys {
		for _, p := range d.paths {
			if free[p] = free[p] || d.Ambiguous; d.Ambiguous && hot[p] != nil {
				hot[p] = append(hot[p], d.plain)
			}
		}
	}
	for _, path := range s.order {
		a, b := s.before[path].text, s.after[path].text
		switch secret := hot[path]; {
		case secret != nil:
			if lost := s.words(a, b, secret); lost > 0 {
				s.r.WordsLost += lost
				s.note("WORDS", path)
			}
		case free[path]:
		default:
			s.r.Values++
			if a != b {
				s.r.CleanChanged++
				s.note("CHANGED", path)
			}
		}
	}
}

var wordRE = regexp.MustCompile(`[\p{L}\p{N}]{3,}`)

// words counts the words of a beside the secrets (and what may be masked as well) that are not in b.
func (s *scoring) words(a, b string, secrets []string) (lost int) {
	slices.SortFunc(secrets, func(x, y string) int { return len(y) - len(x) })
	for _, x := range secrets {
		a = strings.ReplaceAll(a, x, " ")
	}
	have := map[string]int{}
	for _, w := range flatWords(b) {
		have[w]++
	}
	for _, w := range flatWords(a) {
		s.r.Words++
		if have[w]--; have[w] < 0 {
			lost++
		}
	}
	return lost
}

// flatWords are the words of a text without its escapes.
func flatWords(t string) []string {
	for range 14 {
		next := escapeRE.ReplaceAllStringFunc(t, func(m string) string { return string(unescape([]byte(m))) })
		if next == t {
			break
		}
		t = next
	}
	return wordRE.FindAllString(t, -1)
}

var maskRE = regexp.MustCompile(`\[MASKED:[^\[\]:]*:([0-9a-f]{8})\]`)

// consistency checks that a secret has one mask in all values that hold it,
// whole and in plain, and no other.
func (s *scoring) consistency() {
	only, mixed := map[string]string{}, map[string]bool{}
	for _, row := range s.c.Rows {
		mixed[row.Path] = mixed[row.Path] || !row.plainF || only[row.Path] != "" && only[row.Path] != row.Secret
		only[row.Path] = row.Secret
	}
	masks := map[string]map[string]bool{}
	for path, id := range only {
		if mixed[path] {
			continue
		}
		in := map[string]bool{}
		for _, m := range maskRE.FindAllStringSubmatch(s.after[path].text, -1) {
			in[m[1]] = true
		}
		if len(in) != 1 {
			continue // none, or one of them is of something else
		}
		if masks[id] == nil {
			masks[id] = map[string]bool{}
		}
		for m := range in {
			masks[id][m] = true
		}
	}
	for id, m := range masks {
		if len(m) > 1 {
			s.r.Inconsistent++
			s.note("MASKS", id)
		}
	}
}

// counted are the arrays whose length is structure; the others hold values.
var counted = []string{"resourceSpans", "scopeSpans", "spans", "resourceLogs", "scopeLogs", "logRecords", "events", "links"}

// tree compares the payloads themselves: everything but the texts must be the same.
func (s *scoring) tree(path string, a, b *node) {
	name := path[strings.LastIndexByte(path, '.')+1:]
	switch {
	case a.kind != b.kind:
		s.fault(&s.r.Types, "TYPE", path)
	case a.kind == '[':
		if len(a.kids) != len(b.kids) {
			if slices.Contains(counted, name) {
				s.fault(&s.r.IDs, "COUNT", path)
			} else {
				s.fault(&s.r.Shape, "SHAPE", path)
			}
			return
		}
		if duplicates(attrKeys(b)) > duplicates(attrKeys(a)) {
			s.fault(&s.r.Shape, "COLLISION", path)
		}
		for i := range a.kids {
			s.tree(path, a.kids[i], b.kids[i])
		}
	case a.kind == '{':
		s.object(path, a, b)
	case texts[name] == "" || texts[name] == "num":
		if a.text != b.text && texts[name] == "" {
			s.fault(&s.r.IDs, "ID", path)
		}
	default:
		s.text(path, leafText(name, a), leafText(name, b), 0)
	}
}

func (s *scoring) object(path string, a, b *node) {
	for i, k := range a.keys {
		next := b.member(k)
		switch {
		case next != nil:
			s.tree(path+"."+k, a.kids[i], next)
		case texts[k] == "num" && b.member("stringValue") != nil: // a numeric passcode may become a text
		case strings.HasSuffix(k, "Value"):
			s.fault(&s.r.Types, "TYPE", path)
		case texts[k] == "" && len(a.kids[i].kids) > 0 || a.kids[i].kind == 's' && texts[k] == "":
			s.fault(&s.r.IDs, "LOST", path+"."+k)
		}
	}
	for i, k := range b.keys {
		if a.member(k) == nil && !strings.HasSuffix(k, "Value") && (b.kids[i].text != "" && b.kids[i].text != "0" || len(b.kids[i].kids) > 0) {
			s.fault(&s.r.IDs, "ADDED", path+"."+k)
		}
	}
}

func leafText(name string, n *node) string {
	l := leaf{}
	walkLeaves(n, leaf{}, "", name, func(x leaf) { l = x })
	return l.text
}

func (s *scoring) fault(counter *int, kind, path string) {
	*counter++
	s.note(kind, strings.TrimPrefix(path, "."))
}

func attrKeys(n *node) (keys []string) {
	for _, k := range n.kids {
		if key := k.member("key"); key != nil {
			keys = append(keys, key.text)
		}
	}
	return keys
}

func duplicates(keys []string) int {
	m := map[string]bool{}
	for _, k := range keys {
		m[k] = true
	}
	return len(keys) - len(m)
}

// text compares the JSON inside a value, to any depth.
func (s *scoring) text(path, a, b string, depth int) {
	if depth > 14 || !isDoc(a) {
		return
	}
	s.r.JSONDocs++
	if a == b {
		return
	}
	if !isDoc(b) {
		s.fault(&s.r.JSONBroken, "JSON", path)
		return
	}
	x, errX := parse([]byte(a))
	y, errY := parse([]byte(b))
	if errX != nil || errY != nil {
		s.fault(&s.r.JSONBroken, "JSON", path)
		return
	}
	s.doc(path, x, y, depth)
}

func (s *scoring) doc(path string, a, b *node, depth int) {
	switch {
	case a.kind != b.kind:
		if a.kind != 'n' || b.kind != 's' { // a number may become a mask
			s.fault(&s.r.Shape, "SHAPE", path)
		}
	case a.kind == 's':
		s.text(path, a.text, b.text, depth+1)
	case len(a.kids) != len(b.kids), duplicates(b.keys) > duplicates(a.keys):
		s.fault(&s.r.Shape, "SHAPE", path)
	default:
		for i := range a.kids {
			s.doc(path, a.kids[i], b.kids[i], depth)
		}
	}
}
