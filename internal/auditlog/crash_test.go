package auditlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// The test binary, started again with these, writes a log until it is killed.
const (
	envDir   = "AUDITLOG_CRASH_DIR"
	envStep  = "AUDITLOG_CRASH_STEP" // dies at the call of that number
	envFirst = "AUDITLOG_CRASH_FIRST"
)

// crashHelper is main of the process that gets killed. It says on its standard
// output what was acknowledged.
func crashHelper() bool {
	dir := os.Getenv(envDir)
	if dir == "" {
		return false
	}
	step, _ := strconv.Atoi(os.Getenv(envStep))
	first, _ := strconv.Atoi(os.Getenv(envFirst))
	cfg := config(dir)
	cfg.SegmentBytes, cfg.Interval = 6000, time.Millisecond
	left := step
	var mu sync.Mutex
	cfg.sys = newFaulty(func(_ string) fault {
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // nothing more happens in this process
		}
		return fine
	})
	w, err := Open(cfg)
	if err != nil {
		fmt.Println("!", err)
		return true
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := first + g; ; i += 4 {
				ev := masked(i)
				if i%5 == 0 {
					ev = voted(fmt.Sprint("user ", i), "reason")
				}
				if _, err := w.Append(context.Background(), ev); err != nil {
					fmt.Println("!", err)
					os.Exit(1)
				}
				fmt.Println(i)
			}
		})
	}
	wg.Wait()
	return true
}

// crash lets a process write until it dies, and returns what it acknowledged.
func crash(t *testing.T, dir string, step, first int, kill func(acked int) bool) (acked []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envDir+"="+dir, envStep+"="+fmt.Sprint(step), envFirst+"="+fmt.Sprint(first))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(out)
	for {
		s, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // a line without its end was not said
		}
		require.NoError(t, err)
		n, err := strconv.Atoi(strings.TrimSpace(s))
		require.NoError(t, err, "the process said: %s", s)
		acked = append(acked, n)
		if kill(len(acked)) {
			require.NoError(t, cmd.Process.Kill())
			kill = func(int) bool { return false }
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	return acked
}

// holds checks that all that was acknowledged is in the log, once.
func holds(t *testing.T, dir string, acked []int) {
	t.Helper()
	l, err := read.Open(dir)
	require.NoError(t, err)
	found := map[string]int{}
	for it, err := range l.Entries(context.Background(), 0) {
		require.NoError(t, err)
		found[it.ID]++
		require.Equal(t, 1, found[it.ID], "entry %d is there twice", it.Seq)
	}
	for _, n := range acked {
		ev := masked(n)
		if n%5 == 0 {
			ev = voted(fmt.Sprint("user ", n), "reason")
		}
		e, err := ev.plain()
		require.NoError(t, err)
		require.Equal(t, 1, found[e.ID], "event %d was acknowledged", n)
	}
}

func TestKilledAtEveryStep(t *testing.T) {
	dir := t.TempDir()
	var all []int
	for step := 1; step <= 45; step++ {
		if step == 14 {
			require.NotEmpty(t, kinds(t, dir), "by now there is a log")
		}
		if step < 14 { // the steps of a new log
			d := t.TempDir()
			acked := crash(t, d, step, 0, func(int) bool { return false })
			reopen(t, d, acked, nil)
			if step < 13 {
				continue
			}
			dir, all = d, acked
			continue
		}
		all = append(all, crash(t, dir, step, step*1000, func(int) bool { return false })...)
		reopen(t, dir, all, nil)
	}
	require.NotEmpty(t, all)
}

func TestKilledAtRandom(t *testing.T) {
	dir := t.TempDir()
	var all []int
	for round := range 8 {
		after := 1 + round*37%230
		all = append(all, crash(t, dir, 0, round*100_000, func(n int) bool { return n == after })...)
		reopen(t, dir, all, nil)
	}
	require.NotEmpty(t, all)
}

// reopen opens a log after a crash, as the next start does.
func reopen(t *testing.T, dir string, acked []int, older []byte) {
	t.Helper()
	w, err := Open(config(dir))
	require.NoError(t, err)
	_, err = w.Append(context.Background(), masked(1_000_000_000+len(acked)))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	if older == nil {
		intact(t, dir)
	} else {
		intact(t, dir, older)
	}
	holds(t, dir, acked)
}
