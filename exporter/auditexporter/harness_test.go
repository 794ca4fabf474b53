package auditexporter

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/verdict"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 1, 31, 12, 0, 0, 5, time.UTC)

// teller tells events as verdict of some Collector does.
func teller() event.Source {
	r := pcommon.NewResource()
	r.Attributes().PutStr("service.name", "otelcol-tracescrub")
	r.Attributes().PutStr("service.instance.id", "instance-7")
	return event.Source{Resource: r, Component: "verdict/eu", Version: "1.2.3", Secret: []byte("of the teller")}
}

// about is an event of a kind about item n.
func about(kind string, n int) event.Event {
	return event.Event{
		Name: kind, At: at, Trace: [16]byte{1}, Span: [8]byte{2}, Item: fmt.Sprintf("%032x", n), Signal: "traces", Service: "shop",
		Severity: "high", Rules: []string{"aws"}, Findings: 1, Secrets: 1, Units: 2, Policy: "0123456789abcdef",
		List: []verdict.Finding{{Rule: "aws", Severity: "high", Field: "span.attributes[a]", Fingerprint: "00112233", Action: "mask", Length: 20}},
	}
}

// batch has an event of a kind about each item.
func batch(kind string, items ...int) plog.Logs {
	var all []event.Event
	for _, n := range items {
		all = append(all, about(kind, n))
	}
	return teller().Logs(all...)
}

// fixture is an exporter on a directory of its own.
type fixture struct {
	dir  string
	cfg  *Config
	set  exporter.Settings
	tel  *componenttest.Telemetry
	logs *observer.ObservedLogs
	host *host
	*audit
}

// host notes what components report.
type host struct {
	component.Host
	mu       sync.Mutex
	statuses []componentstatus.Status
}

func (h *host) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.statuses = append(h.statuses, e.Status())
}

func (h *host) reported() []componentstatus.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]componentstatus.Status(nil), h.statuses...)
}

// newFixture makes an exporter that is not started.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{dir: filepath.Join(t.TempDir(), "audit"), tel: componenttest.NewTelemetry(), host: &host{Host: componenttest.NewNopHost()}}
	t.Cleanup(func() { require.NoError(t, f.tel.Shutdown(context.Background())) })
	f.cfg = createDefaultConfig().(*Config)
	f.cfg.Directory, f.cfg.Origin = f.dir, "example.org/audit"
	f.cfg.Heartbeat, f.cfg.CheckpointInterval = 0, time.Hour // entries that no test asked for
	core, logs := observer.New(zap.InfoLevel)
	f.logs = logs
	f.set = exportertest.NewNopSettings(componentType)
	f.set.TelemetrySettings = f.tel.NewTelemetrySettings()
	f.set.Logger = zap.New(core)
	f.again(t)
	return f
}

// again makes another exporter of the same configuration.
func (f *fixture) again(t *testing.T) *fixture {
	t.Helper()
	e, err := NewFactory().CreateLogs(t.Context(), f.set, f.cfg)
	require.NoError(t, err)
	f.audit = e.(*audit)
	f.settle = time.Hour // nothing goes but where a test says so
	return f
}

func (f *fixture) start(t *testing.T) *fixture {
	t.Helper()
	require.NoError(t, f.Start(t.Context(), f.host))
	a := f.audit
	t.Cleanup(func() { _ = a.Shutdown(context.Background()) })
	return f
}

// onDisk puts a disk with faults under the log.
func (f *fixture) onDisk() *disk {
	d := &disk{System: files.Disk}
	f.open = func(c auditlog.Config) (*auditlog.Writer, error) { return auditlog.Open(c.On(d)) }
	return d
}

func (f *fixture) told(t *testing.T, ld plog.Logs) error {
	t.Helper()
	return f.ConsumeLogs(t.Context(), ld)
}

// kinds are those of the log's entries, without their prefix.
func (f *fixture) kinds(t *testing.T) (ks []string) {
	t.Helper()
	for _, it := range f.entries(t) {
		ks = append(ks, strings.TrimPrefix(it.Kind, "tracescrub."))
	}
	return ks
}

func (f *fixture) entries(t *testing.T) (all []read.Item) {
	t.Helper()
	l, err := read.Open(f.dir)
	require.NoError(t, err)
	for it, err := range l.Entries(t.Context(), 0) {
		require.NoError(t, err)
		all = append(all, it)
	}
	return all
}

// intact ends the exporter and verifies what it left.
func (f *fixture) intact(t *testing.T) *verify.Report {
	t.Helper()
	require.NoError(t, f.Shutdown(t.Context()))
	r, err := verify.Run(t.Context(), verify.Options{Directory: f.dir})
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	return r
}

// points reads a metric by the value of an attribute, "" if it has none.
func (f *fixture) points(t *testing.T, name, key string) map[string]int64 {
	t.Helper()
	m, err := f.tel.GetMetric("otelcol_exporter_audit_log_" + name)
	require.NoError(t, err)
	var points []metricdata.DataPoint[int64]
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		points = d.DataPoints
	case metricdata.Gauge[int64]:
		points = d.DataPoints
	}
	require.NotEmpty(t, points)
	got := map[string]int64{}
	for _, p := range points {
		v, ok := p.Attributes.Value(attribute.Key(key))
		require.Equal(t, key != "", ok)
		got[v.AsString()] += p.Value
	}
	return got
}

// trouble is the trouble that the metric tells of, "" if none.
func (f *fixture) troubled(t *testing.T) string {
	t.Helper()
	got := f.points(t, "trouble", "trouble")
	require.Len(t, got, len(troubles))
	is := ""
	for name, n := range got {
		if n != 0 {
			require.Empty(t, is, "one trouble at a time")
			is = name
		}
	}
	return is
}

// disk is the disk, with faults.
type disk struct {
	files.System

	// mu guards what follows.
	mu    sync.Mutex
	err   error         // of all that changes something
	after bool          // it is done all the same
	hang  chan struct{} // if not nil, syncs wait for it
}

func (d *disk) fails(err error, after bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.after = err, after
}

// hangs lets syncs wait until the function it returns is called, or the test ends.
func (d *disk) hangs(t *testing.T) (answer func()) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	c := make(chan struct{})
	d.hang = c
	answer = sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.hang = nil
		close(c)
	})
	t.Cleanup(answer)
	return answer
}

func (d *disk) call(do func() error) error {
	d.mu.Lock()
	err, after := d.err, d.after
	d.mu.Unlock()
	if err != nil && !after {
		return err
	}
	if done := do(); err == nil {
		return done
	}
	return err
}

func (d *disk) Open(path string, create bool) (files.File, error) {
	f, err := d.System.Open(path, create)
	if err != nil {
		return nil, err
	}
	return &diskFile{f, d}, nil
}

func (d *disk) Replace(path string, data []byte, perm fs.FileMode) error {
	return d.call(func() error { return d.System.Replace(path, data, perm) })
}

type diskFile struct {
	files.File
	d *disk
}

func (f *diskFile) WriteAt(b []byte, off int64) (n int, err error) {
	err = f.d.call(func() error {
		n, err = f.File.WriteAt(b, off)
		return err
	})
	return n, err
}

func (f *diskFile) Truncate(size int64) error {
	return f.d.call(func() error { return f.File.Truncate(size) })
}

func (f *diskFile) Sync() error {
	f.d.mu.Lock()
	hang := f.d.hang
	f.d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return f.d.call(f.File.Sync)
}

// shortDir is a directory whose name leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "al") //nolint:usetesting // the name of a test is too long for a socket's
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

// dialer reaches a socket, whatever is asked for.
func dialer(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
}
