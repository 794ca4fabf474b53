package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a log that notes what it is asked.
type fake struct {
	asked []string
	err   error
	wait  chan struct{} // Checkpoint waits for it, if there is one
}

func (f *fake) EraseSubject(_ context.Context, subject string) (int, error) {
	f.asked = append(f.asked, "erase "+subject)
	return 3, f.err
}

func (f *fake) Prune(_ context.Context, before time.Time) (int, error) {
	f.asked = append(f.asked, "prune "+before.Format(time.RFC3339Nano))
	return 2, f.err
}

func (f *fake) RotateKey(context.Context) error {
	f.asked = append(f.asked, "rotate")
	return f.err
}

func (f *fake) Checkpoint(context.Context) ([]byte, error) {
	if f.wait != nil {
		f.wait <- struct{}{}
		<-f.wait
	}
	f.asked = append(f.asked, "checkpoint")
	return []byte("signed\n"), f.err
}

func serve(t *testing.T, dir string, log Log) *Client {
	t.Helper()
	s, err := Serve(dir, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
	c, err := Dial(t.Context(), dir)
	require.NoError(t, err)
	return c
}

func TestAsksTheLog(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("a long name/", 20))
	require.NoError(t, os.MkdirAll(long, 0o700))
	for name, dir := range map[string]string{"short": t.TempDir(), "longer than a socket's path": long} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			c := serve(t, dir, f)
			ctx := t.Context()
			at := time.Date(2026, 1, 31, 12, 0, 0, 5, time.UTC)
			erased, err := c.EraseSubject(ctx, `https://issuer.example "somebody" <x>`)
			require.NoError(t, err)
			segments, err := c.Prune(ctx, at)
			require.NoError(t, err)
			require.NoError(t, c.RotateKey(ctx))
			signed, err := c.Checkpoint(ctx)
			require.NoError(t, err)
			require.Equal(t, []string{
				`erase https://issuer.example "somebody" <x>`, "prune 2026-01-31T12:00:00.000000005Z", "rotate", "checkpoint",
			}, f.asked)
			require.Equal(t, []any{3, 2, "signed\n"}, []any{erased, segments, string(signed)})
		})
	}
}

// TestTroubleStaysTrouble: whoever asks can tell a full disk from a corrupt log.
func TestTroubleStaysTrouble(t *testing.T) {
	f := &fake{err: fmt.Errorf("audit log: %w: %w", auditlog.Full, errors.New("no space left"))}
	c := serve(t, t.TempDir(), f)
	_, err := c.EraseSubject(t.Context(), "x")
	require.ErrorIs(t, err, auditlog.Full)
	require.NotErrorIs(t, err, auditlog.Corrupt)
	require.EqualError(t, err, f.err.Error())
	f.err = errors.New("something else")
	err = c.RotateKey(t.Context())
	require.EqualError(t, err, "something else")
	require.NotErrorIs(t, err, auditlog.Full)
}

func TestNobody(t *testing.T) {
	dir := t.TempDir()
	_, err := Dial(t.Context(), dir)
	require.ErrorIs(t, err, ErrNobody)
	// A process that died left its socket.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, Socket), Net: "unix"})
	require.NoError(t, err)
	l.SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	_, err = Dial(t.Context(), dir)
	require.ErrorIs(t, err, ErrNobody)
	serve(t, dir, &fake{})
}

func TestTheSocketIsForItsOwner(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o755))
	s, err := Serve(dir, &fake{})
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(dir, Socket))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NotZero(t, info.Mode()&os.ModeSocket)
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, s.Close(t.Context()), "twice")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestClose answers what was asked before.
func TestClose(t *testing.T) {
	dir, f := t.TempDir(), &fake{wait: make(chan struct{})}
	s, err := Serve(dir, f)
	require.NoError(t, err)
	c, err := Dial(t.Context(), dir)
	require.NoError(t, err)
	answered := make(chan error, 1)
	go func() {
		_, err := c.Checkpoint(context.Background())
		answered <- err
	}()
	<-f.wait
	closed := make(chan error, 1)
	go func() { closed <- s.Close(context.Background()) }()
	require.Eventually(t, func() bool { _, err := Dial(t.Context(), dir); return errors.Is(err, ErrNobody) }, 5*time.Second, time.Millisecond)
	f.wait <- struct{}{}
	require.NoError(t, <-answered)
	require.NoError(t, <-closed)
}

func TestRefuses(t *testing.T) {
	f := &fake{}
	c := serve(t, t.TempDir(), f)
	for _, x := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"another method", http.MethodGet, pathRotate, "{}", http.StatusMethodNotAllowed},
		{"no question", http.MethodPost, pathRotate, "", http.StatusBadRequest},
		{"two questions", http.MethodPost, pathRotate, "{}{}", http.StatusBadRequest},
		{"a field too many", http.MethodPost, pathPrune, `{"befor":"2026-01-01T00:00:00Z"}`, http.StatusBadRequest},
		{"too long", http.MethodPost, pathErase, `{"subject":"` + strings.Repeat("x", maxMessage) + `"}`, http.StatusBadRequest},
	} {
		t.Run(x.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), x.method, "http://audit-log"+x.path, strings.NewReader(x.body))
			require.NoError(t, err)
			resp, err := c.http.Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			said, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, x.status, resp.StatusCode)
			require.NotContains(t, string(said), "xxx")
		})
	}
	require.Empty(t, f.asked)
}

// TestWithAWriter: all of it with a real log, which verifies afterwards.
func TestWithAWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	w, err := auditlog.Open(auditlog.Config{Directory: dir, Origin: "example.com/audit", SegmentBytes: 500, Heartbeat: -1, Interval: -1})
	require.NoError(t, err)
	ctx := t.Context()
	for i := range 10 {
		_, err := w.Append(ctx, auditlog.Event{Kind: "tracescrub.viewed", Time: time.Now(), Attributes: map[string]any{"user.id": "somebody", "n": i}})
		require.NoError(t, err)
	}
	c := serve(t, dir, w)
	_, err = auditlog.Open(auditlog.Config{Directory: dir})
	require.ErrorIs(t, err, auditlog.Locked, "which is why there is a socket")
	n, err := c.EraseSubject(ctx, "somebody")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.NoError(t, c.RotateKey(ctx))
	n, err = c.Prune(ctx, time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Positive(t, n)
	_, err = c.Checkpoint(ctx)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	err = c.RotateKey(ctx)
	require.ErrorIs(t, err, auditlog.Closed)
	r, err := verify.Run(ctx, verify.Options{Directory: dir})
	require.NoError(t, err)
	require.Empty(t, r.Problems)
}
