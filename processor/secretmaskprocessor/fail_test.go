package secretmaskprocessor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// nest builds a value of alternating maps and slices around text.
func nest(v pcommon.Value, levels int, text string) {
	for i := range levels {
		if i%2 == 0 {
			v = v.SetEmptyMap().PutEmpty("k")
		} else {
			v = v.SetEmptySlice().AppendEmpty()
		}
	}
	v.SetStr(text)
}

// textOf is jsonOf with the bytes of the attribute "a" as they are.
func textOf(t *testing.T, ld plog.Logs) string {
	t.Helper()
	text := jsonOf(t, ld)
	v, ok := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("a")
	if ok && v.Type() == pcommon.ValueTypeBytes {
		text += string(v.Bytes().AsRaw())
	}
	return text
}

// TestFailClosed: what cannot be scanned is withheld and counted, the rest is
// scanned and goes on.
func TestFailClosed(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*Config)
		fill    func(r plog.LogRecord)
		reason  string // empty: all of it is scanned
		atLeast int64
	}{
		{
			name: "40 levels of nesting are scanned",
			fill: func(r plog.LogRecord) { nest(r.Body(), 40, "SECRET") },
		},
		{
			name:   "40 levels where fewer are allowed",
			change: func(c *Config) { c.Limits.MaxDepth = 32 },
			fill:   func(r plog.LogRecord) { nest(r.Body(), 40, "SECRET") },
			reason: "depth", atLeast: 1,
		},
		{
			name:   "100,000 levels",
			fill:   func(r plog.LogRecord) { nest(r.Attributes().PutEmpty("a"), 100_000, "SECRET") },
			reason: "depth", atLeast: 1,
		},
		{
			name:   "an attribute of 100 MB",
			fill:   func(r plog.LogRecord) { r.Attributes().PutStr("a", strings.Repeat("SECRET text ", 100<<20/12)) },
			reason: "size", atLeast: 1,
		},
		{
			name: "bytes of 100 MB",
			fill: func(r plog.LogRecord) {
				r.Attributes().PutEmptyBytes("a").FromRaw([]byte(strings.Repeat("SECRET text ", 100<<20/12)))
			},
			reason: "size", atLeast: 1,
		},
		{
			name: "a key of 1 MB where less is allowed",
			change: func(c *Config) {
				c.Limits.MaxValueBytes = 1 << 19
			},
			fill:   func(r plog.LogRecord) { r.Attributes().PutStr("SECRET"+strings.Repeat("k", 1<<20), "v") },
			reason: "size", atLeast: 1,
		},
		{
			name: "invalid UTF-8 is scanned",
			fill: func(r plog.LogRecord) { r.Attributes().PutStr("a\xff\xc0", "\xff\xfe SECRET \xed\xa0\x80") },
		},
		{
			name:   "an engine that panics",
			fill:   func(r plog.LogRecord) { r.Attributes().PutStr("a", "PANIC at SECRET") },
			reason: "panic", atLeast: 1,
		},
		{
			name:   "more findings than allowed",
			change: func(c *Config) { c.Limits.MaxFindings = 3 },
			fill: func(r plog.LogRecord) {
				for i := range 10 {
					r.Attributes().PutStr(fmt.Sprint("a", i), "SECRET")
				}
			},
			reason: "findings", atLeast: 10, // of keys and values
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t)
			if c.change != nil {
				c.change(cfg)
			}
			h := start(t, cfg)
			h.fake(fakeEngine{})
			ld, r := oneLog()
			c.fill(r)
			other := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
			other.Body().SetStr("clean")
			out := h.log(ld)
			require.False(t, strings.Contains(textOf(t, out), "SECRET"), "it went on in the clear")
			require.Equal(t, 2, out.LogRecordCount())
			if c.reason == "" {
				require.Zero(t, h.sum(metricPrefix+"withheld"))
				require.NotZero(t, h.sum(metricPrefix+"findings"))
				return
			}
			require.GreaterOrEqual(t, h.sum(metricPrefix+"withheld", "reason="+c.reason), c.atLeast)
			require.Contains(t, textOf(t, out), "[WITHHELD:"+c.reason+":")
			if c.reason != "findings" {
				require.Equal(t, "clean", other.Body().Str())
			}
			for _, l := range h.logs.All() {
				require.NotContains(t, fmt.Sprint(l.Message, l.ContextMap()), "SECRET")
			}
		})
	}
}

func TestAMillionAttributes(t *testing.T) {
	cfg := testConfig(t)
	cfg.Limits.MaxBatchTime = time.Hour
	h := start(t, cfg)
	h.fake(fakeEngine{})
	ld, r := oneLog()
	m := r.Attributes()
	m.EnsureCapacity(1_000_000)
	raw := make(map[string]any, 1_000_000)
	for i := range 1_000_000 {
		raw[fmt.Sprintf("key %d", i)] = "v"
	}
	raw["SECRET 1"], raw["SECRET 2"] = "v", "SECRET"
	require.NoError(t, m.FromRaw(raw))
	h.log(ld)
	require.Equal(t, 1_000_002+2, m.Len(), "all of them and the stamp")
	require.Equal(t, int64(3), h.sum(metricPrefix+"findings"))
	for k, v := range m.All() {
		if strings.Contains(k, "SECRET") || v.Type() == pcommon.ValueTypeStr && strings.Contains(v.Str(), "SECRET") {
			t.Fatal("it went on in the clear")
		}
	}
}

// TestDeadline: a clock that jumps makes the batch late in the middle.
func TestDeadline(t *testing.T) {
	for _, fail := range []string{failWithhold, failRefuse} {
		t.Run(fail, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Fail.Time = fail
			h := start(t, cfg)
			h.fake(fakeEngine{})
			calls := 0
			h.core.now = func() time.Time {
				calls++
				if calls > 2 {
					return time.Unix(1000, 0)
				}
				return time.Unix(0, 0)
			}
			ld := plog.NewLogs()
			records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
			for range 200 {
				records.AppendEmpty().Body().SetStr("text")
			}
			err := h.records.ConsumeLogs(context.Background(), ld)
			require.Positive(t, h.sum(metricPrefix+"withheld", "reason=time"))
			if fail == failRefuse {
				require.ErrorIs(t, err, errTime)
				require.False(t, consumererror.IsPermanent(err), "a retry may have more luck")
				require.Empty(t, h.logSink.AllLogs())
				require.Equal(t, int64(1), h.sum(metricPrefix+"batches_refused", "reason=time"))
				return
			}
			require.NoError(t, err)
			scanned, withheld := 0, 0
			for _, r := range records.All() {
				if r.Body().Str() == "text" {
					scanned++
					require.Zero(t, withheld, "after the first text that was late all are")
				} else {
					require.Regexp(t, `^\[WITHHELD:time:[0-9a-f]{8}\]$`, r.Body().Str())
					withheld++
				}
			}
			require.Positive(t, scanned)
			require.Positive(t, withheld)
		})
	}
}

func TestRefuseBeyondLimits(t *testing.T) {
	cfg := testConfig(t)
	cfg.Fail.Limits = failRefuse
	h := start(t, cfg)
	h.fake(fakeEngine{})
	ld, r := oneLog()
	r.Body().SetStr("PANIC")
	err := h.records.ConsumeLogs(context.Background(), ld)
	require.True(t, consumererror.IsPermanent(err))
	require.NotContains(t, err.Error(), "PANIC")
	require.Empty(t, h.logSink.AllLogs())
	require.Equal(t, int64(1), h.sum(metricPrefix+"batches_refused", "reason=limits"))
	ld, r = oneLog()
	r.Body().SetStr("SECRET")
	require.Contains(t, h.log(ld).ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().Str(), "[MASKED:")
}

// TestDefect: a panic outside of the engine refuses the batch.
func TestDefect(t *testing.T) {
	h := start(t, testConfig(t))
	ld, r := oneLog()
	r.Body().SetStr(secret(t, 1))
	ld.MarkReadOnly() // to write to it is a defect
	err := h.records.ConsumeLogs(context.Background(), ld)
	require.ErrorIs(t, err, errDefect)
	require.True(t, consumererror.IsPermanent(err))
	require.Empty(t, h.logSink.AllLogs())
	require.Equal(t, int64(1), h.sum(metricPrefix+"batches_refused", "reason=panic"))
	for _, l := range h.logs.All() {
		require.NotContains(t, fmt.Sprint(l.Message, l.ContextMap()), secret(t, 1))
	}
	ld, r = oneLog()
	r.Body().SetStr(secret(t, 1))
	require.NotContains(t, jsonOf(t, h.log(ld)), secret(t, 1), "the next batch is none the worse")
}
