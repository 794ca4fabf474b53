package join

import (
	"bytes"
	"strings"
)

// deltaNames are the members whose values, event after event, are one text.
var deltaNames = []string{
	"text", "content", "delta", "chunk", "token", "partial_json", "arguments", "reasoning", "reasoning_content",
	"thinking", "completion", "response", "output_text", "generated_text", "answer", "value", "output",
}

// lineNames are those whose values can be lines of one text.
var lineNames = []string{"message", "msg", "log", "line", "data", "body", "stdout", "stderr"}

func oneOf(name []byte, words []string) bool {
	for _, w := range words {
		if string(name) == w {
			return true
		}
	}
	return false
}

// events joins the strings of a run of events: the object that ends at offset
// end, the one at offset next, and those that follow. It returns where the run ends.
func (f *Finder) events(end, next int) int {
	f.flush()
	level := f.level(next)
	f.event(f.eventStart(end, level, max(f.past, end-maxStream)), level)
	for {
		after := f.event(next, level)
		n, kind := f.border(after)
		if kind != streamBorder {
			f.flush()
			f.past = max(after, next+1)
			return f.past
		}
		next = n
	}
}

// chunks joins the strings of a list of small objects that hold others, as those of
// the chunks of a stream that were kept: the object that ends at offset end, or that which
// holds it if outer, the one at offset next, and those that follow. Unlike events,
// messages look like that, too, so nothing is believed that only its name gives away.
func (f *Finder) chunks(end, next int, outer bool) {
	from := max(f.past, f.chunk, end-maxChunk)
	f.chunk = next
	if end < f.chunked || end <= from || !outer && bytes.Count(f.text[from:end], open) < 2 {
		return
	}
	level := f.level(next)
	start := f.eventStart(end, level, from)
	if start == end || !outer && !bytes.Contains(f.text[start+1:end], open) {
		return
	}
	f.flush()
	f.inList = true
	f.event(start, level)
	for {
		after := f.event(next, level)
		n, kind := f.border(after)
		f.chunked = max(after, next+1)
		if after-next > maxChunk || kind != listBorder && kind != outerBorder {
			break
		}
		next = n
	}
	f.flush()
	f.inList = false
}

var open = []byte("{")

// level returns how many backslashes stand before the quotes of the object at offset at.
func (f *Finder) level(at int) (n int) {
	i := at + 1
	for i < len(f.text) && f.text[i] == ' ' {
		i++
	}
	for i+n < len(f.text) && f.text[i+n] == '\\' {
		n++
	}
	f.saw(i + n)
	return n
}

// eventStart returns where the object begins that ends at offset end, or the
// one around it that ends right behind that; end if that is not on the same line or
// before offset first.
func (f *Finder) eventStart(end, level, first int) int {
	last := end
	for k := end + 1; k < len(f.text) && strings.IndexByte("}] \t", f.text[k]) >= 0; k++ { // as border has
		if f.text[k] == '}' || f.text[k] == ']' {
			last = k
		}
	}
	depth := 0
	for i := last + 1; i > first; {
		switch f.text[i-1] {
		case '}', ']':
			depth++
			i--
		case '{', '[':
			if i--; depth == 1 {
				return i
			}
			depth--
		case '"':
			s, open, ok := f.stringBefore(i, i-first)
			if !ok || i-1-s.end != level {
				return end
			}
			i = open
		case '\n':
			return end
		default:
			i--
		}
	}
	return end
}

// event reads the object at offset at, adds its strings to the chains of
// their names, and returns the offset behind it. What is no object ends where
// the reading stops.
func (f *Finder) event(at, level int) (after int) {
	var key span
	depth, i := 0, at
read:
	for i < len(f.text) {
		switch c := f.text[i]; {
		case c == '{' || c == '[':
			depth++
			i++
		case c == '}' || c == ']':
			depth--
			i++
			if depth <= 0 {
				break read
			}
		case c == '"' || c == '\\':
			s, end, ok := f.str(i)
			if !ok || end-1-s.end != level {
				i++
				break read
			}
			i = f.space(end)
			if i < len(f.text) && f.text[i] == ':' {
				key = s
				i++
				continue
			}
			f.delta(key, s)
		case c == '\n':
			break read
		default:
			i++
		}
	}
	f.saw(i)
	return i
}

// delta adds a value to the chain of its name.
func (f *Finder) delta(key, v span) {
	if v.start == v.end || key.end == 0 {
		return
	}
	name := f.text[key.start:key.end]
	stream := oneOf(name, deltaNames)
	if !stream && !oneOf(name, lineNames) {
		return
	}
	m := f.chainOf(key)
	if m.last.end == 0 {
		m.chain.Reset(stream && !f.inList)
	}
	m.chain.Add(0, f.text[v.start:v.end], v.start, f.emit)
	m.last = v
}
