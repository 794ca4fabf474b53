package gitleaks

import (
	"regexp/syntax"
	"slices"
	"strings"
)

// borders takes what a regex says about the bytes beside the token out of it,
// since the engine knows better where tokens begin and end: a border at the
// start becomes left: word, one at the end right: exact, which are the same
// in files and also hold in JSON, URLs and prose.
func (im *importer) borders(r *rule, tree *syntax.Regexp) (pattern, left, right string) {
	left, right = "any", "extend"
	parts := parts(tree)
	for len(parts) > 0 && border(parts[0]) {
		left = "word"
		if underscore(parts[0]) {
			left = "any" // which word would refuse
		}
		parts = parts[1:]
	}
	for len(parts) > 0 && border(parts[len(parts)-1]) {
		parts, right = parts[:len(parts)-1], "exact"
	}
	re := &syntax.Regexp{Op: syntax.OpConcat, Sub: parts}
	plainFold(re)
	if inner := withoutAssertions(re); inner > 0 {
		im.note(r.where, "%d assertions (\\b, ^, $) within the regex are left out: it matches more", inner)
	}
	return re.String(), left, right
}

// parts are the pieces of a concatenation; groups that mark nothing were
// opened by the parser.
func parts(re *syntax.Regexp) []*syntax.Regexp {
	if re.Op == syntax.OpConcat {
		return slices.Clone(re.Sub)
	}
	return []*syntax.Regexp{re}
}

// border says that re is there for what stands beside a token: an assertion,
// or a choice of ends of text and of characters that no token is made of.
func border(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpWordBoundary, syntax.OpBeginLine, syntax.OpBeginText, syntax.OpEndLine, syntax.OpEndText:
		return true
	case syntax.OpAlternate:
		return ends(re) && !slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool { return !border(s) && !separator(s) })
	case syntax.OpQuest, syntax.OpStar:
		return separator(re.Sub[0])
	case syntax.OpCapture:
		return false // it marks the secret, or something else of interest
	}
	return separator(re) && re.Op == syntax.OpCharClass
}

// ends says that one of the choices is an end of the text.
func ends(re *syntax.Regexp) bool {
	return slices.ContainsFunc(re.Sub, func(s *syntax.Regexp) bool {
		return s.Op != syntax.OpAlternate && s.Op != syntax.OpCharClass && s.Op != syntax.OpLiteral && s.Op != syntax.OpConcat && border(s)
	})
}

// separator says that re matches nothing but characters between tokens: white
// space, quotes, brackets, commas and their escapes.
func separator(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCharClass:
		return separators(re.Rune)
	case syntax.OpLiteral:
		if len(re.Rune) == 2 && re.Rune[0] == '\\' {
			return escapes([]rune{re.Rune[1], re.Rune[1]})
		}
		return !slices.ContainsFunc(re.Rune, func(c rune) bool { return !separatorRune(c) })
	case syntax.OpConcat: // \\[nr]
		return len(re.Sub) == 2 && re.Sub[0].Op == syntax.OpLiteral && string(re.Sub[0].Rune) == `\` && re.Sub[1].Op == syntax.OpCharClass && escapes(re.Sub[1].Rune)
	}
	return false
}

// separators says that a class is made of such characters, or is the
// complement of the letters and digits that tokens are made of.
func separators(class []rune) bool {
	complement := len(class) > 0 && class[len(class)-1] >= 0x80
	for i := 0; i+1 < len(class); i += 2 {
		for c := class[i]; c <= class[i+1] && c < 0x80; c++ {
			letter := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
			if letter || !complement && !separatorRune(c) {
				return false
			}
		}
	}
	return len(class) > 0
}

func separatorRune(c rune) bool { return c <= ' ' || strings.ContainsRune("\"'`;,<>(){}[]|\\", c) }

func escapes(class []rune) bool {
	for i := 0; i+1 < len(class); i += 2 {
		for c := class[i]; c <= class[i+1]; c++ {
			if !strings.ContainsRune("nrtNRT", c) {
				return false
			}
		}
	}
	return true
}

// withoutAssertions makes the assertions within re match everywhere and
// returns how many there were.
func withoutAssertions(re *syntax.Regexp) (n int) {
	switch re.Op {
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		*re = syntax.Regexp{Op: syntax.OpEmptyMatch}
		return 1
	}
	for _, s := range re.Sub {
		n += withoutAssertions(s)
	}
	return n
}

// underscore says that an underscore can be the character beside the token.
func underscore(re *syntax.Regexp) bool {
	if re.Op == syntax.OpCharClass {
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if re.Rune[i] <= '_' && '_' <= re.Rune[i+1] {
				return true
			}
		}
	}
	return slices.ContainsFunc(re.Sub, underscore)
}

// plainFold takes the two letters beyond ASCII out of classes that came in
// because case does not count: the long s and the Kelvin sign.
func plainFold(re *syntax.Regexp) {
	if re.Op == syntax.OpCharClass {
		var kept []rune
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if lo, hi := re.Rune[i], re.Rune[i+1]; lo != hi || lo != '\u017f' && lo != '\u212a' {
				kept = append(kept, lo, hi)
			}
		}
		if len(kept) > 0 {
			re.Rune = kept
		}
	}
	for _, s := range re.Sub {
		plainFold(s)
	}
}
