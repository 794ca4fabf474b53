package seldom

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

func TestLogIsLimited(t *testing.T) {
	core, logs := observer.New(zap.WarnLevel)
	now := time.Unix(0, 0)
	l := New(zap.New(core), func() time.Time { return now })
	for range 10 {
		l.Warn("message", 2, zap.String("reason", "a"))
		l.Warn("message", 1, zap.String("reason", "b"))
	}
	require.Equal(t, 2, logs.Len())
	now = now.Add(interval)
	l.Warn("message", 2, zap.String("reason", "a"))
	require.Equal(t, 3, logs.Len())
	require.Equal(t, "map[count:20 reason:a]", fmt.Sprint(logs.All()[2].ContextMap()))
}
