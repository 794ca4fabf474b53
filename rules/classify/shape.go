package classify

import "bytes"

// shape is the form of a value as a whole; the first that fits counts.
type shape uint8

const (
	noShape shape = iota
	uuidShape
	digestShape // hex of a usual length
	hexShape
	digitsShape
	numberShape // with a unit, a sign, a point
	versionShape
	dateShape
	pathShape
	wordsPathShape // a/b/c of words
	fileShape
	urlShape
	dottedShape
	snakeShape
	screamingShape
	kebabShape
	camelShape
	pascalShape
	exprShape
	templateShape
	addressShape
	selectorShape
	slugShape // words and a random part: names of pods and containers
	mixedIdentShape
	paddedShape // base64
	wordShape
	capitalShape
	upperShape
	sentenceShape
	pairShape
	ipShape
	localeShape
)

// shape returns the form of the value that t has read.
func (t *traits) shape() shape {
	b := t.b
	n := len(b)
	alnum := t.lower + t.upper + t.digit
	switch {
	case n == 0:
		return noShape
	case t.space > 0:
		return sentenceShape
	case n == alnum:
		return t.plainShape()
	case t.signs&(strong|bracket) != 0 && t.isTemplate():
		return templateShape
	case t.signs&dotted != 0 && bytes.Contains(b, []byte("://")):
		return urlShape
	case t.isUUID():
		return uuidShape
	case t.digit > 0 && t.lower+t.upper <= 3 && t.signs&^(dotted|hyphen|base64) == 0:
		return t.numeric()
	}
	if t.signs&(dotted|bracket) != 0 {
		if s := t.pathLike(); s != noShape {
			return s
		}
	}
	switch {
	case t.signs&bracket != 0 && bytes.ContainsAny(b[1:], "([") && isAlpha(b[0]):
		return exprShape
	case (b[0] == '#' || b[0] == '.') && t.sign == 1 && t.digit == 0:
		return selectorShape
	case t.signs == base64 && b[n-1] == '=' || t.signs&^(base64|dotted) == 0 && t.signs&base64 != 0 && n >= 20 && b[n-1] == '=':
		return paddedShape
	case t.signs&base64 != 0 && bytes.IndexByte(b[1:n], '=') >= 0 && isAlpha(b[0]) && b[n-1] != '=':
		return pairShape
	}
	return t.joined()
}

// isTemplate says that something is to be put into the value.
func (t *traits) isTemplate() bool {
	for _, s := range templateSigns {
		if bytes.Contains(t.b, s) {
			return true
		}
	}
	return false
}

var templateSigns = [][]byte{[]byte("${"), []byte("{{"), []byte("#{"), []byte("%s"), []byte("$(")}

// plainShape is the shape of letters and digits only.
func (t *traits) plainShape() shape {
	n := len(t.b)
	hex := true
	for _, c := range t.b {
		if !isDigit(c) && (c|0x20)-'a' >= 6 {
			hex = false
			break
		}
	}
	switch {
	case t.digit == n:
		return digitsShape
	case hex && t.digit > 0 && n >= 8 && (t.lower == 0 || t.upper == 0):
		if n == 32 || n == 40 || n == 56 || n == 64 || n == 96 || n == 128 {
			return digestShape
		}
		return hexShape
	case t.digit > 0 && isDigit(t.b[0]) && t.lower+t.upper <= 2:
		return numberShape
	case t.upper == 0 && t.digit == 0:
		return wordShape
	case t.lower == 0 && t.digit == 0:
		return upperShape
	case t.upper == 1 && isUpper(t.b[0]) && t.digit == 0:
		return capitalShape
	case t.digit > 2 || t.unknown > t.known:
		return noShape
	case isUpper(t.b[0]) && t.known >= 1:
		return pascalShape
	case t.upper > 0 && t.known >= 1:
		return camelShape
	}
	return noShape
}

func (t *traits) isUUID() bool {
	b := t.b
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return false
	}
	return t.sign == 4
}

// numeric tells versions, dates, addresses and numbers apart.
func (t *traits) numeric() shape {
	b := t.b
	switch {
	case len(b) >= 8 && t.digit >= 6 && (bytes.Count(b, []byte("-")) == 2 && bytes.IndexByte(b, '-') == 4 || bytes.Count(b, []byte(":")) == 2):
		return dateShape
	case bytes.Count(b, []byte(".")) == 3 && t.lower+t.upper == 0:
		return ipShape
	case bytes.Count(b, []byte(".")) >= 1 && (bytes.Count(b, []byte(".")) == 2 || b[0]|0x20 == 'v'):
		return versionShape
	}
	return numberShape
}

// pathLike tells paths and file names.
func (t *traits) pathLike() shape {
	b := t.b
	slashes := bytes.Count(b, []byte("/"))
	dot := bytes.LastIndexByte(b, '.')
	switch {
	case slashes > 0 && (b[0] == '/' || b[0] == '~' || b[0] == '.') && t.unknown <= t.known+1:
		return pathShape
	case len(b) > 3 && (b[1] == ':' && b[2] == '\\' || b[0] == '\\' && b[1] == '\\'):
		return pathShape
	case dot > 0 && len(b)-dot <= 6 && len(b)-dot >= 3 && isAlpha(b[dot+1]) && t.known > 0 && t.signs&strong == 0 && t.unknown <= t.known && t.digit <= 3 && bytes.Count(b, []byte(".")) == 1:
		return fileShape
	case slashes > 0 && t.known >= slashes && t.unknown <= 1 && t.signs&strong == 0:
		return wordsPathShape
	case bytes.IndexByte(b, '@') > 0 && dot > bytes.IndexByte(b, '@') && t.signs&bracket == 0 && dot < len(b)-2:
		return addressShape
	case bytes.IndexByte(b, ':') > 0 && t.digit > 0 && t.digit <= 5 && t.known > 0 && isDigit(b[len(b)-1]) && t.signs&strong == 0:
		return addressShape
	}
	return noShape
}

// joined is the shape of parts with separators between them.
func (t *traits) joined() shape {
	b := t.b
	ident := isAlpha(b[0]) || b[0] == '_'
	words := t.known > 0 && t.unknown <= t.known && t.digit <= 3
	switch {
	case len(b) == 5 && t.lower >= 2 && t.sign == 1 && (b[2] == '-' || b[2] == '_'):
		return localeShape
	case t.signs == dotted && ident && t.digit <= 2:
		return dottedShape
	case t.signs&^(dotted|underscore) == 0 && ident && words && t.signs&dotted != 0:
		return dottedShape
	case t.signs == underscore && ident && words && t.upper == 0:
		return snakeShape
	case t.signs == underscore && ident && words && t.lower == 0:
		return screamingShape
	case t.signs == hyphen && ident && words && t.upper == 0:
		return kebabShape
	case t.signs&^(hyphen|dotted|underscore) == 0 && ident && words:
		return mixedIdentShape
	case t.signs&^(hyphen|dotted|underscore) == 0 && ident && t.known > 0 && t.upper == 0:
		return slugShape
	}
	return noShape
}
