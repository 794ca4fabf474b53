//go:build e2e

package runtimes

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// application is a program with a real SDK, and how it sends.
type application struct {
	name     string
	program  string // in python/ or js/
	protocol string // of OTLP
	env      []string
	planted  []string // places: what must have stood there before it was masked
}

func TestApplications(t *testing.T) {
	in := install(t)
	if len(applications) == 0 {
		t.Fatal("no applications")
	}
	for _, a := range applications {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.judged(t, in)
		})
	}
}

// seed is the application's own: its secrets are the same in every run.
func (a application) seed() uint64 {
	h := fnv.New64a()
	h.Write([]byte(a.name))
	return h.Sum64()
}

// judged runs the application through a tee and judges all that the collector made of it.
func (a application) judged(t *testing.T, in installed) {
	t.Helper()
	c := started(t)
	between := newTee(t, c)
	p := newPlan(t, a.seed())
	a.run(t, in, p, between)
	c.stop(t)
	for _, problem := range between.bad {
		t.Error(problem)
	}
	j := newJudge(p)
	for _, signal := range []string{"traces", "logs", "metrics"} {
		sent, wrote := between.kept[signal], c.lines(t, signal)
		if len(sent) != len(wrote) {
			t.Errorf("%d requests of %s were sent and %d are written", len(sent), signal, len(wrote))
			continue
		}
		for i := range sent {
			j.compare(t, signal, sent[i], wrote[i])
		}
	}
	if len(between.kept["traces"]) == 0 || j.places == 0 {
		t.Error("nothing was sent")
	}
	a.wasPlanted(t, j)
	for name, text := range c.surfaces(t) {
		for place, secret := range p.secrets {
			if leaks(text, secret) {
				t.Errorf("the secret of %q is in %s", place, name)
			}
		}
	}
}

// wasPlanted fails the test if something did not stand where it was to be
// masked: then nothing was shown about that place.
func (a application) wasPlanted(t *testing.T, j *judge) {
	t.Helper()
	for _, place := range a.planted {
		what, at, _ := strings.Cut(place, " @ ")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(j.planted[what])), func(path string) bool { return strings.HasSuffix(path, at) }) {
			t.Errorf("%q was never at %q", what, at)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(j.planted)) {
		t.Logf("%s: %s", what, strings.Join(slices.Sorted(maps.Keys(j.planted[what])), " | "))
	}
}

// run runs the application to its end, which must be a good one.
func (a application) run(t *testing.T, in installed, p *plan, between *tee) {
	t.Helper()
	stand := newProvider(t, p)
	p.texts["tool_url"] = stand.url + "/tool?access_token=" + p.secrets["url query"] + "&id=" + p.decoys["uuid"]
	text, err := json.Marshal(p.texts)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	endpoint := "http://" + between.http
	if a.protocol == "grpc" {
		endpoint = "http://" + between.grpc
	}
	argv := []string{in.python, filepath.Join("python", a.program)}
	if strings.HasSuffix(a.program, ".mjs") {
		argv = []string{"node", in.node}
	}
	cmd := exec.CommandContext(t.Context(), argv[0], append(argv[1:], "--cache=redis://:"+p.secrets["command line"]+"@cache.internal:6379/0")...)
	cmd.Env = slices.Concat([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1",
		"PLAN=" + file,
		"OPENAI_BASE_URL=" + stand.url + "/v1", "OPENAI_API_KEY=" + p.secrets["openai key"],
		"ANTHROPIC_BASE_URL=" + stand.url, "ANTHROPIC_API_KEY=" + p.secrets["anthropic key"],
	}, a.telemetry(endpoint, p.secrets["resource"]), outside(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", a.program, err, told(out, p))
	}
	if len(out) > 0 {
		t.Logf("%s says:\n%s", a.program, told(out, p))
	}
}

// telemetry is what an application is told about its telemetry.
func (a application) telemetry(endpoint, token string) []string {
	return append([]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint,
		"OTEL_EXPORTER_OTLP_PROTOCOL=" + a.protocol,
		"OTEL_SERVICE_NAME=on-call",
		"OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test,registry.token=" + token,
		"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST=.*",
		"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_RESPONSE=.*",
		"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS=otel,process",
	}, a.env...)
}

// TestDocument: docs/runtimes.md names every setting that the applications are given.
func TestDocument(t *testing.T) {
	document := string(read(t, "../../docs/runtimes.md"))
	for _, a := range applications {
		for _, setting := range a.telemetry("", "") {
			name, value, _ := strings.Cut(setting, "=")
			if slices.Contains(a.env, setting) && name != "DIALECT" {
				name += "=" + value
			}
			if name != "DIALECT" && !strings.Contains(document, name) {
				t.Errorf("docs/runtimes.md does not name %s, which %q is given", name, a.name)
			}
		}
	}
}

// told is what a program printed, without what is secret.
func told(out []byte, p *plan) string {
	text := string(out)
	for place, secret := range p.secrets {
		for _, form := range escaped(secret) {
			text = strings.ReplaceAll(text, form, fmt.Sprintf("<%s>", place))
		}
	}
	return text
}

// outside is an environment in which every call that would leave the machine
// goes to a proxy of ours, and fails the test.
func outside(t *testing.T) []string {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("a call to %s", r.Host)
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(proxy.Close)
	return []string{"HTTP_PROXY=" + proxy.URL, "HTTPS_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL, "https_proxy=" + proxy.URL,
		"NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost"}
}
