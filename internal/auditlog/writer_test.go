package auditlog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

func TestMain(m *testing.M) {
	if crashHelper() {
		return
	}
	goleak.VerifyTestMain(m)
}

var start = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func config(dir string) Config {
	return Config{Directory: dir, Origin: "example.com/audit", Heartbeat: -1, Interval: -1}
}

func open(t *testing.T, cfg Config) *Writer {
	t.Helper()
	w, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// masked is event n. Its id is derived.
func masked(n int) Event {
	return Event{Kind: "tracescrub.masked", Time: start, Attributes: map[string]any{"tracescrub.item.id": fmt.Sprintf("%032x", n)}}
}

func voted(user, why string) Event {
	return Event{Kind: "tracescrub.voted", Time: start, Attributes: map[string]any{
		"user.id": user, "tracescrub.reason": why, "tracescrub.producer": "producer of " + user,
		"tracescrub.votes": []any{map[string]any{"user.id": user, "decision": "approve"}},
	}}
}

func check(t *testing.T, dir string, older ...[]byte) *verify.Report {
	t.Helper()
	r, err := verify.Run(context.Background(), verify.Options{Directory: dir, Older: older})
	require.NoError(t, err)
	return r
}

func intact(t *testing.T, dir string, older ...[]byte) *verify.Report {
	t.Helper()
	r := check(t, dir, older...)
	require.Empty(t, r.Problems)
	return r
}

func kinds(t *testing.T, dir string) (ks []string) {
	t.Helper()
	l, err := read.Open(dir)
	require.NoError(t, err)
	for it, err := range l.Entries(context.Background(), 0) {
		require.NoError(t, err)
		ks = append(ks, strings.TrimPrefix(it.Kind, "tracescrub."))
	}
	return ks
}

func TestAppend(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	w := open(t, config(dir))
	seqs, err := w.Append(ctx, masked(1), masked(2), masked(1))
	require.NoError(t, err)
	require.Equal(t, []int64{1, 2, 1}, seqs, "the same event twice in a batch")
	seqs, err = w.Append(ctx, masked(2), masked(3))
	require.NoError(t, err)
	require.Equal(t, []int64{2, 3}, seqs, "a batch that is sent again in part")
	require.Equal(t, int64(4), w.State().Size)
	require.NoError(t, w.Close())

	w = open(t, config(dir))
	seqs, err = w.Append(ctx, masked(3), masked(4))
	require.NoError(t, err)
	require.Equal(t, []int64{3, 6}, seqs, "ids are known after a start")
	require.NoError(t, w.Close())
	require.Equal(t, []string{"log.opened", "masked", "masked", "masked", "log.closed", "log.opened", "masked", "log.closed"}, kinds(t, dir))
	r := intact(t, dir)
	require.Equal(t, int64(8), r.Size)
	require.Empty(t, r.Gaps)
	_, err = w.Append(ctx, masked(5))
	require.ErrorIs(t, err, Closed)
}

func TestAppendRefuses(t *testing.T) {
	w := open(t, config(t.TempDir()))
	ctx := context.Background()
	for name, ev := range map[string]Event{
		"kind of the log":   {Kind: entry.Pruned, Time: start},
		"no kind":           {Time: start},
		"trace":             {Kind: "tracescrub.masked", Trace: "XY", Time: start},
		"name of attribute": {Kind: "tracescrub.masked", Time: start, Attributes: map[string]any{"A": "x"}},
		"fraction":          {Kind: "tracescrub.masked", Time: start, Attributes: map[string]any{"a": 1.5}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Append(ctx, masked(1), ev)
			require.ErrorIs(t, err, Invalid)
		})
	}
	require.Equal(t, int64(1), w.State().Size, "all of a batch or none of it")
	ev := masked(1)
	ev.Attributes["long"], ev.Attributes["bytes"] = strings.Repeat("x", entry.MaxLine), "\xff"
	_, err := w.Append(ctx, ev)
	require.NoError(t, err, "what is too long or no UTF-8 is logged all the same")
}

func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	cfg := config(dir)
	cfg.SegmentBytes, cfg.Interval, cfg.Heartbeat = 20_000, time.Millisecond, time.Millisecond
	w := open(t, cfg)
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 50 {
				if _, err := w.Append(context.Background(), masked(g*100+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.NoError(t, w.Close())
	r := intact(t, dir)
	require.Equal(t, int64(800), r.Kinds["tracescrub.masked"])
	require.Positive(t, r.Kinds[entry.Segment])
	require.Equal(t, r.Size, r.Entries)
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	open(t, config(dir))
	_, err := Open(config(dir))
	require.ErrorIs(t, err, Locked)
	require.ErrorContains(t, err, fmt.Sprintf("process %d on ", os.Getpid()))
}

func TestNoNames(t *testing.T) {
	dir := t.TempDir()
	w := open(t, config(dir))
	const who, why = "idp jane@example.com", "asked by joe@example.com"
	_, err := w.Append(context.Background(), voted(who, why), voted(who, "again"))
	require.NoError(t, err)
	n, err := w.EraseSubject(context.Background(), who)
	require.NoError(t, err)
	require.Equal(t, 3, n, "the subject and two reasons")
	_, err = w.Append(context.Background(), voted(who, "a third"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	b, err := os.ReadFile(filepath.Join(dir, files.Segment(1)))
	require.NoError(t, err)
	for _, s := range []string{"@", "jane", "joe", "again", "producer of"} {
		require.NotContains(t, string(b), s)
	}
	table, err := os.ReadFile(filepath.Join(dir, files.Subjects))
	require.NoError(t, err)
	require.NotContains(t, string(table), why)
	require.Contains(t, string(table), "a third")
	r := intact(t, dir)
	require.Equal(t, int64(3), r.Erased)
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	now := start
	cfg := config(dir)
	cfg.Now = func() time.Time { return now }
	ctx := context.Background()
	w := open(t, cfg)
	var first []byte
	for day := range 4 {
		now = start.AddDate(0, 0, day)
		_, err := w.Append(ctx, masked(day), voted(fmt.Sprint("user ", day), "reason"))
		require.NoError(t, err)
		signed, err := w.Checkpoint(ctx)
		require.NoError(t, err)
		if day == 0 {
			first = signed
		}
	}
	n, err := w.Prune(ctx, start.AddDate(0, 0, 2).Add(time.Hour))
	require.NoError(t, err)
	require.Equal(t, 2, n)
	_, err = w.Append(ctx, masked(9))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	r := intact(t, dir, first)
	require.Equal(t, int64(6), r.Pruned)
	table, err := os.ReadFile(filepath.Join(dir, files.Subjects))
	require.NoError(t, err)
	require.NotContains(t, string(table), "user 0")
	require.Contains(t, string(table), "user 3")

	w = open(t, cfg)
	require.NoError(t, w.Close())
	intact(t, dir, first)
}

func TestReceipt(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	w := open(t, config(dir))
	ev := masked(1)
	ev.ID = strings.Repeat("a", 32)
	_, err := w.Append(ctx, ev, masked(2), masked(3))
	require.NoError(t, err)
	early, err := w.Checkpoint(ctx)
	require.NoError(t, err)
	_, err = w.Append(ctx, masked(4))
	require.NoError(t, err)
	b, err := w.Receipt(ctx, ev.ID)
	require.NoError(t, err)
	keys, err := files.PublicKeys(dir)
	require.NoError(t, err)
	r, err := proof.ParseReceipt(b)
	require.NoError(t, err)
	e, c, err := r.Check(nil, keys)
	require.NoError(t, err)
	require.Equal(t, int64(5), c.Size)
	require.Equal(t, ev.ID, e.ID)

	l, err := read.Open(dir)
	require.NoError(t, err)
	old, err := proof.Read(early)
	require.NoError(t, err)
	path, late, err := l.Consistency(old.Size)
	require.NoError(t, err)
	now, err := proof.Read(late)
	require.NoError(t, err)
	require.NoError(t, proof.CheckConsistency(path, now, old))
	old.Root[0] ^= 1
	require.Error(t, proof.CheckConsistency(path, now, old))

	for it, err := range l.Entries(ctx, 2) { // the receipt of another entry
		require.NoError(t, err)
		_, _, err = r.Check(it.Line, keys)
		require.ErrorContains(t, err, "not for entry")
	}
	_, err = w.Receipt(ctx, strings.Repeat("b", 32))
	require.ErrorIs(t, err, read.ErrNoEntry)
}

func TestRotateKey(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	w := open(t, config(dir))
	old, err := files.PublicKeys(dir)
	require.NoError(t, err)
	for i := range 3 {
		_, err = w.Append(ctx, masked(i))
		require.NoError(t, err)
		require.NoError(t, w.RotateKey(ctx))
	}
	require.NoError(t, w.Close())
	keys, err := files.PublicKeys(dir)
	require.NoError(t, err)
	require.Len(t, keys, 4)
	for name, trusted := range map[string][]string{"first key": old, "last key": keys[3:]} {
		r, err := verify.Run(ctx, verify.Options{Directory: dir, Keys: trusted})
		require.NoError(t, err, name)
		require.Empty(t, r.Problems, name)
	}
	require.NoError(t, os.Remove(filepath.Join(dir, files.Handover(2))))
	r, err := verify.Run(ctx, verify.Options{Directory: dir, Keys: old})
	require.NoError(t, err)
	require.Equal(t, verify.Signature, r.Problems[0].Code)
	w = open(t, config(dir))
	require.False(t, errors.Is(w.State().Err, Corrupt))
}
