package publish

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"golang.org/x/mod/sumdb/note"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/auditlog/witness"
	"github.com/tracescrub/tracescrub/internal/auditlog/witness/witnesstest"
	"github.com/tracescrub/tracescrub/internal/event"
	"github.com/tracescrub/tracescrub/internal/webhook"
)

func take(t *testing.T, signed []byte) *checkpoint {
	t.Helper()
	c, err := newCheckpoint(signed)
	require.NoError(t, err)
	return c
}

func entries(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	m := map[string]string{}
	for _, e := range all {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		m[e.Name()] = string(b)
	}
	return m
}

func TestFile(t *testing.T) {
	key := newSigner(t)
	one, two := key.sign(t, 1), key.sign(t, 2)
	dir := t.TempDir()
	f, err := newFile(FileConfig{Path: filepath.Join(dir, "copy")}, t.TempDir())
	require.NoError(t, err)
	for _, signed := range [][]byte{one, two, two} {
		require.NoError(t, f.send(t.Context(), take(t, signed)))
		require.Equal(t, map[string]string{"copy": string(signed)}, entries(t, dir))
	}

	dir = t.TempDir()
	f, err = newFile(FileConfig{Directory: dir}, t.TempDir())
	require.NoError(t, err)
	forked := newSigner(t).sign(t, 2)
	want := map[string]string{}
	for _, signed := range [][]byte{one, two, two, forked} {
		c := take(t, signed)
		require.NoError(t, f.send(t.Context(), c))
		want["checkpoint-0000000000000000000"+map[int64]string{1: "1", 2: "2"}[c.Size]+"-"+c.id[:8]] = string(signed)
	}
	require.Len(t, want, 3)
	require.Equal(t, want, entries(t, dir))

	// A mount that is missing is an error, not a directory of ours.
	gone := filepath.Join(t.TempDir(), "mount")
	for _, cfg := range []FileConfig{{Directory: gone}, {Path: filepath.Join(gone, "copy")}} {
		f, err = newFile(cfg, t.TempDir())
		require.NoError(t, err)
		require.ErrorIs(t, f.send(t.Context(), take(t, one)), os.ErrNotExist)
		require.NoDirExists(t, gone)
	}
}

// TestFileBlocks: a write that does not end is waited for, but not for ever,
// and there is never a second one beside it.
func TestFileBlocks(t *testing.T) {
	c := take(t, newSigner(t).sign(t, 1))
	f, err := newFile(FileConfig{Path: filepath.Join(t.TempDir(), "copy")}, t.TempDir())
	require.NoError(t, err)
	begun, end := make(chan struct{}, 10), make(chan struct{})
	f.write = func(*checkpoint) error {
		begun <- struct{}{}
		<-end
		return nil
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		require.ErrorIs(t, f.send(ctx, c), errFileBlocked)
		cancel()
	}
	require.Len(t, begun, 1)
	close(end)
	require.NoError(t, f.send(t.Context(), c))
	require.Len(t, begun, 2)
}

func TestWebhook(t *testing.T) {
	var header http.Header
	var body []byte
	status := http.StatusNoContent
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(status)
	}))
	defer srv.Close()
	key, secret := newSigner(t), rand.Text()
	h := &hook{hook: webhookOf(WebhookConfig{PaceConfig: defaultPace(), URL: configopaque.String(srv.URL + "/private"), Secret: configopaque.String(secret)})}
	defer h.close()
	c := take(t, key.sign(t, 42))
	require.NoError(t, h.send(t.Context(), c))
	require.Equal(t, webhook.Sign(secret, header.Get("Tracescrub-Timestamp"), body), header.Get("Tracescrub-Signature"))
	var m map[string]any
	require.NoError(t, json.Unmarshal(body, &m))
	root := base64.StdEncoding.EncodeToString(c.Root[:])
	require.Equal(t, map[string]any{
		"text": "audit log example.org/log: 42 entries, root " + root, "message_id": c.id, "event": "tracescrub.checkpoint",
		"origin": "example.org/log", "size": 42., "root": root, "checkpoint": string(c.signed),
	}, m)
	require.Equal(t, c.id, header.Get("Tracescrub-Message-Id"))
	_, _, err := proof.Open([]byte(m["checkpoint"].(string)), []string{key.public})
	require.NoError(t, err)
	before := body
	require.NoError(t, h.send(t.Context(), c))
	require.Equal(t, before, body, "the same in every attempt")
	status = http.StatusForbidden
	err = h.send(t.Context(), c)
	require.ErrorContains(t, err, "403")
	require.NotContains(t, err.Error(), "private")
}

func otlpSink(t *testing.T, endpoint string) *otlp {
	t.Helper()
	set := componenttest.NewNopTelemetrySettings()
	set.Resource.Attributes().PutStr("service.instance.id", "one")
	o := &otlp{cfg: OTLPConfig{HTTP: defaultClient()}, set: set}
	o.cfg.HTTP.Endpoint = endpoint
	require.NoError(t, o.start(t.Context(), componenttest.NewNopHost(), source.Published{}))
	t.Cleanup(o.close)
	return o
}

func TestOTLP(t *testing.T) {
	var path, contentType string
	got := plogotlp.NewExportRequest()
	status, rejected := http.StatusOK, int64(0)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, contentType = r.URL.Path, r.Header.Get("Content-Type")
		body, _ := io.ReadAll(r.Body)
		if err := got.UnmarshalProto(body); err != nil {
			status = http.StatusBadRequest
		}
		answer := plogotlp.NewExportResponse()
		answer.PartialSuccess().SetRejectedLogRecords(rejected)
		b, _ := answer.MarshalProto()
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		w.Write(b)
	}))
	defer srv.Close()
	o := otlpSink(t, srv.URL+"/base/")
	c := take(t, newSigner(t).sign(t, 42))
	require.NoError(t, o.send(t.Context(), c))
	require.Equal(t, "/base/v1/logs", path)
	require.Equal(t, "application/x-protobuf", contentType)
	rl := got.Logs().ResourceLogs().At(0)
	require.Equal(t, map[string]any{"service.instance.id": "one"}, rl.Resource().Attributes().AsRaw())
	require.Equal(t, event.Scope, rl.ScopeLogs().At(0).Scope().Name())
	r := rl.ScopeLogs().At(0).LogRecords().At(0)
	require.Equal(t, "tracescrub.checkpoint", r.EventName())
	require.True(t, event.Genuine(r), "an audit log takes it")
	attributes := r.Attributes().AsRaw()
	first := attributes[event.AttrID]
	delete(attributes, event.AttrID)
	require.Equal(t, map[string]any{
		"tracescrub.checkpoint.origin": "example.org/log", "tracescrub.checkpoint.size": int64(42),
		"tracescrub.checkpoint.root": c.Root.String(), "tracescrub.checkpoint.note": string(c.signed),
	}, attributes)
	require.NoError(t, o.send(t.Context(), c))
	again, _ := got.Logs().ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get(event.AttrID)
	require.Equal(t, first, again.Str(), "the same in every attempt")
	rejected = 1
	require.ErrorContains(t, o.send(t.Context(), c), "rejects")
	rejected = 0
	for _, status = range []int{http.StatusFound, http.StatusUnauthorized, http.StatusServiceUnavailable} {
		require.ErrorContains(t, o.send(t.Context(), c), "answers")
	}
	srv.Close()
	err := o.send(t.Context(), c)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "127.0.0.1")
}

type fakeTopic struct {
	value   []byte
	headers map[string]string
	err     error
}

func (f *fakeTopic) Append(_ context.Context, value []byte, headers map[string]string) error {
	f.value, f.headers = value, headers
	return f.err
}

func (*fakeTopic) Close() {}

// TestKafka: the record; test/kafka has the brokers.
func TestKafka(t *testing.T) {
	f := &fakeTopic{}
	k := &kafkaSink{topic: f}
	c := take(t, newSigner(t).sign(t, 42))
	require.NoError(t, k.send(t.Context(), c))
	require.Equal(t, c.signed, f.value)
	require.Equal(t, map[string]string{"event": "tracescrub.checkpoint", "id": c.id, "origin": "example.org/log", "size": "42"}, f.headers)
	f.err = errors.New("no")
	require.Error(t, k.send(t.Context(), c))
	k.close()
	(&kafkaSink{}).close()
}

// TestWitness: a log that is written is cosigned as it grows; one that was
// rolled back is not.
func TestWitness(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	w, other := witnesstest.New("w1"), witnesstest.New("w2")
	cfg := Config{Witness: map[string]WitnessConfig{}}
	for name, w := range map[string]*witnesstest.Witness{"one": w, "two": other} {
		srv := httptest.NewServer(w)
		defer srv.Close()
		c := WitnessConfig{HTTP: defaultClient(), Key: w.Key}
		c.HTTP.Endpoint = srv.URL
		cfg.Witness[name] = c
	}
	p, err := New(cfg, dir, componenttest.NewNopTelemetrySettings(), nil)
	require.NoError(t, err)
	log, err := auditlog.Open(auditlog.Config{Directory: dir, Origin: "example.org/log", Checkpointed: p.Checkpointed})
	require.NoError(t, err)
	public, err := files.PublicKeys(dir)
	require.NoError(t, err)
	for _, w := range []*witnesstest.Witness{w, other} {
		require.NoError(t, w.Trust(public[0]))
	}
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	for i := range 20 {
		_, err := log.Append(t.Context(), auditlog.Event{Kind: "tracescrub.denied", Time: time.Unix(int64(i), 0)})
		require.NoError(t, err)
		_, err = log.Checkpoint(t.Context())
		require.NoError(t, err)
	}
	require.NoError(t, log.Close())
	require.NoError(t, p.Shutdown(t.Context()))

	signed, err := os.ReadFile(filepath.Join(dir, source.WitnessedFile))
	require.NoError(t, err)
	c, _, err := proof.Open(signed, public)
	require.NoError(t, err)
	require.EqualValues(t, 22, c.Size)
	var vs []note.Verifier
	for _, w := range []*witnesstest.Witness{w, other} {
		require.EqualValues(t, 22, w.Size("example.org/log"))
		v, err := witness.NewVerifier(w.Key)
		require.NoError(t, err)
		vs = append(vs, v)
	}
	n, err := note.Open(signed, note.VerifierList(vs...))
	require.NoError(t, err)
	require.Len(t, n.Sigs, 2)
	for _, s := range p.Status() {
		require.EqualValues(t, 22, s.Size, s.To)
		require.Empty(t, s.Error)
	}

	// Somebody with the key writes another, shorter log.
	private, err := os.ReadFile(filepath.Join(dir, files.Private))
	require.NoError(t, err)
	forged := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.MkdirAll(forged, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(forged, files.Private), private, 0o600))
	p, err = New(cfg, forged, componenttest.NewNopTelemetrySettings(), nil)
	require.NoError(t, err)
	log, err = auditlog.Open(auditlog.Config{Directory: forged, Checkpointed: p.Checkpointed})
	require.NoError(t, err)
	require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, log.Close())
	require.NoError(t, p.Shutdown(t.Context()))
	for _, s := range p.Status() {
		require.Contains(t, s.Error, "rolled back")
		require.NotContains(t, strings.ToLower(s.Error), "127.0.0.1")
	}
	require.NoFileExists(t, filepath.Join(forged, source.WitnessedFile))
}
