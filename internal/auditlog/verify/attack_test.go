package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// attacked is a log that an attack changes.
type attacked struct {
	t       testing.TB
	dir     string
	older   []byte // a checkpoint from when the log was half as long
	oldCopy string // the whole log then
}

// build writes a log of some segments, with names, signed to the last entry.
func build(t testing.TB) *attacked {
	t.Helper()
	a := &attacked{t: t, dir: filepath.Join(t.TempDir(), "log"), oldCopy: filepath.Join(t.TempDir(), "old")}
	w := a.open()
	for i := range 40 {
		a.append(w, i, "subject")
		if i == 20 {
			var err error
			a.older, err = w.Checkpoint(context.Background())
			require.NoError(t, err)
			require.NoError(t, os.CopyFS(a.oldCopy, os.DirFS(a.dir)))
		}
	}
	require.NoError(t, w.Close())
	return a
}

func (a *attacked) open() *auditlog.Writer {
	w, err := auditlog.Open(auditlog.Config{Directory: a.dir, Origin: "example.com/audit", SegmentBytes: 4000, Heartbeat: -1, Interval: -1})
	require.NoError(a.t, err)
	return w
}

func (a *attacked) append(w *auditlog.Writer, i int, who string) {
	_, err := w.Append(context.Background(), auditlog.Event{
		Kind: "tracescrub.viewed", Time: time.Date(2026, 1, 31, 12, 0, i, 0, time.UTC),
		Attributes: map[string]any{"user.id": who, "tracescrub.item.id": fmt.Sprintf("%032d", i)},
	})
	require.NoError(a.t, err)
}

// edit changes a file.
func (a *attacked) edit(name string, f func([]byte) []byte) {
	path := filepath.Join(a.dir, name)
	old, err := os.ReadFile(path)
	require.NoError(a.t, err)
	b := f(slices.Clone(old))
	require.NotEqual(a.t, old, b, "the attack changes nothing")
	require.NoError(a.t, os.WriteFile(path, b, 0o600))
}

// lines changes the lines of a file.
func (a *attacked) lines(name string, f func([][]byte) [][]byte) {
	a.edit(name, func(b []byte) []byte { return bytes.Join(f(bytes.SplitAfter(b, []byte("\n"))), nil) })
}

func (a *attacked) last() string {
	ns, err := files.Segments(a.dir)
	require.NoError(a.t, err)
	require.Greater(a.t, len(ns), 3)
	return files.Segment(ns[len(ns)-1])
}

func (a *attacked) rename(from, to string) {
	require.NoError(a.t, os.Rename(filepath.Join(a.dir, from), filepath.Join(a.dir, to)))
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
}

// attacks is the table of docs/format/audit.md.
var attacks = []struct {
	name string
	do   func(*attacked)
	want []verify.Code
	// offBox: only the older checkpoint tells.
	offBox bool
}{
	{"flip a bit of an entry's value", func(a *attacked) {
		a.edit(files.Segment(2), func(b []byte) []byte {
			i := bytes.Index(b, []byte("item.id\":\"")) + 12
			b[i] ^= 1
			return b
		})
	}, []verify.Code{verify.EntryChanged, verify.SegmentChanged}, false},
	{"flip a bit of an entry's form", func(a *attacked) { a.edit(files.Segment(2), flip(0)) }, []verify.Code{verify.EntryInvalid}, false},
	{"flip a bit of a leaf", func(a *attacked) { a.edit(files.Hashes, flip(0)) }, []verify.Code{verify.HashChanged}, false},
	{"flip a bit of an inner hash", func(a *attacked) { a.edit(files.Hashes, flip(2*32)) }, []verify.Code{verify.HashChanged}, false},
	{"drop an entry", func(a *attacked) {
		a.lines(files.Segment(2), func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) })
	}, []verify.Code{verify.Sequence}, false},
	{"insert an entry", func(a *attacked) {
		a.lines(files.Segment(2), func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) })
	}, []verify.Code{verify.Sequence}, false},
	{"reorder entries", func(a *attacked) {
		a.lines(files.Segment(2), func(l [][]byte) [][]byte { l[1], l[2] = l[2], l[1]; return l })
	}, []verify.Code{verify.Sequence}, false},
	{"truncate", func(a *attacked) {
		a.lines(a.last(), func(l [][]byte) [][]byte { return l[:len(l)-2] })
	}, []verify.Code{verify.Truncated}, false},
	{"truncate in the middle of an entry", func(a *attacked) {
		a.edit(a.last(), func(b []byte) []byte { return b[:len(b)-5] })
	}, []verify.Code{verify.EntryInvalid}, false},
	{"truncate by a segment", func(a *attacked) {
		require.NoError(a.t, os.Remove(filepath.Join(a.dir, a.last())))
	}, []verify.Code{verify.Truncated}, false},
	{"truncate to nothing", func(a *attacked) {
		ns, _ := files.Segments(a.dir)
		for _, n := range ns {
			require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Segment(n))))
		}
	}, []verify.Code{verify.SegmentMissing}, false},
	{"replace the tail", func(a *attacked) { replaceTail(a, false) }, []verify.Code{verify.EntryChanged}, false},
	{"replace the tail and its hashes", func(a *attacked) { replaceTail(a, true) }, []verify.Code{verify.RootDiffers}, false},
	{"roll back to an older copy", func(a *attacked) {
		require.NoError(a.t, os.RemoveAll(a.dir))
		require.NoError(a.t, os.CopyFS(a.dir, os.DirFS(a.oldCopy)))
		ns, err := files.Segments(a.dir)
		require.NoError(a.t, err)
		require.NotEmpty(a.t, ns)
		a.older, err = os.ReadFile(filepath.Join(a.dir, "later"))
		require.NoError(a.t, err)
	}, []verify.Code{verify.RolledBack}, true},
	{"fork and regrow", func(a *attacked) {
		key, err := os.ReadFile(filepath.Join(a.dir, files.Private))
		require.NoError(a.t, err)
		pub, err := os.ReadFile(filepath.Join(a.dir, files.Public))
		require.NoError(a.t, err)
		require.NoError(a.t, os.RemoveAll(a.dir))
		require.NoError(a.t, os.Mkdir(a.dir, 0o700))
		require.NoError(a.t, os.WriteFile(filepath.Join(a.dir, files.Private), key, 0o600))
		require.NoError(a.t, os.WriteFile(filepath.Join(a.dir, files.Public), pub, 0o600))
		w := a.open()
		for i := range 60 {
			a.append(w, i, "somebody else")
		}
		require.NoError(a.t, w.Close())
	}, []verify.Code{verify.Forked}, true},
	{"swap segments", func(a *attacked) {
		a.rename(files.Segment(2), "x")
		a.rename(files.Segment(3), files.Segment(2))
		a.rename("x", files.Segment(3))
	}, []verify.Code{verify.Sequence, verify.SegmentChanged}, false},
	{"remove a segment", func(a *attacked) {
		require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Segment(2))))
	}, []verify.Code{verify.SegmentMissing, verify.Sequence}, false},
	{"remove the first segment", func(a *attacked) {
		require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Segment(1))))
	}, []verify.Code{verify.SegmentMissing}, false},
	{"edit the side table", func(a *attacked) {
		a.edit(files.Subjects, func(b []byte) []byte { return bytes.Replace(b, []byte(`"subject"`), []byte(`"scapegoat"`), 1) })
	}, []verify.Code{verify.SubjectChanged, verify.SubjectMissing}, false},
	{"empty the side table", func(a *attacked) {
		a.edit(files.Subjects, func([]byte) []byte { return nil })
	}, []verify.Code{verify.SubjectMissing}, false},
	{"another key", func(a *attacked) {
		_, pub, err := proof.NewKey("example.com/audit", nil)
		require.NoError(a.t, err)
		a.edit(files.Public, func([]byte) []byte { return []byte(pub + "\n") })
	}, []verify.Code{verify.Signature}, false},
	{"edit the checkpoint", func(a *attacked) {
		a.edit(files.Checkpoint, func(b []byte) []byte { return bytes.Replace(b, []byte("\n4"), []byte("\n3"), 1) })
	}, []verify.Code{verify.Signature}, false},
	{"remove the checkpoint", func(a *attacked) {
		require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Checkpoint)))
	}, []verify.Code{verify.Signature}, false},
	{"remove the hash file", func(a *attacked) {
		require.NoError(a.t, os.Remove(filepath.Join(a.dir, files.Hashes)))
	}, []verify.Code{verify.HashMissing}, false},
	{"shorten the hash file", func(a *attacked) {
		a.edit(files.Hashes, func(b []byte) []byte { return b[:len(b)/2] })
	}, []verify.Code{verify.HashMissing}, false},
}

// replaceTail makes the last entries tell something else.
func replaceTail(a *attacked, hashes bool) {
	other := build(a.t)
	for _, name := range []string{files.Hashes, a.last()} {
		if name == files.Hashes && !hashes {
			continue
		}
		b, err := os.ReadFile(filepath.Join(other.dir, name))
		require.NoError(a.t, err)
		a.edit(name, func([]byte) []byte { return b })
	}
	if hashes { // those of the segments before, too
		ns, err := files.Segments(a.dir)
		require.NoError(a.t, err)
		for _, n := range ns[:len(ns)-1] {
			b, err := os.ReadFile(filepath.Join(other.dir, files.Segment(n)))
			require.NoError(a.t, err)
			a.edit(files.Segment(n), func([]byte) []byte { return b })
		}
	}
}

func TestAttacks(t *testing.T) {
	for _, c := range attacks {
		t.Run(strings.ReplaceAll(c.name, " ", "_"), func(t *testing.T) {
			a := build(t)
			run := func(older ...[]byte) *verify.Report {
				t.Helper()
				r, err := verify.Run(context.Background(), verify.Options{Directory: a.dir, Older: older})
				require.NoError(t, err)
				return r
			}
			require.Empty(t, run(a.older).Problems, "before the attack")
			later, err := os.ReadFile(filepath.Join(a.dir, files.Checkpoint))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(a.oldCopy, "later"), later, 0o600))
			c.do(a)
			r := run()
			if c.offBox {
				require.Empty(t, r.Problems, "without the older checkpoint nobody can tell")
				r = run(a.older)
			}
			codes := map[verify.Code]bool{}
			for _, p := range r.Problems {
				codes[p.Code] = true
			}
			for _, want := range c.want {
				require.Truef(t, codes[want], "%s is not among %v", want, r.Problems)
			}
		})
	}
}
