package auditlog

// remembered is how many ids a writer knows: a batch that is sent again within
// so many entries is not logged twice.
const remembered = 100_000

// index knows where the last entries are, by id.
type index struct {
	at   map[string]int64
	ring []string
	next int
}

func newIndex() *index { return &index{at: map[string]int64{}} }

func (x *index) add(id string, seq int64) {
	if len(x.ring) < remembered {
		x.ring = append(x.ring, id)
	} else {
		if old := x.ring[x.next]; x.at[old] < seq {
			delete(x.at, old)
		}
		x.ring[x.next] = id
		x.next = (x.next + 1) % remembered
	}
	x.at[id] = seq
}

func (x *index) find(id string) (int64, bool) {
	seq, ok := x.at[id]
	return seq, ok
}
