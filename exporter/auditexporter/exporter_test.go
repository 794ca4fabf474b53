package auditexporter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/event"
)

// TestEntry: all that an event says is in its entry, people as commitments.
func TestEntry(t *testing.T) {
	f := newFixture(t).start(t)
	const who, why = "https://issuer.example jane@example.org", "asked by joe@example.org"
	e := about(event.Approved, 1)
	e.User, e.Via, e.Reason, e.Decision, e.Mode, e.Producer = who, "api", why, "approve", "masked", "producer"
	e.Version, e.Attempt, e.Required, e.Key = 3, 1, 2, "key"
	e.Votes = []event.Vote{{User: who, Decision: "approve", Mode: "masked"}}
	ld := teller().Logs(e)
	require.NoError(t, f.told(t, ld))
	it := f.entries(t)[1]
	require.Equal(t, event.Approved, it.Kind)
	require.Equal(t, at, it.Time)
	require.Equal(t, "01000000000000000000000000000000", it.Trace)
	require.Equal(t, "0200000000000000", it.Span)
	require.Equal(t, int(plog.SeverityNumberWarn), it.Severity)
	require.Equal(t, "verdict/eu", it.Component)
	require.Equal(t, "instance-7", it.Instance)
	r := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	id, _ := r.Attributes().Get(event.AttrID)
	require.Equal(t, id.Str(), it.ID)
	want := r.Attributes().AsRaw()
	delete(want, event.AttrID)
	salt, _ := want[event.AttrSalt].(string)
	require.Len(t, salt, 32)
	require.Empty(t, found(t, f.dir, salt), "with it names could be guessed from the id")
	delete(want, event.AttrSalt)
	for _, name := range []string{"user.id", "tracescrub.producer"} {
		require.Regexp(t, "^subject:[0-9a-f]{64}$", it.Attributes[name])
		want[name] = it.Attributes[name]
	}
	require.Regexp(t, "^text:[0-9a-f]{64}$", it.Attributes["tracescrub.reason"])
	want["tracescrub.reason"] = it.Attributes["tracescrub.reason"]
	want["tracescrub.votes"].([]any)[0].(map[string]any)["user.id"] = it.Attributes["user.id"]
	require.Equal(t, want, it.Attributes)
	f.intact(t)
	for _, needle := range []string{"jane@", "joe@"} {
		require.Equal(t, []string{files.Subjects}, found(t, f.dir, needle), "the search finds it where it may be")
	}
}

// found are the names of the files below a directory that have a text. Random
// bytes have no text of this length.
func found(t *testing.T, dir, needle string) (names []string) {
	t.Helper()
	seen := 0
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		seen++
		if strings.Contains(string(b), needle) {
			names = append(names, filepath.Base(path))
		}
		return err
	}))
	require.NotZero(t, seen)
	return names
}

// TestDurable: the entry is there when the sender has its answer.
func TestDurable(t *testing.T) {
	f := newFixture(t).start(t)
	for n := range 3 {
		require.NoError(t, f.told(t, batch(event.Masked, n)))
		require.Len(t, f.entries(t), n+2)
	}
}

// TestRetry: what is told again is not logged again, whatever the batch, and
// after a start as well.
func TestRetry(t *testing.T) {
	f := newFixture(t).start(t)
	require.NoError(t, f.told(t, batch(event.Masked, 1, 2)))
	later := about(event.Masked, 2)
	later.At = at.Add(time.Minute)
	require.NoError(t, f.told(t, teller().Logs(later, about(event.Masked, 3))))
	require.NoError(t, f.Shutdown(t.Context()))
	f.again(t).start(t)
	require.NoError(t, f.told(t, batch(event.Masked, 3, 1)))
	require.Equal(t, []string{"log.opened", "masked", "masked", "masked", "log.closed", "log.opened"}, f.kinds(t))
	require.Equal(t, map[string]int64{event.Masked: 6}, f.points(t, "events", "kind"))
	require.Empty(t, f.intact(t).Gaps)
}

// TestForeign: what is no event is left out, counted and said once.
func TestForeign(t *testing.T) {
	f := newFixture(t).start(t)
	ld := batch(event.Masked, 1)
	other := ld.ResourceLogs().At(0).ScopeLogs().AppendEmpty()
	other.Scope().SetName("my.app")
	for range 3 {
		other.LogRecords().AppendEmpty().Body().SetStr("private words of somebody")
	}
	for range 2 {
		require.NoError(t, f.told(t, ld))
	}
	require.NoError(t, f.told(t, plog.NewLogs()))
	require.Equal(t, []string{"log.opened", "masked"}, f.kinds(t))
	require.Equal(t, map[string]int64{"": 6}, f.points(t, "foreign", ""))
	require.Equal(t, 1, f.logs.FilterMessageSnippet("no audit events").Len())
	require.Empty(t, found(t, f.dir, "private words"))
	require.NotEmpty(t, found(t, f.dir, "tracescrub.masked"), "the search finds what is there")
}

// TestCheckpoint: what decides is signed when its sender has the answer.
func TestCheckpoint(t *testing.T) {
	for kind, signs := range map[string]bool{
		event.Masked: false, event.Held: false, event.Viewed: false, event.Voted: false, event.Started: false,
		event.Approved: true, event.Denied: true, event.Expired: true, event.Released: true, event.Shredded: true,
		event.PolicyChanged: true, event.KeyRotated: true, event.KeyDestroyed: true, event.KeyCreated: true,
	} {
		t.Run(kind, func(t *testing.T) {
			f := newFixture(t).start(t)
			require.NoError(t, f.told(t, batch(event.Masked, 1)))
			require.NoError(t, f.told(t, batch(kind, 2)))
			signed, err := os.ReadFile(filepath.Join(f.dir, files.Checkpoint))
			require.NoError(t, err)
			c, err := proof.Read(signed)
			require.NoError(t, err)
			if signs {
				require.Equal(t, int64(3), c.Size)
			} else {
				require.Equal(t, int64(1), c.Size)
			}
			require.Equal(t, map[string]int64{"": c.Size}, f.points(t, "signed", ""))
			require.Equal(t, map[string]int64{"": 3}, f.points(t, "size", ""))
		})
	}
}

// withBody is an event that carries masked telemetry.
func withBody(body []byte, n int) plog.Logs {
	e := about(event.Masked, n)
	e.Record = body
	return teller().Logs(e)
}

func recordIn(ld plog.Logs) plog.LogRecord {
	return ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
}

// TestRecord: the body is kept before the entry, which has its digest only.
func TestRecord(t *testing.T) {
	f := newFixture(t).start(t)
	body := []byte(strings.Repeat("masked telemetry ", 100))
	for range 2 {
		require.NoError(t, f.told(t, withBody(body, 1)))
	}
	sum := sha256.Sum256(body)
	digest := hex.EncodeToString(sum[:])
	got, err := records.Open(f.dir).Get(digest)
	require.NoError(t, err)
	require.Equal(t, body, got)
	all := f.entries(t)
	require.Len(t, all, 2)
	require.Equal(t, digest, all[1].Attributes[event.AttrRecord])
	require.NotContains(t, string(all[1].Line), "telemetry ")
	require.Equal(t, map[string]int64{"": 2}, f.points(t, "records", ""))
	require.Equal(t, map[string]int64{"": int64(2 * len(body))}, f.points(t, "record_bytes", ""))
	f.intact(t)
}

// refusals are events that cannot be entries, and what is said of them.
var refusals = map[string]struct {
	change func(plog.LogRecord)
	want   string
}{
	"no name":       {func(r plog.LogRecord) { r.SetEventName("") }, "event name"},
	"another name":  {func(r plog.LogRecord) { r.SetEventName("app.started") }, "event name"},
	"the log's own": {func(r plog.LogRecord) { r.SetEventName("tracescrub.log.pruned") }, "event name"},
	"a gap":         {func(r plog.LogRecord) { r.SetEventName("tracescrub.gap") }, "event name"},
	"no time":       {func(r plog.LogRecord) { r.SetTimestamp(0) }, "time is missing"},
	"severity":      {func(r plog.LogRecord) { r.SetSeverityNumber(25) }, "severity number"},
	"no id":         {func(r plog.LogRecord) { r.Attributes().Remove(event.AttrID) }, "tracescrub.event.id is not"},
	"another's id": {func(r plog.LogRecord) {
		v, _ := recordIn(batch(event.Masked, 99)).Attributes().Get(event.AttrID)
		r.Attributes().PutStr(event.AttrID, v.Str())
	}, "tracescrub.event.id is not"},
	"changed on its way": {func(r plog.LogRecord) { r.Attributes().PutStr("tracescrub.severity", "low") }, "tracescrub.event.id is not"},
	"id of another form": {func(r plog.LogRecord) { r.Attributes().PutStr(event.AttrID, "4711-secret") }, "tracescrub.event.id is not of its form"},
	"unknown attribute":  {func(r plog.LogRecord) { r.Attributes().PutStr("4711-secret", "x") }, "none of an event"},
	"the restore patch":  {func(r plog.LogRecord) { r.Attributes().PutEmptyBytes("tracescrub.restore").FromRaw([]byte{1}) }, "none of an event"},
	"prose":              {func(r plog.LogRecord) { r.Attributes().PutStr("tracescrub.note", "4711-secret words") }, "none of an event"},
	"type of a value":    {func(r plog.LogRecord) { r.Attributes().PutStr("tracescrub.version", "4711-secret") }, "tracescrub.version"},
	"a number below 0":   {func(r plog.LogRecord) { r.Attributes().PutInt("tracescrub.version", -1) }, "tracescrub.version"},
	"a number too large": {func(r plog.LogRecord) { r.Attributes().PutInt("tracescrub.version", 1<<53) }, "tracescrub.version"},
	"a long text":        {func(r plog.LogRecord) { r.Attributes().PutStr("tracescrub.service", strings.Repeat("x", 129)) }, "tracescrub.service"},
	"no UTF-8":           {func(r plog.LogRecord) { r.Attributes().PutStr("tracescrub.service", "\xff") }, "tracescrub.service"},
	"a deep value": {func(r plog.LogRecord) {
		s := r.Attributes().PutEmptySlice("tracescrub.findings")
		for range 50 {
			s = s.AppendEmpty().SetEmptySlice()
		}
	}, "tracescrub.findings"},
	"a finding with text": {func(r plog.LogRecord) {
		v, _ := r.Attributes().Get("tracescrub.findings")
		v.Slice().At(0).Map().PutStr("text", "4711-secret")
	}, "tracescrub.findings"},
	"too many": {func(r plog.LogRecord) {
		for i := range maxAttributes {
			r.Attributes().PutInt("tracescrub.a."+strings.Repeat("b", i%40+1)+"."+strings.Repeat("c", i/40+1), 1)
		}
	}, "too many"},
	"a body without a digest": {func(r plog.LogRecord) { r.Body().SetStr("4711-secret") }, "body without tracescrub.record"},
}

// TestRefused: nothing that is no event gets in; the rest of the batch does,
// the error is permanent and has no value of it.
func TestRefused(t *testing.T) {
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t).start(t)
			ld := batch(event.Masked, 1, 2)
			c.change(ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0))
			err := f.told(t, ld)
			require.ErrorContains(t, err, "1 of 2 events cannot be entries")
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "4711-secret")
			require.True(t, consumererror.IsPermanent(err))
			require.Equal(t, []string{"log.opened", "masked"}, f.kinds(t))
			require.Equal(t, map[string]int64{"invalid": 1}, f.points(t, "failures", "reason"))
			require.Empty(t, f.troubled(t))
			require.Empty(t, found(t, f.dir, "4711-secret"))
		})
	}
}

// TestRecordRefused: a body that is not what its event names is not kept.
func TestRecordRefused(t *testing.T) {
	for name, change := range map[string]func(plog.LogRecord){
		"another body": func(r plog.LogRecord) { r.Body().SetEmptyBytes().FromRaw([]byte("another")) },
		"text":         func(r plog.LogRecord) { r.Body().SetStr("masked") },
		"no body":      func(r plog.LogRecord) { pcommon.NewValueEmpty().CopyTo(r.Body()) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t).start(t)
			ld := withBody([]byte("masked"), 1)
			change(recordIn(ld))
			err := f.told(t, ld)
			require.ErrorContains(t, err, event.AttrRecord)
			require.True(t, consumererror.IsPermanent(err))
			require.Equal(t, []string{"log.opened"}, f.kinds(t))
			require.NoDirExists(t, filepath.Join(f.dir, records.Directory))
		})
	}
}

// TestNames: who tells it is checked as well.
func TestNames(t *testing.T) {
	f := newFixture(t).start(t)
	long := teller()
	long.Component = strings.Repeat("x", maxName+1)
	require.ErrorContains(t, f.told(t, long.Logs(about(event.Masked, 1))), "otelcol.component.id")
	long = teller()
	long.Resource.Attributes().PutInt("service.instance.id", 1)
	require.ErrorContains(t, f.told(t, long.Logs(about(event.Masked, 1))), "service.instance.id")
	require.NoError(t, f.told(t, event.Source{Resource: pcommon.NewResource()}.Logs(about(event.Masked, 1))))
	require.Empty(t, f.entries(t)[1].Component, "that it is missing does not stop the data")
}

// TestNewer: kinds and attributes of a newer Collector are taken, if they have
// the form.
func TestNewer(t *testing.T) {
	f := newFixture(t).start(t)
	e := about("tracescrub.replica.moved", 1)
	require.NoError(t, f.told(t, teller().Logs(e)))
	require.Equal(t, []string{"log.opened", "replica.moved"}, f.kinds(t))
	require.Equal(t, map[string]int64{"other": 1}, f.points(t, "events", "kind"))
	for value, want := range map[any]bool{"eu-west/2:a.b_c": true, "two words": false, int64(-3): true, true: true, 1.5: false} {
		v := pcommon.NewValueEmpty()
		require.NoError(t, v.FromRaw(value))
		require.Equal(t, want, later(v), "%v", value)
	}
}

// TestVocabulary: each attribute of the specification has a form.
func TestVocabulary(t *testing.T) {
	raw, err := os.ReadFile("../../docs/format/events.md")
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(raw), "## Attributes")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n## ")
	n := 0
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "`"); strings.HasPrefix(line, "| `") {
			require.Contains(t, forms, cells[1])
			n++
		}
	}
	require.Greater(t, n, 20)
}

func TestBusy(t *testing.T) {
	f := newFixture(t)
	d := f.onDisk()
	f.start(t)
	f.maxWaiting = 1
	answer := d.hangs(t)
	first := make(chan error, 1)
	go func() { first <- f.ConsumeLogs(context.Background(), batch(event.Masked, 1)) }()
	require.Eventually(t, func() bool { return f.working.waiting.Load() > 0 }, time.Minute, time.Millisecond)
	err := f.told(t, batch(event.Masked, 2))
	require.ErrorIs(t, err, errBusy)
	require.False(t, consumererror.IsPermanent(err))
	answer()
	require.NoError(t, <-first)
	require.NoError(t, f.told(t, batch(event.Masked, 2)), "there is room again")
	require.Equal(t, map[string]int64{"busy": 1}, f.points(t, "failures", "reason"))
}
