package auditlog

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
)

// stuck is a disk whose syncs wait.
type stuck struct {
	files.System
	wait chan struct{}
}

func (s stuck) Open(path string, create bool) (files.File, error) {
	f, err := s.System.Open(path, create)
	return stuckFile{f, s.wait}, err
}

type stuckFile struct {
	files.File
	wait chan struct{}
}

func (f stuckFile) Sync() error {
	<-f.wait
	return f.File.Sync()
}

// TestAbandoned: while the disk does not answer, who stops waiting leaves
// nothing in memory: senders try again for as long as it takes.
func TestAbandoned(t *testing.T) {
	wait := make(chan struct{}, 1000)
	for range 100 {
		wait <- struct{}{} // to open the log
	}
	cfg := config(t.TempDir())
	cfg.sys = stuck{files.Disk, wait}
	w := open(t, cfg)
	for len(wait) > 0 {
		<-wait
	}
	answer := sync.OnceFunc(func() { close(wait) })
	t.Cleanup(answer)
	size := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := size()
	text := strings.Repeat("x", 50_000)
	for n := range 400 {
		events := []Event{masked(n), masked(1000 + n)}
		for i := range events {
			events[i].Attributes["tracescrub.later"] = strings.Clone(text)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := w.Append(ctx, events...)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
	require.Less(t, size(), before+10<<20, "of 40 MB")
	answer()
	_, err := w.Append(context.Background(), masked(1), masked(5000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Empty(t, check(t, cfg.Directory).Problems)
}
