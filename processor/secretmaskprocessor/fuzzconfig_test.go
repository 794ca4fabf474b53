package secretmaskprocessor

import (
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"
)

// FuzzConfig: any YAML is a configuration or has mistakes, which never quote
// the key; the same ones each time.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{
		"", "annotate: loud", "policy: [{action: shout}]", "policy: [{severity: critical, action: hold, field: '['}]", "limits: {max_depth: -1, max_batch_time: 1y}",
		"mask: {style: partial, first: -1}", "rules: {packs: [none.yaml], reload_interval: 0s}", "fingerprint: {key_file: none}", "memory: {traces: -5}", "seal: {public_keys: ''}",
		"policy: [{producer: '\\', min_secrets: 99999999999}]", "a: *b", "? [a]", "policy: {a: b}", "allow_inline: maybe", "known: {command: ['', '']}",
	} {
		f.Add(s)
	}
	const key = "not-to-be-told-anybody-7"
	secret, err := confmap.NewRetrievedFromYAML([]byte("fingerprint: {key: " + key + "}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4<<10 || strings.Contains(text, "not-to") {
			return
		}
		read := func() string {
			r, err := confmap.NewRetrievedFromYAML([]byte(text))
			if err != nil {
				return "yaml"
			}
			conf, err := r.AsConf()
			if err != nil {
				return "no map"
			}
			with, err := secret.AsConf()
			if err != nil {
				t.Fatal(err)
			}
			if err := conf.Merge(with); err != nil {
				return err.Error()
			}
			cfg := createDefaultConfig().(*Config)
			if err := conf.Unmarshal(cfg); err != nil {
				return err.Error()
			}
			if err := cfg.Validate(); err != nil {
				return err.Error()
			}
			return ""
		}
		first := read()
		if strings.Contains(first, key) {
			t.Error("a mistake quotes the key")
		}
		if second := read(); strings.Count(first, "\n") != strings.Count(second, "\n") {
			t.Error("the mistakes are others the second time")
		}
	})
}
