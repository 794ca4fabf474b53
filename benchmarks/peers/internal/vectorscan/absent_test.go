//go:build !vectorscan || !cgo

package vectorscan

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAbsent(t *testing.T) {
	_, err := Literals([]string{"abcd"})
	require.ErrorIs(t, err, ErrAbsent)
	d, _, err := Regexps([]string{"abcd"})
	require.ErrorIs(t, err, ErrAbsent)
	_, err = d.Scan(nil, []byte("abcd"))
	require.ErrorIs(t, err, ErrAbsent)
	d.Close()
}
