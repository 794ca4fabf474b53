package keeper

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// TestWithdraw: an approved item that the pipelines do not take can be denied,
// even by who approved it; then it is destroyed and never sent.
func TestWithdraw(t *testing.T) {
	bubble(t, func(w *world) {
		w.set(func() { w.sendDown = errors.New("away") })
		k := w.start(&life{}, nil)
		it := w.hold(1)
		it = w.must(k, "ann", it, true)
		w.must(k, "ben", it, true)
		time.Sleep(time.Second / 2)
		require.Equal(t, gate.Approved, w.detail(k, it.ID).State)
		w.must(k, "ann", w.detail(k, it.ID).Item, false)
		w.set(func() { w.sendDown = nil })
		time.Sleep(time.Hour)
		require.Equal(t, gate.Shredded, w.detail(k, it.ID).State)
		require.Empty(t, w.sentItems())
	})
}
