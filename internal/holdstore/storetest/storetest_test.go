package storetest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is the smallest store that passes; fault names a promise it breaks.
type memory struct {
	fault string
	*disk
	closed chan struct{}
}

// disk is what stays when a memory store is closed.
type disk struct {
	mu      sync.Mutex
	failing bool
	damaged map[envelope.ID]bool
	items   map[envelope.ID]*holdstore.Item
	gone    map[envelope.ID]bool
	events  []holdstore.Event
	changed chan struct{}
}

func newDisk() *disk {
	return &disk{
		damaged: map[envelope.ID]bool{}, items: map[envelope.ID]*holdstore.Item{}, gone: map[envelope.ID]bool{},
		changed: make(chan struct{}),
	}
}

var errMemory = errors.New("the memory store fails")

func (m *memory) usable() error {
	select {
	case <-m.closed:
		return errMemory
	default:
		return nil
	}
}

func (m *memory) tell(e holdstore.Event) {
	m.events = append(m.events, e)
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Put(_ context.Context, it *holdstore.Item) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	if _, known := m.items[it.ID]; known && m.fault != "overwrites" {
		if m.fault == "resurrects" {
			delete(m.gone, it.ID)
		}
		return nil
	}
	if m.failing {
		return errMemory
	}
	m.items[it.ID] = it
	meta := it.Meta
	if m.fault == "blurs" {
		meta.Findings = 1
	}
	m.tell(holdstore.Event{Held: &meta, Ref: holdstore.Ref{Index: int64(len(m.events))}})
	return nil
}

func (m *memory) Follow(ctx context.Context, fn func(holdstore.Event) error) error {
	next, caughtUp := 0, false
	for {
		m.mu.Lock()
		err := m.usable()
		page, changed := slices.Clone(m.events[next:]), m.changed
		m.mu.Unlock()
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := fn(e); err != nil {
				return err
			}
		}
		next += len(page)
		if !caughtUp {
			caughtUp = true
			if err := fn(holdstore.Event{CaughtUp: true}); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-m.closed:
			return errMemory
		case <-changed:
		}
	}
}

func (m *memory) Append(_ context.Context, r holdstore.Record) (holdstore.Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return holdstore.Position{}, err
	}
	at := holdstore.Position{Offset: int64(len(m.events))}
	if m.fault == "backwards" {
		at.Offset = -at.Offset
	}
	m.tell(holdstore.Event{Record: &r, At: at})
	return at, nil
}

func (m *memory) Capsule(_ context.Context, id envelope.ID, _ holdstore.Ref) (envelope.Capsule, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return envelope.Capsule{}, err
	}
	if m.gone[id] && m.fault != "keeps" {
		return envelope.Capsule{}, holdstore.ErrGone
	}
	return m.items[id].Capsule, nil
}

func (m *memory) Chunks(_ context.Context, id envelope.ID, _ holdstore.Ref, part envelope.Part) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return nil, err
	}
	if m.damaged[id] && m.fault != "trusts" {
		return nil, holdstore.ErrCorrupt
	}
	if part == envelope.Restore {
		return m.items[id].Restore, nil
	}
	if m.fault == "cuts" && len(m.items[id].View) > 10 {
		return m.items[id].View[:10], nil
	}
	return m.items[id].View, nil
}

func (m *memory) Shred(_ context.Context, id envelope.ID, _ [16]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(); err != nil {
		return err
	}
	m.gone[id] = true
	m.tell(holdstore.Event{Gone: &id})
	return nil
}

func (m *memory) Shredded(_ context.Context, id envelope.ID, _ holdstore.Ref) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gone[id] || m.fault == "lies", m.usable()
}

func (m *memory) Prune(_ context.Context, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fault == "prunes" {
		m.events = nil
	}
	return m.usable()
}

func (m *memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.usable() == nil && m.fault != "stays open" {
		close(m.closed)
	}
	return nil
}

func memoryHarness(fault string) Harness {
	d := newDisk()
	return Harness{
		Open: func(*testing.T) holdstore.Store {
			if fault == "starts empty" {
				d = newDisk()
			}
			return &memory{fault: fault, disk: d, closed: make(chan struct{})}
		},
		Corrupt: func(_ *testing.T, it *holdstore.Item) { d.damaged[it.ID] = true },
		Faults: []Fault{{Name: "fails", Inject: func(*testing.T) func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.failing = true
			return func() {
				d.mu.Lock()
				defer d.mu.Unlock()
				d.failing = false
			}
		}}},
	}
}

const envFault = "STORETEST_FAULT"

// TestMemory passes, or fails in a child process that TestPlanted starts.
func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) Harness { return memoryHarness(os.Getenv(envFault)) })
}

// TestPlanted sees the suite fail on stores that break a promise.
func TestPlanted(t *testing.T) {
	for fault, test := range map[string]string{
		"overwrites":   "put_twice",
		"resurrects":   "shred",
		"keeps":        "shred",
		"lies":         "shred",
		"blurs":        "metadata",
		"backwards":    "order_of_the_log",
		"trusts":       "damaged_chunks",
		"cuts":         "50_MB",
		"prunes":       "prune",
		"starts empty": "reopen",
		"stays open":   "^close",
	} {
		t.Run(fault, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "TestMemory/"+test)
			cmd.Env = append(os.Environ(), envFault+"="+fault)
			out, err := cmd.CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "the suite passes:\n%s", out)
			require.Contains(t, string(out), "--- FAIL: TestMemory/")
		})
	}
}
