package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// TestWithdraw: until a gate has claimed it, and again after a failure, an
// approved item can be denied, by somebody else or by one of those who approved.
func TestWithdraw(t *testing.T) {
	failed := func(w *world) {
		w.put(1, claimBy(gate1, 1))
		w.put(1, Record{Kind: Failed, Owner: gate1, Attempt: 1})
	}
	for name, c := range map[string]struct {
		before func(*world)
		by     string
	}{
		"by another":      {func(*world) {}, "c"},
		"by an approver":  {func(*world) {}, "a"},
		"after a failure": {failed, "c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.hold(1)
			approved2(w)
			c.before(w)
			require.Empty(t, w.put(1, deny(c.by)).Why)
			require.Equal(t, 1, w.Stats().States[gate.Denied])
			require.Zero(t, w.Stats().ReleaseFailing)
			require.Equal(t, whyState, w.put(1, claimBy(gate2, 2)).Why, "it does not go out")
			require.Empty(t, w.put(1, Record{Kind: Shredded}).Why)
		})
	}
}
