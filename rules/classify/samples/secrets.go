package samples

import (
	"encoding/base64"
	"strings"
)

// bare are the places a secret stands in: mostly quotes and configuration.
const bare = "qqqqqqqqqqssssyyyyiiuuuffepdcw"

var tokens = []style{
	{"random", 50, maker.random, bare},
	{"hex", 14, func(m maker) string { return m.run(hex, m.anyLen(16, 20, 24, 32, 32, 40, 48, 64)) }, bare},
	{"uuid", 5, maker.uuid, bare},
	{"letters", 7, func(m maker) string { return m.run(lower, m.between(12, 40)) }, bare},
	{"capitals", 3, func(m maker) string { return m.run(upper+digits, m.between(16, 40)) }, bare},
	{"mixed letters", 4, func(m maker) string { return m.run(lower+upper, m.between(14, 44)) }, bare},
	{"prefixed", 12, func(m maker) string {
		return m.any(m.of(m.code), m.of(m.code), m.of(m.named), "sk", "pk", "key", "token") + m.any("_", "-", ".", ":") + m.any("", "live_", "prod-", "v1.") + m.any(m.random(), m.run(hex, m.between(20, 40)))
	}, bare},
	{"segments", 5, func(m maker) string {
		sep := m.any("-", ".", "_", ":")
		return m.run(base62, m.between(6, 24)) + sep + m.run(base62, m.between(8, 32)) + m.any("", sep+m.run(base62, m.between(6, 30)))
	}, bare},
	{"chosen", 8, func(m maker) string {
		for {
			if v := m.human1(); len(v) >= 12 {
				return v
			}
		}
	}, "qqqqssyyi"},
	{"scrambled", 6, func(m maker) string { return m.scramble(m.ident()) + m.run(digits, m.IntN(3)) }, "qqqqssyy"},
	{"punctuated", 4, func(m maker) string { return m.run(base62+"!@#$%^&*()-_=+", m.between(24, 60)) }, "qqqqqss"},
	{"id and secret", 3, func(m maker) string {
		return m.of(m.code) + ":" + m.run(base62, m.between(12, 32))
	}, bare},
	{"unnamed", 4, maker.random, "n"},
}

var passwords = []style{
	{"human", 46, maker.human1, bare},
	{"one word", 13, func(m maker) string { return m.longWord() }, "qqqqqqqssyyyie"},
	{"scrambled", 16, func(m maker) string { return m.scramble(m.human1()) }, bare},
	{"scrambled word", 6, func(m maker) string { return m.scramble(m.longWord()) }, "qqqqqsssyyyif"},
	{"strong", 20, func(m maker) string { return m.run(base62+signs, m.between(7, 24)) }, bare},
	{"hard characters", 12, maker.hard, "qqqqqse"},
	{"alphanumeric", 12, func(m maker) string { return m.run(base62, m.between(7, 24)) }, bare},
	{"lower and digits", 8, func(m maker) string { return m.run(lower+digits, m.between(6, 20)) }, bare},
	{"random letters", 8, func(m maker) string { return m.run(lower, m.between(6, 18)) }, "qqqqqqsssyyyyi"},
	{"digits", 4, func(m maker) string { return m.run(digits, m.between(4, 10)) }, "qqqqssyu"},
	{"token", 8, maker.random, bare},
	{"hex", 10, func(m maker) string { return m.run(hex, m.anyLen(8, 10, 12, 16, 16, 20, 24, 32, 32, 40, 48, 64)) }, bare},
	{"uuid", 5, maker.uuid, bare},
	{"phrase", 6, maker.phrase, "qqqqqssyy"},
	{"keyboard", 4, func(m maker) string {
		return m.any("qwerty", "asdf", "qazwsx", "zxcvbn", "abc", "qwe", "1q2w3e", "aaa", "1qaz2wsx") + m.any("", "!") + m.run("123456789", m.between(1, 4))
	}, bare},
	{"named after itself", 7, func(m maker) string {
		word := "w" + "0rd"
		w := m.any("password", "Password", "pass", "admin", "root", "secret", "test", "user", "P@ss"+word, "pass"+word, "Pass"+word, "Admin", "Welcome", "welcome", "p4ss"+word, "pa55"+"word", "s3"+"cr3t")
		return w + m.any("", "@", "#", "_", "!") + m.run(digits, m.between(1, 4)) + m.any("", "", "!", "$")
	}, bare},
}

// hard is a password with characters that mean something in code and markup,
// or of other alphabets, as they stand or escaped.
func (m maker) hard() string {
	odd := []string{"<", ">", "&", ";", ",", "(", ")", "[", "]", "{", "}", "'", "|", "/", "\\", "=", ":", "é", "ü", "ß", "ñ", "я", "\\u0026", "\\u003c", "\\u00e9", "%40", "&amp;", "`"}
	v := m.run(base62, m.between(1, 3))
	if m.chance(40) {
		v = m.of(m.human)
	}
	for range m.between(1, 4) {
		v += m.of(odd) + m.run(base62, m.between(1, 6))
	}
	return v + m.any("", m.run(signs, 1))
}

func (m maker) anyLen(lens ...int) int { return lens[m.IntN(len(lens))] }

func (m maker) longWord() string {
	for {
		if w := m.of(m.human); len(w) >= 4 {
			return m.any(w, w, w, capital(w))
		}
	}
}

// random is a token of one of the usual alphabets.
func (m maker) random() string {
	n := m.between(16, 64)
	if m.chance(25) {
		n = m.between(10, 20)
	}
	switch m.IntN(7) {
	case 0:
		return m.run(lower+digits, n)
	case 1:
		return m.run(upper+digits, n)
	case 2:
		return m.run(base62+"-_", n)
	case 3:
		raw := make([]byte, n*3/4)
		for i := range raw {
			raw[i] = byte(m.Uint32())
		}
		return base64.StdEncoding.EncodeToString(raw)
	case 4:
		return m.run(base62+"+/", n) + m.any("", "", "=", "==")
	}
	return m.run(base62, n)
}

func (m maker) uuid() string {
	h := m.run(hex, 32)
	v := h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	return m.any(v, v, strings.ToUpper(v))
}

// human1 makes what people choose: a word or two, figures, a sign.
func (m maker) human1() string {
	w := m.of(m.human)
	for len(w) < 3 {
		w = m.of(m.human)
	}
	if m.chance(12) {
		w = m.of(m.plain)
	}
	two := m.of(m.human)
	tail := m.any(m.run(digits, m.between(1, 4)), m.any("19", "20")+m.run(digits, 2), "123", "1")
	sign := m.run(signs, 1)
	switch m.IntN(12) {
	case 0, 1:
		return w + tail
	case 2:
		return capital(w) + tail + sign
	case 3:
		return capital(w) + sign + tail
	case 4:
		return capital(w) + "-" + capital(two) + "-" + tail + m.any("", sign)
	case 5:
		return w + capital(two) + tail + m.any("", sign+m.run(lower, 3))
	case 6:
		return m.leet(w) + m.any("", sign, tail)
	case 7:
		return w + m.any("_", ".", "-", "@", "#") + m.any(two, capital(two)) + tail
	case 8:
		return tail + w + m.any("", sign)
	case 9:
		return sign + capital(w) + tail + m.any("", sign)
	case 10:
		return w[:len(w)*2/3] + tail + two + m.any("", sign)
	}
	return w + two + m.any("", tail, sign)
}

// leet writes letters as figures, at least one of them.
func (m maker) leet(w string) string {
	out := strings.NewReplacer("a", m.any("4", "@", "a"), "e", "3", "i", m.any("1", "!"), "o", "0", "s", m.any("5", "$", "s")).Replace(w)
	if out == w {
		out += m.run(digits, 2)
	}
	return m.any(out, capital(out))
}

func (m maker) phrase() string {
	n := m.between(3, 5)
	out := make([]string, n)
	for i := range out {
		out[i] = m.of(m.human)
		if m.chance(30) {
			out[i] = m.of(m.plain)
		}
	}
	return strings.Join(out, m.any("-", "-", ".", "_", "", " ")) + m.any("", "", m.run(digits, 2))
}
