package kafka_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/tracescrub/tracescrub/exporter/auditexporter"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// TestPublish: the exporter audit_log copies its checkpoints to a topic, the
// last one when it stops.
func TestPublish(t *testing.T) {
	b := newBroker(t, kfake.SeedTopics(1, "checkpoints"))
	dir := filepath.Join(t.TempDir(), "audit")
	factory := auditexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"directory": dir,
		"publish":   map[string]any{"kafka": map[string]any{"trail": map[string]any{"brokers": b.ListenAddrs(), "topic": "checkpoints"}}},
	}).Unmarshal(cfg))
	require.NoError(t, confmap.Validate(cfg))
	e, err := factory.CreateLogs(t.Context(), exportertest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.Shutdown(t.Context()))
	public, err := files.PublicKeys(dir)
	require.NoError(t, err)
	all := b.read(t, 1)
	c, _, err := proof.Open(all[len(all)-1].Value, public)
	require.NoError(t, err)
	require.Positive(t, c.Size)
	for c.Size < 2 { // the log's end is its second entry
		all = b.read(t, len(all)+1)
		c, _, err = proof.Open(all[len(all)-1].Value, public)
		require.NoError(t, err)
	}
	require.Equal(t, "tracescrub.checkpoint", string(all[0].Headers[0].Value))
}
