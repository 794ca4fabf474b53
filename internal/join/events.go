package join

import "bytes"

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
	i := next + 1
	for i < len(f.text) && f.text[i] == ' ' {
		i++
	}
	level := 0
	for i+level < len(f.text) && f.text[i+level] == '\\' {
		level++
	}
	f.event(f.eventStart(end, level), level)
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

// eventStart returns where the object begins that ends at offset end: the
// first one whose quotes are at level, behind the last line end or "data:".
func (f *Finder) eventStart(end, level int) int {
	start := max(f.past, end-maxStream)
	head := f.text[start:end]
	if i := lastIndex(head, []byte("data:")); i >= 0 {
		start += i
	} else if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		start += i
	}
	for i := start; i < end; i++ {
		n := bytes.IndexByte(f.text[i:end], '{')
		if n < 0 {
			return end
		}
		i += n
		q := f.space(i + 1)
		k := q
		for k < end && f.text[k] == '\\' {
			k++
		}
		if k < end && f.text[k] == '"' && k-q == level {
			return i
		}
	}
	return end
}

// lastIndex is bytes.LastIndex, which is slow where sep does not stand: pieces
// are searched forwards for that.
func lastIndex(b, sep []byte) int {
	const piece = 4 << 10
	for end := len(b); end > 0; end -= piece {
		from := max(0, end-piece)
		if part := b[from:min(len(b), end+len(sep)-1)]; bytes.Contains(part, sep) {
			return from + bytes.LastIndex(part, sep)
		}
	}
	return -1
}

// event reads the object at offset at, adds its strings to the chains of
// their names, and returns the offset behind it. What is no object ends where
// the reading stops.
func (f *Finder) event(at, level int) (after int) {
	var key span
	depth := 0
	for i := at; i < len(f.text); {
		switch c := f.text[i]; {
		case c == '{' || c == '[':
			depth++
			i++
		case c == '}' || c == ']':
			depth--
			i++
			if depth <= 0 {
				return i
			}
		case c == '"' || c == '\\':
			s, end, ok := f.str(i)
			if !ok || end-1-s.end != level {
				return i + 1
			}
			i = f.space(end)
			if i < len(f.text) && f.text[i] == ':' {
				key = s
				i++
				continue
			}
			f.delta(key, s)
		case c == '\n':
			return i
		default:
			i++
		}
	}
	return len(f.text)
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
		m.chain.Reset(stream)
	}
	m.chain.Add(0, f.text[v.start:v.end], v.start, f.emit)
	m.last = v
}
