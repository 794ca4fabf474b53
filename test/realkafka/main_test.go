//go:build e2e

package realkafka_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/kafka"
	"github.com/tracescrub/tracescrub/internal/holdstore/storetest"
	"github.com/tracescrub/tracescrub/test/realkafka"
)

// TestMain leaves everything out where there is no Java or Maven, and says so.
// With E2E=all that is a failure.
func TestMain(m *testing.M) {
	flag.Parse()
	if tool := realkafka.Missing(); tool != "" {
		fmt.Fprintf(os.Stderr, "no %s is installed: nothing was tested on a real Kafka\n", tool)
		if os.Getenv("E2E") == "all" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// wait is how long a test waits for what should happen soon.
const wait = 3 * time.Minute

// TestStore runs the store on three brokers. What kills them comes last.
func TestStore(t *testing.T) {
	c := realkafka.Start(t, realkafka.Current, 3)
	t.Run("with all brokers", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *realkafka.Cluster){
			"wrong topics":     wrongTopics,
			"mechanisms":       mechanisms,
			"certificates":     certificates,
			"permissions":      permissions,
			"keys are removed": keysAreRemoved,
			"retention":        retention,
			"leaders move":     leadersMove,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
	})
	t.Run("what every store must do", func(t *testing.T) { conformance(t, c) })
	t.Run("one broker is killed", func(t *testing.T) { killOne(t, c) })
	t.Run("all brokers restart", func(t *testing.T) { restartAll(t, c) })
}

func open(t *testing.T, cfg kafka.Config) *kafka.Store {
	t.Helper()
	s, _ := openLogged(t, cfg)
	return s
}

// openLogged opens a store and keeps what it logs.
func openLogged(t *testing.T, cfg kafka.Config) (*kafka.Store, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.WarnLevel)
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	s, err := kafka.Open(ctx, cfg, zap.New(core))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		if t.Failed() {
			for _, e := range logs.All() {
				t.Log(e.Message, e.ContextMap())
			}
		}
	})
	return s, logs
}

// told is what a follower was told.
type told struct {
	refs map[envelope.ID]holdstore.Ref
	gone map[envelope.ID]bool
	log  []string
}

// replay reads what a store has.
func replay(t *testing.T, s holdstore.Store) told {
	t.Helper()
	all := told{map[envelope.ID]holdstore.Ref{}, map[envelope.ID]bool{}, nil}
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	err := s.Follow(ctx, func(e holdstore.Event) error {
		switch {
		case e.Held != nil:
			all.refs[e.Held.ID] = e.Ref
		case e.Gone != nil:
			all.gone[*e.Gone] = true
		case e.Record != nil:
			all.log = append(all.log, string(e.Record.Data))
		case e.CaughtUp:
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	return all
}

func requireItem(t *testing.T, s holdstore.Store, it *holdstore.Item, ref holdstore.Ref) {
	t.Helper()
	c, err := s.Capsule(t.Context(), it.ID, ref)
	require.NoError(t, err)
	require.Equal(t, it.Capsule, c)
	for part, want := range map[envelope.Part][][]byte{envelope.View: it.View, envelope.Restore: it.Restore} {
		got, err := s.Chunks(t.Context(), it.ID, ref, part)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// about makes an entry of the log.
func about(it *holdstore.Item, data string) holdstore.Record {
	return holdstore.Record{Item: it.ID, Trace: it.Trace, Data: []byte(data)}
}

// item is like storetest.Item, small.
func item(seed uint64) *holdstore.Item { return storetest.Item(seed, 3000, 300) }
