package secretmaskprocessor

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestMetrics(t *testing.T) {
	h := start(t, testConfig(t))
	for range 2 {
		td, s := oneSpan()
		s.Attributes().PutStr("key", "text "+secret(t, 1))
		s.Events().AppendEmpty().SetName(secret(t, 2))
		h.trace(td)
	}
	require.Equal(t, int64(2), h.sum(metricPrefix+"items_scanned", "signal=traces"))
	require.Equal(t, int64(2*(len("chat")+len("key")+len("text ")+40+40)), h.sum(metricPrefix+"bytes_scanned", "signal=traces"))
	require.Equal(t, int64(2), h.sum(metricPrefix+"findings", "rule=github-token", "severity=critical", "field=span.attributes", "action=mask"))
	require.Equal(t, int64(2), h.sum(metricPrefix+"findings", "field=span.events[].name"))
	require.Equal(t, int64(4), h.sum(metricPrefix+"findings"))

	m, err := h.tel.GetMetric(metricPrefix + "scan_duration")
	require.NoError(t, err)
	require.Equal(t, "s", m.Unit)
	require.Equal(t, uint64(2), m.Data.(metricdata.Histogram[float64]).DataPoints[0].Count)
	m, err = h.tel.GetMetric(metricPrefix + "rules")
	require.NoError(t, err)
	require.Equal(t, int64(len(h.core.engine.Rules())), m.Data.(metricdata.Gauge[int64]).DataPoints[0].Value)
}

// TestReadmeNamesEveryMetric compares the table with telemetry.go.
func TestReadmeNamesEveryMetric(t *testing.T) {
	names := func(file, pattern string) []string {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		var all []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(b), -1) {
			all = append(all, m[1])
		}
		return all
	}
	made := names("telemetry.go", `"(otelcol_[a-z_]+)"`)
	require.Len(t, made, 15)
	require.ElementsMatch(t, made, names("README.md", "\\| `(otelcol_[a-z_]+)`"))
}
