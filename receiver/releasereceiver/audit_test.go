package releasereceiver

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
)

// TestReceipts: they come from the log, in a directory or over HTTP, while
// another process writes it.
func TestReceipts(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  func(w *world, dir string) AuditConfig
	}{
		{"directory", func(_ *world, dir string) AuditConfig { return AuditConfig{Directory: dir} }},
		{"client", func(w *world, dir string) AuditConfig {
			server := httptest.NewServer(source.Handler(source.Directory(dir)))
			w.Cleanup(server.Close)
			client := confighttp.NewDefaultClientConfig()
			client.Endpoint = server.URL
			return AuditConfig{Client: configoptional.Some(client)}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			dir := filepath.Join(w.dir, "audit")
			w.cfg.Audit = configoptional.Some(c.ask(w, dir))
			w.start() // before there is a log
			id := w.hold()
			status, _ := w.call("ann", http.MethodGet, "/api/v1/items/"+id+"/receipt", "", 0)
			require.Equal(t, http.StatusServiceUnavailable, status)
			log, err := auditlog.Open(auditlog.Config{Directory: dir, Heartbeat: -1, Interval: -1})
			require.NoError(t, err)
			defer log.Close()
			status, _ = w.call("ann", http.MethodGet, "/api/v1/items/"+id+"/receipt", "", 0)
			require.Equal(t, http.StatusNotFound, status)
			_, err = log.Append(t.Context(), auditlog.Event{Kind: "tracescrub.denied", Time: time.Now(), Attributes: map[string]any{"tracescrub.item.id": id}})
			require.NoError(t, err)
			_, err = log.Checkpoint(t.Context())
			require.NoError(t, err)

			status, receipt := w.call("ann", http.MethodGet, "/api/v1/items/"+id+"/receipt", "", 0)
			require.Equal(t, http.StatusOK, status)
			status, body := w.call("ann", http.MethodGet, "/api/v1/audit", "", 0)
			require.Equal(t, http.StatusOK, status)
			var how source.Status
			require.NoError(t, json.Unmarshal(body, &how))
			r, err := proof.ParseReceipt(receipt)
			require.NoError(t, err)
			e, _, err := r.Check(nil, how.Keys)
			require.NoError(t, err)
			require.Equal(t, id, e.Attributes["tracescrub.item.id"])
			status, _ = w.call("eve", http.MethodGet, "/api/v1/audit", "", 0)
			require.Equal(t, http.StatusForbidden, status)
		})
	}
}
