//go:build vectorscan && cgo

package vectorscan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLiterals(t *testing.T) {
	d, err := Literals([]string{"abcd", "bcde", "key"})
	require.NoError(t, err)
	defer d.Close()
	hits, err := d.Scan(nil, []byte("xABCDe key"))
	require.NoError(t, err)
	require.Equal(t, []Hit{{To: 5}, {To: 6, Pattern: 1}, {To: 10, Pattern: 2}}, hits)
	// More hits than there is room for.
	hits, err = d.Scan(hits[:0:1], []byte(strings.Repeat("key ", 1000)))
	require.NoError(t, err)
	require.Len(t, hits, 1000)
	require.Equal(t, Hit{To: 3999, Pattern: 2}, hits[999])
	hits, err = d.Scan(hits, nil)
	require.NoError(t, err)
	require.Empty(t, hits)
}

func TestRegexps(t *testing.T) {
	d, has, err := Regexps([]string{`(a`, `\bk[0-9]{3}\b`, `(x|y)\1`})
	require.NoError(t, err)
	defer d.Close()
	require.Equal(t, Support{Loose: []int{2}, Refused: []int{0}}, has)
	hits, err := d.Scan(nil, []byte("k12 k123 k1234"))
	require.NoError(t, err)
	require.Equal(t, []Hit{{To: 8, Pattern: 1}}, hits)
	_, _, err = Regexps([]string{`(a`, `(b`})
	require.Error(t, err)
}
