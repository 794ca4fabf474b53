package corpus

import (
	"errors"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/tracescrub/tracescrub/internal/corpus"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// secretMask starts the processor with its default configuration.
func secretMask(t *testing.T) masker {
	t.Helper()
	t.Setenv("TRACESCRUB_DATA", t.TempDir()) // where the fingerprint key is made
	factory := secretmaskprocessor.NewFactory()
	set := processortest.NewNopSettings(factory.Type())
	traces, logs := new(consumertest.TracesSink), new(consumertest.LogsSink)
	tp, err := factory.CreateTraces(t.Context(), set, factory.CreateDefaultConfig(), traces)
	if err != nil {
		t.Fatal(err)
	}
	lp, err := factory.CreateLogs(t.Context(), set, factory.CreateDefaultConfig(), logs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []processor.Traces{tp} {
		if err := p.Start(t.Context(), componenttest.NewNopHost()); err != nil {
			t.Fatal(err)
		}
	}
	if err := lp.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // t.Context is done by now
		if err := tp.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := lp.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return func(c corpus.Case, payload []byte) ([]byte, error) {
		if c.Signal == "logs" {
			logs.Reset()
			ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(payload)
			if err != nil {
				return nil, err
			}
			if err := lp.ConsumeLogs(t.Context(), ld); err != nil {
				return nil, err
			}
			return (&plog.JSONMarshaler{}).MarshalLogs(logs.AllLogs()[0])
		}
		traces.Reset()
		td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(payload)
		if err != nil {
			return nil, err
		}
		if c.Scenario == "S99" {
			if td, err = spoil(td); err != nil {
				return nil, err
			}
		}
		if err := tp.ConsumeTraces(t.Context(), td); err != nil {
			return nil, err
		}
		out := traces.AllTraces()[0]
		if c.Scenario == "S99" && swap(out, badByte, marker) == 0 {
			return nil, errors.New("the bytes that are no UTF-8 are gone")
		}
		return (&ptrace.JSONMarshaler{}).MarshalTraces(out)
	}
}

// Text that is no UTF-8 exists in protobuf only. In the corpus U+FFFD stands for the bad bytes.
const marker, badByte = "\uFFFD", "\xff"

// spoil puts the bad bytes in and sends the traces over the wire.
func spoil(td ptrace.Traces) (ptrace.Traces, error) {
	if swap(td, marker, badByte) == 0 {
		return td, errors.New("nothing in the traces is marked")
	}
	wire, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(td)
	if err != nil {
		return td, err
	}
	return (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(wire)
}

// swap replaces a string in the attributes of all spans and counts how often.
func swap(td ptrace.Traces, from, to string) (n int) {
	for _, rs := range td.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				for _, v := range span.Attributes().All() {
					n += strings.Count(v.AsString(), from)
					if v.Type() == pcommon.ValueTypeStr {
						v.SetStr(strings.ReplaceAll(v.Str(), from, to))
					}
				}
			}
		}
	}
	return n
}

func TestProcessorKeepsThePromise(t *testing.T) {
	loaded, mask := load(t), secretMask(t)
	for _, seed := range seeds {
		faults, total, err := broken(loaded, seed, mask)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faults {
			t.Errorf("seed %d: %s", seed, f)
		}
		t.Logf("seed %d: %+v of %d cases; %d of %d look-alikes destroyed, %d of %d words beside secrets lost, %d windows",
			seed, total.By, total.Cases, total.DecoysDestroyed, total.Decoys, total.WordsLost, total.Words, total.Windows)
		if t.Failed() {
			for _, n := range total.Notes {
				t.Log(n)
			}
		}
	}
}
