package releasereceiver

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/tracescrub/tracescrub/internal/holdstore/local"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func TestReleases(t *testing.T) {
	for _, c := range []struct{ mode, want string }{{"masked", maskedName}, {"original", originalName}} {
		t.Run(c.mode, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			id := w.hold()
			d := w.item(id)
			require.Equal(t, gate.Pending, d.State)
			require.Equal(t, 2, d.RequiredVotes)
			require.Equal(t, []gate.Finding{{Rule: "x", Severity: "critical", Field: "span.name", Fingerprint: "00112233", Length: 14}}, d.FindingList)
			status, body := w.call("ann", http.MethodGet, "/api/v1/items/"+id+"/preview", "", 0)
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, string(body), maskedName)
			require.NotContains(t, string(body), "what-was-there")

			require.Equal(t, http.StatusForbidden, w.vote("owner", id, "approve", "masked"), "it is the owner's")
			require.Equal(t, http.StatusOK, w.vote("ann", id, "approve", c.mode))
			require.Equal(t, http.StatusOK, w.vote("bob", id, "approve", c.mode))
			w.wait("released and shredded", func() bool {
				h := w.item(id).History
				return h[len(h)-1].Event == "shredded"
			})
			require.Equal(t, gate.Released, w.item(id).State)
			status, _ = w.call("ann", http.MethodGet, "/api/v1/items/"+id+"/preview", "", 0)
			require.Equal(t, http.StatusGone, status)

			w.pipe.mu.Lock()
			defer w.pipe.mu.Unlock()
			require.Len(t, w.pipe.traces, 1)
			require.Equal(t, c.want, w.pipe.traces[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Name())
			r := w.pipe.releases[0]
			require.Equal(t, []any{id, c.mode, 1}, []any{r.Item, r.Mode, r.Attempt})
			if c.mode == "original" {
				require.Equal(t, map[uint64]struct{}{7: {}}, r.Approved)
			} else {
				require.Empty(t, r.Approved)
			}
			for _, name := range []string{"started", "viewed", "voted", "approved", "releasing", "released", "shredded"} {
				require.Contains(t, w.pipe.events, "tracescrub."+name)
			}
			at := func(name string) int { return slices.Index(w.pipe.events, "tracescrub."+name) }
			require.Less(t, at("approved"), at("releasing"))
			require.Less(t, at("releasing"), at("released"))
			require.Zero(t, at("started"))
		})
	}
}

func TestDenies(t *testing.T) {
	w := newWorld(t)
	w.start()
	id := w.hold()
	require.Equal(t, http.StatusOK, w.vote("ann", id, "deny", ""))
	w.wait("shredded", func() bool { return w.item(id).State == gate.Shredded })
	require.Equal(t, http.StatusConflict, w.vote("bob", id, "approve", "masked"))
	w.stop()
	w.cfg = w.config()
	w.start()
	require.Equal(t, gate.Shredded, w.item(id).State, "after a restart as well")
	require.Empty(t, w.pipe.released())
}

// TestNoAudit: while events are not taken, nothing happens.
func TestNoAudit(t *testing.T) {
	w := newWorld(t)
	w.start()
	id := w.hold()
	w.pipe.mu.Lock()
	w.pipe.down = true
	w.pipe.mu.Unlock()
	require.Equal(t, http.StatusServiceUnavailable, w.vote("ann", id, "approve", "masked"))
	require.Equal(t, http.StatusServiceUnavailable, w.vote("ann", id, "deny", ""))
	status, _ := w.call("ann", http.MethodGet, "/api/v1/items/"+id+"/preview", "", 0)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Empty(t, w.item(id).Votes)
}

func TestLifecycle(t *testing.T) {
	w := newWorld(t)
	for _, c := range w.create() { // shut down without a start, and twice
		require.NoError(t, c.Shutdown(t.Context()))
		require.NoError(t, c.Shutdown(t.Context()))
	}
	require.Empty(t, cores.m)
	w.start()
	status, _ := w.call("", http.MethodGet, "/api/v1/items", "", 0)
	require.Equal(t, http.StatusUnauthorized, status)
	status, _ = w.call("eve", http.MethodGet, "/api/v1/items", "", 0)
	require.Equal(t, http.StatusForbidden, status)
	require.NoError(t, w.all[0].Shutdown(t.Context()))
	status, _ = w.call("ann", http.MethodGet, "/api/v1/items", "", 0)
	require.Zero(t, status, "the work ends with the first signal")
	w.stop()
	require.Empty(t, cores.m)
	require.Contains(t, w.pipe.told(), "tracescrub.stopped")
}

func TestNeedsALogsPipeline(t *testing.T) {
	w := newWorld(t)
	r, err := NewFactory().CreateTraces(t.Context(), receivertest.NewNopSettings(componentType), w.cfg, consumertest.NewNop())
	require.NoError(t, err)
	require.ErrorContains(t, r.Start(t.Context(), host{}), "in no logs pipeline")
	require.NoError(t, r.Shutdown(t.Context()))
	require.Empty(t, cores.m)
}

func TestRefusesToStart(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(w *world)
		want string
	}{
		"no private key": {func(w *world) { w.cfg.Keys.Private = w.TempDir() }, "there is no *.key"},
		"no directory":   {func(w *world) { w.cfg.Keys.Private = filepath.Join(w.dir, "nowhere") }, "keys::private: "},
		"no fingerprint": {func(w *world) { w.cfg.FingerprintKeyFile = filepath.Join(w.dir, "nothing") }, "fingerprint_key_file: reading"},
		"short fingerprint": {func(w *world) {
			require.NoError(w, os.WriteFile(w.cfg.FingerprintKeyFile, []byte("short\n"), 0o600))
		}, "has 5 bytes, at least 16"},
		"open MAC key": {func(w *world) {
			require.NoError(w, os.WriteFile(filepath.Join(w.cfg.Keys.Private, macName), []byte(strings.Repeat("00", 32)), 0o600))
			require.NoError(w, os.Chmod(filepath.Join(w.cfg.Keys.Private, macName), 0o644)) //nolint:gosec // that is the point
		}, "can be read by others"},
		"broken MAC key": {func(w *world) {
			require.NoError(w, os.WriteFile(filepath.Join(w.cfg.Keys.Private, macName), []byte("00"), 0o600))
		}, "is not a key of 32 bytes"},
		"no such auth":  {func(w *world) { w.cfg.HTTP.Auth.Get().Config.AuthenticatorID = component.MustNewID("nobody") }, "http::auth: "},
		"address taken": {func(w *world) { w.cfg.HTTP.NetAddr.Endpoint = "127.0.0.1:99999" }, "http::endpoint: "},
		"store": {func(w *world) {
			file := filepath.Join(w.dir, "file")
			require.NoError(w, os.WriteFile(file, nil, 0o600))
			w.cfg.Store.Local.Get().Directory = file
		}, "store: "},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.do(w)
			all := w.create()
			var err error
			for _, r := range all {
				require.NoError(t, err)
				err = r.Start(t.Context(), host{})
			}
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "a fingerprint key of the tests")
			for _, r := range all {
				require.NoError(t, r.Shutdown(t.Context()))
			}
			store, err := local.Open(*w.cfg.Store.Local.Get())
			if name != "store" {
				require.NoError(t, err, "the store was left open")
				require.NoError(t, store.Close())
			}
		})
	}
}

// TestLostMACKey: a new key would make every decision void.
func TestLostMACKey(t *testing.T) {
	w := newWorld(t)
	w.start()
	id := w.hold()
	require.Equal(t, http.StatusOK, w.vote("ann", id, "deny", ""))
	w.wait("shredded", func() bool { return w.item(id).State == gate.Shredded })
	w.stop()
	file := filepath.Join(w.cfg.Keys.Private, macName)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	key, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.Remove(file))

	k, err := readKeys(w.cfg, receivertest.NewNopSettings(componentType).Logger)
	require.NoError(t, err)
	require.ErrorIs(t, k.admit(3), errForeign)
	require.NoFileExists(t, file)
	w.cfg = w.config()
	w.all = w.create()
	for _, c := range w.all {
		require.NoError(t, c.Start(t.Context(), host{}))
	}
	w.wait("an answer", func() bool {
		status, _ := w.call("ann", http.MethodGet, "/api/v1/stats", "", 0)
		return status == http.StatusServiceUnavailable
	})
	require.NoFileExists(t, file)
	w.stop()
	require.NoError(t, os.WriteFile(file, key, 0o600))
	w.cfg = w.config()
	w.start()
	require.Equal(t, gate.Shredded, w.item(id).State)
}

func TestRulesChanged(t *testing.T) {
	w := newWorld(t)
	w.start()
	require.NotContains(t, w.pipe.told(), "tracescrub.policy.changed")
	w.stop()
	w.cfg = w.config()
	w.start()
	require.NotContains(t, w.pipe.told(), "tracescrub.policy.changed")
	w.stop()
	w.cfg = w.config()
	w.cfg.Quorum = []QuorumConfig{{Required: 1}}
	w.pipe.set(func() { w.pipe.events, w.pipe.down = nil, true })
	w.start()
	id := w.hold()
	require.Equal(t, http.StatusServiceUnavailable, w.vote("ann", id, "deny", ""), "not under rules that the audit log does not know")
	w.pipe.set(func() { w.pipe.down = false })
	require.Equal(t, http.StatusOK, w.vote("ann", id, "deny", ""))
	require.Equal(t, []string{"tracescrub.started", "tracescrub.policy.changed"}, w.pipe.told()[:2])
	w.stop()
	w.pipe.set(func() { w.pipe.events = nil })
	cfg := w.config()
	cfg.Quorum = w.cfg.Quorum
	w.cfg = cfg
	w.start()
	w.stop()
	require.NotContains(t, w.pipe.told(), "tracescrub.policy.changed", "told once")
}

func TestSendsWhereItCan(t *testing.T) {
	w := newWorld(t)
	r, err := NewFactory().CreateLogs(context.Background(), receivertest.NewNopSettings(componentType), w.cfg, w.pipe)
	require.NoError(t, err)
	w.all = append(w.all, r)
	require.NoError(t, r.Start(t.Context(), host{}))
	t.Cleanup(w.stop)
	w.wait("ready", func() bool {
		status, _ := w.call("ann", http.MethodGet, "/api/v1/stats", "", 0)
		return status == http.StatusOK
	})
	id := w.hold()
	require.Equal(t, http.StatusOK, w.vote("ann", id, "approve", ""))
	require.Equal(t, http.StatusOK, w.vote("bob", id, "approve", ""))
	w.wait("a failed attempt", func() bool {
		return slices.ContainsFunc(w.item(id).History, func(c gate.Change) bool { return c.Event == "failed" })
	})
	require.Empty(t, w.pipe.released())
}
