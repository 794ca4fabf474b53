package auditlog

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// hostile are events that somebody sends who wants names in the log, or a log
// that verify complains about.
func hostile() map[string]Event {
	with := func(attributes map[string]any) Event {
		return Event{Kind: "tracescrub.voted", Time: start, Attributes: attributes}
	}
	return map[string]Event{
		"names in a list":       with(map[string]any{"user.id": []any{"list@example.com"}}),
		"names in strings":      with(map[string]any{"tracescrub.producer": []string{"strings@example.com"}}),
		"names in a map":        with(map[string]any{"tracescrub.reason": map[string]any{"who": "map@example.com"}}),
		"a number":              with(map[string]any{"user.id": 4711}),
		"deep":                  with(map[string]any{"a": []any{[]any{map[string]any{"user.id": "deep@example.com"}}}}),
		"long":                  with(map[string]any{"user.id": strings.Repeat("l@example.com", 20_000), "tracescrub.reason": strings.Repeat("\x01é", 60_000)}),
		"looks like one":        with(map[string]any{"tracescrub.service": "subject:" + strings.Repeat("0a", 32)}),
		"is called one":         with(map[string]any{"user.id": "text:" + strings.Repeat("0b", 32)}),
		"no UTF-8":              with(map[string]any{"user.id": "\xff@example.com", "tracescrub.reason": "\x00\n"}),
		"empty":                 with(map[string]any{"user.id": "", "tracescrub.reason": ""}),
		"says it is erased":     with(map[string]any{"commitments": []any{"subject:" + strings.Repeat("0c", 32)}}),
		"many that are too big": with(map[string]any{"b": strings.Repeat("b", 40_000), "a": strings.Repeat("a", 40_000), "user.id": "big@example.com"}),
	}
}

func TestHostileEvents(t *testing.T) {
	cfg := config(t.TempDir())
	w := open(t, cfg)
	ctx := context.Background()
	events := hostile()
	for name, ev := range events {
		_, err := w.Append(ctx, ev)
		require.NoError(t, err, name)
	}
	require.NoError(t, w.Close())
	nowhere(t, cfg.Directory, "example.com\"", "@", "4711", "who")
	w = open(t, cfg) // and the side table can be read again
	n, err := w.EraseSubject(ctx, `["list@example.com"]`)
	require.NoError(t, err)
	require.Equal(t, 1, n, "what is no text stands for its canonical form")
	require.NoError(t, w.Close())
	require.Equal(t, int64(len(events)), intact(t, cfg.Directory).Kinds["tracescrub.voted"])
}

// nowhere searches all files but the side table.
func nowhere(t *testing.T, dir string, texts ...string) {
	t.Helper()
	searched := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == files.Subjects {
			return err
		}
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		searched++
		for i, s := range texts {
			if d.Name() == files.Hashes && len(s) < 8 {
				continue // such bytes come by chance
			}
			require.False(t, strings.Contains(string(b), s), "text %d is in %s", i, d.Name())
		}
		return nil
	}))
	require.Greater(t, searched, 4)
}

// TestNoPlaintext: whatever happens to a log, names and what people wrote are
// in the side table only.
func TestNoPlaintext(t *testing.T) {
	const who, producer, why = "https://idp.example.com jane.doe@example.com", "agent-7@example.com", "asked by joe@example.com"
	k, w := keep(t, nil)
	ctx := context.Background()
	ev := voted(who, why)
	ev.Attributes["tracescrub.producer"] = producer
	_, err := w.Append(ctx, ev)
	require.NoError(t, err)
	require.NoError(t, w.RotateKey(ctx))
	require.NoError(t, w.Close())
	f, err := os.OpenFile(filepath.Join(k.cfg.Directory, files.Segment(3)), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"torn`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	w = open(t, k.cfg)
	k.now = k.now.Add(time.Second)
	_, err = w.EraseSubject(ctx, "always")
	require.NoError(t, err)
	_, err = w.Prune(ctx, start.AddDate(0, 0, 1))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	texts := []string{who, producer, why, "jane.doe", "joe@", "agent-7", "example.com jane", "user 2", "because"}
	require.Contains(t, k.subjects(), who)
	nowhere(t, k.cfg.Directory, texts...)
}

// TestCutIsTold: what was left out for its length has its name in the entry.
func TestCutIsTold(t *testing.T) {
	cfg := config(t.TempDir())
	w := open(t, cfg)
	for i, id := range []string{"", strings.Repeat("a", 32)} {
		ev := masked(i)
		ev.ID, ev.Attributes["long"] = id, strings.Repeat("x", entry.MaxLine)
		_, err := w.Append(context.Background(), ev)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	l, err := read.Open(cfg.Directory)
	require.NoError(t, err)
	n := 0
	for it, err := range l.Entries(context.Background(), 0) {
		require.NoError(t, err)
		if it.Kind == "tracescrub.masked" {
			n++
			require.Equal(t, []string{"long"}, it.Cut)
		}
	}
	require.Equal(t, 2, n)
}

// FuzzCommit: no value under a name that is committed stays, and In finds what
// came in its place.
func FuzzCommit(f *testing.F) {
	f.Add("jane@example.com", byte(0))
	f.Add("x", byte(7))
	f.Fuzz(func(t *testing.T, s string, shape byte) {
		secret := fmt.Sprintf("<%x@>", s)
		var v any = secret
		for i := range int(shape % 4) {
			switch shape >> (2 + i) & 1 {
			case 0:
				v = []any{v}
			default:
				v = map[string]any{"who": v}
			}
		}
		m := map[string]any{"a": []any{map[string]any{"user.id": v, "tracescrub.reason": v}}, "tracescrub.producer": v}
		if err := commit(subjects.New(nil), m, ""); err != nil {
			t.Fatal(err)
		}
		b, err := entry.Canonical(m)
		if err != nil || strings.Contains(string(b), secret) {
			t.Fatal("a value is still there")
		}
		n := 0
		subjects.In(m, func(string) { n++ })
		if n != 3 {
			t.Fatal("a commitment is not found")
		}
	})
}
