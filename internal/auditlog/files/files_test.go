package files

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
)

func TestSegments(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{Segment(12345), Segment(2), "segment-1.jsonl", "segment-0000.jsonl", "segment-00003.jsonl", "segment-0004", Handover(3)} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, n), nil, 0o600))
	}
	ns, err := Segments(dir)
	require.NoError(t, err)
	require.Equal(t, []int{2, 12345}, ns)
	ns, err = Handovers(dir)
	require.NoError(t, err)
	require.Equal(t, []int{3}, ns)
}

// FuzzLines: the lines cover the file, each byte once.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\n\nb"), uint16(0))
	f.Add([]byte("\n"), uint16(65535))
	f.Fuzz(func(t *testing.T, b []byte, more uint16) {
		b = append(bytes.Repeat([]byte{'x'}, 2*int(more)), b...)
		var at int64
		err := Lines(bytes.NewReader(b), func(l Line) error {
			if l.Offset != at {
				t.Fatal("a line does not begin where the one before ends")
			}
			n := bytes.IndexByte(b[at:], '\n')
			if l.Whole != (n >= 0) {
				t.Fatal("whole or not")
			}
			if n < 0 {
				n = len(b[at:])
			}
			if l.Long && n <= entry.MaxLine || !l.Long && string(l.Text) != string(b[at:at+int64(n)]) {
				t.Fatal("a line is not its text")
			}
			at += int64(n)
			if l.Whole {
				at++
			}
			return nil
		})
		if err != nil || at != int64(len(b)) {
			t.Fatal("lines do not cover the file")
		}
	})
}
