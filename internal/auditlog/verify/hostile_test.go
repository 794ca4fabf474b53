package verify_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// FuzzChanged changes bytes of one file. Either something is wrong then, or
// the report is as before: what does not count may be different.
func FuzzChanged(f *testing.F) {
	for file := range byte(5) {
		for how := range byte(4) {
			f.Add(file, how, uint32(file)*977+uint32(how)*131, []byte("{\"seq\":1}\n"))
		}
	}
	f.Add(byte(2), byte(1), uint32(1<<31), []byte("x\n"))
	a := build(f)
	names := []string{files.Segment(1), files.Segment(3), a.last(), files.Hashes, files.Checkpoint, files.Subjects, files.Handover(1), files.Segment(9999)}
	key := a.read(files.Public)
	run := func() (*verify.Report, error) {
		return verify.Run(context.Background(), verify.Options{Directory: a.dir, Keys: []string{key}})
	}
	want, err := run()
	if err != nil || len(want.Problems) > 0 {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file, how byte, at uint32, more []byte) {
		path := filepath.Join(a.dir, names[int(file)%len(names)])
		old, err := os.ReadFile(path)
		gone := os.IsNotExist(err)
		i := int(at) % (len(old) + 1)
		b := bytes.Clone(old)
		switch how % 4 {
		case 0: // over what is there
			copy(b[i:], more)
		case 1: // between
			b = append(append(b[:i:i], more...), old[i:]...)
		case 2: // away with some
			b = append(b[:i:i], old[min(i+len(more), len(old)):]...)
		case 3: // away with the rest
			b = append(b[:i:i], more...)
		}
		require.NoError(t, os.WriteFile(path, b, 0o600))
		got, err := run()
		if gone {
			require.NoError(t, os.Remove(path))
		} else {
			require.NoError(t, os.WriteFile(path, old, 0o600))
		}
		require.NoError(t, err)
		if len(got.Problems) == 0 {
			require.Equal(t, want, got)
		}
	})
}

// TestMadeUp are numbers that somebody made up, so that checking takes for ever
// or ends in a panic.
func TestMadeUp(t *testing.T) {
	far := &entry.Entry{
		Seq: 1<<53 - 1, ID: "00000000000000000000000000000000", Kind: entry.Pruned,
		Attributes: map[string]any{"segment": int64(1<<53 - 1), "last": int64(-(1<<53 - 1))},
	}
	line, err := far.Line()
	require.NoError(t, err)
	for name, change := range map[string]func(a *attacked){
		"a far entry last": func(a *attacked) { a.edit(a.last(), func(b []byte) []byte { return append(append(b, line...), '\n') }) },
		"a far entry first": func(a *attacked) {
			a.edit(files.Segment(1), func(b []byte) []byte { return append(append(line[:len(line):len(line)], '\n'), b...) })
		},
		"nothing but it": func(a *attacked) {
			require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Hashes)))
			a.edit(files.Segment(1), func([]byte) []byte { return append(line[:len(line):len(line)], '\n') })
		},
		"a far checkpoint": func(a *attacked) {
			a.edit(files.Checkpoint, func(b []byte) []byte {
				parts := bytes.SplitN(b, []byte("\n"), 3)
				parts[1] = []byte("9223372036854775807")
				return bytes.Join(parts, []byte("\n"))
			})
		},
		"a far segment": func(a *attacked) { a.rename(files.Segment(2), files.Segment(1<<31)) },
		"a key that is none": func(a *attacked) {
			a.edit(files.Public, func(b []byte) []byte { return append(b, "not a key\n"...) })
		},
		"zeros": func(a *attacked) { a.edit(a.last(), func(b []byte) []byte { return make([]byte, 10<<20) }) },
	} {
		t.Run(name, func(t *testing.T) {
			a := build(t)
			change(a)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			r, err := verify.Run(ctx, verify.Options{Directory: a.dir})
			require.NoError(t, err)
			require.NotEmpty(t, r.Problems)
		})
	}
}

// TestErasedMeanwhile: a subject that is erased, or a name that is new, when
// the entries have been read already, is not missed.
func TestErasedMeanwhile(t *testing.T) {
	a := build(t)
	w := a.open()
	done := false
	r, err := verify.Run(context.Background(), verify.Options{Directory: a.dir, Progress: func(at, of int64) {
		if at == of && !done {
			done = true
			n, err := w.EraseSubject(context.Background(), "subject")
			require.NoError(t, err)
			require.Equal(t, 1, n)
		}
	}})
	require.NoError(t, err)
	require.True(t, done)
	require.Empty(t, r.Problems)
	require.NoError(t, w.Close())
}

// TestWhileWritten checks a log while events come, a subject is erased, a key
// rotated and segments are pruned: nothing is wrong with it at any time.
func TestWhileWritten(t *testing.T) {
	a := build(t)
	key := a.read(files.Public)
	w, err := auditlog.Open(auditlog.Config{Directory: a.dir, SegmentBytes: 3000, Heartbeat: -1, Interval: time.Millisecond})
	require.NoError(t, err)
	var writing sync.WaitGroup
	defer writing.Wait()
	written := make(chan error, 1)
	writing.Go(func() { written <- writeMuch(w) })
	for done := false; !done; {
		select {
		case err := <-written:
			require.NoError(t, err)
			done = true
		default:
		}
		r, err := verify.Run(context.Background(), verify.Options{Directory: a.dir, Keys: []string{key}})
		require.NoError(t, err)
		require.Empty(t, r.Problems)
	}
	require.NoError(t, w.Close())
	r, err := verify.Run(context.Background(), verify.Options{Directory: a.dir, Keys: []string{key}})
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.Positive(t, r.Pruned)
}

// writeMuch does all that changes a log.
func writeMuch(w *auditlog.Writer) error {
	ctx := context.Background()
	for i := 1000; i < 1200; i++ {
		_, err := w.Append(ctx, auditlog.Event{Kind: "tracescrub.viewed", Time: time.Now(), Attributes: map[string]any{"user.id": []string{"one", "two", "three"}[i%3]}})
		if err == nil && i%20 == 3 {
			_, err = w.EraseSubject(ctx, "two")
		}
		if err == nil && i%20 == 9 {
			_, err = w.Prune(ctx, time.Now().Add(-5*time.Millisecond))
		}
		if err == nil && i%100 == 15 {
			err = w.RotateKey(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
