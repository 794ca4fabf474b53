package rules

import "bytes"

// spelling is one of the ways to write a name.
type spelling struct {
	name   int
	words  []byte // "_api_key_": the words, with borders
	joined []byte // "apikey": the same written together
}

// tailLen is how many bytes of a joined spelling are its key in the index; a
// shorter one is not looked for at the end of other words.
const tailLen = 5

// nameIndex finds names in the words of a key.
type nameIndex struct {
	first map[string][]spelling // by first word
	tail  map[string][]spelling // by the last tailLen bytes of joined
}

func (x *nameIndex) add(sp spelling) {
	if x.first == nil {
		x.first, x.tail = map[string][]spelling{}, map[string][]spelling{}
	}
	w := sp.words[1:]
	w = w[:bytes.IndexByte(w, '_')]
	x.first[string(w)] = append(x.first[string(w)], sp)
	if n := len(sp.joined); n >= tailLen {
		t := string(sp.joined[n-tailLen:])
		x.tail[t] = append(x.tail[t], sp)
	}
}

// find returns the name with the longest spelling in words ("_x_api_key_"),
// or -1. A name may also be written together at the end of a word:
// "_apikey_", "_openaiapikey_", "_dbpassword_".
func (x *nameIndex) find(words []byte, names []name) int {
	best, most := -1, 0
	try := func(sp *spelling, at, end int) {
		if len(sp.words) > most && !excluded(words, at, end, &names[sp.name]) {
			best, most = sp.name, len(sp.words)
		}
	}
	for at := 0; at+1 < len(words); {
		end := at + 1 + bytes.IndexByte(words[at+1:], '_')
		word := words[at+1 : end]
		for i, list := 0, x.first[string(word)]; i < len(list); i++ {
			if sp := &list[i]; bytes.HasPrefix(words[at:], sp.words) {
				try(sp, at, at+len(sp.words)-1)
			}
		}
		if n := len(word); n >= tailLen {
			for i, list := 0, x.tail[string(word[n-tailLen:])]; i < len(list); i++ {
				if sp := &list[i]; bytes.HasSuffix(word, sp.joined) {
					try(sp, end-len(sp.joined)-1, end) // the byte before: a border or a letter
				}
			}
		}
		at = end
	}
	return best
}
