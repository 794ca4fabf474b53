package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"

	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// keyVariable names the environment variable of the fingerprint key.
const keyVariable = "TRACESCRUB_FINGERPRINT_KEY"

// settings are a configuration of secret_mask, made fit for a command line.
type settings struct {
	*secretmaskprocessor.Config
	// stableKey: the fingerprint key comes from outside, so that fingerprints
	// of two runs can be compared.
	stableKey bool
}

// readSettings reads the keys of secret_mask from a file, which is either that
// section alone or a whole Collector configuration, and settles what differs
// on a command line: the key, which is never made on disk, and the stamps.
// file may be empty: the defaults.
func readSettings(ctx context.Context, file, annotate string, getenv func(string) string) (settings, error) {
	cfg, ok := secretmaskprocessor.NewFactory().CreateDefaultConfig().(*secretmaskprocessor.Config)
	if !ok {
		return settings{}, errors.New("secret_mask: unexpected configuration")
	}
	s := settings{Config: cfg}
	name := "secret_mask"
	if file != "" {
		name = file
		values, err := readFile(ctx, file)
		if err != nil {
			return s, fmt.Errorf("reading %s: %w", file, err)
		}
		if err := confmap.NewFromStringMap(values).Unmarshal(cfg); err != nil {
			return s, fmt.Errorf("%s: %w", file, err)
		}
	}
	cfg.Annotate = annotate
	cfg.Rules.ReloadInterval = 0
	key := getenv(keyVariable)
	s.stableKey = cfg.Fingerprint.Key != "" || cfg.Fingerprint.KeyFile != "" || key != ""
	if cfg.Fingerprint.Key == "" && cfg.Fingerprint.KeyFile == "" {
		if key == "" {
			key = rand.Text()
		}
		cfg.Fingerprint.Key = configopaque.String(key)
	}
	if err := confmap.Validate(cfg); err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	cfg.MaskOnly() // there is no quarantine here
	return s, nil
}

// resolveFiles reads configuration files as one, as the Collector does,
// ${env:NAME} included.
func resolveFiles(ctx context.Context, files ...string) (map[string]any, error) {
	var uris []string
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return nil, err
		}
		uris = append(uris, "file:"+abs)
	}
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: uris,
		ProviderFactories: []confmap.ProviderFactory{
			fileprovider.NewFactory(), envprovider.NewFactory(), yamlprovider.NewFactory(),
		},
		DefaultScheme: "env",
	})
	if err != nil {
		return nil, err
	}
	conf, err := resolver.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	all := conf.ToStringMap()
	if err := resolver.Shutdown(ctx); err != nil {
		return nil, err
	}
	return all, nil
}

// readFile reads a file that is a configuration, or the section of secret_mask alone.
func readFile(ctx context.Context, file string) (map[string]any, error) {
	all, err := resolveFiles(ctx, file)
	if err != nil {
		return nil, err
	}
	if _, whole := all["processors"]; whole {
		return pickProcessor(all["processors"])
	}
	if _, named := all["secret_mask"]; named && len(all) == 1 {
		return pickProcessor(all)
	}
	return all, nil
}

// pickProcessor returns the one secret_mask among the processors.
func pickProcessor(processors any) (map[string]any, error) {
	byID, _ := processors.(map[string]any)
	var ids []string
	for id := range byID {
		if id == "secret_mask" || strings.HasPrefix(id, "secret_mask/") {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	switch len(ids) {
	case 0:
		return nil, errors.New("processors: there is no secret_mask")
	case 1:
		values, ok := byID[ids[0]].(map[string]any)
		if !ok && byID[ids[0]] != nil {
			return nil, fmt.Errorf("processors::%s: no mapping", ids[0])
		}
		if values == nil {
			values = map[string]any{}
		}
		return values, nil
	}
	return nil, fmt.Errorf("processors: more than one secret_mask (%s): give the section alone", strings.Join(ids, ", "))
}
