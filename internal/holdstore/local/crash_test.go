package local

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
)

// The test binary, started again with these, works on a store until it is killed.
const (
	envCrashDir  = "LOCAL_CRASH_DIR"
	envCrashStep = "LOCAL_CRASH_STEP" // dies there, at the occurrence of that number: "index done 3"
	envCrashSeed = "LOCAL_CRASH_SEED" // of the first item
)

// crashHelper is main of the process that gets killed. What was acknowledged
// it says on its standard output: p, a or s for put, append and shred, and the item.
func crashHelper() bool {
	dir := os.Getenv(envCrashDir)
	if dir == "" {
		return false
	}
	seed, _ := strconv.ParseUint(os.Getenv(envCrashSeed), 10, 64)
	s, err := openWith(Config{Directory: dir}, options{step: dieAt(os.Getenv(envCrashStep)), keysSize: 60 << 10})
	if err != nil {
		fmt.Println("!", err)
		return true
	}
	var wg sync.WaitGroup
	for w := range uint64(4) {
		wg.Go(func() {
			for i := seed + w; ; i += 4 {
				crashWork(s, i)
			}
		})
	}
	wg.Wait()
	return true
}

func crashWork(s holdstore.Store, seed uint64) {
	ctx := context.Background()
	it := crashItem(seed)
	said := func(what string, err error) {
		if err != nil {
			fmt.Println("!", err)
			os.Exit(1)
		}
		fmt.Println(what, seed)
	}
	said("p", s.Put(ctx, it))
	_, err := s.Append(ctx, holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte("decision")})
	said("a", err)
	if seed%3 == 0 {
		said("s", s.Shred(ctx, it.ID, it.Trace))
	}
}

// crashItem is small, large, or of two chunks.
func crashItem(seed uint64) *holdstore.Item {
	return storetest.Item(seed, []int{900, 40_000, 1_000_000}[min(seed%20, 2)], int(seed%2)*300)
}

func dieAt(at string) func(string) error {
	i := strings.LastIndexByte(at, ' ')
	if i < 0 {
		return nil
	}
	name, left := at[:i], at[i+1:]
	n, _ := strconv.Atoi(left)
	var mu sync.Mutex
	return func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		if step == name {
			if n--; n == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // nothing more happens in this process
			}
		}
		return nil
	}
}

// acked is what killed processes had acknowledged.
type acked struct{ put, appended, shredded map[uint64]bool }

// death says when the helper is killed: at a step, after some time, or when it
// has acknowledged so much.
type death struct {
	step  string
	after time.Duration
	acks  int
}

// crash runs the helper until it dies, and adds what it acknowledged.
func (a *acked) crash(t *testing.T, dir string, seed uint64, by death) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envCrashDir+"="+dir, envCrashStep+"="+by.step, envCrashSeed+"="+fmt.Sprint(seed))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	if by.after > 0 {
		defer time.AfterFunc(by.after, func() { _ = cmd.Process.Kill() }).Stop()
	}
	lines := bufio.NewScanner(out)
	for acks := 1; lines.Scan(); acks++ {
		if acks == by.acks {
			require.NoError(t, cmd.Process.Kill()) // it goes on meanwhile
		}
		what, rest, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseUint(rest, 10, 64)
		require.NoError(t, err, "the helper failed: %s", lines.Text())
		map[string]map[uint64]bool{"p": a.put, "a": a.appended, "s": a.shredded}[what][n] = true
	}
	err = cmd.Wait()
	var died *exec.ExitError
	require.ErrorAs(t, err, &died, "the helper did not die at step %q", by.step)
}

// verify opens the store and looks for all that was acknowledged.
func (a *acked) verify(t *testing.T, dir string) {
	t.Helper()
	s, err := openWith(Config{Directory: dir}, options{keysSize: 60 << 10})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	held, refs, logged := map[envelope.ID]int{}, map[envelope.ID]holdstore.Ref{}, map[envelope.ID]int{}
	enough := errors.New("enough")
	err = s.Follow(t.Context(), func(e holdstore.Event) error {
		switch {
		case e.CaughtUp:
			return enough
		case e.Held != nil:
			held[e.Held.ID]++
			refs[e.Held.ID] = e.Ref
		case e.Record != nil:
			logged[e.Record.Item]++
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	for n := range a.put {
		it := crashItem(n)
		require.Equal(t, 1, held[it.ID], "item %d", n)
		_, err := s.Capsule(t.Context(), it.ID, refs[it.ID])
		if a.shredded[n] {
			require.ErrorIs(t, err, holdstore.ErrGone)
			continue
		}
		if n%3 != 0 {
			requireWhole(t, s, it, refs[it.ID])
		}
	}
	for n := range a.appended {
		require.NotZero(t, logged[crashItem(n).ID], "the entry for item %d", n)
	}
	// What is indexed is whole, acknowledged or not.
	for id, ref := range refs {
		if _, err := s.Capsule(t.Context(), id, ref); !errors.Is(err, holdstore.ErrGone) {
			require.NoError(t, err)
			for _, part := range []envelope.Part{envelope.View, envelope.Restore} {
				_, err := s.Chunks(t.Context(), id, ref, part)
				require.NoError(t, err)
			}
		}
	}
	for n := range a.shredded {
		it := crashItem(n)
		awaitShredded(t, s, it.ID)
	}
	require.Empty(t, filesWith(t, dir, a.destroyed()), "bytes of a destroyed capsule")
	requireNoOrphans(t, s.(*handle).shared.store)
}

// destroyed are the first bytes of the encapsulations that must be gone.
func (a *acked) destroyed() map[string]bool {
	all := map[string]bool{}
	for n := range a.shredded {
		all[string(crashItem(n).Capsule.Enc[:64])] = true
	}
	return all
}

func requireWhole(t *testing.T, s holdstore.Store, it *holdstore.Item, ref holdstore.Ref) {
	t.Helper()
	c, err := s.Capsule(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.True(t, bytes.Equal(it.Capsule.Enc, c.Enc) && it.Capsule.Key == c.Key)
	for part, want := range map[envelope.Part][][]byte{envelope.View: it.View, envelope.Restore: it.Restore} {
		got, err := s.Chunks(t.Context(), it.ID, ref, part)
		require.NoError(t, err)
		require.Len(t, got, len(want))
		for i := range want {
			require.True(t, bytes.Equal(want[i], got[i]), "chunk %d", i)
		}
	}
}

func awaitShredded(t *testing.T, s holdstore.Store, id envelope.ID) {
	t.Helper()
	for late := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		done, err := s.Shredded(t.Context(), id, holdstore.Ref{})
		require.NoError(t, err)
		if done {
			return
		}
		require.True(t, time.Now().Before(late))
	}
}

// filesWith names the files of a directory that have one of some strings of 64
// bytes. A store that is open may put a file in the place of another one
// between our listing and our reading; then all are read again.
func filesWith(t *testing.T, dir string, needles map[string]bool) []string {
	t.Helper()
	var first [1 << 16]bool // whether one begins with these two bytes
	for n := range needles {
		first[int(n[0])<<8|int(n[1])] = true
	}
	has := func(data []byte) bool {
		for i := 0; i+64 <= len(data); i++ {
			if first[int(data[i])<<8|int(data[i+1])] && needles[string(data[i:i+64])] {
				return true
			}
		}
		return false
	}
	for range 100 {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		var found []string
		for _, path := range files {
			var data []byte
			if data, err = os.ReadFile(path); err != nil {
				break
			}
			if has(data) {
				found = append(found, filepath.Base(path))
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
			return found
		}
	}
	require.Fail(t, "the store's files keep changing")
	return nil
}

func newAcked() *acked {
	return &acked{put: map[uint64]bool{}, appended: map[uint64]bool{}, shredded: map[uint64]bool{}}
}

// TestCrashAtEveryStep kills a process at each step of its writes, at the
// first time and at a later one, and puts again what was not acknowledged.
func TestCrashAtEveryStep(t *testing.T) {
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "store")
			a := newAcked()
			a.crash(t, dir, 0, death{step: step + " 1"})
			a.verify(t, dir)
			a.crash(t, dir, 0, death{step: step + " 3"}) // the same items again
			a.verify(t, dir)
			a.crash(t, dir, 1000, death{step: step + " 2"})
			a.verify(t, dir)
		})
	}
}

// enoughAcks is how many acknowledgements have a shredding among them: the four
// workers can give no more than 14 before their first ones, of items 0, 9, 6 and 3.
const enoughAcks = 15

// TestCrashUnderLoad kills a process at any time, be it while it opens the
// store, and when it has acknowledged something.
func TestCrashUnderLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	a := newAcked()
	for round := range 8 {
		by := death{acks: enoughAcks + rand.IntN(10)}
		if round%2 == 1 {
			by = death{after: time.Duration(20+rand.IntN(150)) * time.Millisecond}
		}
		a.crash(t, dir, uint64(round)*1_000_000, by)
		a.verify(t, dir)
	}
	require.NotEmpty(t, a.put)
	require.NotEmpty(t, a.shredded)
}
