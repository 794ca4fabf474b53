package releasereceiver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configauth"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/goleak"

	"github.com/tracescrub/tracescrub/internal/envelope"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/local"
	"github.com/tracescrub/tracescrub/internal/item"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/internal/release"
	"github.com/tracescrub/tracescrub/internal/restore"
	"github.com/tracescrub/tracescrub/internal/seal"
	"github.com/tracescrub/tracescrub/internal/shape"
	"github.com/tracescrub/tracescrub/internal/verdict"
	"github.com/tracescrub/tracescrub/internal/walk"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/gate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// passwords is an authenticator like basicauth: any user whose password is the name.
type passwords struct{ component.Component }

func (passwords) Start(context.Context, component.Host) error { return nil }
func (passwords) Shutdown(context.Context) error              { return nil }

func (passwords) Authenticate(ctx context.Context, headers map[string][]string) (context.Context, error) {
	r := http.Request{Header: headers}
	name, password, ok := r.BasicAuth()
	if !ok || name != password {
		return ctx, errors.New("unknown")
	}
	return client.NewContext(ctx, client.Info{Auth: user(name)}), nil
}

type user string

func (u user) GetAttribute(name string) any {
	if name == "username" {
		return string(u)
	}
	return nil
}
func (user) GetAttributeNames() []string { return []string{"username"} }

type host struct{}

func (host) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("basicauth"): passwords{}}
}

// pipelines are what comes after the receiver.
type pipelines struct {
	consumertest.Consumer
	mu       sync.Mutex
	traces   []ptrace.Traces
	releases []*release.Release
	events   []string
	down     bool
}

func (p *pipelines) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (p *pipelines) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.traces, p.releases = append(p.traces, td), append(p.releases, release.From(ctx))
	return nil
}

func (p *pipelines) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		return errors.New("down")
	}
	if !release.IsEvent(ctx) {
		return errors.New("not expected")
	}
	for _, rl := range ld.ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				_, who := r.Attributes().Get("user.id")
				_, votes := r.Attributes().Get("tracescrub.votes")
				if _, salted := r.Attributes().Get(event.AttrSalt); (who || votes) != salted {
					return errors.New("the names in it could be guessed from its id")
				}
				p.events = append(p.events, r.EventName())
			}
		}
	}
	return nil
}

func (p *pipelines) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// told are the names of the events so far.
func (p *pipelines) told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

func (p *pipelines) released() []ptrace.Traces {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.traces)
}

// world is a gate on a store of its own, with whatever is around it.
type world struct {
	*testing.T
	dir  string
	cfg  *Config
	pipe *pipelines
	all  []component.Component
	url  string
}

// newWorld prepares files; start starts.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), pipe: &pipelines{}}
	_, err := keyfiles.In(filepath.Join(w.dir, "keys")).New(time.Now())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, "fingerprint.key"), []byte("a fingerprint key of the tests\n"), 0o600))
	t.Setenv("TRACESCRUB_DATA", w.dir)
	w.cfg = w.config()
	return w
}

func (w *world) config() *Config {
	w.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Store.Local.GetOrInsertDefault()
	var l net.ListenConfig
	listener, err := l.Listen(w.Context(), "tcp", "127.0.0.1:0")
	require.NoError(w, err)
	cfg.HTTP.NetAddr.Endpoint = listener.Addr().String()
	require.NoError(w, listener.Close())
	cfg.HTTP.Auth = configoptional.Some(confighttp.AuthConfig{Config: configauth.Config{AuthenticatorID: component.MustNewID("basicauth")}})
	cfg.API.Permissions = []api.Grant{{
		Users: []string{"ann", "bob", "owner"}, Allow: []gate.Permission{gate.List, gate.Preview, gate.Decide, gate.Reveal, gate.Audit},
	}}
	cfg.API.Limits.RequestsPerSecond, cfg.API.Limits.Burst = 10_000, 10_000
	w.url = "http://" + cfg.HTTP.NetAddr.Endpoint
	return cfg
}

func (w *world) create() []component.Component {
	w.Helper()
	f, set := NewFactory(), receivertest.NewNopSettings(componentType)
	logs, err := f.CreateLogs(w.Context(), set, w.cfg, w.pipe)
	require.NoError(w, err)
	traces, err := f.CreateTraces(w.Context(), set, w.cfg, w.pipe)
	require.NoError(w, err)
	metrics, err := f.CreateMetrics(w.Context(), set, w.cfg, w.pipe)
	require.NoError(w, err)
	return []component.Component{logs, traces, metrics}
}

func (w *world) start() {
	w.Helper()
	w.all = w.create()
	for _, c := range w.all {
		require.NoError(w, c.Start(w.Context(), host{}))
	}
	w.Cleanup(w.stop)
	w.wait("ready", func() bool {
		status, _ := w.call("ann", http.MethodGet, "/api/v1/stats", "", 0)
		return status == http.StatusOK
	})
}

func (w *world) stop() {
	w.Helper()
	for _, c := range w.all {
		require.NoError(w, c.Shutdown(context.Background()))
	}
	w.all = nil
	http.DefaultClient.CloseIdleConnections()
}

// wait polls until ok; no test fails because a machine is slow.
func (w *world) wait(what string, ok func() bool) {
	w.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("waited in vain: %s", what)
		}
	}
}

func (w *world) call(who, method, path, body string, version uint64) (int, []byte) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	require.NoError(w, err)
	if who != "" {
		req.SetBasicAuth(who, who)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if version > 0 {
		v, err := json.Marshal(version)
		require.NoError(w, err)
		req.Header.Set("If-Match", `"`+string(v)+`"`)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(w, err)
	return resp.StatusCode, b
}

func (w *world) item(id string) gate.Detail {
	w.Helper()
	status, body := w.call("ann", http.MethodGet, "/api/v1/items/"+id, "", 0)
	require.Equal(w, http.StatusOK, status, "%s", body)
	var d gate.Detail
	require.NoError(w, json.Unmarshal(body, &d))
	return d
}

func (w *world) vote(who, id, verb, mode string) int {
	w.Helper()
	body := `{"reason":"a good one"}`
	if mode != "" {
		body = `{"reason":"a good one","mode":"` + mode + `"}`
	}
	status, _ := w.call(who, http.MethodPost, "/api/v1/items/"+id+":"+verb, body, w.item(id).Version)
	return status
}

const (
	maskedName   = "call with [MASKED:x:00112233] done"
	originalName = "call with what-was-there done"
)

// hold puts an item into the store as secret_mask, verdict and the quarantine
// exporter would.
func (w *world) hold() string {
	w.Helper()
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	attrs := rs.Resource().Attributes()
	attrs.PutStr("service.name", "agent")
	attrs.PutStr(verdict.Policy, "0123456789abcdef")
	attrs.PutStr(verdict.Producer, verdict.Commit([]byte("a fingerprint key of the tests"), "robot"))
	s := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	s.SetTraceID([16]byte{1, 1})
	s.SetSpanID([8]byte{2, 1})
	s.SetName(maskedName)
	s.Attributes().PutStr("user.id", "owner")
	verdict.Stamp(s.Attributes(), verdict.Held, []verdict.Finding{{Rule: "x", Severity: "critical", Field: "span.name", Fingerprint: "00112233", Action: "hold", Length: 14}}, false)

	sealer, err := seal.New(filepath.Join(w.dir, "keys", "public"))
	require.NoError(w, err)
	capsule, closer, err := sealer.Capsule()
	require.NoError(w, err)
	spot := walk.Spot(0)
	for i, p := range walk.Places() {
		if p.Name == "span.name" {
			spot = walk.Spot(i)
		}
	}
	patch := restore.Patch{Digests: []uint64{7}, Edits: []walk.Edit{{
		Spot: spot, Kind: walk.InText, Offset: len("call with "), Length: len("[MASKED:x:00112233]"), Original: "what-was-there",
		Sum: crc32.Checksum([]byte(maskedName), crc32.MakeTable(crc32.Castagnoli)),
	}}}
	packed, err := closer.Packed(restore.Binding("traces", "0123456789abcdef", s.TraceID(), s.SpanID()), patch.Marshal())
	require.NoError(w, err)
	s.Attributes().PutEmptyBytes(verdict.Restore).FromRaw(packed)

	items, err := item.Of(shape.Traces, td)
	require.NoError(w, err)
	require.Len(w, items, 1)
	it := items[0]
	held := &holdstore.Item{Meta: holdstore.Meta{
		ID: it.ID, Signal: it.Signal, Trace: it.Trace, Service: it.Service, Severity: it.Severity, Rules: it.Rules, Findings: it.Findings,
		Secrets: it.Secrets, Spans: it.Spans, Bytes: int64(len(it.View)), HeldAt: time.Now(), Policy: it.Policy, Producer: it.Producer,
	}, Capsule: capsule}
	bind := envelope.Binding{Part: envelope.View, Signal: it.Signal, Item: it.ID, Trace: it.Trace, Policy: it.Policy}
	held.View, err = closer.Close(bind, it.View)
	require.NoError(w, err)
	bind.Part = envelope.Restore
	held.Restore, err = closer.Close(bind, restore.MarshalList(restore.Of(&it)))
	require.NoError(w, err)
	held.Sum = sha256.Sum256(bytes.Join(append(append([][]byte{}, held.View...), held.Restore...), nil))
	store, err := local.Open(*w.cfg.Store.Local.Get())
	require.NoError(w, err)
	require.NoError(w, store.Put(w.Context(), held))
	require.NoError(w, store.Close())
	w.wait("held", func() bool {
		status, _ := w.call("ann", http.MethodGet, "/api/v1/items/"+it.ID.String(), "", 0)
		return status == http.StatusOK
	})
	return it.ID.String()
}
