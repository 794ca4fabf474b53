package join

import "bytes"

const (
	maxName   = 128 // bytes of a member's name
	maxNumber = 24  // bytes of a number
)

// before reads the members that end before the "}" at offset end, backwards,
// into f.left. It goes no further than short values.
func (f *Finder) before(end int) (n int) {
	t, i := f.text, end
	for n < maxMembers {
		i = f.spaceBefore(i)
		if i == 0 || t[i-1] != '"' {
			// A number or a word: skip it.
			k := i
			for k > 0 && i-k < maxNumber && (tokenByte(t[k-1]) && t[k-1] != ':') {
				k--
			}
			key, ok := f.keyBefore(k)
			if k == i || !ok {
				return n
			}
			if i = f.spaceBefore(key); i == 0 || t[i-1] != ',' {
				return n
			}
			i--
			continue
		}
		// What does not end like a token matters only for what stands before it.
		limit := maxShort
		if level := f.slashes(i - 1); i-1-level > 0 && tokenByte(t[i-2-level]) {
			limit = maxValue
		}
		v, open, ok := f.stringBefore(i, limit)
		if !ok {
			return n
		}
		k := f.spaceBefore(open)
		if k == 0 || t[k-1] != ':' {
			return n
		}
		k = f.spaceBefore(k - 1)
		if k == 0 || t[k-1] != '"' {
			return n
		}
		key, start, ok := f.stringBefore(k, maxName)
		if !ok {
			return n
		}
		f.left[n] = field{key, v}
		n++
		if i = f.spaceBefore(start); i == 0 || t[i-1] != ',' || v.end-v.start > maxShort {
			return n
		}
		i--
	}
	return n
}

// keyBefore skips back over `"key":` and returns where it begins.
func (f *Finder) keyBefore(i int) (start int, ok bool) {
	i = f.spaceBefore(i)
	if i == 0 || f.text[i-1] != ':' {
		return 0, false
	}
	i = f.spaceBefore(i - 1)
	if i == 0 || f.text[i-1] != '"' {
		return 0, false
	}
	_, start, ok = f.stringBefore(i, maxName)
	return start, ok
}

// stringBefore returns the string whose closing quote ends at offset end, and
// where its opening quote begins. limit bounds its length.
func (f *Finder) stringBefore(end, limit int) (s span, start int, ok bool) {
	q := end - 1
	level := f.slashes(q)
	s.end = q - level
	for i := s.end; s.end-i <= limit; {
		k := lastByte(f.text[max(0, s.end-limit):i], '"')
		if k < 0 {
			return s, 0, false
		}
		k += max(0, s.end-limit)
		switch n := f.slashes(k); {
		case n == level:
			s.start = k + 1
			return s, k - n, true
		case n < level:
			return s, 0, false
		default:
			i = k - n
		}
	}
	return s, 0, false
}

// slashes counts the backslashes before offset i.
func (f *Finder) slashes(i int) (n int) {
	for i-n > 0 && f.text[i-n-1] == '\\' {
		n++
	}
	return n
}

// spaceBefore returns i without the white space before it.
func (f *Finder) spaceBefore(i int) int {
	for i > 0 && (f.text[i-1] == ' ' || f.text[i-1] == '\n' || f.text[i-1] == '\r' || f.text[i-1] == '\t') {
		i--
	}
	return i
}

// space returns i behind the white space at it.
func (f *Finder) space(i int) int {
	for i < len(f.text) && (f.text[i] == ' ' || f.text[i] == '\n' || f.text[i] == '\r' || f.text[i] == '\t') {
		i++
	}
	f.saw(i)
	return i
}

// str returns the string whose opening quote, with the backslashes of its
// depth, begins at offset i, and the offset behind its closing quote.
func (f *Finder) str(i int) (s span, after int, ok bool) {
	q := i
	for q < len(f.text) && f.text[q] == '\\' {
		q++
	}
	f.saw(q)
	if q >= len(f.text) || f.text[q] != '"' {
		return s, 0, false
	}
	level := q - i
	s.start = q + 1
	for at := s.start; ; {
		end := min(len(f.text), s.start+maxStream)
		k := bytes.IndexByte(f.text[at:end], '"')
		if k < 0 {
			f.saw(end)
			return s, 0, false
		}
		k += at
		f.saw(k)
		n := 0
		for k-n > s.start && f.text[k-n-1] == '\\' {
			n++
		}
		// Of an even number more than the level, all are escaped backslashes
		// at the end of the string.
		if n == level || n > level && (n-level)%(2*(level+1)) == 0 {
			s.end = k - level
			return s, k + 1, true
		}
		if n < level {
			return s, 0, false
		}
		at = k + 1
	}
}

// forward reads the next member with a string and returns the offset behind
// its comma; without one the offset where the reading ended.
func (f *Finder) forward(pos int) (m field, after int, ok bool) {
	for range maxMembers {
		key, i, ok := f.str(f.space(pos))
		if !ok || key.end-key.start > maxName {
			return m, pos, false
		}
		if i = f.space(i); i >= len(f.text) || f.text[i] != ':' {
			return m, pos, false
		}
		i = f.space(i + 1)
		v, end, isText := f.str(i)
		if !isText {
			end = i
			for end < len(f.text) && end-i < maxNumber && tokenByte(f.text[end]) {
				end++
			}
			f.saw(end)
			if end == i {
				return m, pos, false
			}
		}
		pos = f.space(end)
		if pos < len(f.text) && f.text[pos] == ',' {
			pos++
		}
		if isText {
			return field{key, v}, pos, true
		}
	}
	return m, pos, false
}
