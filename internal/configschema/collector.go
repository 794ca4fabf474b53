package main

import (
	"regexp"
	"strings"

	"go.opentelemetry.io/collector/component"

	"github.com/tracescrub/tracescrub/connector/verdictconnector"
	"github.com/tracescrub/tracescrub/exporter/auditexporter"
	"github.com/tracescrub/tracescrub/exporter/quarantineexporter"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver"
)

// kinds are the sections of a configuration: our components, whose keys are
// described, and those of others, which test/packages holds against the binary.
var kinds = []struct {
	section string
	ours    []component.Factory
	others  []string
}{
	{"receivers", []component.Factory{releasereceiver.NewFactory()}, []string{"otlp"}},
	{
		"processors",
		[]component.Factory{secretmaskprocessor.NewFactory()},
		[]string{"attributes", "filter", "memory_limiter", "resource", "transform"},
	},
	{
		"exporters",
		[]component.Factory{auditexporter.NewFactory(), quarantineexporter.NewFactory()},
		[]string{"debug", "file", "nop", "otlp", "otlp_grpc", "otlp_http", "otlphttp"},
	},
	{"connectors", []component.Factory{verdictconnector.NewFactory()}, []string{"forward"}},
	{
		"extensions", nil,
		[]string{"basicauth", "bearertokenauth", "file_storage", "health_check", "oidc", "pprof", "zpages"},
	},
}

// node is a schema, or a part of one.
type node = map[string]any

// collector is the schema of a whole configuration. Every section may be
// missing, since a configuration may be spread over several files.
func collector() (node, error) {
	var configs []component.Config
	for _, kind := range kinds {
		for _, f := range kind.ours {
			configs = append(configs, f.CreateDefaultConfig())
		}
	}
	docs, err := fieldComments(configs)
	if err != nil {
		return nil, err
	}
	properties := node{"service": service()}
	for _, kind := range kinds {
		patterns := node{}
		for _, f := range kind.ours {
			cfg := f.CreateDefaultConfig()
			s, err := docs.ofConfig(cfg)
			if err != nil {
				return nil, err
			}
			s["title"] = f.Type().String()
			patterns[idPattern(f.Type().String())] = s
		}
		patterns[idPattern(kind.others...)] = node{"type": []string{"object", "null"}}
		properties[kind.section] = node{"type": []string{"object", "null"}, "patternProperties": patterns, "additionalProperties": false}
	}
	return node{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "otelcol-tracescrub",
		"description":          "Configuration of the Collector otelcol-tracescrub, or a part of one. Made by go run ./internal/configschema",
		"type":                 "object",
		"properties":           properties,
		"additionalProperties": false,
		"$defs":                node{"reference": reference},
	}, nil
}

// idPattern matches the ids of components: type, or type/name.
func idPattern(types ...string) string {
	quoted := make([]string, len(types))
	for i, t := range types {
		quoted[i] = regexp.QuoteMeta(t)
	}
	return "^(" + strings.Join(quoted, "|") + ")(/.+)?$"
}

func service() node {
	ids := node{"type": "array", "items": node{"type": "string"}}
	return node{
		"type":        []string{"object", "null"},
		"description": "What is started: extensions, pipelines, and the Collector's own telemetry",
		"properties": node{
			"extensions": ids,
			"telemetry":  node{"type": []string{"object", "null"}},
			"pipelines": node{
				"type": []string{"object", "null"},
				"patternProperties": node{
					"^(traces|logs|metrics|profiles)(/.+)?$": node{
						"type":                 "object",
						"properties":           node{"receivers": ids, "processors": ids, "exporters": ids},
						"additionalProperties": false,
					},
				},
				"additionalProperties": false,
			},
		},
		"additionalProperties": false,
	}
}
