package classify

// The places a value can stand in.
const (
	quotedPlace  = iota
	shellPlace   // NAME=value on a line of its own
	yamlPlace    // name: value to the end of the line
	colonPlace   // name: value, and more
	proseColon   // name: value within a line
	iniPlace     // name = value to the end of the line
	codePlace    // name = value; and other punctuation
	queryPlace   // name=value within a line
	spacedPlace  // name = value within a line
	flagPlace    // --name value
	elementPlace // <name>value</name>
	wordyPlace   // bare, and words follow
	bareOther
)

// placeOf tells where a value stands.
func placeOf(c Context) uint8 {
	end := c.Next == '\n' || c.Next == 0
	switch {
	case c.Op == '>':
		return elementPlace
	case c.Quoted:
		return quotedPlace
	case c.Tight && c.Line:
		return shellPlace
	case c.Op == ' ':
		return flagPlace
	case c.Op == '=' && c.Tight:
		return queryPlace
	case c.Next == ' ':
		return wordyPlace
	case c.Op == ':' && end && c.Line:
		return yamlPlace
	case c.Op == ':' && end:
		return proseColon
	case c.Op == ':':
		return colonPlace
	case c.Op == '=' && end && c.Line:
		return iniPlace
	case c.Op == '=' && end:
		return spacedPlace
	case c.Op == '=':
		return codePlace
	}
	return bareOther
}

func nextOf(c byte) uint8 {
	switch c {
	case 0:
		return 0
	case '\n':
		return 1
	case ' ':
		return 2
	case '"', '\'', '`':
		return 3
	case ';':
		return 4
	case ',':
		return 5
	case ')':
		return 6
	case ']', '}':
		return 7
	case '&', '|':
		return 8
	case '<', '>':
		return 9
	case '(', '[', '.', '+', '?':
		return 10
	case '\\':
		return 11
	}
	return 12
}

// vocabulary fills in what the words of the value are.
func (t *traits) vocabulary(out *[Features]uint8) {
	total := max(t.lower+t.upper, 1)
	known := max(t.code, t.plain)
	out[fVocabulary] = flag(t.segments > 0, 1+uint8(8*known/total)+flag(t.code < t.plain, 10))
	out[fHuman] = flag(t.human > 0, 1+uint8(8*t.human/total))
	if t.human > 0 && t.code == 0 {
		out[fHuman] += 16
	}
	out[fSegments] = uint8(min(t.known, 7))*5 + uint8(min(t.unknown, 4))
}

// wordiness is 3 for words of the program, 2 for other words, 1 for what reads
// like a word, 0 for the rest.
func (t *traits) wordiness() uint8 {
	total := t.lower + t.upper
	switch {
	case total == 0:
		return 0
	case 4*t.code >= 3*total:
		return 3
	case 4*max(t.code, t.plain, t.human) >= 3*total:
		return 2
	case t.letters > 0 && t.fit/t.letters >= 2:
		return 1
	}
	return 0
}

func (t *traits) caseOf() uint8 {
	c := uint8(0)
	first := len(t.b) > 0 && isUpper(t.b[0])
	switch {
	case t.lower+t.upper == 0:
	case t.upper == 0:
		c = 1
	case t.lower == 0:
		c = 2
	case t.upper == 1 && first:
		c = 3
	case t.upper == t.segments && first:
		c = 4
	case t.upper == t.segments-1 && !first:
		c = 5
	case first:
		c = 6
	default:
		c = 7
	}
	return c*4 + uint8(min(t.digit, 3))
}

// tail says how the value ends: digits after letters, a sign, letters.
func (t *traits) tail() uint8 {
	n := len(t.b)
	d := 0
	for d < n && isDigit(t.b[n-1-d]) {
		d++
	}
	if d > 0 {
		return uint8(min(d, 8)) + flag(d == t.digit && t.lower+t.upper+d == n, 8)
	}
	if n == 0 {
		return 0
	}
	return 20 + signClass(t.b[n-1])
}

func signClass(c byte) uint8 {
	switch signOf[c] {
	case 0:
		return 0
	case underscore:
		return 1
	case hyphen:
		return 2
	case dotted:
		return 3
	case strong:
		return 4
	case base64:
		return 5
	}
	return 6
}

// headOf is the kind of the first character; signs of references have their own.
func headOf(b []byte) uint8 {
	if len(b) == 0 {
		return 0
	}
	switch {
	case isDigit(b[0]):
		return 1
	case isAlpha(b[0]):
		return 2
	}
	for i, c := range []byte("$@#%&*!/.<[({:-_~\\") {
		if b[0] == c {
			return uint8(i) + 4
		}
	}
	return 3
}

func lengthClass(n int) int {
	switch {
	case n <= 6:
		return 0
	case n <= 11:
		return 1
	case n <= 20:
		return 2
	}
	return 3
}

// shapeGroup puts the shapes into eight groups.
func shapeGroup(s shape) uint8 {
	switch s {
	case noShape, paddedShape:
		return 0
	case uuidShape, digestShape, hexShape:
		return 1
	case digitsShape, numberShape, versionShape, dateShape, ipShape, localeShape:
		return 2
	case pathShape, wordsPathShape, fileShape, urlShape, addressShape, selectorShape:
		return 3
	case dottedShape, exprShape, templateShape, pairShape:
		return 4
	case snakeShape, screamingShape, kebabShape, camelShape, pascalShape, mixedIdentShape, slugShape:
		return 5
	case sentenceShape:
		return 6
	}
	return 7
}
