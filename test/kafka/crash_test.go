package kafka_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

const childEnv = "TRACESCRUB_TEST_SPOOL"

var errCut = errors.New("cut")

// child is this test binary run again: it puts items while there is no broker,
// and prints the number of each that was acknowledged, until it is killed.
func child() int {
	dir, from, _ := strings.Cut(os.Getenv(childEnv), "|")
	first, err := strconv.Atoi(from)
	if err != nil {
		return 2
	}
	cfg := kafka.DefaultConfig()
	cfg.Brokers = []string{"127.0.0.1:1"}
	cfg.Timeout = time.Second
	cfg.Spool.Directory = dir
	ctx := context.Background()
	s, err := kafka.Open(ctx, cfg, zap.NewNop())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for n := first; ; n++ {
		if err := s.Put(ctx, storetest.Item(uint64(n), 20_000, 1000)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(n)
	}
}

// TestKilled kills a process with -9 while it fills the spool, several times,
// then brings the spool to a broker: all that was acknowledged is there, whole.
func TestKilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	acked := map[int]bool{}
	for round := range 6 {
		first := round * 100_000
		cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // G204: this very binary
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%d", childEnv, dir, first))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+7*round && lines.Scan(); n++ {
			number, err := strconv.Atoi(lines.Text())
			require.NoError(t, err)
			acked[number] = true
		}
		require.NoError(t, cmd.Process.Kill())
		for lines.Scan() { // what was acknowledged before the end came
			if number, err := strconv.Atoi(lines.Text()); err == nil {
				acked[number] = true
			}
		}
		require.Error(t, cmd.Wait())
	}
	require.GreaterOrEqual(t, len(acked), 6*20)

	b := newBroker(t)
	s := open(t, b.config(dir))
	eventually(t, "the spool is empty", func() bool { n, _ := s.Spooled(); return n == 0 })
	held := replay(t, s).refs
	for number := range acked {
		it := storetest.Item(uint64(number), 20_000, 1000)
		ref, ok := held[it.ID]
		require.True(t, ok, "item %d was acknowledged and is lost", number)
		for part, want := range map[envelope.Part][][]byte{envelope.View: it.View, envelope.Restore: it.Restore} {
			got, err := s.Chunks(t.Context(), it.ID, ref, part)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	}
	require.LessOrEqual(t, len(held), len(acked)+6, "at most one a round was written and not acknowledged")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	late := time.Now().Add(wait)
	for !ok() {
		require.True(t, time.Now().Before(late), what)
		time.Sleep(5 * time.Millisecond)
	}
}

// told is what a follower was told.
type told struct {
	refs  map[envelope.ID]holdstore.Ref
	times map[envelope.ID]int
	gone  map[envelope.ID]bool
	log   []string
}

// replay reads what a store has.
func replay(t testing.TB, s *kafka.Store) told {
	t.Helper()
	all := told{map[envelope.ID]holdstore.Ref{}, map[envelope.ID]int{}, map[envelope.ID]bool{}, nil}
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeout(t.Context(), 5*wait)
	defer cancel()
	err := s.Follow(ctx, func(e holdstore.Event) error {
		switch {
		case e.Held != nil:
			all.refs[e.Held.ID] = e.Ref
			all.times[e.Held.ID]++
		case e.Gone != nil:
			all.gone[*e.Gone] = true
		case e.Record != nil:
			all.log = append(all.log, string(e.Record.Data))
		case e.CaughtUp:
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	return all
}
