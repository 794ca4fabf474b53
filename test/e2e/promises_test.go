//go:build e2e

package e2e

import (
	"bytes"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tracescrub/tracescrub/test/loopback"
)

// batches makes one batch of every signal.
func batches(p planter, id byte) []batch {
	return []batch{tracesBatch(makeTraces(p, id)), logsBatch(makeLogs(p, id)), metricsBatch(makeMetrics(p, id))}
}

// verbose makes the collector say as much as it can.
const verbose = `service: {telemetry: {logs: {level: debug}}}`

// TestMaskEverywhere: whatever way a batch comes in, no secret of any place is
// in anything that the collector writes, prints or answers, and all else is as
// it was, in type, order and bytes.
func TestMaskEverywhere(t *testing.T) {
	c := start(t, t.TempDir(), verbose)
	v := newVault(3)
	for i, transport := range transports {
		want := batches(masked{}, byte(i))
		for j, b := range batches(v, byte(i)) {
			t.Run(transport.name+" "+b.signal, func(t *testing.T) {
				if err := transport.send(t, c, b); err != nil {
					t.Fatalf("sending: %v", err)
				}
				got, stamps := canonical(t, lastLine(c.out(t, b.signal)))
				checkStamps(t, stamps)
				line, err := want[j].file()
				if err != nil {
					t.Fatalf("encoding what is wanted: %v", err)
				}
				wanted, _ := canonical(t, line)
				differences(t, b.signal, got, wanted)
			})
		}
	}
	v.check(t, c.surfaces(t))
	c.stop(t)
	v.check(t, map[string][]byte{"terminal after the end": []byte(c.log.String())})
}

// differences names the paths at which two trees differ, never the values.
func differences(t *testing.T, path string, got, want any) {
	t.Helper()
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: is no object", path)
			return
		}
		for k := range g {
			if _, ok := w[k]; !ok {
				t.Errorf("%s: has a member more (%d bytes)", path, len(k))
			}
		}
		for k := range w {
			differences(t, path+"."+k, g[k], w[k])
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			t.Errorf("%s: has %d elements, want %d", path, len(g), len(w))
			return
		}
		for i := range w {
			differences(t, path+"["+name(w[i], i)+"]", g[i], w[i])
		}
	default:
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: differs", path)
		}
	}
}

// name is an attribute's key, or else the index: our own test's words, no secret.
func name(v any, i int) string {
	if attr, ok := v.(map[string]any); ok {
		if key, ok := attr["key"].(string); ok {
			return key
		}
	}
	return string(rune('0' + i%10))
}

// checkStamps wants a verdict on what was masked and the policy on the resource.
func checkStamps(t *testing.T, stamps []stamp) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range stamps {
		seen[s.key] = true
	}
	for _, key := range []string{"tracescrub.policy", "tracescrub.verdict", "tracescrub.findings"} {
		if !seen[key] {
			t.Errorf("no attribute %s", key)
		}
	}
}

// TestForgedStamp: a sender cannot write the verdict.
func TestForgedStamp(t *testing.T) {
	c := start(t, t.TempDir())
	td := makeTraces(masked{}, 1)
	rs := td.ResourceSpans().At(0)
	const forged = "forged-by-the-sender"
	rs.Resource().Attributes().PutStr("tracescrub.policy", forged)
	rs.ScopeSpans().At(0).Scope().Attributes().PutStr("tracescrub.any", forged)
	rs.ScopeSpans().At(0).Spans().At(0).Attributes().PutStr("tracescrub.verdict", forged)
	mustSend(t, c, tracesBatch(td))
	line := lastLine(c.out(t, "traces"))
	if bytes.Contains(line, []byte(forged)) {
		t.Error("a forged stamp was written out")
	}
	if !bytes.Contains(line, []byte("tracescrub.policy")) {
		t.Error("no stamp of ours")
	}
}

// TestSameSecretSameMask: also after a restart, because the key is kept; the
// key is its owner's alone.
func TestSameSecretSameMask(t *testing.T) {
	data := t.TempDir()
	var first []byte
	for range 2 {
		c := start(t, data)
		mustSend(t, c, tracesBatch(makeTraces(newVault(4), 1)))
		masks := bytes.Join(maskForm.FindAll(lastLine(c.out(t, "traces")), -1), nil)
		if len(masks) == 0 {
			t.Fatal("nothing was masked")
		}
		if first != nil && !bytes.Equal(first, masks) {
			t.Error("the masks differ after a restart")
		}
		first = masks
		c.stop(t)
	}
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if path == filepath.Join(data, "keys") {
			return err // what others may read of it is the public key
		}
		if path == filepath.Join(data, "keys", "public") {
			return fs.SkipDir
		}
		if err == nil && path != data && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", strings.TrimPrefix(path, data), info.Mode())
		}
		if d.IsDir() && path != data {
			return fs.SkipDir // what is inside cannot be reached
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOtherKeyOtherMask: fingerprints of two installations say nothing about each other.
func TestOtherKeyOtherMask(t *testing.T) {
	var first []byte
	for range 2 {
		c := start(t, t.TempDir())
		mustSend(t, c, logsBatch(makeLogs(newVault(5), 1)))
		masks := maskForm.Find(lastLine(c.out(t, "logs")))
		if masks == nil || bytes.Equal(first, masks) {
			t.Error("no mask, or the same mask under two keys")
		}
		first = masks
	}
}

// TestKill: what was acknowledged is in the output after kill -9, also a
// record so small that a buffer would have kept it.
func TestKill(t *testing.T) {
	c := start(t, t.TempDir())
	ld := plog.NewLogs()
	ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr("the last words")
	mustSend(t, c, logsBatch(ld))
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.done
	if !bytes.Contains(c.out(t, "logs"), []byte("the last words")) {
		t.Error("an acknowledged record is lost")
	}
}

// TestBackendDown: a sender whose data was not taken is told so, retryably.
func TestBackendDown(t *testing.T) {
	nobody := loopback.Addresses(t, 1)[0]
	c := start(t, t.TempDir(), `
exporters: {otlp_grpc: {endpoint: "`+nobody+`", tls: {insecure: true}, sending_queue: {enabled: false}, retry_on_failure: {enabled: false}}}
service: {pipelines: {logs/clean: {exporters: [otlp_grpc]}}}`)
	body, err := logsBatch(makeLogs(newVault(7), 1)).req.MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := post(t, c, "logs", "application/x-protobuf", body); status != 503 {
		t.Errorf("status %d, want 503", status)
	}
	c.alive(t)
}
