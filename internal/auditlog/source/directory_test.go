package source

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// log is a log that is written beside the source that is asked about it.
type log struct {
	t   *testing.T
	dir string
	w   *auditlog.Writer
	now time.Time
	n   int
}

// start begins a log whose checkpoints are made when a test says so.
func start(t *testing.T, dir string) *log {
	t.Helper()
	l := &log{t: t, dir: dir, now: begin}
	w, err := auditlog.Open(auditlog.Config{
		Directory: dir, Origin: "example.com/audit", SegmentBytes: 4000, Heartbeat: -1, Interval: -1,
		Now: func() time.Time { return l.now },
	})
	require.NoError(t, err)
	l.w = w
	t.Cleanup(func() { _ = w.Close() })
	return l
}

// tell appends an event about an item, and returns its place.
func (l *log) tell(kind, item string) int64 {
	l.t.Helper()
	l.n++
	l.now = l.now.Add(time.Second)
	seqs, err := l.w.Append(context.Background(), auditlog.Event{
		Kind: "tracescrub." + kind, Time: l.now,
		Attributes: map[string]any{"tracescrub.item.id": item, "tracescrub.version": l.n, "list": []any{map[string]any{"kind": "tracescrub.denied", "tracescrub.item.id": id(9999)}}},
	})
	require.NoError(l.t, err)
	return seqs[0]
}

func (l *log) sign() int64 {
	l.t.Helper()
	_, err := l.w.Checkpoint(context.Background())
	require.NoError(l.t, err)
	return l.w.State().Signed
}

func id(n int) string { return fmt.Sprintf("%016x%016x", n+1<<20, n) }

// place checks a receipt as its reader does, and returns the entry's place.
func place(t *testing.T, dir string, receipt []byte, item string) int64 {
	t.Helper()
	r, err := proof.ParseReceipt(receipt)
	require.NoError(t, err)
	keys, err := files.PublicKeys(dir)
	require.NoError(t, err)
	e, _, err := r.Check(nil, keys)
	require.NoError(t, err)
	require.Equal(t, item, Decided(e))
	return e.Seq
}

// decision is the place of the last decision, or -1.
func decision(t *testing.T, s Source, dir, item string) int64 {
	t.Helper()
	b, err := s.Decision(context.Background(), item)
	if err != nil {
		require.ErrorIs(t, err, ErrNone)
		return -1
	}
	return place(t, dir, b, item)
}

func TestDecision(t *testing.T) {
	l := start(t, t.TempDir())
	s := Directory(l.dir)
	require.EqualValues(t, -1, decision(t, s, l.dir, id(1)), "held or not, nobody decided")
	approved := l.tell("approved", id(1))
	require.EqualValues(t, -1, decision(t, s, l.dir, id(1)), "no checkpoint covers it")
	l.sign()
	require.Equal(t, approved, decision(t, s, l.dir, id(1)))
	l.tell("released", id(1))
	l.tell("voted", id(1))
	l.sign()
	require.Equal(t, approved, decision(t, s, l.dir, id(1)), "a release is no decision")
	denied := l.tell("denied", id(1))
	require.Equal(t, approved, decision(t, s, l.dir, id(1)), "not signed yet")
	expired := l.tell("expired", id(2))
	l.sign()
	require.Equal(t, denied, decision(t, s, l.dir, id(1)))
	require.Equal(t, expired, decision(t, s, l.dir, id(2)))
	require.EqualValues(t, -1, decision(t, s, l.dir, id(9999)), "what an event quotes is no event")
	for _, item := range []string{"", "x", id(1)[:31], id(1) + "0", "../" + id(1)} {
		_, err := s.Decision(context.Background(), item)
		require.ErrorIs(t, err, ErrNone)
	}
}

// Whatever happens to the log, the answer is the last decision that is signed and there.
func TestDecisionIsTheLast(t *testing.T) {
	for _, room := range []int{1, 40, maxPlaces} {
		for seed := range uint64(2) {
			t.Run(fmt.Sprintf("room for %d, seed %d", room, seed), func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, uint64(room))) //nolint:gosec // the same each time
				l := start(t, t.TempDir())
				s := Directory(l.dir).(*directory)
				s.index.max = room
				fresh, signed := map[string]int64{}, map[string]int64{}
				first := int64(0) // that has not been pruned
				for range 500 {
					item := id(r.IntN(120))
					switch n := r.IntN(100); {
					case n < 40:
						fresh[item] = l.tell([]string{"approved", "denied", "expired"}[r.IntN(3)], item)
					case n < 55:
						l.tell("masked", item)
					case n < 65:
						l.sign()
						for item, at := range fresh {
							signed[item] = at
						}
						clear(fresh)
					case n == 66:
						require.NoError(t, l.w.RotateKey(context.Background()))
						for item, at := range fresh { // a rotation signs
							signed[item] = at
						}
						clear(fresh)
					case n == 67:
						first = l.prune(fresh, signed)
					default:
						want, ok := signed[item]
						if !ok || want < first {
							want = -1
						}
						require.Equal(t, want, decision(t, s, l.dir, item))
						require.LessOrEqual(t, s.index.places, room)
					}
				}
				require.NotZero(t, signed)
			})
		}
	}
}

// prune removes about half of the log, and returns the first entry that is left.
func (l *log) prune(fresh, signed map[string]int64) int64 {
	l.t.Helper()
	n, err := l.w.Prune(context.Background(), begin.Add(l.now.Sub(begin)/2))
	require.NoError(l.t, err)
	if n > 0 { // and signs
		for item, at := range fresh {
			signed[item] = at
		}
		clear(fresh)
	}
	numbers, err := files.Segments(l.dir)
	require.NoError(l.t, err)
	c := cursor{seq: -1}
	x := newIndex(l.dir)
	x.seen.Size = 1 << 40
	require.NoError(l.t, x.read(context.Background(), numbers[0], &c, func([]byte, int64) error { return nil }))
	return c.first
}

// fill tells decisions about items until there are some segments.
func (l *log) fill(items int) {
	l.t.Helper()
	for i := range items {
		l.tell("denied", id(i))
	}
	l.sign()
}

// spoil replaces a segment by as many bytes of nothing.
func (l *log) spoil(n int) {
	l.t.Helper()
	path := filepath.Join(l.dir, files.Segment(n))
	b, err := os.ReadFile(path)
	require.NoError(l.t, err)
	require.NoError(l.t, os.WriteFile(path, make([]byte, len(b)), 0o600))
}

// Only what is new is read, and nothing older than what is asked for.
func TestReadsWhatIsNeeded(t *testing.T) {
	l := start(t, t.TempDir())
	l.fill(40)
	numbers, err := files.Segments(l.dir)
	require.NoError(t, err)
	require.Greater(t, len(numbers), 3)
	asked, lazy := Directory(l.dir), Directory(l.dir)
	require.EqualValues(t, -1, decision(t, asked, l.dir, id(500)), "asked everything once")
	l.spoil(numbers[0])
	require.Positive(t, decision(t, lazy, l.dir, id(39)), "which is in the last segment")
	_, err = lazy.Decision(context.Background(), id(0))
	require.Error(t, err, "which is in the first, and that is spoiled")
	require.NotErrorIs(t, err, ErrNone)

	seen := asked.(*directory).index.segments[numbers[len(numbers)-1]].next
	require.Positive(t, seen)
	last := l.tell("approved", id(500))
	l.sign()
	require.Equal(t, last, decision(t, asked, l.dir, id(500)))
	require.EqualValues(t, -1, decision(t, asked, l.dir, id(501)), "without reading the first segment again")
}

// A log that is written, pruned and asked at the same time.
func TestConcurrent(t *testing.T) {
	l := start(t, t.TempDir())
	s := Directory(l.dir)
	l.tell("denied", id(0))
	l.sign()
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				if b, err := s.Decision(context.Background(), id(i%200)); err == nil {
					place(t, l.dir, b, id(i%200))
				} else {
					require.ErrorIs(t, err, ErrNone)
				}
			}
		})
	}
	for i := range 200 {
		l.tell("approved", id(i))
		if i%3 == 0 {
			l.sign()
		}
		if i%50 == 49 {
			_, err := l.w.Prune(context.Background(), l.now.Add(-20*time.Second))
			require.NoError(t, err)
			require.NoError(t, l.w.RotateKey(context.Background()))
		}
	}
	close(done)
	wg.Wait()
	l.sign()
	require.Positive(t, decision(t, s, l.dir, id(199)))
}

func TestContextEnds(t *testing.T) {
	l := start(t, t.TempDir())
	l.fill(30)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := Directory(l.dir)
	_, err := s.Decision(ctx, id(1))
	require.ErrorIs(t, err, context.Canceled)
	require.Positive(t, decision(t, s, l.dir, id(1)))
}

func TestHalfOfAnIDIsNotEnough(t *testing.T) {
	l := start(t, t.TempDir())
	a, b := id(1)[:16]+fmt.Sprintf("%016x", 1), id(1)[:16]+fmt.Sprintf("%016x", 2)
	first, second := l.tell("denied", a), l.tell("approved", b)
	l.sign()
	s := Directory(l.dir)
	require.Equal(t, first, decision(t, s, l.dir, a))
	require.Equal(t, second, decision(t, s, l.dir, b))
	require.EqualValues(t, -1, decision(t, s, l.dir, id(1)[:16]+fmt.Sprintf("%016x", 3)))
}

func TestWitnessed(t *testing.T) {
	l := start(t, t.TempDir())
	s := Directory(l.dir)
	l.tell("denied", id(0))
	signed, err := l.w.Checkpoint(context.Background())
	require.NoError(t, err)
	cosigned := string(signed) + "\u2014 witness.example.com AAAAAAAAAAA=\n"
	witnessed := filepath.Join(l.dir, WitnessedFile)
	require.NoError(t, os.WriteFile(witnessed, []byte(cosigned), 0o600))
	later := l.tell("denied", id(1))
	l.sign()

	b, err := s.Decision(context.Background(), id(0))
	require.NoError(t, err)
	require.Contains(t, string(b), "witness.example.com")
	place(t, l.dir, b, id(0))
	b, err = s.Decision(context.Background(), id(1))
	require.NoError(t, err)
	require.NotContains(t, string(b), "witness.example.com", "which has not seen it")
	require.Equal(t, later, place(t, l.dir, b, id(1)))

	other := start(t, t.TempDir())
	other.fill(3)
	signed, err = other.w.Checkpoint(context.Background())
	require.NoError(t, err)
	for _, bad := range [][]byte{signed, []byte("x"), nil} {
		require.NoError(t, os.WriteFile(witnessed, bad, 0o600))
		require.EqualValues(t, later, decision(t, s, l.dir, id(1)))
	}
}

func TestStatus(t *testing.T) {
	l := start(t, t.TempDir())
	s := Directory(l.dir)
	l.tell("denied", id(0))
	size := l.sign()
	require.NoError(t, l.w.RotateKey(context.Background()))
	size++ // the entry about the key
	st, err := s.Status(context.Background())
	require.NoError(t, err)
	require.Equal(t, size, st.Size)
	require.Len(t, st.Keys, 2)
	require.Equal(t, "example.com/audit", st.Origin)
	require.Empty(t, st.Published)
	c, _, err := proof.Open([]byte(st.Checkpoint), st.Keys[1:])
	require.NoError(t, err)
	require.Equal(t, c.Root.String(), st.Root)

	want := []Published{{To: "file/off-box", Size: 3, At: begin}, {To: "webhook/siem", Size: 2, At: begin, Error: "status 500"}}
	b, err := json.Marshal(want)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(l.dir, PublishedFile), b, 0o600))
	st, err = s.Status(context.Background())
	require.NoError(t, err)
	require.Equal(t, want, st.Published)

	require.NoError(t, os.WriteFile(filepath.Join(l.dir, PublishedFile), []byte("{"), 0o600))
	_, err = s.Status(context.Background())
	require.ErrorContains(t, err, PublishedFile)
}
