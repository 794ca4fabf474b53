package guarded

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.yaml.in/yaml/v3"
)

// TestBounds: no client gets time or room without end from our own servers.
func TestBounds(t *testing.T) {
	cfg := DefaultServer()
	require.Positive(t, cfg.MaxRequestBodySize)
	s, err := cfg.ToServer(t.Context(), nil, componenttest.NewNopTelemetrySettings(), http.NotFoundHandler())
	require.NoError(t, err)
	Bound(s)
	require.Positive(t, s.ReadHeaderTimeout)
	require.Positive(t, s.ReadTimeout)
	require.Positive(t, s.WriteTimeout)
	require.Positive(t, s.IdleTimeout)
	require.Equal(t, maxHeader, s.MaxHeaderBytes)
}

// TestShippedBounds: nor from the OTLP receivers of the configurations that we
// ship, whose defaults are the Collector's.
func TestShippedBounds(t *testing.T) {
	shipped, err := filepath.Glob("../../deploy/*.yaml")
	require.NoError(t, err)
	protocols := 0
	for _, file := range shipped {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var conf struct {
			Receivers map[string]struct {
				Protocols map[string]map[string]any
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &conf), file)
		for id, r := range conf.Receivers {
			for protocol, keys := range r.Protocols {
				protocols++
				bounds := []string{"max_request_body_size", "read_header_timeout", "read_timeout"}
				if protocol == "grpc" {
					bounds = []string{"max_recv_msg_size_mib"}
				}
				for _, key := range bounds {
					require.Contains(t, keys, key, "%s: %s::%s", file, id, protocol)
				}
			}
		}
	}
	require.GreaterOrEqual(t, protocols, 7)
}
