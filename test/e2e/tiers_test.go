//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// buildRouter builds the first tier once; it is of another module.
var buildRouter = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "-C", "../tiers", "build", "-trimpath", "-tags", "grpcnotrace", "-ldflags=-s -w", "-o", "../../bin/router", "./cmd/router")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return filepath.Abs("../../bin/router")
})

// tierTraces and tierSpans: a trace comes in so many requests, a span in each.
const tierTraces, tierSpans = 60, 5

func tierTrace(from, n int) pcommon.TraceID {
	id := traceID(byte(n))
	id[1] = byte(from)
	return id
}

// step is one span of each trace. The first one of every other trace has a critical secret.
func step(v *vault, from, span int, which func(trace int) bool) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "agent")
	ss := rs.ScopeSpans().AppendEmpty()
	for n := range tierTraces {
		if !which(n) {
			continue
		}
		s := ss.Spans().AppendEmpty()
		s.SetTraceID(tierTrace(from, n))
		s.SetSpanID(pcommon.SpanID{byte(n), byte(span), 1, byte(from), 1, 1, 1, 1})
		s.SetName("step")
		if span == 0 && n%2 == 0 {
			s.Attributes().PutStr("tool.result", "export GITHUB_TOKEN="+v.token("a held span"))
		}
	}
	return td
}

// TestTwoTiers: behind a router of contrib's parts all spans of a trace reach
// the same gateway, so that a trace is held whole; the gateways know the
// sender through it, and the sender hears what a gateway refused.
func TestTwoTiers(t *testing.T) {
	program, err := buildRouter()
	if err != nil {
		t.Fatalf("building the router: %v", err)
	}
	senders := `receivers: {otlp: {protocols: {grpc: {auth: {authenticator: basicauth/approvers}}}}}`
	var gateways []*collector
	var admins []*admin
	data := t.TempDir()
	for i := range 2 {
		dir := filepath.Join(data, fmt.Sprint("gateway", i))
		if i == 1 { // senders have the same passwords everywhere
			if code, said := tool(t, "setup", dir); code != 0 {
				t.Fatalf("tracescrub setup: exit code %d\n%s", code, said)
			}
			text, err := os.ReadFile(filepath.Join(gateways[0].data, "demo-approvers"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "demo-approvers"), string(text))
		}
		gateways = append(gateways, startHolding(t, dir, senders))
		admins = append(admins, newAdmin(t, gateways[i]))
	}
	front := newCollector(t, filepath.Join(data, "router"))
	router := exec.Command(program, "--config", "../tiers/router.yaml", "--config",
		"yaml:service: {telemetry: {metrics: {level: none}}}")
	router.Env = append(os.Environ(), "LISTEN="+front.grpc, "GATEWAY_1="+gateways[0].grpc, "GATEWAY_2="+gateways[1].grpc, "INSECURE=true")
	router.Stdout, router.Stderr = front.log, front.log
	if err := router.Start(); err != nil {
		t.Fatalf("starting the router: %v", err)
	}
	t.Cleanup(func() {
		_ = router.Process.Kill() // it may have ended already
		_ = router.Wait()
	})
	v := newVault(61)
	alice := "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:"+admins[0].passwords["alice"]))
	conn := dial(t, front)
	send := func(td ptrace.Traces) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return tracesBatch(td).rpc(metadata.AppendToOutgoingContext(ctx, "authorization", alice), conn)
	}
	all := func(int) bool { return true }
	soon(t, "the router to take telemetry", func() bool { return send(step(v, 9, 1, all)) == nil })
	for span := range tierSpans {
		if err := send(step(v, 1, span, all)); err != nil {
			t.Fatalf("sending spans number %d: %v\n%s", span, err, front.log)
		}
	}
	for _, complaint := range divided(t, 1, gateways, admins) {
		t.Error(complaint)
	}
	t.Run("the sender is known", func(t *testing.T) {
		it := admins[0].list(t, "pending")[0]
		if got := admins[0].vote(t, "alice", it.ID, "approve", "masked"); got != http.StatusForbidden {
			t.Errorf("the sender's vote: status %d, want 403", got)
		}
	})
	t.Run("without the router", func(t *testing.T) { // the check must see it
		for span := range tierSpans {
			for i, c := range gateways {
				td := step(v, 2, span, func(n int) bool { return (n+span)%2 == i })
				ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", alice)
				if err := tracesBatch(td).rpc(ctx, dial(t, c)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if len(divided(t, 2, gateways, admins)) < tierTraces {
			t.Error("traces that came to both gateways in turn are not noticed")
		}
	})
	v.check(t, map[string][]byte{"the router's terminal": []byte(front.log.String())})
	t.Run("a gateway is away", func(t *testing.T) {
		gateways[1].stop(t)
		if err := send(step(v, 3, 1, all)); status.Code(err) != codes.Unavailable {
			t.Errorf("the sender hears %v, want that it is to try again", err)
		}
	})
}

// divided says what is wrong with the traces of a number: their spans are at
// one gateway, written if nothing in them is held, and else all of them held.
func divided(t *testing.T, from int, gateways []*collector, admins []*admin) (complaints []string) {
	t.Helper()
	written, held := make([]map[string]int, 2), make([]map[string]int, 2)
	for i, c := range gateways {
		written[i] = spansWritten(t, c)
		held[i] = map[string]int{}
		for _, it := range admins[i].list(t, "pending") {
			held[i][it.TraceID] += it.Spans
		}
	}
	share := [2]int{}
	for n := range tierTraces {
		id := tierTrace(from, n).String()
		for i := range gateways {
			w, h := written[i][id], held[i][id]
			wantWritten, wantHeld := tierSpans, 0
			if n%2 == 0 {
				wantWritten, wantHeld = 0, tierSpans
			}
			switch {
			case w == wantWritten && h == wantHeld:
				share[i]++
			case w+h != 0:
				complaints = append(complaints, fmt.Sprintf("trace %d at gateway %d: %d spans written, %d held; want %d, %d, or none at all", n, i, w, h, wantWritten, wantHeld))
			}
		}
	}
	if share[0]+share[1] != tierTraces {
		complaints = append(complaints, fmt.Sprintf("%d traces of %d are whole", share[0]+share[1], tierTraces))
	}
	if min(share[0], share[1]) < tierTraces/6 {
		complaints = append(complaints, fmt.Sprintf("the gateways have %v traces", share))
	}
	return complaints
}

// spansWritten counts the spans of each trace in what a gateway has written.
func spansWritten(t *testing.T, c *collector) map[string]int {
	t.Helper()
	n := map[string]int{}
	for line := range strings.Lines(string(c.out(t, "traces"))) {
		var batch struct {
			ResourceSpans []struct {
				ScopeSpans []struct {
					Spans []struct {
						TraceID string `json:"traceId"`
						SpanID  string `json:"spanId"`
					} `json:"spans"`
				} `json:"scopeSpans"`
			} `json:"resourceSpans"`
		}
		if err := json.Unmarshal([]byte(line), &batch); err != nil {
			t.Fatalf("what is written is no JSON: %v", err)
		}
		for _, rs := range batch.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					n[s.TraceID]++
				}
			}
		}
	}
	return n
}
