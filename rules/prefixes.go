package rules

// prefixes are words, in lower case and of three bytes or more, that a value may begin with.
type prefixes struct {
	words []string
	some  [1 << 12]bool // by the hash of three bytes: a word begins with them
}

func newPrefixes(words ...string) *prefixes {
	p := &prefixes{words: words}
	for _, w := range words {
		p.some[hash3(w[0], w[1], w[2])] = true
	}
	return p
}

// may says cheaply whether b can begin with one of the words, in any case.
func (p *prefixes) may(b []byte) bool {
	return len(b) >= 3 && p.some[hash3(b[0], b[1], b[2])]
}

// begin says that b begins with one of the words, in any case.
func (p *prefixes) begin(b []byte) bool {
	if !p.may(b) {
		return false
	}
	for _, w := range p.words {
		if hasPrefixFold(b, w) {
			return true
		}
	}
	return false
}

func hash3(a, b, c byte) uint32 {
	return ((uint32(a) | uint32(b)<<8 | uint32(c)<<16) | 0x202020) * 0x9E3779B1 >> 20
}
