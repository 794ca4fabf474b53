package auditexporter

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/control"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/event"
)

func TestFactory(t *testing.T) {
	f := NewFactory()
	require.Equal(t, "audit_log", f.Type().String())
	require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
	require.NoError(t, confmap.Validate(f.CreateDefaultConfig()))
	require.False(t, newFixture(t).Capabilities().MutatesData)
}

func TestConfigFile(t *testing.T) {
	t.Setenv("TRACESCRUB_DATA", "")
	conf, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	for name := range conf.ToStringMap() {
		sub, err := conf.Sub(name)
		require.NoError(t, err)
		cfg := createDefaultConfig()
		require.NoError(t, sub.Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
		if name == "audit_log" { // it shows the defaults
			require.Equal(t, createDefaultConfig(), cfg)
		}
	}
	t.Setenv("TRACESCRUB_DATA", "/elsewhere")
	require.Equal(t, "/elsewhere/audit", createDefaultConfig().(*Config).Directory)
}

func TestValidate(t *testing.T) {
	server := func(change func(*confighttp.ServerConfig)) configoptional.Optional[confighttp.ServerConfig] {
		s := confighttp.NewDefaultServerConfig()
		s.NetAddr.Endpoint = "127.0.0.1:8687"
		change(&s)
		return configoptional.Some(s)
	}
	cfg := createDefaultConfig().(*Config)
	cfg.Directory, cfg.Origin, cfg.SegmentBytes, cfg.Heartbeat, cfg.CheckpointInterval = "", "a b", 1, -1, 0
	cfg.CheckInterval, cfg.Timeout, cfg.Retention.Entries, cfg.Retention.Records = -1, 0, time.Hour, -1
	cfg.OnTrouble = TroubleConfig{Masked: "drop", BufferEvents: 0}
	cfg.HTTP = server(func(s *confighttp.ServerConfig) {
		s.NetAddr.Endpoint = "0.0.0.0:8687"
		s.CORS = configoptional.Some(confighttp.NewDefaultCORSConfig())
	})
	err := confmap.Validate(cfg)
	for _, want := range []string{
		"directory: must", "origin: must", "segment_bytes: must", "heartbeat: must", "checkpoint_interval: must", "check_interval: must",
		"timeout: must", "retention::entries: must", "retention::records: must", "on_trouble::masked: must", "on_trouble::buffer_events: must",
		"http::endpoint: without http::auth", "http::cors: must",
	} {
		require.ErrorContains(t, err, want)
	}
	for name, c := range map[string]struct {
		change func(*confighttp.ServerConfig)
		want   string
	}{
		"no endpoint": {func(s *confighttp.ServerConfig) { s.NetAddr.Endpoint = "" }, "http::endpoint: must be set"},
		"a token in the URL": {func(s *confighttp.ServerConfig) {
			s.Auth = configoptional.Some(confighttp.AuthConfig{
				Config: configauth.Config{AuthenticatorID: component.MustNewID("a")}, RequestParameters: []string{"t"},
			})
		}, "request_params: must not"},
		"loopback":      {func(*confighttp.ServerConfig) {}, ""},
		"loopback IPv6": {func(s *confighttp.ServerConfig) { s.NetAddr.Endpoint = "[::1]:1" }, ""},
		"localhost":     {func(s *confighttp.ServerConfig) { s.NetAddr.Endpoint = "localhost:1" }, ""},
		"a socket":      {func(s *confighttp.ServerConfig) { s.NetAddr.Transport, s.NetAddr.Endpoint = "unix", "/run/x" }, ""},
		"a name":        {func(s *confighttp.ServerConfig) { s.NetAddr.Endpoint = "localhost.example.org:1" }, "without http::auth"},
		"with auth": {func(s *confighttp.ServerConfig) {
			s.NetAddr.Endpoint = "0.0.0.0:1"
			s.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: component.MustNewID("a")}})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			cfg.HTTP = server(c.change)
			if err := confmap.Validate(cfg); c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestLifecycle(t *testing.T) {
	for name, do := range map[string]func(*fixture) error{
		"start and shutdown": func(f *fixture) error {
			return errors.Join(f.Start(context.Background(), f.host), f.Shutdown(context.Background()))
		},
		"shutdown without start": func(f *fixture) error { return f.Shutdown(context.Background()) },
		"shutdown twice": func(f *fixture) error {
			return errors.Join(f.Start(context.Background(), f.host), f.Shutdown(context.Background()), f.Shutdown(context.Background()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			require.ErrorIs(t, f.told(t, batch(event.Masked, 1)), errNotRunning)
			require.NoError(t, do(f))
			require.ErrorIs(t, f.told(t, batch(event.Masked, 1)), errNotRunning)
		})
	}
}

// TestStartErrors: whatever is wrong at the start stops it, says where, and
// leaves nothing behind that runs.
func TestStartErrors(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(*testing.T, *fixture)
		want   string
	}{
		"a file in its place": {func(t *testing.T, f *fixture) {
			t.Helper()
			require.NoError(t, os.WriteFile(f.dir, nil, 0o600))
		}, "directory: "},
		"a key that is none": {func(t *testing.T, f *fixture) {
			t.Helper()
			f.cfg.KeyFile = filepath.Join(t.TempDir(), "key")
			require.NoError(t, os.WriteFile(f.cfg.KeyFile, []byte("x"), 0o600))
		}, "corrupt"},
		"the key is gone": {func(t *testing.T, f *fixture) {
			t.Helper()
			f.start(t)
			require.NoError(t, f.Shutdown(t.Context()))
			require.NoError(t, os.Remove(filepath.Join(f.dir, files.Private)))
		}, "no key"},
		"no disk to write to": {func(_ *testing.T, f *fixture) { f.cfg.Directory = "/proc/self/audit" }, "directory: "},
		"a taken address": {func(_ *testing.T, f *fixture) {
			f.cfg.HTTP = configoptional.Some(confighttp.NewDefaultServerConfig())
			f.cfg.HTTP.Get().NetAddr.Endpoint = "192.0.2.1:1" // nobody's
		}, "http::endpoint: "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			c.break_(t, f)
			f.again(t)
			require.ErrorContains(t, f.Start(t.Context(), f.host), c.want)
			require.ErrorIs(t, f.told(t, batch(event.Masked, 1)), errNotRunning)
			require.NoError(t, f.Shutdown(t.Context()))
			if name == "a taken address" {
				f.cfg.HTTP = createDefaultConfig().(*Config).HTTP
				f.again(t).start(t) // the lock is free
			}
		})
	}
}

// TestServer: the log is shown while it is written, and cannot be changed.
func TestServer(t *testing.T) {
	f := newFixture(t)
	f.cfg.HTTP = createDefaultConfig().(*Config).HTTP
	f.cfg.HTTP.GetOrInsertDefault().NetAddr.Endpoint = filepath.Join(shortDir(t), "http")
	f.cfg.HTTP.Get().NetAddr.Transport = "unix"
	f.start(t)
	require.NoError(t, f.told(t, batch(event.Approved, 1)))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: dialer(f.cfg.HTTP.Get().NetAddr.Endpoint)}}
	for path, file := range map[string]string{"/checkpoint": files.Checkpoint, "/log.pub": files.Public} {
		resp, err := client.Get("http://log" + path)
		require.NoError(t, err)
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, errors.Join(err, resp.Body.Close()))
		want, err := os.ReadFile(filepath.Join(f.dir, file))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), path)
	}
	for path, want := range map[string]int{
		"/status": http.StatusOK, "/tile/0/000.p/2": http.StatusOK, "/tile/entries/000.p/2": http.StatusOK,
		"/segment-0001.jsonl": http.StatusNotFound, "/subjects.jsonl": http.StatusNotFound, "/log.key": http.StatusNotFound,
		"/tile/../log.key": http.StatusNotFound, "/": http.StatusNotFound,
	} {
		resp, err := client.Get("http://log" + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, want, resp.StatusCode, path)
	}
	for _, path := range []string{"/status", "/checkpoint", "/tile/0/000.p/2"} {
		resp, err := client.Post("http://log"+path, "text/plain", nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode, path)
	}
}

// TestControl: commands reach the writer while it runs, and nobody afterwards.
func TestControl(t *testing.T) {
	f := newFixture(t)
	f.cfg.Directory = filepath.Join(shortDir(t), "audit")
	f.dir = f.cfg.Directory
	f.start(t)
	c, err := control.Dial(t.Context(), f.dir)
	require.NoError(t, err)
	require.NoError(t, f.told(t, batch(event.Masked, 1)))
	require.NoError(t, c.RotateKey(t.Context()))
	e := about(event.Viewed, 1)
	e.User = "issuer somebody"
	require.NoError(t, f.told(t, teller().Logs(e)))
	n, err := c.EraseSubject(t.Context(), e.User)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = c.Prune(t.Context(), time.Now())
	require.NoError(t, err)
	signed, err := c.Checkpoint(t.Context())
	require.NoError(t, err)
	onDisk, err := os.ReadFile(filepath.Join(f.dir, files.Checkpoint))
	require.NoError(t, err)
	require.Equal(t, string(onDisk), string(signed))
	f.working.check(t.Context())
	require.Empty(t, f.troubled(t), "another key is no damage")
	f.intact(t)
	_, err = control.Dial(t.Context(), f.dir)
	require.ErrorIs(t, err, control.ErrNobody)
}

// TestClockSetForward: what a wrong clock calls old stays while it may be set right.
func TestClockSetForward(t *testing.T) {
	f := newFixture(t)
	f.cfg.Retention = RetentionConfig{Entries: 48 * time.Hour}
	now := at
	f.now = func() time.Time { return now }
	f.start(t)
	for range 3 {
		require.NoError(t, f.told(t, batch(event.Held, now.Day())))
		now = now.AddDate(0, 0, 1)
	}
	require.NoError(t, f.Shutdown(t.Context()))
	f.again(t).settle = settleTime // a machine that has just started, in another year
	f.now = func() time.Time { return at.AddDate(10, 0, 0) }
	f.start(t)
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, f.Shutdown(t.Context()))
	require.Len(t, f.kinds(t), 3+4+2+2, "all is there: events, manifests, starts and ends")

	f.again(t).settle = 200 * time.Millisecond // one that runs, and whose clock is set
	var forward atomic.Bool
	f.now = func() time.Time {
		if forward.Load() {
			return at.AddDate(20, 0, 0)
		}
		return at.AddDate(10, 0, 0)
	}
	f.start(t)
	forward.Store(true)
	require.Eventually(t, func() bool { return f.logs.FilterMessageSnippet("set forward").Len() == 1 }, 10*time.Second, time.Millisecond)
}

// TestRetention: what is too old goes some time after the start, and each day.
func TestRetention(t *testing.T) {
	f := newFixture(t)
	now := at
	f.now = func() time.Time { return now }
	f.start(t)
	for range 4 {
		require.NoError(t, f.told(t, withBody([]byte("masked on "+now.String()), now.Day())))
		now = now.AddDate(0, 0, 1)
	}
	require.NoError(t, f.Shutdown(t.Context()))
	numbers, err := files.Segments(f.dir)
	require.NoError(t, err)
	require.Len(t, numbers, 5)

	f.cfg.Retention = RetentionConfig{Entries: 48 * time.Hour, Records: 24 * time.Hour}
	clock := f.now
	f.again(t).now = clock
	f.settle = 0
	f.start(t)
	require.Eventually(t, func() bool { return f.logs.FilterMessageSnippet("has been removed").Len() == 2 }, time.Minute, time.Millisecond)
	require.Equal(t, map[string]int64{"segments": 1, "records": 3}, f.points(t, "pruned", "what"))
	days, err := os.ReadDir(filepath.Join(f.dir, records.Directory))
	require.NoError(t, err)
	require.Len(t, days, 1)
	require.Equal(t, "2026-02-03", days[0].Name())
	f.working.prune(t.Context())
	require.Equal(t, map[string]int64{"segments": 1, "records": 3}, f.points(t, "pruned", "what"))
	require.Equal(t, int64(2), f.intact(t).Pruned)
}

// TestCheck: what nobody reads is read from time to time; damage is said, shown
// and over when it is mended, and entries are written all the while.
func TestCheck(t *testing.T) {
	f := newFixture(t)
	f.cfg.CheckInterval = 5 * time.Millisecond
	f.start(t)
	require.NoError(t, f.told(t, batch(event.Approved, 1, 2)))
	path := filepath.Join(f.dir, files.Segment(1))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	rot := func(n int, by byte) {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = file.WriteAt([]byte{whole[n] ^ by}, int64(n))
		require.NoError(t, errors.Join(err, file.Close()))
	}
	require.Eventually(t, func() bool { _, err := f.tel.GetMetric("otelcol_exporter_audit_log_problems"); return err == nil }, time.Minute, time.Millisecond)
	require.Equal(t, map[string]int64{"": 0}, f.points(t, "problems", ""))
	rot(len(whole)-60, 4)
	require.Eventually(t, func() bool { return f.troubled(t) == "corrupt" }, time.Minute, 5*time.Millisecond)
	require.NotZero(t, f.points(t, "problems", "")[""])
	require.Equal(t, 1, f.logs.FilterMessageSnippet("trouble with the audit log").Len())
	require.Contains(t, f.host.reported(), componentstatus.StatusRecoverableError)
	require.NoError(t, f.told(t, batch(event.Held, 3)))
	rot(len(whole)-60, 0)
	require.Eventually(t, func() bool { return f.troubled(t) == "" }, time.Minute, 5*time.Millisecond)
	f.intact(t)
}

// TestPublishesNowhere: that nobody else has checkpoints is worth a warning.
func TestPublishesNowhere(t *testing.T) {
	f := newFixture(t).start(t)
	require.Equal(t, 1, f.logs.FilterMessageSnippet("copied nowhere").Len())
}

// TestConfig: what is set is what the log gets.
func TestConfig(t *testing.T) {
	f := newFixture(t)
	f.cfg.KeyFile, f.cfg.SegmentBytes, f.cfg.Heartbeat = "key", 1<<20, 3*time.Second
	c := f.logConfig(nil)
	require.Equal(t, f.dir, c.Directory)
	require.Equal(t, auditlog.Config{
		Directory: f.dir, KeyFile: "key", Origin: "example.org/audit", SegmentBytes: 1 << 20, Heartbeat: 3 * time.Second, Interval: time.Hour,
	}, auditlog.Config{
		Directory: c.Directory, KeyFile: c.KeyFile, Origin: c.Origin, SegmentBytes: c.SegmentBytes, Heartbeat: c.Heartbeat, Interval: c.Interval,
	})
	f.cfg.Heartbeat = 0
	require.Negative(t, f.logConfig(nil).Heartbeat, "0 is never")
}
