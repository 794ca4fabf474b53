// Package decode takes encodings off texts and keeps, for every decoded byte,
// the place of the bytes it came from, so that a secret found in the decoded
// text can be masked in the original.
package decode

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// Kind is what a JSON token is.
type Kind uint8

// The tokens that a JSON reader reports.
const (
	// Key is a member's name.
	Key Kind = iota
	// String is a string value.
	String
	// Number is a number value.
	Number
)

// Span is a half-open range of byte offsets. A span of no bytes at 0 is "none".
type Span struct{ Start, End int }

// Token is one text of a JSON document. Spans of strings leave the quotes out.
type Token struct {
	Kind Kind
	Span
	// Escaped: the string holds a backslash.
	Escaped bool
	// Key is the name of the nearest enclosing member, still escaped. For a
	// value in an object with the members name (or key, header) and value it
	// is the text of the former, and without name what the object stands under.
	Key Span
	// Prev is the string element before this one in the same array.
	Prev Span
}

// JSON reads the texts of a document in order. It accepts what
// encoding/json.Valid accepts. The zero value needs Reset; a JSON may be
// reused and then does not allocate.
type JSON struct {
	text  []byte
	pos   int
	stack []frame
	state state
	bad   bool
	short bool
}

type frame struct {
	object bool
	under  Span // what the object stands under
	key    Span // the member being read; in an array, what the array stands under
	prev   Span
	name   Span // value of the member called name, key or header
	named  bool // the member being read is such a member
	value  bool // the member being read is called value
}

type state uint8

const (
	atValue      state = iota
	atFirstValue       // or ]
	atFirstKey         // or }
	atKey
	afterValue
)

const maxStack = 10_000 // as encoding/json

// Looks says whether text can be a JSON document that holds texts: it begins
// like an object, array or string.
func Looks(text []byte) bool {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '[', '"':
			return true
		default:
			return false
		}
	}
	return false
}

// Closes says cheaply whether text, which Looks like a document, can be a whole one:
// it ends as it begins.
func Closes(text []byte) bool {
	text = bytes.Trim(text, " \t\r\n")
	if len(text) < 2 {
		return false
	}
	switch first, last := text[0], text[len(text)-1]; first {
	case '{':
		return last == '}'
	case '[':
		return last == ']'
	default:
		return last == '"'
	}
}

// Reset begins to read text.
func (j *JSON) Reset(text []byte) {
	j.text, j.pos, j.stack, j.state, j.bad, j.short = text, 0, j.stack[:0], atValue, false, false
}

// Next returns the next text. ok is false at the end of the document and
// where it turns out not to be JSON; Valid tells which.
func (j *JSON) Next() (tok Token, ok bool) {
	for {
		j.space()
		if j.pos >= len(j.text) {
			if j.state != afterValue || len(j.stack) > 0 {
				j.bad, j.short = true, true
			}
			return tok, false
		}
		c := j.text[j.pos]
		switch j.state {
		case afterValue:
			if !j.after(c) {
				return tok, j.fail()
			}
		case atFirstKey, atKey:
			if c == '}' && j.state == atFirstKey {
				j.pop()
				continue
			}
			if c != '"' {
				return tok, j.fail()
			}
			return j.key()
		default:
			if c == ']' && j.state == atFirstValue {
				j.pop()
				continue
			}
			tok, text, valid := j.value(c)
			if !valid {
				return tok, j.fail()
			}
			if text {
				return tok, true
			}
		}
	}
}

// Valid says, after Next returned false, whether the whole was a JSON document.
func (j *JSON) Valid() bool { return !j.bad }

// Short says that what made the document invalid was its end: it may have been cut.
func (j *JSON) Short() bool { return j.short }

func (j *JSON) fail() bool {
	j.bad = true
	return false
}

func (j *JSON) space() {
	for j.pos < len(j.text) {
		switch j.text[j.pos] {
		case ' ', '\t', '\r', '\n':
			j.pos++
		default:
			return
		}
	}
}

func (j *JSON) pop() {
	j.pos++
	j.stack = j.stack[:len(j.stack)-1]
	j.state = afterValue
}

// after reads what follows a value.
func (j *JSON) after(c byte) bool {
	if len(j.stack) == 0 {
		return false
	}
	top := &j.stack[len(j.stack)-1]
	switch {
	case c == ',' && top.object:
		j.state = atKey
	case c == ',':
		j.state = atValue
	case c == '}' && top.object, c == ']' && !top.object:
		j.pop()
		return true
	default:
		return false
	}
	j.pos++
	return true
}

func (j *JSON) key() (Token, bool) {
	sp, esc, ok := j.str()
	if !ok {
		return Token{}, j.fail()
	}
	top := &j.stack[len(j.stack)-1]
	top.key = sp
	name := string(j.text[sp.Start:min(sp.End, sp.Start+8)]) // does not escape
	top.named = name == "name" || name == "key" || name == "header" || name == "Name" || name == "Key"
	top.value = name == "value" || name == "Value" || name == "default"
	j.space()
	if j.pos >= len(j.text) || j.text[j.pos] != ':' {
		return Token{}, j.fail()
	}
	j.pos++
	j.state = atValue
	return Token{Kind: Key, Span: sp, Escaped: esc}, true
}

// value reads one value; text says that it is one to report.
func (j *JSON) value(c byte) (tok Token, text, valid bool) {
	under := Span{}
	if n := len(j.stack); n > 0 {
		under = j.stack[n-1].key
	}
	switch c {
	case '{', '[':
		if len(j.stack) == maxStack {
			return tok, false, false
		}
		j.stack = append(j.stack, frame{object: c == '{', under: under, key: under})
		j.pos++
		j.state = atFirstValue
		if c == '{' {
			j.state = atFirstKey
		}
		return tok, false, true
	case '"':
		sp, esc, ok := j.str()
		tok = Token{Kind: String, Span: sp, Escaped: esc, Key: under}
		j.neighbours(&tok)
		j.state = afterValue
		return tok, true, ok
	case 't':
		return tok, false, j.word("true")
	case 'f':
		return tok, false, j.word("false")
	case 'n':
		return tok, false, j.word("null")
	}
	start := j.pos
	ok := j.number()
	tok = Token{Kind: Number, Span: Span{start, j.pos}, Key: under}
	j.neighbours(&tok)
	j.state = afterValue
	return tok, true, ok
}

// neighbours fills in what is known from other members or elements.
func (j *JSON) neighbours(tok *Token) {
	if len(j.stack) == 0 {
		return
	}
	top := &j.stack[len(j.stack)-1]
	if !top.object {
		tok.Prev = top.prev
		top.prev = tok.Span
		return
	}
	if top.named && tok.Kind == String {
		top.name = tok.Span
	}
	if top.value && top.name != (Span{}) {
		tok.Key = top.name
	} else if top.value && top.under != (Span{}) {
		tok.Key = top.under
	}
}

func (j *JSON) word(w string) bool {
	if len(j.text)-j.pos < len(w) || string(j.text[j.pos:j.pos+len(w)]) != w {
		return false
	}
	j.pos += len(w)
	j.state = afterValue
	return true
}

// str reads a string from its quote on and returns its inside.
func (j *JSON) str() (sp Span, escaped, ok bool) {
	t := j.text
	i := j.pos + 1
	sp.Start = i
	for i < len(t) {
		i += plain(t[i:])
		if i == len(t) {
			break
		}
		switch c := t[i]; {
		case c == '"':
			sp.End = i
			j.pos = i + 1
			return sp, escaped, true
		case c < 0x20:
			return sp, escaped, false
		case c == '\\':
			escaped = true
			n := escapeLen(t[i:])
			if n == 0 {
				j.short = len(t)-i < 6
				return sp, escaped, false
			}
			i += n
		}
	}
	j.short = true
	return sp, escaped, false
}

// plain returns how many bytes t begins with that mean nothing in a string: no
// quote, backslash or control character. It reads eight at a time.
func plain(t []byte) (n int) {
	for ; n+8 <= len(t); n += 8 {
		v := binary.LittleEndian.Uint64(t[n:])
		quote, slash := v^each*'"', v^each*'\\'
		// The lowest of the marks is exact; those above it may come of its borrow.
		if marks := (quote-each)&^quote | (slash-each)&^slash | (v-each*0x20)&^v; marks&(each*0x80) != 0 {
			return n + bits.TrailingZeros64(marks&(each*0x80))/8
		}
	}
	for n < len(t) && t[n] != '"' && t[n] != '\\' && t[n] >= 0x20 {
		n++
	}
	return n
}

// escapeLen returns the length of the JSON escape that t begins with, 0 if it is none.
func escapeLen(t []byte) int {
	if len(t) < 2 {
		return 0
	}
	switch t[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(t) >= 6 && isHex(t[2]) && isHex(t[3]) && isHex(t[4]) && isHex(t[5]) {
			return 6
		}
	}
	return 0
}

func isHex(c byte) bool { return c-'0' < 10 || (c|0x20)-'a' < 6 }

// number reads a number as RFC 8259 has it.
func (j *JSON) number() bool {
	t, i := j.text, j.pos
	digits := func() bool {
		from := i
		for i < len(t) && t[i]-'0' < 10 {
			i++
		}
		return i > from
	}
	if i < len(t) && t[i] == '-' {
		i++
	}
	if i < len(t) && t[i] == '0' {
		i++
	} else if !digits() {
		return false
	}
	if i < len(t) && t[i] == '.' {
		i++
		if !digits() {
			return false
		}
	}
	if i < len(t) && t[i]|0x20 == 'e' {
		i++
		if i < len(t) && (t[i] == '+' || t[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	j.pos = i
	return true
}
