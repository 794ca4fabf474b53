package publish

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/auditlog/witness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// signer signs checkpoints of any size.
type signer struct{ private, public string }

func newSigner(t *testing.T) signer {
	t.Helper()
	private, public, err := proof.NewKey("example.org/log", nil)
	require.NoError(t, err)
	return signer{private, public}
}

func (s signer) sign(t *testing.T, size int64) []byte {
	t.Helper()
	signed, err := proof.Checkpoint{Origin: "example.org/log", Size: size}.Sign(s.private)
	require.NoError(t, err)
	return signed
}

// fakeSink notes what it is sent, and when; it answers what errs has.
type fakeSink struct {
	mu      sync.Mutex
	sizes   []int64
	at      []time.Time
	errs    []error
	takes   time.Duration
	blocks  bool // until its context ends
	last    source.Published
	failing error // to start
	closed  int
}

func (f *fakeSink) start(_ context.Context, _ component.Host, last source.Published) error {
	f.last = last
	return f.failing
}

func (f *fakeSink) send(ctx context.Context, c *checkpoint) error {
	f.mu.Lock()
	f.sizes, f.at = append(f.sizes, c.Size), append(f.at, time.Now())
	var err error
	if len(f.errs) > 0 {
		err, f.errs = f.errs[0], f.errs[1:]
	}
	f.mu.Unlock()
	time.Sleep(f.takes)
	if f.blocks {
		<-ctx.Done()
		return ctx.Err()
	}
	return err
}

func (f *fakeSink) close() { f.closed++ }

func (f *fakeSink) got() []int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]int64{}, f.sizes...)
}

// publisher is one with fake sinks, which it calls fake/0, fake/1 and so on.
func publisher(t *testing.T, dir string, every time.Duration, sinks ...*fakeSink) (*Publisher, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	set := componenttest.NewNopTelemetrySettings()
	set.Logger = zap.New(core)
	p, err := New(NewDefaultConfig(), dir, set, nil)
	require.NoError(t, err)
	var names []string
	for i, s := range sinks {
		w := &worker{name: fmt.Sprintf("fake/%d", i), sink: s, every: every, timeout: 5 * time.Second, more: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		names = append(names, w.name)
	}
	p.status = newStatus(dir, names)
	return p, logs
}

func start(t *testing.T, p *Publisher) {
	t.Helper()
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, p.Shutdown(context.Background())) })
}

// TestPace: the newest is sent, not all, and not too often; what waits is sent
// at the end.
func TestPace(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		fast, slow := &fakeSink{}, &fakeSink{takes: 25 * time.Second}
		p, _ := publisher(t, dir, 10*time.Second, fast, slow)
		p.workers[1].timeout = time.Minute
		p.Checkpointed(s.sign(t, 1)) // before Start: a writer makes one when it opens
		start(t, p)
		time.Sleep(500 * time.Millisecond)
		for size := range int64(30) {
			p.Checkpointed(s.sign(t, size+2))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		require.Equal(t, []int64{1, 11, 21}, fast.got()[:3])
		require.Equal(t, []int64{1}, slow.got(), "one at a time")
		time.Sleep(time.Minute)
		require.EqualValues(t, 31, fast.got()[len(fast.got())-1])
		require.Equal(t, []int64{1, 31}, slow.got())
		p.Checkpointed(s.sign(t, 40))
		synctest.Wait()
		p.Checkpointed(s.sign(t, 41))
		require.NoError(t, p.Shutdown(t.Context()))
		require.EqualValues(t, 41, fast.got()[len(fast.got())-1], "sent at the end, without waiting")
		require.Equal(t, 1, fast.closed)
		require.NoError(t, p.Shutdown(t.Context()), "twice")
	})
}

// TestFailures: a sink that fails is tried again, less and less often, with
// the newest; the others go on.
func TestFailures(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		bad := make([]error, 10)
		for i := range bad {
			bad[i] = errors.New("no connection")
		}
		failing, hanging, fine := &fakeSink{errs: bad}, &fakeSink{blocks: true}, &fakeSink{}
		p, logs := publisher(t, dir, 0, failing, hanging, fine)
		var mu sync.Mutex
		seen := map[string]int{}
		p.observe = func(_ context.Context, sink string, size int64, err error) {
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprintf("%s %t", sink, err == nil)]++
			require.Positive(t, size)
		}
		start(t, p)
		began := time.Now()
		p.Checkpointed(s.sign(t, 1))
		synctest.Wait()
		time.Sleep(time.Millisecond)
		p.Checkpointed(s.sign(t, 2))
		synctest.Wait()
		require.Equal(t, []int64{1, 2}, fine.got())
		require.Equal(t, "no connection", p.Status()[0].Error)
		time.Sleep(10 * time.Minute)
		require.Equal(t, []int64{1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, failing.got())
		var waits []float64
		last := began
		for _, at := range failing.at {
			waits = append(waits, at.Sub(last).Seconds())
			last = at
		}
		require.Equal(t, []float64{0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60}, waits)
		require.Greater(t, len(hanging.got()), 5)
		st := p.Status()
		require.Equal(t, []int64{2, 0, 2}, []int64{st[0].Size, st[1].Size, st[2].Size})
		require.Empty(t, st[0].Error)
		require.NotEmpty(t, st[1].Error)
		require.Equal(t, 1, logs.FilterMessage("checkpoints of the audit log leave this machine again").Len())
		require.Equal(t, 2, logs.FilterMessage("checkpoints of the audit log do not leave this machine").Len(), "once for each")

		mu.Lock()
		require.Equal(t, 10, seen["fake/0 false"])
		require.Equal(t, 1, seen["fake/0 true"])
		require.Equal(t, 2, seen["fake/2 true"])
		mu.Unlock()
		end := time.Now()
		require.NoError(t, p.Shutdown(t.Context()))
		require.LessOrEqual(t, time.Since(end), lastChance)
	})
}

// TestCheckpointedNeverWaits, whatever the sinks do.
func TestCheckpointedNeverWaits(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, _ := publisher(t, dir, 0, &fakeSink{blocks: true})
		p.workers[0].timeout = time.Hour
		start(t, p)
		began := time.Now()
		signed := s.sign(t, 1)
		for range 10_000 {
			p.Checkpointed(signed)
		}
		require.Zero(t, time.Since(began))
		synctest.Wait()
		began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, p.Shutdown(ctx))
		require.Equal(t, time.Second, time.Since(began), "no longer than the caller's context")
	})
}

// TestEnd: what comes with the stop, when nobody has been woken for it yet, is sent.
func TestEnd(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{}
		p, _ := publisher(t, dir, 0, sink)
		start(t, p)
		synctest.Wait()
		p.mu.Lock()
		p.latest = s.sign(t, 3)
		p.mu.Unlock()
		require.NoError(t, p.Shutdown(t.Context()))
		require.Equal(t, []int64{3}, sink.got())
	})
}

// TestRestart: what was sent where is kept, and the last checkpoint is sent
// again, also while the log cannot be written.
func TestRestart(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, files.Checkpoint), s.sign(t, 7), 0o600))
		one, two := &fakeSink{}, &fakeSink{errs: []error{errors.New("refused"), errors.New("refused")}}
		p, _ := publisher(t, dir, time.Hour, one, two)
		start(t, p)
		synctest.Wait()
		require.NoError(t, p.Shutdown(t.Context()))
		want := p.Status()
		require.EqualValues(t, 7, want[0].Size)
		require.Equal(t, source.Published{To: "fake/1", Error: "refused"}, want[1])

		var onDisk []source.Published
		b, err := os.ReadFile(filepath.Join(dir, source.PublishedFile))
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &onDisk))
		require.Equal(t, want, onDisk)

		one, two = &fakeSink{blocks: true}, &fakeSink{}
		p, _ = publisher(t, dir, time.Hour, one, two)
		start(t, p)
		require.Equal(t, want[0], one.last, "a sink is told what it has")
		synctest.Wait()
		require.Equal(t, []int64{7}, one.got())
		require.Equal(t, want[0], p.Status()[0], "until something new is known")
		require.EqualValues(t, 7, p.Status()[1].Size)
		require.Empty(t, p.Status()[1].Error)
	})
}

// TestStatusFile: neither what is in it nor that it cannot be written stops anything.
func TestStatusFile(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "garbage": "{]", "another type": `{"to": 1}`, "of nobody": `[{"to": "fake/9", "size": 3}]`, "negative": `[{"to": "fake/0", "size": -3}]`,
	} {
		st := newStatus(t.TempDir(), []string{"fake/0"})
		require.NoError(t, os.WriteFile(st.path, []byte(text), 0o600))
		st.load()
		require.Equal(t, []source.Published{{To: "fake/0"}}, st.all(), name)
	}
	dir := filepath.Join(t.TempDir(), "gone")
	s := newSigner(t)
	synctest.Test(t, func(t *testing.T) {
		sink := &fakeSink{}
		p, logs := publisher(t, dir, 0, sink)
		start(t, p)
		p.Checkpointed(s.sign(t, 1))
		synctest.Wait()
		require.Equal(t, []int64{1}, sink.got())
		require.EqualValues(t, 1, p.Status()[0].Size)
		require.Equal(t, 1, logs.FilterMessageSnippet("cannot be written down").Len())
	})
}

func TestStartFails(t *testing.T) {
	one, two := &fakeSink{}, &fakeSink{failing: errors.New("no such extension")}
	p, _ := publisher(t, t.TempDir(), 0, one, two)
	require.EqualError(t, p.Start(t.Context(), componenttest.NewNopHost()), "fake::1: no such extension")
	require.Equal(t, 1, one.closed)
	require.NoError(t, p.Shutdown(t.Context()))
}

// TestAlarm: what a witness says of a log that was changed is an error.
func TestAlarm(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		p, logs := publisher(t, dir, 0, &fakeSink{errs: []error{fmt.Errorf("%w: 5 entries", witness.ErrRolledBack)}})
		start(t, p)
		p.Checkpointed(s.sign(t, 1))
		synctest.Wait()
		require.Equal(t, 1, logs.FilterLevelExact(zapcore.ErrorLevel).Len())
		p.Checkpointed([]byte("not a checkpoint"))
		time.Sleep(10 * time.Second)
		require.ErrorContains(t, errors.New(p.Status()[0].Error), "not one")
	})
}
