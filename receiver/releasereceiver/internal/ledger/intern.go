package ledger

// interner keeps one copy of each text and counts who uses it: a million items
// have a few services, policies and sets of rules.
type interner struct {
	at   map[string]uint32
	text []string
	uses []uint32
	free []uint32
}

func newInterner() *interner { return &interner{at: map[string]uint32{}} }

// use returns the number of s. Each use needs a drop.
func (in *interner) use(s string) uint32 {
	if i, ok := in.at[s]; ok {
		in.uses[i]++
		return i
	}
	var i uint32
	if n := len(in.free); n > 0 {
		i, in.free = in.free[n-1], in.free[:n-1]
		in.text[i], in.uses[i] = s, 1
	} else {
		i = uint32(len(in.text))
		in.text, in.uses = append(in.text, s), append(in.uses, 1)
	}
	in.at[s] = i
	return i
}

func (in *interner) drop(i uint32) {
	if in.uses[i]--; in.uses[i] == 0 {
		delete(in.at, in.text[i])
		in.text[i], in.free = "", append(in.free, i)
	}
}

// where returns which texts ok accepts, by number. Texts are few, rows many.
func (in *interner) where(ok func(string) bool) []bool {
	hits := make([]bool, len(in.text))
	for i, s := range in.text {
		hits[i] = in.uses[i] > 0 && ok(s)
	}
	return hits
}
