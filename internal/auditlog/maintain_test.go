package auditlog

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// kept is a log of three days that is being maintained.
type kept struct {
	t     *testing.T
	cfg   Config
	now   time.Time
	first []byte // its first checkpoint
	key   string // and the key that signed it
}

func keep(t *testing.T, sys files.System) (*kept, *Writer) {
	t.Helper()
	k := &kept{t: t}
	k.cfg = config(filepath.Join(t.TempDir(), "log"))
	k.cfg.KeyFile = filepath.Join(t.TempDir(), "audit.key") // whose name is made durable on its own
	k.cfg.sys = sys
	k.cfg.Now = func() time.Time { return k.now }
	k.now = start
	w := open(t, k.cfg)
	for day := range 3 {
		k.now = start.AddDate(0, 0, day)
		_, err := w.Append(context.Background(), masked(day), voted(fmt.Sprint("user ", day), "why "), voted("always", "because"))
		require.NoError(t, err)
		signed, err := w.Checkpoint(context.Background())
		require.NoError(t, err)
		if day == 0 {
			k.first = signed
		}
	}
	keys, err := files.PublicKeys(k.cfg.Directory)
	require.NoError(t, err)
	k.key = keys[0]
	return k, w
}

// at is the log in another place, on a disk that works.
func (k *kept) at(dir string) *kept {
	x := *k
	x.cfg.Directory, x.cfg.KeyFile, x.cfg.sys = dir, filepath.Join(dir, "audit.key"), nil
	x.cfg.Now = func() time.Time { return k.now }
	return &x
}

func (k *kept) subjects() string {
	b, err := os.ReadFile(filepath.Join(k.cfg.Directory, files.Subjects))
	require.NoError(k.t, err)
	return string(b)
}

// good holds what is true of a log at any time, for who trusts its first key
// as for who trusts that in use.
func (k *kept) good() *verify.Report {
	k.t.Helper()
	keys, err := files.PublicKeys(k.cfg.Directory)
	require.NoError(k.t, err)
	var r *verify.Report
	for _, trusted := range []string{k.key, keys[len(keys)-1]} {
		r, err = verify.Run(context.Background(), verify.Options{Directory: k.cfg.Directory, Keys: []string{trusted}, Older: [][]byte{k.first}})
		require.NoError(k.t, err)
		require.Empty(k.t, r.Problems)
	}
	return r
}

// maintenance is what can be done to a log, what is true when it has been
// done, and what as soon as the log tells of it.
var maintenance = map[string]struct {
	do         func(ctx context.Context, w *Writer) error
	done, told func(k *kept, r *verify.Report)
	kind       entry.Kind
}{
	"rotate": {
		do:   func(ctx context.Context, w *Writer) error { return w.RotateKey(ctx) },
		kind: entry.Key,
		done: func(k *kept, _ *verify.Report) {
			keys, err := files.PublicKeys(k.cfg.Directory)
			require.NoError(k.t, err)
			require.Greater(k.t, len(keys), 1)
			require.NoFileExists(k.t, k.cfg.KeyFile+".next")
			numbers, err := files.Handovers(k.cfg.Directory)
			require.NoError(k.t, err)
			require.Len(k.t, numbers, len(keys)-1)
		},
		told: func(*kept, *verify.Report) {},
	},
	"erase": {
		do: func(ctx context.Context, w *Writer) error {
			_, err := w.EraseSubject(ctx, "always")
			return err
		},
		kind: entry.Erased,
		done: func(k *kept, r *verify.Report) { require.Equal(k.t, int64(2), r.Erased) },
		told: func(k *kept, _ *verify.Report) {
			require.NotContains(k.t, k.subjects(), `"always"`)
			require.NotContains(k.t, k.subjects(), "because")
		},
	},
	"prune": {
		do: func(ctx context.Context, w *Writer) error {
			_, err := w.Prune(ctx, start.AddDate(0, 0, 1).Add(time.Hour))
			return err
		},
		kind: entry.Pruned,
		done: func(k *kept, r *verify.Report) {
			require.Positive(k.t, r.Pruned)
			require.NotContains(k.t, k.subjects(), `"user 0"`)
			require.Contains(k.t, k.subjects(), `"user 2"`)
		},
		told: func(*kept, *verify.Report) {},
	},
}

// TestMaintenanceFails lets each call of it fail once, in each way; kills the
// process there; and cuts the power there.
func TestMaintenanceFails(t *testing.T) {
	for name := range maintenance {
		for _, how := range []fault{halfDone, doneBut} {
			for _, end := range []string{"once", "killed", "power cut"} {
				t.Run(fmt.Sprintf("%s/%d/%s", name, how, end), func(t *testing.T) {
					at := 0
					for failOnce(t, name, at, how, end) {
						at++
					}
					require.Greater(t, at, 5, "so many calls it takes at least to %s", name)
				})
			}
		}
	}
}

// failOnce lets one call fail. It returns false if there are fewer.
func failOnce(t *testing.T, name string, at int, how fault, end string) (failed bool) {
	t.Helper()
	m := maintenance[name]
	left := -1
	d := newFaulty(func(string) fault {
		if left < 0 {
			return fine
		}
		if left > 0 {
			left--
			return fine
		}
		if end == "once" {
			left = -1
		}
		was := failed
		failed = true
		if was {
			return refused // the process is dead, or the power is gone
		}
		return how
	})
	k, w := keep(t, d)
	ctx := context.Background()
	require.NoError(t, w.do(ctx, func(*store) error { left = at; return nil }))
	err := m.do(ctx, w)
	require.NoError(t, w.do(ctx, func(*store) error {
		if !failed {
			left = -1
		}
		return nil
	}))
	if end != "once" {
		_ = w.Close()
		left = -1
		if end == "power cut" {
			dir := t.TempDir()
			d.cut(t, dir, rand.New(rand.NewPCG(uint64(at), uint64(how)))) //nolint:gosec // small numbers
			k = k.at(dir)
		} else {
			k.cfg.sys = nil
		}
		w = open(t, k.cfg)
		r := k.good()
		if r.Kinds[m.kind] > 0 {
			m.told(k, r)
		}
		require.NoError(t, m.do(ctx, w), "after the start")
	} else if failed && err != nil {
		require.ErrorIs(t, err, Full)
		require.NoError(t, m.do(ctx, w), "the second time")
	}
	_, err = w.Append(ctx, masked(100))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	r := k.good()
	m.told(k, r)
	m.done(k, r)
	w = open(t, k.cfg)
	require.NoError(t, w.Close())
	k.good()
	return failed
}

// TestRotationSeenEarly: a handover whose name may not be durable yet must be,
// before the key is that it leads to.
func TestRotationSeenEarly(t *testing.T) {
	for seed := range uint64(8) {
		handed, dead := false, false
		d := newFaulty(func(call string) fault {
			switch {
			case dead:
				return refused
			case call == "replace "+files.Handover(1):
				handed = true
				return doneBut
			case handed && call == "replace audit.key":
				dead = true // after this one
			}
			return fine
		})
		k, w := keep(t, d)
		require.Error(t, w.RotateKey(context.Background()))
		_ = w.Close()
		dir := t.TempDir()
		d.cut(t, dir, rand.New(rand.NewPCG(seed, 0)))
		k = k.at(dir)
		w = open(t, k.cfg)
		require.NoError(t, w.Close())
		k.good()
	}
}

// TestPruneKeepsNames: events come while names are looked for, and keep theirs.
func TestPruneKeepsNames(t *testing.T) {
	k, w := keep(t, nil)
	ctx := context.Background()
	var known []string
	unnamed := map[string]bool{}
	require.NoError(t, w.do(ctx, func(s *store) error {
		_, err := s.prune(start.AddDate(0, 0, 1).Add(time.Hour))
		for _, r := range s.table.Rows() {
			known, unnamed[r.Commitment] = append(known, r.Commitment), true
		}
		return err
	}))
	size := w.State().Size
	require.NoError(t, named(ctx, k.cfg.Directory, 0, unnamed))
	require.Less(t, len(unnamed), len(known))
	require.NotEmpty(t, unnamed)
	_, err := w.Append(ctx, voted("user 0", "is back")) // under the old commitment
	require.NoError(t, err)
	require.NoError(t, w.do(ctx, func(s *store) error { return s.forget(ctx, size, unnamed) }))
	require.NoError(t, w.Close())
	require.Contains(t, k.subjects(), `"user 0"`)
	k.good()
}

// TestErasesMore than one entry can name, and is interrupted between two.
func TestErasesMore(t *testing.T) {
	cfg := config(t.TempDir())
	left := -1
	cfg.sys = newFaulty(func(call string) fault {
		if call == "write" && left >= 0 {
			if left--; left == -1 {
				return refused
			}
		}
		return fine
	})
	w := open(t, cfg)
	ctx := context.Background()
	for i := range maxErased + 5 {
		_, err := w.Append(ctx, Event{Kind: "tracescrub.denied", Time: start, Attributes: map[string]any{
			"user.id": "idp somebody", "tracescrub.reason": fmt.Sprint("reason ", i),
		}})
		require.NoError(t, err)
	}
	require.NoError(t, w.do(ctx, func(*store) error { left = 2; return nil })) // writes; then the second entry fails
	_, err := w.EraseSubject(ctx, "idp somebody")
	require.ErrorIs(t, err, Full)
	_, err = w.Append(ctx, masked(1))
	require.NoError(t, err)
	n, err := w.EraseSubject(ctx, "idp somebody")
	require.NoError(t, err)
	require.Equal(t, 6, n, "the rest")
	require.NoError(t, w.Close())
	r := intact(t, cfg.Directory)
	require.Equal(t, int64(maxErased+6), r.Erased)
	require.Equal(t, int64(2), r.Kinds[entry.Erased])
	b, err := os.ReadFile(filepath.Join(cfg.Directory, files.Subjects))
	require.NoError(t, err)
	require.Empty(t, b)
}

// TestChanged: what is told is what State says, each time it has changed.
func TestChanged(t *testing.T) {
	cfg := config(t.TempDir())
	var told []State
	cfg.Changed = func(s State) { told = append(told, s) }
	bad := false
	cfg.sys = newFaulty(func(call string) fault {
		if bad && call == "write" {
			return refused
		}
		return fine
	})
	w := open(t, cfg)
	ctx := context.Background()
	_, err := w.Append(ctx, masked(1))
	require.NoError(t, err)
	require.NoError(t, w.do(ctx, func(*store) error { bad = true; return nil }))
	_, err = w.Append(ctx, masked(2))
	require.Error(t, err)
	require.NoError(t, w.do(ctx, func(*store) error { bad = false; return nil }))
	_, err = w.Append(ctx, masked(2))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Equal(t, w.State(), told[len(told)-1])
	require.Len(t, slices.CompactFunc(slices.Clone(told), func(a, b State) bool { return a == b }), len(told), "each of them once")
	var broken []bool
	for _, s := range told {
		broken = append(broken, s.Err != nil)
	}
	require.Equal(t, []bool{false, true, false}, slices.Compact(broken))
}
