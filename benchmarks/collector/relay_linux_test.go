package collector

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"
	"google.golang.org/grpc"
)

// relayVariable makes of the test's own binary a Collector that does what its value says.
const relayVariable = "TRACESCRUB_TEST_RELAY"

func TestMain(m *testing.M) {
	if how := os.Getenv(relayVariable); how != "" {
		if err := relay(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// relayed is what a relay reads of a Collector's configuration.
type relayed struct {
	Receivers struct {
		OTLP struct {
			Protocols struct {
				GRPC struct{ Endpoint string }
			}
		}
	}
	Processors map[string]struct {
		Rules struct{ Packs []string }
	}
	Exporters struct {
		OTLP struct{ Endpoint string } `yaml:"otlp_grpc"`
	}
	Service struct {
		Telemetry struct {
			Metrics struct {
				Readers []struct {
					Pull struct {
						Exporter struct{ Prometheus struct{ Port int } }
					}
				}
			}
		}
	}
}

// relay sends on what it gets, masked if a processor is configured.
func relay(how string) error {
	uri := flag.String("config", "", "")
	flag.Parse()
	var c relayed
	if err := yaml.Unmarshal([]byte(strings.TrimPrefix(*uri, "yaml:")), &c); err != nil {
		return err
	}
	next, err := newSender(c.Exporters.OTLP.Endpoint)
	if err != nil {
		return err
	}
	m := masker{how: how}
	for id, p := range c.Processors {
		m.text = map[string]string{"secret_mask": labelMask + "x:00000000]", "redaction": starMask}[id]
		m.packs = p.Rules.Packs
	}
	l, err := net.Listen("tcp", c.Receivers.OTLP.Protocols.GRPC.Endpoint)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.ForceServerCodecV2(frames{}), grpc.MaxRecvMsgSize(maxMessage), grpc.UnknownServiceHandler(func(_ any, s grpc.ServerStream) error {
		var f frame
		if err := s.RecvMsg(&f); err != nil {
			return err
		}
		raw, err := m.apply(f.raw)
		if err == nil {
			err = next.send(s.Context(), raw)
		}
		if err != nil {
			return err
		}
		return s.SendMsg(&frame{})
	}))
	go func() { _ = server.Serve(l) }()
	port := c.Service.Telemetry.Metrics.Readers[0].Pull.Exporter.Prometheus.Port
	go func() { _ = http.ListenAndServe(fmt.Sprintf("127.0.0.1:%d", port), http.HandlerFunc(m.metrics)) }()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	<-ctx.Done()
	server.GracefulStop()
	return nil
}

// masker is the processor of a relay.
type masker struct {
	how, text string
	packs     []string
	last      string
	reloads   int
	looks     int
	requests  atomic.Int64
}

var planted = regexp.MustCompile(`(?:ghp_|xoxb-)[0-9A-Za-z-]+`)

func (m *masker) apply(raw []byte) ([]byte, error) {
	if len(raw) == 0 {
		return raw, nil
	}
	req := ptraceotlp.NewExportRequest()
	if err := req.UnmarshalProto(raw); err != nil {
		return nil, err
	}
	spans := req.Traces().ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	n := m.requests.Add(1)
	if m.how == "loses" && n%3 == 0 {
		first := true
		spans.RemoveIf(func(ptrace.Span) bool { was := first; first = false; return was })
	}
	for _, s := range spans.All() {
		s.Attributes().Range(func(_ string, v pcommon.Value) bool {
			if m.text != "" && m.how != "leaks" && planted.MatchString(v.Str()) {
				v.SetStr(planted.ReplaceAllLiteralString(v.Str(), m.text))
			}
			if m.text == "" && m.how == "masks unasked" {
				v.SetStr(planted.ReplaceAllLiteralString(v.Str(), ""))
			}
			return true
		})
	}
	if m.text != "" && m.how == "masks too much" {
		spans.At(0).SetName(m.text)
	}
	return req.MarshalProto()
}

// metrics tell of reloads, one for each change of the pack that is seen.
func (m *masker) metrics(w http.ResponseWriter, _ *http.Request) {
	if len(m.packs) > 0 {
		text, err := os.ReadFile(m.packs[0])
		if err == nil && m.last != "" && m.last != string(text) {
			m.reloads++
		}
		m.last = string(text)
	}
	result := "success"
	if m.how == "fails reloads" {
		result = "failure"
	}
	m.looks++
	heap := 50e6
	if m.how == "grows" {
		heap += 1e6 * float64(m.looks)
	}
	fmt.Fprintf(w, "otelcol_process_runtime_heap_alloc_bytes{x=\"y\"} %g\n", heap)
	fmt.Fprintf(w, "otelcol_processor_secret_mask_reloads{result=%q} %d\n", result, m.reloads)
}
