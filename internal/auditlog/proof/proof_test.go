package proof

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// grow returns the hash file of n leaves.
func grow(t testing.TB, n int) (*bytes.Reader, *Tree) {
	t.Helper()
	tree := &Tree{}
	var b []byte
	for i := range n {
		for _, h := range tree.Add(tlog.RecordHash(fmt.Append(nil, i))) {
			b = append(b, h[:]...)
		}
	}
	return bytes.NewReader(b), tree
}

// TestTree holds the growing tree against tlog.
func TestTree(t *testing.T) {
	for n := range 70 {
		file, tree := grow(t, n)
		require.Equal(t, tlog.StoredHashCount(int64(n))*tlog.HashSize, file.Size())
		root, err := Root(int64(n), Hashes(file))
		require.NoError(t, err)
		require.Equal(t, root, tree.Root())
		again, err := Restore(int64(n), Hashes(file))
		require.NoError(t, err)
		require.Equal(t, root, again.Root())
		want, err := tlog.StoredHashes(int64(n), []byte("next"), Hashes(file))
		require.NoError(t, err)
		require.Equal(t, want, again.Add(tlog.RecordHash([]byte("next"))))
		require.Equal(t, root, tree.Clone().Root())
	}
}

func TestCheckpoint(t *testing.T) {
	seed := sha256.Sum256([]byte("proof test"))
	private, public, err := NewKey("example.com/audit", bytes.NewReader(seed[:]))
	require.NoError(t, err)
	p, origin, err := Public(private)
	require.NoError(t, err)
	require.Equal(t, public, p)
	require.Equal(t, "example.com/audit", origin)
	c := Checkpoint{Origin: origin, Size: 3, Root: tlog.RecordHash(nil)}
	signed, err := c.Sign(private)
	require.NoError(t, err)
	got, by, err := Open(signed, []string{public, public})
	require.NoError(t, err)
	require.Equal(t, c, got)
	require.Equal(t, []string{public}, by)

	_, other, err := NewKey("example.com/audit", nil)
	require.NoError(t, err)
	_, _, err = Open(signed, []string{other})
	require.Error(t, err, "another key")
	for i := range signed {
		bad := bytes.Clone(signed)
		bad[i] ^= 1
		if got, _, err := Open(bad, []string{public}); err == nil {
			require.Equal(t, c, got, "a checkpoint that was changed at %d says something else", i)
		}
	}
	c.Origin = "example.com/other"
	signed, err = c.Sign(private)
	require.NoError(t, err)
	_, _, err = Open(signed, []string{public})
	require.Error(t, err, "the origin of another log")
	for _, bad := range []string{"", "a b", "a+b"} {
		_, _, err = NewKey(bad, nil)
		require.Error(t, err)
	}
	_, _, err = Public("PRIVATE+KEY+x")
	require.Error(t, err)
}

// FuzzReceipt: what is taken is written again in the same bytes, and checking
// it does not panic.
func FuzzReceipt(f *testing.F) {
	_, public, err := NewKey("example.com/audit", nil)
	require.NoError(f, err)
	r := Receipt{Index: 5, Extra: []byte("x"), Path: make([]tlog.Hash, 3), Checkpoint: []byte("c\n1\nx\n\n— c AAAA\n")}
	f.Add(r.Marshal())
	f.Add([]byte(receiptHead + "index 0\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Marshal(), b) {
			t.Fatal("a receipt is not written as it was read")
		}
		if _, _, err := r.Check(nil, []string{public}); err == nil {
			t.Fatal("a receipt that nobody signed is taken")
		}
	})
}

// FuzzCheckpoint: what is taken has one form only.
func FuzzCheckpoint(f *testing.F) {
	f.Add("example.com\n5\n" + tlog.RecordHash(nil).String() + "\n")
	f.Add("a\n-1\n\n")
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := parse(s); err == nil && c.text() != s {
			t.Fatal("two forms of one checkpoint")
		}
		_, _ = Read([]byte(s))
	})
}
