package proof

import (
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree grows by leaves. It keeps the roots of the complete subtrees only.
type Tree struct {
	size int64
	left []tlog.Hash // the larger first
}

// Restore returns the tree of the first n entries of a hash file.
func Restore(n int64, r tlog.HashReader) (*Tree, error) {
	var at []int64
	for l := bits.Len64(uint64(n)) - 1; l >= 0; l-- { //nolint:gosec // n counts entries
		if n>>l&1 == 1 {
			at = append(at, tlog.StoredHashIndex(l, n>>l-1))
		}
	}
	left, err := r.ReadHashes(at)
	return &Tree{size: n, left: left}, err
}

// Add adds a leaf and returns the hashes to store: its own and those of the
// subtrees that it completes.
func (t *Tree) Add(leaf tlog.Hash) []tlog.Hash {
	stored := []tlog.Hash{leaf}
	h := leaf
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(t.left[len(t.left)-1], h)
		t.left = t.left[:len(t.left)-1]
		stored = append(stored, h)
	}
	t.left = append(t.left, h)
	t.size++
	return stored
}

// Clone returns a copy.
func (t *Tree) Clone() *Tree {
	return &Tree{size: t.size, left: append([]tlog.Hash(nil), t.left...)}
}

// Size is how many leaves there are.
func (t *Tree) Size() int64 { return t.size }

// Root is the root.
func (t *Tree) Root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // reads nothing
		return h
	}
	h := t.left[len(t.left)-1]
	for i := len(t.left) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.left[i], h)
	}
	return h
}
