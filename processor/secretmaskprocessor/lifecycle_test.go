package secretmaskprocessor

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.opentelemetry.io/collector/processor/xprocessor"
)

// create makes one instance per signal.
func create(t *testing.T, cfg component.Config) map[string]component.Component {
	t.Helper()
	ctx, f, set := context.Background(), NewFactory(), processortest.NewNopSettings(componentType)
	all := map[string]component.Component{}
	var err error
	all["traces"], err = f.CreateTraces(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	all["logs"], err = f.CreateLogs(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	all["metrics"], err = f.CreateMetrics(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	all["profiles"], err = f.(xprocessor.Factory).CreateProfiles(ctx, set, cfg, consumertest.NewNop())
	require.NoError(t, err)
	return all
}

func TestLifecycle(t *testing.T) {
	ctx, host := context.Background(), componenttest.NewNopHost()
	for _, c := range []struct {
		name string
		do   func(t *testing.T, c component.Component)
	}{
		{"start and shutdown", func(t *testing.T, c component.Component) {
			t.Helper()
			require.NoError(t, c.Start(ctx, host))
			require.NoError(t, c.Shutdown(ctx))
		}},
		{"shutdown without start", func(t *testing.T, c component.Component) {
			t.Helper()
			require.NoError(t, c.Shutdown(ctx))
		}},
		{"shutdown twice", func(t *testing.T, c component.Component) {
			t.Helper()
			require.NoError(t, c.Start(ctx, host))
			require.NoError(t, c.Shutdown(ctx))
			require.NoError(t, c.Shutdown(ctx))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Rules.Packs = []string{writePack(t, t.TempDir(), "own.yaml", "TSOWN")} // so that the reloader runs
			all := create(t, cfg)
			require.Equal(t, 4, cores.Users(cfg), "the signals share the rules")
			for _, name := range []string{"traces", "logs", "metrics", "profiles"} {
				c.do(t, all[name])
			}
			require.Zero(t, cores.Users(cfg))
		})
	}
}

func TestFactory(t *testing.T) {
	f := NewFactory()
	require.Equal(t, "secret_mask", f.Type().String())
	require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
	h := start(t, testConfig(t))
	require.True(t, h.traces.Capabilities().MutatesData)
	require.True(t, h.records.Capabilities().MutatesData)
	require.True(t, h.metrics.Capabilities().MutatesData)
}

func TestDataBeforeStartAreRefused(t *testing.T) {
	var sink consumertest.LogsSink
	p, err := NewFactory().CreateLogs(context.Background(), processortest.NewNopSettings(componentType), testConfig(t), &sink)
	require.NoError(t, err)
	ld, r := oneLog()
	r.Body().SetStr(secret(t, 1))
	require.ErrorIs(t, p.ConsumeLogs(context.Background(), ld), errNotStarted)
	require.Empty(t, sink.AllLogs())
	require.NoError(t, p.Shutdown(context.Background()))
}

func TestDataAfterShutdownAreStillMasked(t *testing.T) {
	h := start(t, testConfig(t))
	require.NoError(t, h.records.Shutdown(context.Background()))
	ld, r := oneLog()
	r.Body().SetStr(secret(t, 1))
	require.NotContains(t, jsonOf(t, h.log(ld)), secret(t, 1))
}

func TestEmptyEverything(t *testing.T) {
	h := start(t, testConfig(t))
	ctx := context.Background()
	require.NoError(t, h.records.ConsumeLogs(ctx, plog.NewLogs()))
	require.NoError(t, h.metrics.ConsumeMetrics(ctx, pmetric.NewMetrics()))
	td, s := oneSpan()
	s.SetName("")
	s.Events().AppendEmpty()
	s.Links().AppendEmpty()
	require.Equal(t, 1, h.trace(td).SpanCount())
	md := pmetric.NewMetrics()
	ms := md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	ms.AppendEmpty()
	ms.AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty()
	require.NoError(t, h.metrics.ConsumeMetrics(ctx, md))
	require.Equal(t, 1, h.metricsSink.AllMetrics()[1].DataPointCount())
}

func TestProfiles(t *testing.T) {
	cfg := testConfig(t)
	cfg.Policy = []PolicyConfig{{Resource: map[string]string{"env": "dev"}, Field: "profile*", Action: "pass"}}
	all := create(t, cfg)
	p := all["profiles"].(xprocessor.Profiles)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	pd := pprofile.NewProfiles()
	pd.Dictionary().StringTable().Append("", "main", secret(t, 1))
	pd.Dictionary().AttributeTable().AppendEmpty().Value().SetStr(secret(t, 2))
	rp := pd.ResourceProfiles().AppendEmpty()
	rp.Resource().Attributes().PutStr("host.name", secret(t, 3))
	rp.Resource().Attributes().PutStr("env", "dev")
	rp.ScopeProfiles().AppendEmpty().Profiles().AppendEmpty().OriginalPayload().FromRaw([]byte(secret(t, 4)))
	require.NoError(t, p.ConsumeProfiles(context.Background(), pd))
	out := jsonOf(t, pd)
	for i := range uint64(3) {
		require.NotContains(t, out, secret(t, i+1), "secret %d: what the dictionary holds belongs to no resource", i+1)
	}
	payload := rp.ScopeProfiles().At(0).Profiles().At(0).OriginalPayload().AsRaw()
	require.Equal(t, secret(t, 4), string(payload), "the policy passes it")
	require.Equal(t, "main", pd.Dictionary().StringTable().At(1))
	require.Contains(t, pd.Dictionary().StringTable().At(2), "[MASKED:")

	dropAll := testConfig(t)
	dropAll.Policy = []PolicyConfig{{Field: "profile.*", Action: "drop"}}
	other := create(t, dropAll)
	q := other["profiles"].(xprocessor.Profiles)
	require.NoError(t, q.Start(context.Background(), componenttest.NewNopHost()))
	require.NoError(t, q.ConsumeProfiles(context.Background(), pd))
	require.Zero(t, pd.ResourceProfiles().Len(), "a profile is dropped for its payload")
	for _, set := range []map[string]component.Component{all, other} {
		for _, c := range set {
			require.NoError(t, c.Shutdown(context.Background()))
		}
	}
}
