package login

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A login ends after a while, even if the provider's answer is in order.
func TestFlowAge(t *testing.T) {
	s := newSealer()
	began := time.Now().Truncate(time.Second)
	cookie := s.seal(flow{State: "s", Started: began})
	got, err := s.open(cookie, began.Add(FlowDuration))
	require.NoError(t, err)
	require.Equal(t, "s", got.State)
	_, err = s.open(cookie, began.Add(FlowDuration+time.Second))
	require.ErrorIs(t, err, ErrRefused)
	require.NotEqual(t, cookie, s.seal(flow{State: "s", Started: began}))
}
