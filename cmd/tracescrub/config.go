package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sort"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"

	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
)

// keyVariable names the environment variable of the fingerprint key.
const keyVariable = "TRACESCRUB_FINGERPRINT_KEY"

// section is the settings of secret_mask as they stand in a file.
type section struct {
	values map[string]any
	// stableKey: the fingerprint key comes from outside, so that fingerprints
	// of two runs can be compared.
	stableKey bool
}

// readSection reads the keys of secret_mask from a file, which is either that
// section alone or a whole Collector configuration, and settles what differs
// on a command line: the key, and the stamps. file may be empty.
func readSection(ctx context.Context, file, annotate string, getenv func(string) string) (section, error) {
	s := section{values: map[string]any{}}
	if file != "" {
		var err error
		if s.values, err = readFile(ctx, file); err != nil {
			return s, fmt.Errorf("reading %s: %w", file, err)
		}
	}
	s.values["annotate"] = annotate
	if key, ok := s.values["fingerprint_key"].(string); ok && key != "" {
		s.stableKey = true
		return s, nil
	}
	if key := getenv(keyVariable); key != "" {
		s.values["fingerprint_key"], s.stableKey = key, true
		return s, nil
	}
	var once [32]byte
	if _, err := rand.Read(once[:]); err != nil {
		return s, fmt.Errorf("making a fingerprint key: %w", err)
	}
	s.values["fingerprint_key"] = hex.EncodeToString(once[:])
	return s, nil
}

// readFile resolves a configuration file as the Collector does, ${env:NAME} included.
func readFile(ctx context.Context, file string) (map[string]any, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	resolver, err := confmap.NewResolver(confmap.ResolverSettings{
		URIs: []string{"file:" + abs},
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
	if _, whole := all["processors"]; !whole {
		return all, nil
	}
	return pickProcessor(all["processors"])
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
		return nil, fmt.Errorf("processors: there is no secret_mask")
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

// config makes the processor's configuration of the section and validates it.
func (s section) config() (component.Config, error) {
	cfg := secretmaskprocessor.NewFactory().CreateDefaultConfig()
	if err := confmap.NewFromStringMap(s.values).Unmarshal(cfg, confmap.WithIgnoreUnused()); err != nil {
		return nil, fmt.Errorf("secret_mask: %w", err)
	}
	if err := confmap.Validate(cfg); err != nil {
		return nil, fmt.Errorf("secret_mask: %w", err)
	}
	return cfg, nil
}
