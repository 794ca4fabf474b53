package memory

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"unicode/utf8"
)

// encode adds the encodings that a secret is known in. What an encoding leaves
// as it is needs no form of its own.
func (v *Value) encode(secret []byte) {
	for shift := range 3 {
		padded := append(make([]byte, shift, shift+len(secret)), secret...)
		b := base64.RawStdEncoding.AppendEncode(nil, padded)
		b = b[[3]int{0, 2, 3}[shift] : len(padded)*8/6] // the rest depends on the neighbours
		v.add(b, base64Form)
		if bytes.ContainsAny(b, "+/") {
			v.add(urlAlphabet.Replace(b), base64Form)
		}
		wipe(padded, b)
	}
	h := hex.AppendEncode(nil, secret)
	v.add(h, hexForm)
	u := bytes.ToUpper(h)
	v.add(u, hexForm)
	if v.Form {
		r := slices.Clone(secret)
		slices.Reverse(r)
		v.add(r, plainForm)
		wipe(r)
	}
	wipe(h, u)
	for _, e := range []func(dst, src []byte) []byte{percent, escape, escapeASCII, slashes, entities} {
		once := e(nil, secret)
		if bytes.Equal(once, secret) {
			continue
		}
		v.add(once, escapedForm)
		twice := e(nil, once)
		v.add(twice, escapedForm)
		wipe(once, twice)
	}
}

// wipe zeroes what held plaintext.
func wipe(bs ...[]byte) {
	for _, b := range bs {
		clear(b[:cap(b)])
	}
}

type alphabet [256]byte

// Replace returns a copy of b in the other alphabet.
func (a *alphabet) Replace(b []byte) []byte {
	out := slices.Clone(b)
	for i, c := range out {
		if a[c] != 0 {
			out[i] = a[c]
		}
	}
	return out
}

var urlAlphabet = &alphabet{'+': '-', '/': '_'}

const upperHex = "0123456789ABCDEF"

// percent is RFC 3986, section 2.1, of all but unreserved characters.
func percent(dst, src []byte) []byte {
	for _, c := range src {
		if isAlnum(c) || c == '-' || c == '.' || c == '_' || c == '~' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// escape is what JSON writes at least.
func escape(dst, src []byte) []byte {
	for _, c := range src {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// escapeASCII also escapes what is beyond ASCII, and < > & as Go does.
func escapeASCII(dst, src []byte) []byte {
	const digits = "0123456789abcdef"
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == '<' || r == '>' || r == '&' || r >= utf8.RuneSelf && r < 0x10000 && n > 1:
			dst = append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		default:
			dst = append(dst, src[i:i+n]...)
		}
		i += n
	}
	return dst
}

// slashes is what PHP does besides.
func slashes(dst, src []byte) []byte {
	return append(dst, bytes.ReplaceAll(src, []byte("/"), []byte(`\/`))...)
}

func entities(dst, src []byte) []byte {
	for _, c := range src {
		switch c {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\'':
			dst = append(dst, "&#39;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// distinct says that a value is no word, id or number that could stand
// elsewhere with another meaning.
func distinct(b []byte) bool {
	if isUUID(b) {
		return false
	}
	signs := false
	for start := 0; start < len(b); {
		end := start
		var upper, lower, digit int
		for end < len(b) && isAlnum(b[end]) {
			switch c := b[end]; {
			case c-'0' < 10:
				digit++
			case c-'a' < 26:
				lower++
			default:
				upper++
			}
			end++
		}
		// A word with its number is no secret, nor a word with a capital.
		if n := end - start; n >= window && digit > 0 && (upper > 0 || lower > 0) && turns(b[start:end]) > 2 {
			return true
		} else if n >= 12 && upper > 1 && lower > 1 && turns(b[start:end]) > 4 {
			return true
		}
		if end < len(b) {
			switch c := b[end]; {
			case c == '!' || c == '#' || c == '$' || c == '^' || c == '*' || c == '?' || c == '%' || c == '@' || c == '&' || c == '+' || c == '~':
				signs = true
			case c < '!':
				return false // several words
			}
			end++
		}
		start = end
	}
	return signs && kinds(b) >= 3
}

// turns counts how often the kind of character changes.
func turns(b []byte) (n int) {
	kind := func(c byte) int {
		switch {
		case c-'0' < 10:
			return 0
		case c-'a' < 26:
			return 1
		}
		return 2
	}
	for i := 1; i < len(b); i++ {
		if kind(b[i]) != kind(b[i-1]) {
			n++
		}
	}
	return n
}

// kinds counts the kinds of characters: digits, small and capital letters, others.
func kinds(b []byte) int {
	var has [4]int
	for _, c := range b {
		switch {
		case c-'0' < 10:
			has[0] = 1
		case c-'a' < 26:
			has[1] = 1
		case c-'A' < 26:
			has[2] = 1
		default:
			has[3] = 1
		}
	}
	return has[0] + has[1] + has[2] + has[3]
}

// partible says that a part of a secret can be as secret as the whole: not of
// addresses, sentences and lists.
func partible(b []byte) bool {
	return !bytes.ContainsAny(b, " \t\r\n;,\"'<>{}") && !bytes.Contains(b, []byte("://"))
}

func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if c-'0' >= 10 && (c|0x20)-'a' >= 6 {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool { return c-'0' < 10 || (c|0x20)-'a' < 26 }

// lastIndex returns the offset behind the last of the words that b holds, -1 without.
func lastIndex(b []byte, words ...string) int {
	for _, w := range words {
		if i := bytes.LastIndex(b, []byte(w)); i >= 0 {
			return i + len(w)
		}
	}
	return -1
}
