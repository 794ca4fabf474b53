package read_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// following reads what Follow finds, in the background.
func following(t *testing.T, dir string, from int64) <-chan int64 {
	t.Helper()
	l, err := read.Open(dir)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	found, done := make(chan int64), make(chan error, 1)
	go func() {
		defer close(done)
		for it, err := range l.Follow(ctx, from, time.Millisecond) {
			if err != nil {
				done <- err
				return
			}
			select {
			case found <- it.Seq:
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return found
}

// upTo takes what was found until a seq, each one following the one before.
func upTo(t *testing.T, found <-chan int64, next *int64, last int64) {
	t.Helper()
	for *next <= last {
		select {
		case seq := <-found:
			require.Equal(t, *next, seq)
			*next++
		case <-time.After(time.Minute):
			t.Fatal("nothing more is found")
		}
	}
}

func TestFollow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	w, err := auditlog.Open(auditlog.Config{Directory: dir, SegmentBytes: 600, Heartbeat: -1, Interval: -1})
	require.NoError(t, err)
	add := func(i int) int64 {
		seqs, err := w.Append(t.Context(), auditlog.Event{Kind: "tracescrub.masked", Time: time.Now(), Attributes: map[string]any{"n": i}})
		require.NoError(t, err)
		return seqs[0]
	}
	for i := range 20 {
		add(i)
	}
	next := int64(7)
	found := following(t, dir, next)
	for i := range 50 { // over many segments
		upTo(t, found, &next, add(100+i))
	}
	numbers, err := files.Segments(dir)
	require.NoError(t, err)
	require.Greater(t, len(numbers), 10)
	// Segments that go do not stop it.
	_, err = w.Prune(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	upTo(t, found, &next, add(200))
	require.NoError(t, w.Close())
	upTo(t, found, &next, next) // that it was closed
}
