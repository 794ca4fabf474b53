package conformance

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	formats "github.com/transparency-dev/formats/log"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/client"
	"golang.org/x/mod/sumdb/note"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// inReceipt checks a receipt of ours with code that knows only C2SP's formats,
// for the entry that is given. It returns what the receipt says the entry is.
func inReceipt(receipt, line []byte, v note.Verifier) ([]byte, error) {
	var p tlogproof.TLogProof
	if err := p.Unmarshal(receipt); err != nil {
		return nil, err
	}
	c, _, _, err := formats.ParseCheckpoint(p.Checkpoint, v.Name(), v)
	if err != nil {
		return nil, err
	}
	if line == nil {
		line = p.ExtraData
	}
	return p.ExtraData, proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, c.Size, rfc6962.DefaultHasher.HashLeaf(line), hashes(p.Hashes), c.Hash)
}

func hashes(hs [][sha256.Size]byte) [][]byte {
	all := make([][]byte, len(hs))
	for i := range hs {
		all[i] = hs[i][:]
	}
	return all
}

// TestReceipts: the receipt of an entry is one to others, at every size and
// index, and none of another entry.
func TestReceipts(t *testing.T) {
	l := newLog(t, t.TempDir())
	v := l.verifier()
	n := 0
	for _, size := range []int64{1, 2, 3, 7, 8, 9, 33} {
		l.grow(size)
		r, err := read.Open(l.dir)
		require.NoError(t, err)
		var before []byte
		for it, err := range r.Entries(t.Context(), 0) {
			require.NoError(t, err)
			receipt, err := r.Receipt(t.Context(), it.Seq)
			require.NoError(t, err)
			b := receipt.Marshal()
			extra, err := inReceipt(b, nil, v)
			require.NoError(t, err)
			require.Equal(t, it.Line, extra)
			if before != nil {
				_, err = inReceipt(b, before, v)
				require.Error(t, err, "the entry before it")
			}
			for _, at := range []int{len(b) - 9, len(b) / 2} {
				b[at] ^= 1
				_, err = inReceipt(b, nil, v)
				require.Error(t, err, "a byte was changed")
				b[at] ^= 1
			}
			before = it.Line
			n++
		}
	}
	require.Equal(t, 63, n)
}

// TestLongEntry: an entry as long as one may be is one in tiles, too. This
// reader takes no line of a receipt above 64 KiB, which C2SP allows: it needs
// the receipt without extra, and the entry beside it.
func TestLongEntry(t *testing.T) {
	l := newLog(t, t.TempDir())
	l.grow(5)
	ev := auditlog.Event{Kind: "tracescrub.masked", Time: l.now, Attributes: map[string]any{"x": strings.Repeat("x", entry.MaxLine-250)}}
	seqs, err := l.w.Append(t.Context(), ev)
	require.NoError(t, err)
	l.grow(9)
	require.NoError(t, check(t.Context(), client.FileFetcher{Root: l.exported(t)}, l.verifier()))

	r, err := read.Open(l.dir)
	require.NoError(t, err)
	receipt, err := r.Receipt(t.Context(), seqs[0])
	require.NoError(t, err)
	line := receipt.Extra
	require.Greater(t, len(line), entry.MaxLine-100)
	_, err = inReceipt(receipt.Marshal(), line, l.verifier())
	require.Error(t, err)
	receipt.Extra = nil
	_, err = inReceipt(receipt.Marshal(), line, l.verifier())
	require.NoError(t, err)
}

// vectors are those of the format's document.
type vectors struct {
	Key     struct{ Public string }
	Entries []struct{ Line, Leaf string }
	Refused []struct{ Line, Reason string }

	Checkpoints, Receipts, Consistency []string
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	b, err := os.ReadFile("../docs/format/audit-vectors.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &v))
	require.NotEmpty(t, v.Entries)
	require.NotEmpty(t, v.Refused)
	require.Len(t, v.Checkpoints, len(v.Entries))
	require.Len(t, v.Receipts, len(v.Entries))
	return v
}

// TestVectors: others make the same of the test vectors.
func TestVectors(t *testing.T) {
	v := readVectors(t)
	key, err := note.NewVerifier(v.Key.Public)
	require.NoError(t, err)
	roots := map[uint64][]byte{}
	for _, signed := range v.Checkpoints {
		c, _, _, err := formats.ParseCheckpoint([]byte(signed), key.Name(), key)
		require.NoError(t, err)
		roots[c.Size] = c.Hash
	}
	for i, e := range v.Entries {
		require.Equal(t, base64.StdEncoding.EncodeToString(rfc6962.DefaultHasher.HashLeaf([]byte(e.Line))), e.Leaf)
		extra, err := inReceipt([]byte(v.Receipts[i]), []byte(e.Line), key)
		require.NoError(t, err)
		require.Equal(t, e.Line, string(extra))
	}
	var path [][]byte
	for _, s := range v.Consistency {
		h, err := base64.StdEncoding.DecodeString(s)
		require.NoError(t, err)
		path = append(path, h)
	}
	require.NoError(t, proof.VerifyConsistency(rfc6962.DefaultHasher, 3, 5, path, roots[3], roots[5]))
	require.Error(t, proof.VerifyConsistency(rfc6962.DefaultHasher, 3, 5, path, roots[4], roots[5]), "another root")
}
