package pipelines

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// good is a whole configuration with everything in it.
const good = `
receivers: {otlp: {}, release_gate: {}}
processors: {memory_limiter: {}, secret_mask: {seal: {public_keys: keys}}, batch: {}, resource: {}}
connectors:
  verdict:
    clean: [traces/clean, logs/clean, metrics/clean]
    quarantine: [traces/held, logs/held, metrics/held]
    audit: [logs/audit]
exporters: {file: {}, quarantine: {}, file/audit: {}}
service:
  pipelines:
    traces:  {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask], exporters: [verdict]}
    logs:    {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask], exporters: [verdict]}
    metrics: {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask], exporters: [verdict]}
    traces/clean:  {receivers: [verdict], exporters: [file]}
    logs/clean:    {receivers: [verdict], exporters: [file]}
    metrics/clean: {receivers: [verdict], exporters: [file]}
    traces/held:  {receivers: [verdict], exporters: [quarantine]}
    logs/held:    {receivers: [verdict], exporters: [quarantine]}
    metrics/held: {receivers: [verdict], exporters: [quarantine]}
    logs/audit: {receivers: [verdict], exporters: [file/audit]}
`

// simple has no verdict.
const simple = `
receivers: {otlp: {}}
processors: {secret_mask: {}}
exporters: {file: {}}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [secret_mask], exporters: [file]}
`

// events is the Collector that only keeps the log of others.
const events = `
receivers: {otlp: {}}
exporters: {audit_log: {}}
service:
  pipelines:
    logs/audit: {receivers: [otlp], exporters: [audit_log]}
`

func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	var conf map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &conf))
	return conf
}

// change replaces texts, in pairs; each must be there.
func change(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

func TestGood(t *testing.T) {
	for name, text := range map[string]string{
		"everything": good,
		"no verdict": simple,
		"a gate alone": change(t, good, "{otlp: {}, release_gate: {}}", "{release_gate: {}}",
			"traces:  {receivers: [otlp, release_gate]", "traces:  {receivers: [release_gate]",
			"logs:    {receivers: [otlp, release_gate]", "logs:    {receivers: [release_gate]",
			"metrics: {receivers: [otlp, release_gate]", "metrics: {receivers: [release_gate]"),
		"processors behind verdict": change(t, good, "traces/clean:  {receivers: [verdict],", "traces/clean:  {receivers: [verdict], processors: [resource],"),
		"processors before secret_mask": change(t, good,
			"traces:  {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask]",
			"traces:  {receivers: [otlp, release_gate], processors: [memory_limiter, resource, secret_mask]"),
		"memory limiter before quarantine":      change(t, good, "traces/held:  {receivers: [verdict],", "traces/held:  {receivers: [verdict], processors: [memory_limiter],"),
		"profiles, which verdict does not know": good + "    profiles: {receivers: [otlp], processors: [secret_mask/profiles], exporters: [file]}\n",
		"named components":                      change(t, simple, "secret_mask: {}", "secret_mask/a: {}", "[secret_mask]", "[secret_mask/a]"),
		"by a forward connector": simple + `
    traces/two: {receivers: [forward], exporters: [file]}
    traces/one: {receivers: [otlp], processors: [secret_mask], exporters: [forward]}
connectors: {forward: {}}
`,
		"a loop of connectors": simple + `
    traces/two: {receivers: [forward], exporters: [file, forward]}
    traces/one: {receivers: [otlp], processors: [secret_mask], exporters: [forward]}
connectors: {forward: {}}
`,
		"ids in other spellings":             change(t, simple, "processors: [secret_mask]", "processors: 'secret_mask'", "exporters: [file]", "exporters: [' file / x ']"),
		"events to the audit log":            change(t, good, "exporters: [file/audit]}", "exporters: [audit_log, file/audit]}"),
		"events of other Collectors":         events,
		"events of other Collectors besides": good + "    logs/events: {receivers: [otlp/events], processors: [memory_limiter], exporters: [audit_log]}\n",
		"annotate none at verdict":           change(t, good, "audit: [logs/audit]", "audit: [logs/audit]\n    annotate: none"),
		"annotate none without verdict":      change(t, simple, "secret_mask: {}", "secret_mask: {annotate: none}"),
		"two verdicts": good + `
    traces/other: {receivers: [otlp], processors: [secret_mask], exporters: [verdict/two]}
    traces/clean2: {receivers: [verdict/two], exporters: [file]}
    logs/audit2: {receivers: [verdict/two], exporters: [file/audit]}
`,
	} {
		t.Run(name, func(t *testing.T) {
			conf := parse(t, text)
			if name == "two verdicts" {
				conf["connectors"].(map[string]any)["verdict/two"] = map[string]any{"clean": []any{"traces/clean2"}, "audit": []any{"logs/audit2"}}
			}
			require.Empty(t, Check(conf))
		})
	}
}

// TestMistakes: one fault, one message, with the pipeline's name and the way out.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ name, text, want, fix string }{
		{
			"no secret_mask", change(t, simple, "processors: [secret_mask], ", ""),
			"service::pipelines::traces: telemetry of otlp reaches file without having passed secret_mask", "add secret_mask to its processors",
		},
		{
			"clean telemetry to the audit log", change(t, good, "logs/clean:    {receivers: [verdict], exporters: [file]}", "logs/clean:    {receivers: [verdict], exporters: [audit_log]}"),
			"service::pipelines::logs/clean: is in clean of verdict and exports to audit_log", "name it in audit of connectors::verdict",
		},
		{
			"events through secret_mask", change(t, events, "{receivers: [otlp], exporters", "{receivers: [otlp], processors: [secret_mask], exporters"),
			"service::pipelines::logs/audit: exports to audit_log and has the processor secret_mask", "Take it out",
		},
		{
			"events of others through batch", change(t, events, "{receivers: [otlp], exporters", "{receivers: [otlp], processors: [batch], exporters"),
			"service::pipelines::logs/audit: exports to audit_log and has the processor batch", "Take it out",
		},
		{
			"raw logs beside the audit log", change(t, events, "exporters: [audit_log]}", "exporters: [audit_log, file]}"),
			"service::pipelines::logs/audit: telemetry of otlp reaches file without having passed secret_mask", "add secret_mask",
		},
		{
			"a filter for what is released", change(t, good, "logs:    {receivers: [otlp, release_gate], processors: [", "logs:    {receivers: [otlp, release_gate], processors: [filter/x, "),
			"service::pipelines::logs: has the receiver release_gate and the processor filter/x", "behind verdict",
		},
		{
			"a filter for audit events", change(t, good, "logs/audit: {receivers: [verdict],", "logs/audit: {receivers: [verdict], processors: [filter],"),
			"service::pipelines::logs/audit: is in audit of verdict and has the processor filter", "Take it out",
		},
		{
			"something that is called alike", change(t, simple, "processors: [secret_mask]", "processors: [secret_masking]"),
			"service::pipelines::traces: telemetry of otlp reaches file", "add secret_mask",
		},
		{
			"by a connector", simple + "    traces/two: {receivers: [forward], exporters: [file]}\n    traces/one: {receivers: [otlp], exporters: [forward]}\nconnectors: {forward: {}}\n",
			"service::pipelines::traces/two: telemetry of otlp (by way of traces/one) reaches file", "add secret_mask",
		},
		{
			"secret_mask in one of two", simple + "    logs: {receivers: [otlp], exporters: [file]}\n",
			"service::pipelines::logs: telemetry of otlp", "add secret_mask",
		},
		{
			"profiles", good + "    profiles: {receivers: [otlp], exporters: [file]}\n",
			"service::pipelines::profiles: telemetry of otlp reaches file", "add secret_mask",
		},
		{
			"past verdict", change(t, good, "    logs/clean:    {receivers: [verdict]", "    logs/more: {receivers: [otlp], processors: [secret_mask/plain], exporters: [file]}\n    logs/clean:    {receivers: [verdict]"),
			"service::pipelines::logs/more: telemetry of otlp reaches file without having passed verdict", "from a pipeline in its clean list",
		},
		{
			"into a clean pipeline", change(t, good, "logs/clean:    {receivers: [verdict]", "logs/clean:    {receivers: [verdict, otlp]"),
			"service::pipelines::logs/clean: telemetry of otlp reaches file without having passed secret_mask", "add secret_mask",
		},
		{
			"verdict and another", change(t, good, "secret_mask], exporters: [verdict]}\n    logs:", "secret_mask], exporters: [verdict, nop]}\n    logs:"),
			"service::pipelines::traces: exports to verdict and also to nop", "verdict must be the only exporter",
		},
		{
			"unscanned to verdict", change(t, good, "processors: [memory_limiter, secret_mask], exporters: [verdict]}\n    logs:", "processors: [memory_limiter], exporters: [verdict]}\n    logs:"),
			"service::pipelines::traces: exports to verdict without secret_mask", "add secret_mask",
		},
		{
			"batch", change(t, good, "[memory_limiter, secret_mask], exporters: [verdict]}\n    logs:", "[memory_limiter, batch, secret_mask], exporters: [verdict]}\n    logs:"),
			"service::pipelines::traces: has the processor batch before verdict", "exporters batch in sending_queue::batch",
		},
		{
			"something in between", change(t, good, "[memory_limiter, secret_mask], exporters: [verdict]}\n    logs:", "[secret_mask, transform/x], exporters: [verdict]}\n    logs:"),
			"service::pipelines::traces: has the processor transform/x between secret_mask and verdict", "put it before secret_mask",
		},
		{
			"held to another exporter", change(t, good, "exporters: [quarantine]", "exporters: [quarantine, file]"),
			"service::pipelines::traces/held: is in quarantine of verdict and exports to file", "only exporters of the type quarantine",
		},
		{
			"held through batch", change(t, good, "traces/held:  {receivers: [verdict],", "traces/held:  {receivers: [verdict], processors: [batch],"),
			"service::pipelines::traces/held: is in quarantine of verdict and has the processor batch", "Take it out",
		},
		{
			"audit through batch", change(t, good, "logs/audit: {receivers: [verdict],", "logs/audit: {receivers: [verdict], processors: [batch],"),
			"service::pipelines::logs/audit: is in audit of verdict and has the processor batch", "Take it out",
		},
		{
			"quarantine elsewhere", change(t, good, "traces/clean:  {receivers: [verdict], exporters: [file]", "traces/clean:  {receivers: [verdict], exporters: [quarantine]"),
			"service::pipelines::traces/clean: exports to quarantine, but is no quarantine pipeline", "name it in",
		},
		{
			"gate only in traces", change(t, good, "logs:    {receivers: [otlp, release_gate]", "logs:    {receivers: [otlp]", "metrics: {receivers: [otlp, release_gate]", "metrics: {receivers: [otlp]"),
			"service::pipelines::traces: has the receiver release_gate, which is in no logs pipeline", "add it to the receivers of a logs pipeline",
		},
		{
			"hold without verdict", change(t, simple, "secret_mask: {}", "secret_mask: {seal: {public_keys: keys}}"),
			"service::pipelines::traces: secret_mask may hold", "export to verdict only",
		},
		{
			"no stamp for verdict", change(t, good, "secret_mask: {seal: {public_keys: keys}}", "secret_mask/x: {}, secret_mask: {annotate: none}",
				"logs:    {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask]", "logs:    {receivers: [otlp, release_gate], processors: [secret_mask/x]",
				"metrics: {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask]", "metrics: {receivers: [otlp, release_gate], processors: [secret_mask/x]"),
			"service::pipelines::traces: secret_mask has annotate none", "use summary or full",
		},
		{
			"names a pipeline that is not there", change(t, good, "quarantine: [traces/held,", "quarantine: [traces/gone, traces/held,"),
			"connectors::verdict::quarantine: there is no pipeline traces/gone", "add it to service::pipelines",
		},
		{
			"names a pipeline of others", change(t, good, "audit: [logs/audit]", "audit: [logs/audit, logs/others]") +
				"    logs/others: {receivers: [otlp], processors: [secret_mask], exporters: [verdict]}\n",
			"connectors::verdict::audit: the pipeline logs/others does not have verdict as a receiver", "add it to its receivers",
		},
		{
			"is not named", change(t, good, "clean: [traces/clean,", "clean: [traces/clean, traces/clean3,") +
				"    traces/clean3: {receivers: [verdict], exporters: [file]}\n    traces/clean4: {receivers: [verdict], exporters: [nop]}\n",
			"service::pipelines::traces/clean4: has verdict as a receiver, but stands in none of its lists", "add it to clean",
		},
		{
			"no clean pipeline for a signal", change(t, good, ", metrics/clean]", "]", "    metrics/clean: {receivers: [verdict], exporters: [file]}\n", ""),
			"service::pipelines::metrics: exports to verdict, which has no pipeline for metrics", "name one in connectors::verdict::clean",
		},
		{"no pipelines", "receivers: {otlp: {}}", "service::pipelines: is no map", "cannot be checked"},
		{"a pipeline that is none", "service: {pipelines: {traces: 1}}", "service::pipelines::traces: is no map", "cannot be checked"},
		{"a list that is none", "service: {pipelines: {traces: {receivers: {otlp: 1}}}}", "service::pipelines::traces::receivers: is no list", "cannot be checked"},
		{"an id that is none", "service: {pipelines: {traces: {receivers: [1]}}}", "service::pipelines::traces::receivers: holds something that is no id", "cannot be checked"},
		{"connectors that are none", simple + "connectors: [verdict]\n", "connectors: is no map", "cannot be checked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mistakes := Check(parse(t, c.text))
			require.Len(t, mistakes, 1, "%s", strings.Join(mistakes, "\n"))
			require.True(t, strings.HasPrefix(mistakes[0], c.want), mistakes[0])
			require.Contains(t, mistakes[0], c.fix)
		})
	}
}

// TestGate: release_gate's data go through secret_mask and verdict, in every pipeline.
func TestGate(t *testing.T) {
	text := change(t, good,
		"traces:  {receivers: [otlp, release_gate], processors: [memory_limiter, secret_mask], exporters: [verdict]}",
		"traces:  {receivers: [release_gate], processors: [memory_limiter], exporters: [file]}")
	mistakes := strings.Join(Check(parse(t, text)), "\n")
	require.Contains(t, mistakes, "service::pipelines::traces: has the receiver release_gate without secret_mask")
	require.Contains(t, mistakes, "service::pipelines::traces: has the receiver release_gate and exports to file")
	require.Contains(t, mistakes, "service::pipelines::traces: telemetry of release_gate reaches file")
}

// TestAlone: pipelines of events and of what is held get nothing else.
func TestAlone(t *testing.T) {
	for _, id := range []string{"logs/audit: ", "logs/held:    "} {
		text := change(t, good, id+"{receivers: [verdict],", id+"{receivers: [verdict, otlp],")
		require.Contains(t, strings.Join(Check(parse(t, text)), "\n"), "has the receiver otlp as well: verdict must be its only receiver")
	}
}

// TestAllAtOnce: mistakes do not hide each other, and come in a fixed order.
func TestAllAtOnce(t *testing.T) {
	text := change(t, good,
		"[memory_limiter, secret_mask], exporters: [verdict]}\n    logs:", "[batch], exporters: [verdict, file]}\n    logs:",
		"exporters: [quarantine]", "exporters: [file]", "audit: [logs/audit]", "audit: [logs/nowhere]")
	mistakes := Check(parse(t, text))
	require.Len(t, mistakes, 6, "%s", strings.Join(mistakes, "\n"))
	for range 20 {
		require.Equal(t, mistakes, Check(parse(t, text)))
	}
}

// FuzzCheck: whatever the configuration, the check ends; and a configuration
// in which no pipeline has a secret_mask is never good if any has both a
// receiver and an exporter.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(simple))
	f.Add([]byte("service: {pipelines: {a: {receivers: [b], exporters: [c]}}}"))
	f.Add([]byte("connectors: {c: {}}\nservice: {pipelines: {a: {receivers: [c], exporters: [c]}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var conf map[string]any
		if yaml.Unmarshal(text, &conf) != nil {
			return
		}
		mistakes := Check(conf)
		if strings.Contains(string(text), "secret_mask") || strings.Contains(string(text), "connectors") {
			return
		}
		c := &check{}
		c.readPipelines(conf)
		for _, p := range c.pipelines {
			if len(p.receivers) > 0 && len(p.exporters) > 0 && len(mistakes) == 0 {
				t.Errorf("%s is taken for good", p.id)
			}
		}
	})
}
