package releasereceiver

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

// stats is a gate that has nothing else.
type stats struct {
	gate.Gate
	err error
}

func (s stats) Stats() (gate.Stats, error) {
	held := time.Now().Add(-time.Hour)
	return gate.Stats{
		States: map[gate.State]int{gate.Pending: 3, gate.Released: 2}, OldestPending: &held, PendingBytes: 500, ReleaseFailing: 1,
	}, s.err
}

func TestTelemetry(t *testing.T) {
	tt := componenttest.NewTelemetry()
	defer func() { require.NoError(t, tt.Shutdown(context.Background())) }()
	tel, err := newTelemetry(tt.NewTelemetrySettings())
	require.NoError(t, err)
	require.NoError(t, tel.watch(stats{}))
	tel.Voted("approve", "counted")
	tel.Released("masked", "success", time.Second)
	tel.Ended("expired")
	tel.Viewed()
	tel.Ignored()
	tel.AuditFailed()
	tel.notified("dropped", 7)

	get := func(name string) metricdata.Metrics {
		m, err := tt.GetMetric("otelcol_receiver_release_gate_" + name)
		require.NoError(t, err)
		return m
	}
	for name, want := range map[string]int64{"votes": 1, "views": 1, "releases": 1, "ended": 1, "ignored_records": 1, "audit_failures": 1, "notifications": 7} {
		points := get(name).Data.(metricdata.Sum[int64]).DataPoints
		require.Len(t, points, 1, name)
		require.Equal(t, want, points[0].Value, name)
	}
	for name, want := range map[string]int64{"pending_bytes": 500, "release_failing": 1, "ready": 1} {
		require.Equal(t, want, get(name).Data.(metricdata.Gauge[int64]).DataPoints[0].Value, name)
	}
	states := get("items").Data.(metricdata.Gauge[int64]).DataPoints
	require.True(t, slices.ContainsFunc(states, func(p metricdata.DataPoint[int64]) bool {
		v, _ := p.Attributes.Value("state")
		return v.AsString() == "pending" && p.Value == 3
	}))
	require.InDelta(t, 3600, get("oldest_pending").Data.(metricdata.Gauge[float64]).DataPoints[0].Value, 60)
	require.Equal(t, uint64(1), get("release_duration").Data.(metricdata.Histogram[float64]).DataPoints[0].Count)
	require.NoError(t, tel.end())

	tel, err = newTelemetry(tt.NewTelemetrySettings())
	require.NoError(t, err)
	require.NoError(t, tel.watch(stats{err: gate.ErrNotReady}))
	require.Zero(t, get("ready").Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
	require.NoError(t, tel.end())
}
