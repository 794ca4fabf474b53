package keeper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/pause"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/content"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made are contents that are made up.
type made struct {
	w *world
}

func (c made) View(_ context.Context, e ledger.Entry) (*content.Telemetry, error) {
	if !c.w.store.has(e.Key) {
		return nil, holdstore.ErrGone
	}
	td := ptrace.NewTraces()
	r := td.ResourceSpans().AppendEmpty()
	r.Resource().Attributes().PutStr(verdict.Producer, verdict.Commit(fingerprintKey, "robot"))
	s := r.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetName("masked span")
	s.Attributes().PutStr("user.id", "Owner@example.org")
	verdict.Stamp(s.Attributes(), verdict.Held, []verdict.Finding{{Rule: "aws-key", Severity: "critical", Field: "span.name", Fingerprint: "00112233", Length: 20}}, false)
	return &content.Telemetry{Signal: "traces", Traces: td}, nil
}

func (c made) Release(ctx context.Context, e ledger.Entry) (*content.Telemetry, map[uint64]struct{}, error) {
	t, err := c.View(ctx, e)
	if e.Mode == release.ModeOriginal {
		return t, map[uint64]struct{}{7: {}}, err
	}
	return t, nil, err
}

// sent is a batch that arrived.
type sent struct {
	item, mode string
	attempt    int
	approved   int
}

// world is a store, the audit log, whoever gets what is released, and gates.
type world struct {
	*testing.T
	store *memory
	// processes counts the gates that were started.
	processes byte

	mu        sync.Mutex
	sent      []sent
	events    []event.Event
	told      []string
	auditDown bool
	sendDown  error
	sendTime  time.Duration
	wall      time.Duration // what the wall clock is off by
}

var fingerprintKey = []byte("a fingerprint key of the tests")

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{T: t, store: newMemory()}
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) hold(n byte) gate.Item {
	w.Helper()
	w.store.hold(holdstore.Meta{
		ID: envelope.ID{n}, Trace: [16]byte{n}, Signal: "traces", Service: "agent", Severity: "critical",
		Rules: []string{"aws-key"}, Findings: 1, Secrets: 1, Spans: 1, Bytes: 100, HeldAt: time.Now(), Policy: "p",
		Producer: verdict.Commit(fingerprintKey, "sender"),
	})
	synctest.Wait()
	return gate.Item{ID: envelope.ID{n}.String(), Version: 1}
}

// nobody counts nothing.
type nobody struct{}

func (nobody) Voted(string, string)                   {}
func (nobody) Released(string, string, time.Duration) {}
func (nobody) Ended(string)                           {}
func (nobody) Viewed()                                {}
func (nobody) Ignored()                               {}
func (nobody) AuditFailed()                           {}

// settings are those of a gate that lives as long as l does.
func (w *world) settings(l *life) Settings {
	return Settings{
		Store: mortal{w.store, l}, Contents: made{w}, Key: []byte("a key of the tests"), Fingerprint: fingerprintKey,
		Required: func(severity, _ string) int {
			if severity == "critical" {
				return 2
			}
			return 1
		},
		ExpireAfter: 48 * time.Hour, RemindAhead: 24 * time.Hour, MinReason: 4, Lease: 30 * time.Second, Workers: 2,
		Emit: func(_ context.Context, events ...event.Event) error {
			return l.step("audit", func() error {
				w.mu.Lock()
				defer w.mu.Unlock()
				if w.auditDown {
					return errors.New("no room for events")
				}
				w.events = append(w.events, events...)
				return nil
			})
		},
		Send: func(ctx context.Context, r *release.Release, _ *content.Telemetry) error {
			return l.step("send", func() error { return w.send(ctx, r) })
		},
		Tell: func(what string, it gate.Item) { w.set(func() { w.told = append(w.told, what+" "+it.ID[:2]) }) },
		Now: func() time.Time {
			w.mu.Lock()
			defer w.mu.Unlock()
			return time.Now().Add(w.wall)
		},
		Secret: func(s string) bool { return strings.Contains(s, "a-secret") },
		Log:    zap.NewNop(), Observer: nobody{},
	}
}

func (w *world) send(ctx context.Context, r *release.Release) error {
	w.mu.Lock()
	down, takes := w.sendDown, w.sendTime
	w.mu.Unlock()
	if takes > 0 {
		if err := pause.For(ctx, takes); err != nil {
			return err
		}
	}
	if down != nil {
		return down
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, sent{item: r.Item, mode: r.Mode, attempt: r.Attempt, approved: len(r.Approved)})
	return nil
}

// start starts a gate with the usual settings, unless change says otherwise.
func (w *world) start(l *life, change func(*Settings)) *Keeper {
	w.Helper()
	s := w.settings(l)
	if change != nil {
		change(&s)
	}
	k := New(s)
	w.processes++
	k.owner.Process = [8]byte{w.processes} // each gate is a process of its own
	k.Start()
	w.Cleanup(func() { stop(k) })
	synctest.Wait()
	return k
}

// stop ends a gate as a crash would: it does nothing any more.
func stop(k *Keeper) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k.Shutdown(ctx)
}

func person(name string) gate.Actor {
	return gate.Actor{Identity: "issuer " + name, Subject: name, Via: "api"}
}

func (w *world) vote(k *Keeper, name string, it gate.Item, approve bool) (gate.Item, error) {
	return k.Vote(w.Context(), person(name), gate.Ballot{Item: it.ID, Version: it.Version, Approve: approve, Mode: "masked", Reason: "a good one"}, false)
}

func (w *world) must(k *Keeper, name string, it gate.Item, approve bool) gate.Item {
	w.Helper()
	it, err := w.vote(k, name, it, approve)
	require.NoError(w, err)
	return it
}

func (w *world) detail(k *Keeper, id string) gate.Detail {
	w.Helper()
	d, err := k.Get(w.Context(), id)
	require.NoError(w, err)
	return d
}

// names lists the events about an item, those of views aside.
func (w *world) names(id string) (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e.Item == id {
			names = append(names, e.Name[len("tracescrub."):])
		}
	}
	return names
}

func (w *world) sentItems() []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sent)
}

func (w *world) toldOf() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

// bubble runs a test in a world of its own time.
func bubble(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newWorld(t)) })
}

func (s sent) String() string { return fmt.Sprintf("%s %s %d", s.item[:2], s.mode, s.attempt) }

type (
	releaseOf   = release.Release
	telemetryOf = content.Telemetry
)
