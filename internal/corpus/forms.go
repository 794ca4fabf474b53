package corpus

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"html"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// A form is how a text is written inside another. Escapes ("js", "py", "go",
// "php") are the styles in which JavaScript, Python, Go and PHP write JSON
// strings; each nesting of JSON adds one.
var escapes = map[string]bool{"js": true, "py": true, "go": true, "php": true}

var numberedForm = regexp.MustCompile(`^([a-z]+?)(\d+)(?:to(\d+))?$`)

// apply writes s in a form.
func apply(r *rand.Rand, form, s string) (string, error) {
	if escapes[form] || form == "repr" {
		return escape(form, s), nil
	}
	if fn := forms[form]; fn != nil {
		return fn(s), nil
	}
	if form == "png" {
		return pngWith(r, s), nil
	}
	m := numberedForm.FindStringSubmatch(form)
	if m == nil {
		return "", fmt.Errorf("unknown form %q", form)
	}
	n, _ := strconv.Atoi(m[2])
	to, _ := strconv.Atoi(m[3])
	switch m[1] {
	case "cut":
		return s[min(n, len(s)):min(to, len(s))], nil
	case "head":
		return s[:min(n, len(s))], nil
	case "indent":
		return strings.ReplaceAll(s, "\n", "\n"+strings.Repeat(" ", n)), nil
	case "num":
		return numberLines(s, n), nil
	case "u":
		return unicodeEscape(s, n), nil
	case "wrap", "cont", "concat":
		return strings.Join(pieces(s, n), joints[m[1]]), nil
	}
	return "", fmt.Errorf("unknown form %q", form)
}

var forms = map[string]func(string) string{
	"b64":    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"b64url": func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"hex":    func(s string) string { return hex.EncodeToString([]byte(s)) },
	"pct":    percent,
	"html":   html.EscapeString,
	"sql":    func(s string) string { return strings.ReplaceAll(s, "'", "''") },
	"crlf":   func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
	"joined": func(s string) string { return strings.ReplaceAll(s, "\n", " ") },
	"diff":   func(s string) string { return strings.ReplaceAll(s, "\n", "\n+") },
	"utf16":  utf16LE,
	// A JSON number: what masks it is a string, quoted.
	"number": func(s string) string { return s },
	"zw":     func(s string) string { return strings.Join(pieces(s, 7), "\u200b") },
	"shy":    func(s string) string { return strings.Join(pieces(s, 9), "\u00ad") },
	"ansi":   coloured,
	"gz":     compress,
	"rev":    reverse,
}

// joints stand between the pieces of a text that was broken at a column.
var joints = map[string]string{"wrap": "\n", "cont": "\\\n", "concat": "\" +\n    \""}

// pieces cuts a text every n bytes.
func pieces(s string, n int) (out []string) {
	for n > 0 && len(s) > n {
		out, s = append(out, s[:n]), s[n:]
	}
	return append(out, s)
}

// coloured is what grep --color makes of a match inside a text.
func coloured(s string) string {
	a, b := len(s)/3, len(s)*2/3
	return s[:a] + "\x1b[01;31m\x1b[K" + s[a:b] + "\x1b[m\x1b[K" + s[b:]
}

func compress(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s)) // into memory
	_ = w.Close()
	return b.String()
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// broken says of a form, without its number, that the secret stands in pieces
// or turned round, and gives what there is to look for: a text, or lines of it.
func broken(base, written string) (needle string, ok bool) {
	switch base {
	case "cut", "head", "rev":
		return written, true
	case "wrap", "cont", "concat":
		return strings.ReplaceAll(written, joints[base], "\n"), true
	}
	return "", false
}

// numberLines writes the numbers of a file view before the second and later lines, from n on.
func numberLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	for i := 1; i < len(lines); i++ {
		lines[i] = fmt.Sprintf("%6d→%s", n+i-1, lines[i])
	}
	return strings.Join(lines, "\n")
}

func unicodeEscape(s string, n int) string {
	var b strings.Builder
	for i := range min(n, len(s)) {
		fmt.Fprintf(&b, `\u%04x`, s[i])
	}
	return b.String() + s[min(n, len(s)):]
}

func percent(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(base62+"-_.~", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func utf16LE(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

var shortEscapes = map[rune]string{'\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

// escape writes the inside of a string literal in a style.
func escape(style, s string) string {
	quote, bare := '"', "\b\f"
	if style == "repr" {
		quote, bare = '\'', ""
	}
	var b strings.Builder
	for _, c := range s {
		short := shortEscapes[c]
		if strings.ContainsRune("\b\f", c) && bare == "" {
			short = ""
		}
		switch {
		case short != "":
			b.WriteString(short)
		case c == quote:
			b.WriteString(`\` + string(c))
		case c < 0x20 && style == "repr":
			fmt.Fprintf(&b, `\x%02x`, c)
		case c == '/' && style == "php":
			b.WriteString(`\/`)
		case c < 0x20, style == "go" && strings.ContainsRune("<>&\u2028\u2029", c),
			c > 0x7e && (style == "py" || style == "php"):
			for _, u := range utf16.Encode([]rune{c}) {
				fmt.Fprintf(&b, `\u%04x`, u)
			}
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// formName describes a chain of forms, outermost first, without the numbers.
func formName(chain []string) (name string, plain bool) {
	name, plain = "plain", true
	for _, f := range chain {
		switch {
		case escapes[f]:
			name = "json>" + name
		default:
			name, plain = baseForm(f)+">"+name, false
		}
	}
	return strings.TrimSuffix(name, ">plain"), plain
}

// baseForm is a form without its numbers.
func baseForm(f string) string {
	if m := numberedForm.FindStringSubmatch(f); m != nil && forms[f] == nil {
		return m[1]
	}
	return f
}

// difficulty rates an occurrence: easy is what any scanner that decodes JSON must find.
func difficulty(s secretSpec, l leaf, chain []string) string {
	level := "easy"
	count := map[string]int{}
	for _, f := range chain {
		base := baseForm(f)
		count[base]++
		switch base {
		case "cut", "head", "hex", "png", "u", "zw", "shy", "ansi", "gz", "rev", "wrap", "cont", "concat":
			return "hard"
		case "b64", "b64url":
			if s.Group != "header" {
				return "hard"
			}
			level = "medium"
		case "js", "py", "go", "php", "html":
		default:
			level = "medium"
		}
	}
	switch {
	case count["pct"] > 1, s.ContextOnly && (s.Group == "numeric" || s.Group == "phrase"):
		return "hard"
	case s.ContextOnly, count["html"] > 0, l.kind != "str":
		return "medium"
	}
	return level
}
