package rules

import "bytes"

const (
	maxManifest    = 8 << 10 // bytes of a manifest behind its kind
	minManifest    = 4       // bytes of a value in it
	manifestAnchor = "kind: Secret"
)

// manifest masks the values of a Kubernetes Secret in YAML, whatever their
// keys: pos is where "kind: Secret" stands, and the blocks data and stringData
// may stand before or behind it within the same document. It returns where that
// ends: what stands before there is settled.
func (s *scanner) manifest(text []byte, pos int) (done int) {
	end := pos + len(manifestAnchor)
	if end < len(text) && isWord(text[end]) { // SecretStore
		return end
	}
	n := s.nameOf([]byte("secret_value"))
	if n < 0 {
		return len(text)
	}
	from := max(0, pos-maxManifest)
	if i := bytes.LastIndex(text[from:pos], []byte("\n---")); i >= 0 {
		from += i + 1
	}
	to := min(len(text), pos+maxManifest)
	if i := bytes.Index(text[pos:to], []byte("\n---")); i >= 0 {
		to = pos + i
	}
	s.work += to - from
	inBlock, indent := false, 0
	for at := from; at < to; {
		line, next := tableLine(text[:to], at)
		key := spacesOf(line)
		switch body := bytes.TrimRight(line[key:], " \r"); {
		case string(body) == "data:" || string(body) == "stringData:":
			inBlock, indent = true, key
		case len(body) == 0:
		case inBlock && key > indent:
			s.manifestValue(n, text, at+key, at+key+len(body))
		default:
			inBlock = false
		}
		at = next
	}
	return to
}

// manifestValue masks the value of the pair text[from:to], by what its key names if
// that is a credential, else by name number n.
func (s *scanner) manifestValue(n int, text []byte, from, to int) {
	colon := bytes.Index(text[from:to], []byte(": "))
	if colon < 0 {
		return
	}
	v := value{start: from + colon + 2, end: to}
	for v.start < v.end && (text[v.start] == ' ' || text[v.start] == '"' || text[v.start] == '\'') {
		v.start++
	}
	for v.end > v.start && (text[v.end-1] == '"' || text[v.end-1] == '\'') {
		v.end--
	}
	secret := text[v.start:v.end]
	if len(secret) < minManifest || placeholder(secret) || reference(secret) || s.e.masked(secret) {
		return
	}
	if own := s.nameOf(text[from : from+colon]); own >= 0 {
		n = own
	}
	s.add(s.e.byName(n, v.start, v.end), text)
}

func spacesOf(line []byte) int {
	n := 0
	for n < len(line) && line[n] == ' ' {
		n++
	}
	return n
}
