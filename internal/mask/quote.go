package mask

import (
	"bytes"
	"strings"
)

// quoter finds the quotes that a bare JSON scalar needs when a mask takes its
// place. Escaped JSON is JSON within a string, where quotes are written in
// some other way, `\"`, `\\\"`, `%22` or `&quot;`; the nearest quote before
// the scalar says how.
type quoter struct {
	text []byte
	seen int    // text[:seen] was searched
	last string // what at answered last
}

// maxQuoteDistance is how far back a quote is looked for, in bytes. An array
// of numbers can be longer: then the last answer holds, since the numbers
// before it were bare in the same array.
const maxQuoteDistance = 4096

// at returns the quote for the scalar at start. Calls must go forward.
func (q *quoter) at(start int) string {
	from := max(q.seen, start-maxQuoteDistance)
	quote := nearestQuote(q.text[from:start], q.text[:start])
	q.seen = start
	if quote == "" {
		quote = q.last
	}
	if quote == "" {
		quote = `"`
	}
	q.last = quote
	return quote
}

// nearestQuote returns the quote for a scalar that follows before, found in
// the part window at its end.
func nearestQuote(window, before []byte) string {
	for i := len(window) - 1; i >= 0; i-- {
		end := len(before) - len(window) + i + 1
		quote := quoteEndingAt(before[:end])
		if quote == "" {
			continue
		}
		if opensNested(before[end:]) {
			return deeper(quote)
		}
		return quote
	}
	return ""
}

// quoteEndingAt returns the way of writing a quote that b ends with.
func quoteEndingAt(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	switch c := b[len(b)-1]; c {
	case '"', '\'':
		return string(b[len(b)-1-backslashes(b[:len(b)-1]):])
	case '2':
		for _, s := range [...]string{"u0022", "%22", "%2522", "%252522", "x22"} {
			head, ok := bytes.CutSuffix(b, []byte(s))
			if !ok {
				continue
			}
			n := backslashes(head)
			if s[0] == '%' {
				return s
			}
			if n > 0 {
				return strings.Repeat(`\`, n) + s
			}
		}
	case ';':
		for _, s := range [...]string{"&quot;", "&#34;", "&#39;", "&amp;quot;", "&#x22;"} {
			if bytes.HasSuffix(b, []byte(s)) {
				return s
			}
		}
	}
	return ""
}

func backslashes(b []byte) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n
}

// opensNested reports whether the quote before rest opens a string that holds
// JSON, the scalar within it: after a closing quote comes a colon, a comma or
// the end of a container, after an opening one something else.
func opensNested(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) == 0 || bytes.IndexByte([]byte(":,]}"), rest[0]) < 0 && !escapedColon(rest)
}

// escapedColon: percent encoding writes the colon as %3A and the comma as %2C.
func escapedColon(rest []byte) bool {
	for len(rest) > 0 && rest[0] == '\\' { // escaped white space of pretty-printed JSON
		rest = bytes.TrimLeft(rest, `\`)
		if len(rest) > 0 && bytes.IndexByte([]byte("nrt"), rest[0]) >= 0 {
			rest = bytes.TrimLeft(rest[1:], " ")
		}
	}
	if len(rest) > 0 && bytes.IndexByte([]byte(":,]}"), rest[0]) >= 0 {
		return true
	}
	rest = bytes.TrimPrefix(rest, []byte("%20"))
	if len(rest) > 0 && rest[0] == '%' {
		for rest = rest[1:]; bytes.HasPrefix(rest, []byte("25")); {
			rest = rest[2:]
		}
		switch strings.ToUpper(string(rest[:min(2, len(rest))])) {
		case "3A", "2C", "5D", "7D":
			return true
		}
	}
	return false
}

// deeper writes a quote one level of strings further in.
func deeper(quote string) string {
	switch {
	case strings.HasSuffix(quote, `"`), strings.HasSuffix(quote, "'"):
		return strings.Repeat(`\`, 2*len(quote)-1) + quote[len(quote)-1:]
	case strings.HasSuffix(quote, "u0022"):
		return strings.Repeat(`\`, 2*(len(quote)-5)+1) + "u0022"
	case strings.HasPrefix(quote, "%"):
		return `%5C` + quote
	}
	return `\` + quote
}
