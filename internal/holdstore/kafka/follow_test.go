package kafka

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/internal/holdstore"
)

// followed runs Follow in the background; its error comes at the end.
func followed(t *testing.T, s *Store, fn func(holdstore.Event) error) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- s.Follow(ctx, fn) }()
	t.Cleanup(cancel)
	return ended
}

func appendLog(t *testing.T, s *Store, it *holdstore.Item, data string) holdstore.Position {
	t.Helper()
	at, err := s.Append(t.Context(), holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte(data)})
	require.NoError(t, err)
	return at
}

// TestMissingEntries sees Follow refuse to go on when it cannot know the whole log.
func TestMissingEntries(t *testing.T) {
	for _, test := range []struct {
		name string
		// lose removes entries while a follower is after the first of three.
		lose func(f *fake, log *fakeLog, topic string, p int32)
	}{
		{"retention overtakes", func(f *fake, _ *fakeLog, topic string, p int32) { f.truncate(topic, p, 3) }},
		{"a hole", func(f *fake, l *fakeLog, _ string, _ int32) {
			f.mu.Lock()
			l.records = append(l.records[:1], l.records[2:]...)
			f.mu.Unlock()
		}},
		{"the end is gone", func(f *fake, l *fakeLog, _ string, _ int32) {
			f.mu.Lock()
			l.records, l.end = nil, 0
			f.mu.Unlock()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, cfg := newFake(), testConfig()
			s, _ := openFake(t, cfg, f)
			it := randomItem(1)
			at := appendLog(t, s, it, "first")
			appendLog(t, s, it, "second")
			appendLog(t, s, it, "third")
			topic := cfg.topic(decisionsTopic)
			// The follower is given one entry at a time, and the second only
			// after the loss.
			var lost atomic.Bool
			f.onFetch = func(name string, p int32, offset int64) (fetched, bool, error) {
				if name != topic || p != at.Partition || lost.Load() {
					return fetched{}, false, nil
				}
				f.mu.Lock()
				defer f.mu.Unlock()
				l := f.topics[topic].partitions[p]
				if offset > 0 {
					return fetched{next: offset, end: l.end, throttled: true}, true, nil
				}
				return fetched{records: l.records[:1], next: 1, end: l.end}, true, nil
			}
			first := make(chan struct{})
			var data []string
			ended := followed(t, s, func(e holdstore.Event) error {
				if e.Record != nil {
					data = append(data, string(e.Record.Data))
					if len(data) == 1 {
						close(first)
					}
				}
				return nil
			})
			<-first
			test.lose(f, f.topics[topic].partitions[at.Partition], topic, at.Partition)
			lost.Store(true)
			require.ErrorIs(t, <-ended, holdstore.ErrCorrupt)
			require.Equal(t, []string{"first"}, data)
		})
	}
}

// TestRetentionAtStart: what retention has removed before anybody read it is nobody's loss.
func TestRetentionAtStart(t *testing.T) {
	f, cfg := newFake(), testConfig()
	s, _ := openFake(t, cfg, f)
	it := randomItem(1)
	at := appendLog(t, s, it, "first")
	appendLog(t, s, it, "second")
	var once atomic.Bool
	f.onFetch = func(topic string, p int32, _ int64) (fetched, bool, error) {
		if is(topic, decisionsTopic) && p == at.Partition && once.CompareAndSwap(false, true) {
			f.truncate(topic, p, 1) // between the question where it begins and the first fetch
		}
		return fetched{}, false, nil
	}
	_, _, log := told(t, s)
	require.Equal(t, []string{"second"}, log)
}

// TestEmptyAnswers: an answer without any batch says nothing, above all with a quota.
func TestEmptyAnswers(t *testing.T) {
	for _, test := range []struct {
		name      string
		throttled bool
		most      int64 // answers that are empty
	}{{"throttled", true, 3 * emptyAnswers}, {"for a moment", false, emptyAnswers - 2}} {
		t.Run(test.name, func(t *testing.T) {
			f, cfg := newFake(), testConfig()
			s, _ := openFake(t, cfg, f)
			it := randomItem(1)
			require.NoError(t, s.Put(t.Context(), it))
			appendLog(t, s, it, "vote")
			var n [2]atomic.Int64
			f.onFetch = func(topic string, _ int32, offset int64) (fetched, bool, error) {
				counter := &n[0]
				if is(topic, decisionsTopic) {
					counter = &n[1]
				}
				if offset > 0 || counter.Add(1) > test.most {
					return fetched{}, false, nil
				}
				return fetched{next: offset, end: 1, throttled: test.throttled}, true, nil
			}
			held, _, log := told(t, s)
			require.Contains(t, held, it.ID)
			require.Equal(t, []string{"vote"}, log)
		})
	}
}

// TestNothingLeftInIndex: brokers may say for good that there is nothing where
// the index once had something; the replay must still end.
func TestNothingLeftInIndex(t *testing.T) {
	f, cfg := newFake(), testConfig()
	s, logs := openFake(t, cfg, f)
	it := randomItem(1)
	require.NoError(t, s.Put(t.Context(), it))
	for _, l := range f.topics[cfg.topic(indexTopic)].partitions {
		l.records = nil
	}
	f.onFetch = func(topic string, p int32, offset int64) (fetched, bool, error) {
		mine := is(topic, indexTopic) && p == s.partition(it.ID, it.Trace)
		return fetched{next: offset, end: 1}, mine && offset == 0, nil
	}
	held, _, _ := told(t, s)
	require.Empty(t, held)
	require.Positive(t, logs.FilterMessageSnippet("no records in a part").Len())
}

// TestForeignRecords leaves out what is not in the format or not in its place.
func TestForeignRecords(t *testing.T) {
	f, cfg := newFake(), testConfig()
	s, logs := openFake(t, cfg, f)
	it := randomItem(1)
	e, err := newEntry(it)
	require.NoError(t, err)
	value := e.encode()
	right := s.partition(it.ID, it.Trace)
	wrong := (right + 1) % 3
	other := randomItem(2)
	index, decisions := cfg.topic(indexTopic), cfg.topic(decisionsTopic)
	for _, add := range []struct {
		topic string
		p     int32
		r     record
	}{
		{index, right, record{key: []byte("short"), value: value}},
		{index, right, record{key: other.ID[:], value: value}},
		{index, right, record{key: it.ID[:], value: value[:len(value)-1]}},
		{index, right, record{key: it.ID[:], value: []byte{}}},
		{index, wrong, record{key: it.ID[:], value: value}},
		{decisions, right, record{value: []byte("no entry")}},
		{decisions, right, record{}},
		{decisions, wrong, record{value: encodeLogEntry(holdstore.Record{Item: it.ID, Trace: it.Trace})}},
	} {
		_, err := f.add(add.topic, add.p, []record{add.r})
		require.NoError(t, err)
	}
	held, gone, log := told(t, s)
	require.Empty(t, held)
	require.Empty(t, gone)
	require.Empty(t, log)
	require.Positive(t, logs.FilterMessageSnippet("not in the format").Len())
}

// TestFollowWaits: brokers that do not answer at the start are waited for.
func TestFollowWaits(t *testing.T) {
	f, cfg := newFake(), testConfig()
	var away atomic.Bool
	away.Store(true)
	f.before = func(string, []record) error {
		if away.Load() {
			return errFake
		}
		return nil
	}
	s, _ := openFake(t, cfg, f)
	caughtUp := make(chan struct{})
	ended := followed(t, s, func(e holdstore.Event) error {
		if e.CaughtUp {
			close(caughtUp)
		}
		return nil
	})
	away.Store(false)
	select {
	case <-caughtUp:
	case err := <-ended:
		t.Fatalf("follow ended: %v", err)
	}
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-ended, errClosed)
}

// TestFollowWrongTopic: topics that turn out wrong are no reason to wait.
func TestFollowWrongTopic(t *testing.T) {
	f, cfg := newFake(), testConfig()
	var away atomic.Bool
	away.Store(true)
	f.before = func(string, []record) error {
		if away.Load() {
			return errFake
		}
		return nil
	}
	require.NoError(t, f.create(t.Context(), cfg.topic(indexTopic), 5, 3, nil))
	s, _ := openFake(t, cfg, f)
	away.Store(false)
	err := s.Follow(t.Context(), func(holdstore.Event) error { return errors.New("told something") })
	require.ErrorIs(t, err, errWrongTopic)
}
