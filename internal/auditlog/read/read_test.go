package read

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// made is a log as far as this package looks at it: entries of a length, so
// many in each segment, the first ones pruned.
type made struct {
	dir   string
	items []Item
}

func id(n int) string { return fmt.Sprintf("%032x", n*0x9e3779b9) }

func make3(t testing.TB, perSegment, segments int, length func(n int) int) *made {
	t.Helper()
	m := &made{dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, files.Public), nil, 0o600))
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for s := 3; s < 3+segments; s++ {
		var b []byte
		for range perSegment {
			n := len(m.items)
			e := &entry.Entry{
				Seq: int64(100 + n), ID: id(n), Kind: "tracescrub.masked", Time: at, Logged: at,
				Attributes: map[string]any{"x": strings.Repeat("x", length(n)), "mod": fmt.Sprint("m", n%7), "text": `"id":"` + id(n+1) + `"`},
			}
			line, err := e.Line()
			require.NoError(t, err)
			m.items = append(m.items, Item{Entry: e, Line: line, Segment: s, Offset: int64(len(b))})
			b = append(append(b, line...), '\n')
		}
		m.write(t, s, b)
	}
	return m
}

func (m *made) write(t testing.TB, segment int, b []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, files.Segment(segment)), b, 0o600))
}

func (m *made) open(t testing.TB) *Log {
	t.Helper()
	l, err := Open(m.dir)
	require.NoError(t, err)
	return l
}

var shapes = map[string]func(n int) int{
	"short": func(int) int { return 0 },
	"mixed": func(n int) int { return n * 7919 % 9000 },
	"long":  func(n int) int { return entry.MaxLine - 400 - n%100 },
}

func TestEntriesFrom(t *testing.T) {
	ctx := context.Background()
	for name, length := range shapes {
		t.Run(name, func(t *testing.T) {
			m := make3(t, 150, 3, length)
			l := m.open(t)
			for from := -5; from < len(m.items)+2; from += 1 + from&7 {
				want := m.items[min(max(from, 0), len(m.items)):]
				n := 0
				for it, err := range l.Entries(ctx, int64(from+100)) {
					require.NoError(t, err)
					require.Less(t, n, len(want))
					require.Equal(t, want[n].Line, it.Line)
					require.Equal(t, want[n].Offset, it.Offset)
					require.Equal(t, want[n].Segment, it.Segment)
					if n++; n == 3 { // the rest is as with another from
						break
					}
				}
				require.Equal(t, min(3, len(want)), n, "from %d", from)
			}
		})
	}
}

func TestFind(t *testing.T) {
	ctx := context.Background()
	for name, length := range shapes {
		t.Run(name, func(t *testing.T) {
			m := make3(t, 150, 3, length)
			l := m.open(t)
			for n := 0; n < len(m.items); n += 13 {
				seq, err := l.Find(ctx, id(n))
				require.NoError(t, err)
				require.Equal(t, int64(100+n), seq, "not the one whose text has this id in it")
			}
			_, err := l.Find(ctx, id(-1))
			require.ErrorIs(t, err, ErrNoEntry)

			last := len(m.items)
			for it, err := range l.Containing(ctx, []byte(`"mod":"m3"`)) {
				require.NoError(t, err)
				for last--; last%7 != 3; last-- {
					continue
				}
				require.Equal(t, m.items[last].Line, it.Line)
				require.Equal(t, m.items[last].Offset, it.Offset)
				require.Equal(t, m.items[last].Segment, it.Segment)
			}
			require.Equal(t, 3, last, "all of them, backwards")
		})
	}
}

// TestWhileWritten: a last line that is not whole yet is not there.
func TestWhileWritten(t *testing.T) {
	ctx := context.Background()
	m := make3(t, 5, 1, shapes["short"])
	path := filepath.Join(m.dir, files.Segment(3))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	l := m.open(t)
	for cut := range len(m.items[4].Line) + 1 {
		m.write(t, 3, b[:len(b)-1-cut])
		n := 0
		for _, err := range l.Entries(ctx, 0) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 4, n)
		_, err := l.Find(ctx, id(4))
		require.ErrorIs(t, err, ErrNoEntry)
		_, err = l.Find(ctx, id(3))
		require.NoError(t, err)
	}
	m.write(t, 3, nil)
	_, err = l.Find(ctx, id(0))
	require.ErrorIs(t, err, ErrNoEntry)
	m.write(t, 3, b)
	m.write(t, 4, nil) // just begun
	seq, err := l.Find(ctx, id(4))
	require.NoError(t, err)
	require.Equal(t, int64(104), seq)
}

// TestBroken: a line that is none is an error that says where, and no panic
// and no endless loop, wherever one looks from.
func TestBroken(t *testing.T) {
	ctx := context.Background()
	m := make3(t, 300, 1, shapes["mixed"])
	path := filepath.Join(m.dir, files.Segment(3))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	l := m.open(t)
	bad := m.items[150].Offset
	for name, c := range map[string]struct {
		file  []byte
		want  string
		found bool // entry 7, which is before what is broken
	}{
		"a byte":      {append(append(append([]byte(nil), b[:bad]...), 'X'), b[bad+1:]...), fmt.Sprintf("at byte %d", bad), true},
		"a long line": {append(append(append([]byte(nil), b[:bad]...), make([]byte, 3*chunk)...), b[bad:]...), "", false},
		"no line end": {make([]byte, 3*chunk), "", false},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			m.write(t, 3, c.file)
			var bad error
			for _, err := range l.Entries(ctx, 0) {
				bad = err
			}
			if c.want != "" {
				require.ErrorContains(t, bad, c.want)
			}
			for from := int64(100); from < 400; from += 17 {
				for it, err := range l.Entries(ctx, from) {
					if err == nil {
						require.GreaterOrEqual(t, it.Seq, from)
					}
				}
			}
			_, err := l.Find(ctx, id(7))
			require.Equal(t, c.found, err == nil)
		})
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	m.write(t, 3, b)
	_, err = l.Find(cancelled, id(7))
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range l.Entries(cancelled, 0) {
		require.True(t, errors.Is(err, context.Canceled))
	}
}

// BenchmarkFind finds the first entry of a segment of 64 MiB, and an entry by its place.
func BenchmarkFind(b *testing.B) {
	m := make3(b, 130_000, 1, func(int) int { return 300 })
	l := m.open(b)
	for name, do := range map[string]func() (int64, error){
		"id": func() (int64, error) { return l.Find(context.Background(), id(0)) },
		"place": func() (seq int64, err error) {
			for it, bad := range l.Entries(context.Background(), 65_000) {
				seq, err = it.Seq-65_000+100, bad
				break
			}
			return seq, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if seq, err := do(); err != nil || seq != 100 {
					b.Fatal(seq, err)
				}
			}
		})
	}
}
