package subjects

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	tb := New(nil)
	a, err := tb.Commit("idp a")
	require.NoError(t, err)
	again, err := tb.Commit("idp a")
	require.NoError(t, err)
	require.Equal(t, a, again)
	x, err := tb.CommitText(a, "why")
	require.NoError(t, err)
	y, err := tb.CommitText(a, "why")
	require.NoError(t, err)
	require.NotEqual(t, x, y, "the same text twice is two commitments")
	b, err := tb.Commit("idp b")
	require.NoError(t, err)
	require.Equal(t, []string{x, y, a}, tb.Owned("idp a"))
	require.Empty(t, tb.Owned("idp c"))
	fresh, err := tb.Fresh()
	require.NoError(t, err)
	all, err := tb.Lines()
	require.NoError(t, err)
	require.Equal(t, all, fresh)
	fresh, err = tb.Fresh()
	require.NoError(t, err)
	require.Empty(t, fresh)
	kept := tb.Keep(func(c string) bool { return c == b })
	require.Len(t, kept.Rows(), 1)
	newA, err := kept.Commit("idp a")
	require.NoError(t, err)
	require.NotEqual(t, a, newA, "a subject that was erased is another commitment")
}

// FuzzParseRow: what is taken opens its commitment and is written again in the same bytes.
func FuzzParseRow(f *testing.F) {
	tb := New(bytes.NewReader(make([]byte, 64)))
	c, err := tb.Commit("s")
	require.NoError(f, err)
	_, err = tb.CommitText(c, "t")
	require.NoError(f, err)
	b, err := tb.Lines()
	require.NoError(f, err)
	for _, l := range bytes.Split(b, []byte("\n")) {
		f.Add(l)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRow(b)
		if err != nil {
			return
		}
		if Of(isText(r.Commitment), r.Nonce, r.Value) != r.Commitment {
			t.Fatal("a row does not open its commitment")
		}
		again, err := lines([]Row{r})
		if err != nil || !bytes.Equal(again, append(b, '\n')) {
			t.Fatal("a row is not written as it was read")
		}
	})
}
