package quarantineexporter

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/holdstore"
	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
)

func attributeKey(k string) attribute.Key { return attribute.Key(k) }

func TestFactory(t *testing.T) {
	f := NewFactory()
	require.Equal(t, "quarantine", f.Type().String())
	require.NoError(t, componenttest.CheckConfigStruct(f.CreateDefaultConfig()))
	x := newFixture(t).start(t, nil)
	require.False(t, x.traces.Capabilities().MutatesData)
	require.Same(t, x.traces.(*traces).shared, x.metrics.(*metrics).shared)
}

func TestConfigFile(t *testing.T) {
	t.Setenv("TRACESCRUB_DATA", "")
	conf, err := confmaptest.LoadConf("testdata/config.yaml")
	require.NoError(t, err)
	for name := range conf.ToStringMap() {
		sub, err := conf.Sub(name)
		require.NoError(t, err)
		cfg := createDefaultConfig()
		require.NoError(t, sub.Unmarshal(cfg))
		require.NoError(t, confmap.Validate(cfg))
		if name == "quarantine" { // it shows the defaults
			want := createDefaultConfig().(*Config)
			want.Store.Local.GetOrInsertDefault()
			require.Equal(t, want, cfg)
		}
	}
}

func TestValidate(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Seal.PublicKeys, cfg.Seal.ReloadInterval, cfg.Timeout = "", -1, 0
	err := confmap.Validate(cfg)
	for _, want := range []string{
		"seal::public_keys: must name", "seal::reload_interval: must not", "timeout: must be", "store: must have local or kafka",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestLifecycle(t *testing.T) {
	host := componenttest.NewNopHost()
	for _, c := range []struct {
		name string
		do   func(component.Component) error
	}{
		{"start and shutdown", func(c component.Component) error {
			return errors.Join(c.Start(context.Background(), host), c.Shutdown(context.Background()))
		}},
		{"shutdown without start", func(c component.Component) error { return c.Shutdown(context.Background()) }},
		{"shutdown twice", func(c component.Component) error {
			return errors.Join(c.Shutdown(context.Background()), c.Shutdown(context.Background()))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, f := newFixture(t), NewFactory()
			tr, err := f.CreateTraces(t.Context(), x.set, x.cfg)
			require.NoError(t, err)
			lo, err := f.CreateLogs(t.Context(), x.set, x.cfg)
			require.NoError(t, err)
			me, err := f.CreateMetrics(t.Context(), x.set, x.cfg)
			require.NoError(t, err)
			require.Equal(t, 3, inUse.Users(x.cfg))
			for _, one := range []component.Component{tr, lo, me} {
				require.NoError(t, c.do(one))
			}
			require.Zero(t, inUse.Users(x.cfg))
			err = tr.ConsumeTraces(t.Context(), mask(t, x.cfg.Seal.PublicKeys, someTraces(1)))
			require.ErrorIs(t, err, errNotRunning)
			require.False(t, consumererror.IsPermanent(err))
		})
	}
}

// TestOneStore: the signals open one store and close it once, after the last.
func TestOneStore(t *testing.T) {
	x, store := newFixture(t), &fake{}
	var all []component.Component
	opens := 0
	for _, create := range []func() (component.Component, error){
		func() (component.Component, error) { return NewFactory().CreateTraces(t.Context(), x.set, x.cfg) },
		func() (component.Component, error) { return NewFactory().CreateLogs(t.Context(), x.set, x.cfg) },
	} {
		c, err := create()
		require.NoError(t, err)
		all = append(all, c)
	}
	all[0].(*traces).open = func(context.Context, backend.Config, *zap.Logger) (holdstore.Store, error) {
		opens++
		return store, nil
	}
	for _, c := range all {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
	}
	require.Equal(t, 1, opens)
	require.NoError(t, all[0].Shutdown(t.Context()))
	require.Zero(t, store.closed)
	require.NoError(t, all[1].Shutdown(t.Context()))
	require.Equal(t, 1, store.closed)
}

// TestStartErrors: without keys or store it does not start, and says where.
func TestStartErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		break_     func(*fixture)
	}{
		{"no keys", "seal::public_keys: ", func(f *fixture) { f.cfg.Seal.PublicKeys = filepath.Join(f.dir, "nowhere") }},
		{"no store", "store: ", func(f *fixture) { f.cfg.Store.Local.Get().Directory = "/proc/self/store" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newFixture(t)
			c.break_(x)
			e, err := NewFactory().CreateTraces(t.Context(), x.set, x.cfg)
			require.NoError(t, err)
			require.ErrorContains(t, e.Start(t.Context(), componenttest.NewNopHost()), c.want)
			require.NoError(t, e.Shutdown(t.Context()))
			require.Zero(t, inUse.Users(x.cfg))
		})
	}
}
