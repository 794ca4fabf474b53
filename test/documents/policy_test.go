package documents

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/internal/keyfiles"
	"github.com/tracescrub/tracescrub/processor/secretmaskprocessor"
	"github.com/tracescrub/tracescrub/rules/pack"
)

// found are what the tables of docs/policy.md plant: a template, and the
// attribute that it stands under unless the table says so.
var found = map[string]struct{ template, key string }{
	"GitHub token":               {"ghp_<30*base62><check:github-crc32>", "tool.result"},
	"GitHub token of load tests": {"ghp_LOADTEST<28*base62>", "tool.result"},
	"Stripe key":                 {"sk_live_<99*base62>", "tool.result"},
	"OpenAI key":                 {"sk-proj-<74*base64url>T3Blb<>kFJ<74*base64url>", "tool.result"},
	"JWT":                        {"<jwt>", "tool.result"},
	"private key":                {"<pem:RSA PRIVATE KEY>", "tool.result"},
	"password under its name":    {"<16*alnum>!<3*digit>", "db.password"},
	"AWS example key":            {"AKIA<>IOSFODNN7<>EXAMPLE", "tool.result"},
}

// row is one line of a table.
type row struct {
	what    string
	n       int
	where   map[string]string
	becomes string
}

// example is a policy and its table.
type example struct {
	title  string
	config map[string]any
	rows   []row
}

var several = regexp.MustCompile(`^([0-9]+) passwords under their names$`)

// examples reads the document.
func examples(markdown string) (all []example, err error) {
	for _, section := range strings.Split(markdown, "\n## ")[1:] {
		title, body, _ := strings.Cut(section, "\n")
		_, rest, ok := strings.Cut(body, "```yaml\nsecret_mask:\n")
		text, after, closed := strings.Cut(rest, "```\n")
		if !ok || !closed {
			continue
		}
		e := example{title: title}
		if err := yaml.Unmarshal([]byte("secret_mask:\n"+text), &e.config); err != nil {
			return nil, fmt.Errorf("%s: %w", title, err)
		}
		_, table, _ := strings.Cut(after, "| found | where | becomes |\n|---|---|---|\n")
		for line := range strings.Lines(table) {
			if !strings.HasPrefix(line, "|") {
				break
			}
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			r := row{what: strings.TrimSpace(cells[0]), n: 1, where: map[string]string{}, becomes: strings.TrimSpace(cells[2])}
			if m := several.FindStringSubmatch(r.what); m != nil {
				r.what = "password under its name"
				r.n, _ = strconv.Atoi(m[1])
			}
			for pair := range strings.SplitSeq(strings.TrimSpace(cells[1]), ", ") {
				if name, value, _ := strings.Cut(pair, "="); name != "" {
					r.where[name] = value
				}
			}
			e.rows = append(e.rows, r)
		}
		all = append(all, e)
	}
	return all, nil
}

// sender is what an authenticator says about one.
type sender string

func (s sender) GetAttribute(name string) any {
	if name == "subject" {
		return string(s)
	}
	return nil
}
func (sender) GetAttributeNames() []string { return []string{"subject"} }

// judge sends what a row says through the processor and says what became of
// it: held, masked or dropped by its stamp, passed if the text is as it was.
func judge(t *testing.T, config map[string]any, r row, seed uint64) string {
	t.Helper()
	kind, ok := found[r.what]
	require.True(t, ok, "there is no %q to plant", r.what)
	var sink consumertest.TracesSink
	var logSink consumertest.LogsSink
	factory := secretmaskprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(config).Unmarshal(cfg))
	set := processortest.NewNopSettings(factory.Type())
	traces, err := factory.CreateTraces(t.Context(), set, cfg, &sink)
	require.NoError(t, err)
	logs, err := factory.CreateLogs(t.Context(), set, cfg, &logSink)
	require.NoError(t, err)
	for _, c := range []interface {
		Shutdown(context.Context) error
	}{traces, logs} {
		t.Cleanup(func() { require.NoError(t, c.Shutdown(context.WithoutCancel(t.Context()))) })
	}
	require.NoError(t, traces.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, logs.Start(t.Context(), componenttest.NewNopHost()))

	td, ld := ptrace.NewTraces(), plog.NewLogs()
	rs, rl := td.ResourceSpans().AppendEmpty(), ld.ResourceLogs().AppendEmpty()
	span := rs.ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID(pcommon.TraceID{1, byte(seed)})
	record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	_, asLog := r.where["log"]
	ctx := t.Context()
	names := map[string]string{"service": "service.name", "env": "deployment.environment.name", "cloud.region": "cloud.region"}
	for name, value := range r.where {
		switch {
		case names[name] != "":
			rs.Resource().Attributes().PutStr(names[name], value)
			rl.Resource().Attributes().PutStr(names[name], value)
		case name == "sender":
			ctx = client.NewContext(ctx, client.Info{Auth: sender(value)})
		case name != "log" && name != "attribute":
			t.Fatalf("the table says %q, which means nothing here", name)
		}
	}
	var secrets []string
	rng := rand.New(rand.NewPCG(seed, 3))
	for i := range r.n {
		secret, _, err := pack.Expand(kind.template, rng)
		require.NoError(t, err)
		secrets = append(secrets, secret)
		key := kind.key
		if a := r.where["attribute"]; a != "" {
			key = a
		}
		if i > 0 {
			key = fmt.Sprintf("%s.%d.password", key, i)
		}
		span.Attributes().PutStr(key, secret)
	}
	var attributes pcommon.Map
	var text string
	if asLog {
		record.Body().SetStr("it printed " + secrets[0])
		require.NoError(t, logs.ConsumeLogs(ctx, ld))
		if logSink.LogRecordCount() == 0 {
			return "dropped"
		}
		out := logSink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		attributes, text = out.Attributes(), out.Body().Str()
	} else {
		require.NoError(t, traces.ConsumeTraces(ctx, td))
		if sink.SpanCount() == 0 {
			return "dropped"
		}
		attributes = sink.AllTraces()[0].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
		text = fmt.Sprint(attributes.AsRaw())
	}
	clear := 0
	for _, s := range secrets {
		if strings.Contains(text, s) {
			clear++
		}
	}
	verdict, stamped := attributes.Get("tracescrub.verdict")
	switch {
	case stamped && clear == 0:
		return verdict.Str()
	case !stamped && clear == len(secrets):
		return "passed"
	}
	return fmt.Sprintf("%d of %d in the clear, verdict %t", clear, len(secrets), stamped)
}

// ready puts files that are there in the place of those that the document names.
func ready(t *testing.T, config map[string]any) map[string]any {
	t.Helper()
	dir := t.TempDir()
	_, err := keyfiles.In(dir).New(time.Now())
	require.NoError(t, err)
	secretMask := config["secret_mask"].(map[string]any)
	if _, seals := secretMask["seal"]; seals {
		secretMask["seal"] = map[string]any{"public_keys": filepath.Join(dir, "public")}
	}
	secretMask["fingerprint"] = map[string]any{"key": "a key for tests of documents"}
	return secretMask
}

// TestPolicies: every policy of docs/policy.md does what the table below it says.
func TestPolicies(t *testing.T) {
	text, err := os.ReadFile("../../docs/policy.md")
	require.NoError(t, err)
	all, err := examples(string(text))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 6)
	for _, e := range all {
		t.Run(e.title, func(t *testing.T) {
			require.NotEmpty(t, e.rows, "a policy without a table")
			config := ready(t, e.config)
			for i, r := range e.rows {
				t.Run(fmt.Sprintf("%d %s %v", r.n, r.what, r.where), func(t *testing.T) {
					require.Equal(t, r.becomes, judge(t, config, r, uint64(i)+1)) //nolint:gosec // G115: few rows
				})
			}
		})
	}
}

// TestWrongTable: a table that says something else than the policy does is seen.
func TestWrongTable(t *testing.T) {
	all, err := examples("# P\n\n## T\n\n```yaml\nsecret_mask:\n  policy: [{action: mask}]\n```\n\n| found | where | becomes |\n|---|---|---|\n| GitHub token | log | dropped |\n")
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Len(t, all[0].rows, 1)
	r := all[0].rows[0]
	require.Equal(t, "dropped", r.becomes)
	require.Equal(t, "masked", judge(t, ready(t, all[0].config), r, 1))
}
