package auditexporter

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/event"
)

// TestTrouble: whatever the disk says, in whichever way, the sender hears that
// it can try again; state, metric and log say what it is; afterwards each event
// is logged once, behind a gap.
func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		name, trouble string
		err           error
	}{
		{"full", "full", syscall.ENOSPC},
		{"quota", "full", syscall.EDQUOT},
		{"read-only", "read_only", syscall.EROFS},
		{"forbidden", "read_only", syscall.EACCES},
		{"broken", "failed", syscall.EIO},
	} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, done all the same %v", c.name, after), func(t *testing.T) {
				f := newFixture(t)
				d := f.onDisk()
				f.start(t)
				require.NoError(t, f.told(t, batch(event.Masked, 1)))
				require.Empty(t, f.troubled(t))
				d.fails(c.err, after)
				for _, kind := range []string{event.Masked, event.Held, event.Viewed, event.Approved, event.Released} {
					for range 2 {
						err := f.told(t, batch(kind, 2))
						require.Error(t, err)
						require.False(t, consumererror.IsPermanent(err))
						require.NotErrorIs(t, err, c.err, "what it wraps could tell a receiver anything")
						require.NotErrorIs(t, err, auditlog.Full)
					}
				}
				require.Equal(t, c.trouble, f.troubled(t))
				require.Equal(t, map[string]int64{c.trouble: 10}, f.points(t, "failures", "reason"))
				require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, f.host.reported())
				d.fails(nil, false)
				for _, kind := range []string{event.Masked, event.Held, event.Viewed, event.Approved, event.Released} {
					require.NoError(t, f.told(t, batch(kind, 2)))
				}
				require.Empty(t, f.troubled(t))
				require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, f.host.reported())
				require.Equal(t, 1, f.logs.FilterMessageSnippet("trouble with the audit log").Len(), "once, not for each batch")
				require.Equal(t, 1, f.logs.FilterMessageSnippet("well again").Len())
				require.Equal(t, map[string]int64{"": 1}, f.points(t, "gaps", ""))
				require.Equal(t, []string{"log.opened", "masked", "gap", "masked", "held", "viewed", "approved", "released"}, f.kinds(t))
				r := f.intact(t)
				require.Len(t, r.Gaps, 1)
				require.Equal(t, "write_failed", r.Gaps[0].Reason)
			})
		}
	}
}

// TestBitRot: what was signed and is no longer what is there stops everything
// when the log is read again, and the next start.
func TestBitRot(t *testing.T) {
	for _, policy := range []string{troubleStop, troubleBuffer} {
		t.Run(policy, func(t *testing.T) {
			f := newFixture(t)
			f.cfg.OnTrouble.Masked = policy
			d := f.onDisk()
			f.start(t)
			require.NoError(t, f.told(t, batch(event.Approved, 1)))
			d.fails(syscall.EIO, false)
			require.Error(t, f.told(t, batch(event.Held, 2)))
			require.Equal(t, "failed", f.troubled(t))
			path := filepath.Join(f.dir, files.Segment(1))
			whole, err := os.ReadFile(path)
			require.NoError(t, err)
			rotten := append([]byte(nil), whole...)
			rotten[len(rotten)-40] ^= 4
			require.NoError(t, os.WriteFile(path, rotten, 0o600))
			d.fails(nil, false)
			for _, kind := range []string{event.Held, event.Masked} {
				err := f.told(t, batch(kind, 2))
				require.ErrorContains(t, err, "corrupt")
				require.False(t, consumererror.IsPermanent(err))
			}
			require.Equal(t, "corrupt", f.troubled(t))
			require.Equal(t, map[string]int64{"": 0}, f.points(t, "buffered", ""), "what is damaged gets well by nobody's waiting")
			require.Error(t, f.Shutdown(t.Context()))
			require.ErrorIs(t, f.again(t).Start(t.Context(), f.host), auditlog.Corrupt)

			require.NoError(t, os.WriteFile(path, whole, 0o600))
			f.again(t).start(t)
			require.NoError(t, f.told(t, batch(event.Held, 2)))
			f.intact(t)
		})
	}
}

// TestLimit breaks the log with a limit of the system in place of a fake: no
// file of the process may grow any more. The process is one of its own, for
// the limit also holds for what the testing package writes beside a test.
func TestLimit(t *testing.T) {
	if os.Getenv(envLimited) == "" {
		inProcess(t, "TestLimit", envLimited+"=1")
		return
	}
	f := newFixture(t).start(t)
	require.NoError(t, f.told(t, batch(event.Masked, 1)))
	grow := limitFiles(t, 1)
	err := f.told(t, batch(event.Masked, 2))
	name := f.troubled(t)
	grow()
	require.ErrorContains(t, err, "disk full")
	require.Equal(t, "full", name)
	require.NoError(t, f.told(t, batch(event.Masked, 2)))
	require.Equal(t, []string{"log.opened", "masked", "gap", "masked"}, f.kinds(t))
	f.intact(t)
}

// TestSecondWriter: another exporter on the same log is refused, and told who
// has it; the first one does not notice.
func TestSecondWriter(t *testing.T) {
	f := newFixture(t).start(t)
	other := *f
	err := other.again(t).Start(t.Context(), f.host)
	require.ErrorIs(t, err, auditlog.Locked)
	name, _ := os.Hostname()
	require.ErrorContains(t, err, fmt.Sprintf("process %d on %s", os.Getpid(), name))
	require.ErrorContains(t, err, "directory: "+f.dir)
	require.NoError(t, other.Shutdown(t.Context()))
	require.NoError(t, f.told(t, batch(event.Masked, 1)))
	f.intact(t)
	other.start(t)
	other.intact(t)
}

// TestTimeout: a disk that does not answer is one more trouble.
func TestTimeout(t *testing.T) {
	f := newFixture(t)
	f.cfg.Timeout = 10 * time.Millisecond
	d := f.onDisk()
	f.start(t)
	answer := d.hangs(t)
	err := f.told(t, batch(event.Masked, 1))
	require.ErrorContains(t, err, "deadline")
	require.False(t, consumererror.IsPermanent(err))
	require.Equal(t, map[string]int64{"timeout": 1}, f.points(t, "failures", "reason"))
	answer()
	f.cfg.Timeout = time.Minute
	require.NoError(t, f.told(t, batch(event.Masked, 1)))
	require.Equal(t, []string{"log.opened", "masked"}, f.kinds(t), "it may have been written all the same, but once")
}

// TestRecordFails: without what it names there is no entry.
func TestRecordFails(t *testing.T) {
	for _, policy := range []string{troubleStop, troubleBuffer} {
		t.Run(policy, func(t *testing.T) {
			f := newFixture(t)
			f.cfg.OnTrouble.Masked = policy
			f.start(t)
			obstacle := filepath.Join(f.dir, "records")
			require.NoError(t, os.WriteFile(obstacle, nil, 0o600))
			err := f.told(t, withBody([]byte("masked"), 1))
			require.ErrorContains(t, err, "records: ")
			require.False(t, consumererror.IsPermanent(err))
			require.Equal(t, "record", f.troubled(t))
			require.Equal(t, map[string]int64{"record": 1}, f.points(t, "failures", "reason"))
			require.Equal(t, []string{"log.opened"}, f.kinds(t))
			require.NoError(t, f.told(t, batch(event.Masked, 2)), "others go on")
			require.Equal(t, "record", f.troubled(t))
			require.NoError(t, os.Remove(obstacle))
			require.NoError(t, f.told(t, withBody([]byte("masked"), 1)))
			require.Empty(t, f.troubled(t))
			f.intact(t)
		})
	}
}

// TestBuffer: what was masked waits, up to a number, if policy says so; nothing
// else does. It is written when that is possible, without more traffic.
func TestBuffer(t *testing.T) {
	f := newFixture(t)
	f.cfg.OnTrouble = TroubleConfig{Masked: troubleBuffer, BufferEvents: 4}
	d := f.onDisk()
	f.start(t)
	d.fails(syscall.ENOSPC, false)
	require.NoError(t, f.told(t, batch(event.Masked, 1, 2)))
	require.NoError(t, f.told(t, batch(event.Passed, 3)))
	require.NoError(t, f.told(t, batch(event.Masked, 2, 1)), "a retry waits once")
	require.Equal(t, map[string]int64{"": 3}, f.points(t, "buffered", ""))
	for name, ld := range map[string]plog.Logs{
		"held":        batch(event.Held, 4),
		"approved":    batch(event.Approved, 4),
		"released":    batch(event.Released, 4),
		"both":        teller().Logs(about(event.Masked, 4), about(event.Held, 5)),
		"with a body": withBody([]byte("masked"), 4),
	} {
		err := f.told(t, ld)
		require.ErrorContains(t, err, "disk full", name)
		require.False(t, consumererror.IsPermanent(err))
	}
	err := f.told(t, batch(event.Masked, 4, 5))
	require.ErrorContains(t, err, "buffer is full")
	require.False(t, consumererror.IsPermanent(err))
	require.Equal(t, map[string]int64{"": 3}, f.points(t, "buffered", ""), "all of a batch or none")
	require.NoError(t, f.told(t, batch(event.Masked, 4)))
	require.Equal(t, int64(2), f.points(t, "failures", "reason")["buffer_full"])
	require.Equal(t, "full", f.troubled(t))
	require.Equal(t, []string{"log.opened"}, f.kinds(t))

	d.fails(nil, false)
	require.Eventually(t, func() bool { return f.points(t, "buffered", "")[""] == 0 }, time.Minute, 5*time.Millisecond)
	require.Equal(t, []string{"log.opened", "gap", "masked", "masked", "passed", "masked"}, f.kinds(t))
	require.Equal(t, map[string]int64{event.Masked: 3, event.Passed: 1}, f.points(t, "events", "kind"))
	require.Eventually(t, func() bool { return f.logs.FilterMessageSnippet("well again").Len() == 1 }, time.Minute, 5*time.Millisecond)
	f.intact(t)
}

// TestBufferAtTheEnd: what waits is written before the exporter ends, or said
// to be lost.
func TestBufferAtTheEnd(t *testing.T) {
	for _, well := range []bool{true, false} {
		t.Run(fmt.Sprint("well again ", well), func(t *testing.T) {
			f := newFixture(t)
			f.cfg.OnTrouble.Masked = troubleBuffer
			d := f.onDisk()
			f.start(t)
			d.fails(syscall.ENOSPC, false)
			require.NoError(t, f.told(t, batch(event.Masked, 1, 2)))
			if well {
				d.fails(nil, false)
				f.intact(t)
				require.Equal(t, []string{"log.opened", "gap", "masked", "masked", "log.closed"}, f.kinds(t))
				return
			}
			w := f.working
			require.Error(t, f.Shutdown(t.Context()))
			require.Equal(t, map[string]int64{"": 2}, f.points(t, "lost", ""))
			require.Equal(t, 1, f.logs.FilterMessageSnippet("are lost").Len())
			require.ErrorIs(t, f.told(t, batch(event.Masked, 3)), errNotRunning)
			require.False(t, w.buffer.add([]auditlog.Event{{ID: strings.Repeat("0", 32)}}, 1), "nothing waits for nobody")
		})
	}
}

// TestBufferInvalid: an event that cannot be an entry does not keep others from
// becoming one.
func TestBufferInvalid(t *testing.T) {
	f := newFixture(t)
	f.cfg.OnTrouble.Masked = troubleBuffer
	d := f.onDisk()
	f.start(t)
	d.fails(syscall.ENOSPC, false)
	require.NoError(t, f.told(t, batch(event.Masked, 1)))
	require.True(t, f.working.buffer.add([]auditlog.Event{{ID: "no id", Kind: event.Masked, Time: at}}, 1))
	require.NoError(t, f.told(t, batch(event.Masked, 2)))
	d.fails(nil, false)
	f.intact(t)
	require.Equal(t, []string{"log.opened", "gap", "masked", "masked", "log.closed"}, f.kinds(t))
	require.Equal(t, map[string]int64{"": 1}, f.points(t, "lost", ""))
}

// TestBufferBytes: what waits is bounded in bytes as well, since a sender of
// telemetry can make events long.
func TestBufferBytes(t *testing.T) {
	f := newFixture(t)
	f.cfg.OnTrouble.Masked, f.maxWaiting = troubleBuffer, 100_000
	d := f.onDisk()
	f.start(t)
	d.fails(syscall.ENOSPC, false)
	long := func(n int) plog.Logs {
		e := about(event.Masked, n)
		e.Rules = []string{strings.Repeat("r", 100)}
		for range 50 {
			e.List = append(e.List, e.List[0])
			e.List[len(e.List)-1].Field = strings.Repeat("f", 500)
		}
		return teller().Logs(e)
	}
	taken := 0
	for ; taken < 10 && f.told(t, long(taken)) == nil; taken++ {
	}
	require.Equal(t, 3, taken)
	require.NoError(t, f.told(t, batch(event.Masked, 100)), "a short one has room")
	d.fails(nil, false)
	require.Eventually(t, func() bool { return f.points(t, "buffered", "")[""] == 0 }, 10*time.Second, 10*time.Millisecond)
	b := f.working.buffer
	b.mu.Lock()
	require.Zero(t, b.bytes)
	b.mu.Unlock()
	d.fails(syscall.ENOSPC, false)
	require.NoError(t, f.told(t, long(7)))
	d.fails(nil, false)
	f.intact(t)
}
