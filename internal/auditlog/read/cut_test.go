package read

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// TestFollowAfterACut: lines that a failed write left are cut off; what takes
// their place is found.
func TestFollowAfterACut(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, files.Segment(1))
	var all []byte
	const last = 3
	for seq := range int64(last + 1) {
		e := entry.Entry{Seq: seq, Kind: "tracescrub.masked", Time: time.Unix(seq, 0), Logged: time.Unix(seq, 0)}
		require.NoError(t, e.DeriveID())
		line, err := e.Line()
		require.NoError(t, err)
		all = append(append(all, line...), '\n')
	}
	require.NoError(t, os.WriteFile(path, all, 0o600))

	f := follower{l: &Log{dir}}
	var found []int64
	look := func() []int64 {
		found = nil
		more, err := f.read(t.Context(), func(it Item, err error) bool {
			found = append(found, it.Seq)
			return err == nil
		})
		require.NoError(t, err)
		require.False(t, more)
		return found
	}
	require.Len(t, look(), last+1)
	require.Empty(t, look())
	require.NoError(t, os.WriteFile(path, all[:len(all)-5], 0o600)) // the last one is torn
	require.Empty(t, look())
	require.NoError(t, os.WriteFile(path, all, 0o600))
	require.Equal(t, []int64{last}, look())
	require.Empty(t, look())
}
