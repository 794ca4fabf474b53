package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

const (
	seed      = 11
	templates = "../../testdata/corpus"
)

// distribution stands in for the real one: it takes OTLP and writes what an
// ideal masker writes, as lines of OTLP/JSON. fault, if set, spoils a line.
type distribution struct {
	ptraceotlp.UnimplementedGRPCServer
	dir   string
	fault func(line string) string
	ideal map[string]shipment // by run

	mu    sync.Mutex // guards what follows and the files
	over  map[string]int
	lines int
	held  map[string]*heldRun // by item id
	asked []string            // the commands
}

// heldRun is a run that is written when both approvers have said so.
type heldRun struct {
	signal, line string
	votes        map[string]bool
}

// write writes the ideal output of the run that a resource belongs to.
func (d *distribution) write(over, signal string, attrs pcommon.Map) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over[over]++
	run, _ := attrs.Get(runKey)
	line := string(d.ideal[run.Str()].Ideal)
	if d.fault != nil {
		line = d.fault(line)
	}
	if strings.HasSuffix(run.Str(), "-0") || strings.HasSuffix(run.Str(), fmt.Sprintf("-%d", len(dialects)-1)) {
		d.held[run.Str()] = &heldRun{signal, line, map[string]bool{}}
		return
	}
	d.append(signal, line)
}

// append writes a line to a file of the output.
func (d *distribution) append(signal, line string) {
	f, err := os.OpenFile(filepath.Join(d.dir, signal+".jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	// In two pieces, as a reader may see them.
	_, _ = io.WriteString(f, line[:len(line)/2])
	_, _ = io.WriteString(f, line[len(line)/2:]+"\n")
	d.lines++
}

// review is the command line.
func (d *distribution) review(_ context.Context, args ...string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, strings.Join(args[:2], " "))
	switch args[1] {
	case "list":
		var items []held
		for id := range d.held {
			items = append(items, held{ID: id, HeldAt: time.Now()})
		}
		items = append(items, held{ID: "somebody else's", HeldAt: time.Now().Add(-time.Hour)})
		return json.Marshal(items)
	case "verify":
		return []byte(`{"entries": 59}`), nil
	case "approve":
		who := args[slices.Index(args, "--user")+1]
		for id := range d.held {
			if !slices.Contains(args, id) {
				continue
			}
			if d.held[id].votes[who] = true; len(d.held[id].votes) == 2 {
				d.append(d.held[id].signal, d.held[id].line)
				delete(d.held, id)
			}
		}
		if slices.Contains(args, "somebody else's") {
			return nil, errors.New("that is not the demo's")
		}
	}
	return []byte("done\n"), nil
}

func (d *distribution) Export(_ context.Context, r ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	d.write("grpc", "traces", r.Traces().ResourceSpans().At(0).Resource().Attributes())
	return ptraceotlp.NewExportResponse(), nil
}

// logsServer is the same for logs: both signals name their method Export.
type logsServer struct {
	plogotlp.UnimplementedGRPCServer
	d *distribution
}

func (l *logsServer) Export(_ context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	l.d.write("grpc", "logs", r.Logs().ResourceLogs().At(0).Resource().Attributes())
	return plogotlp.NewExportResponse(), nil
}

func (d *distribution) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	traces, logs := ptraceotlp.NewExportRequest(), plogotlp.NewExportRequest()
	switch {
	case r.URL.Path == "/v1/traces" && traces.UnmarshalProto(body) == nil:
		d.write("http", "traces", traces.Traces().ResourceSpans().At(0).Resource().Attributes())
	case r.URL.Path == "/v1/logs" && logs.UnmarshalProto(body) == nil:
		d.write("http", "logs", logs.Logs().ResourceLogs().At(0).Resource().Attributes())
	default:
		http.Error(w, "what is this", http.StatusBadRequest)
	}
}

// start starts the stand-in and returns the settings that reach it.
func start(t *testing.T) (*distribution, settings) {
	t.Helper()
	loaded, err := corpus.Load(os.DirFS(templates))
	if err != nil {
		t.Fatal(err)
	}
	set := settings{data: t.TempDir(), corpus: templates, wait: time.Minute, seed: seed, screen: screen{width: 100}}
	d := &distribution{dir: filepath.Join(set.data, "out"), ideal: map[string]shipment{}, over: map[string]int{}, held: map[string]*heldRun{}}
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, x := range dialects {
		s, err := x.fill(loaded, seed, i)
		if err != nil {
			t.Fatal(err)
		}
		s.Ideal = marked(t, s)
		d.ideal[s.run] = s
	}
	// What an earlier run has written is not read.
	if err := os.WriteFile(filepath.Join(d.dir, "traces.jsonl"), []byte("something old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	ptraceotlp.RegisterGRPCServer(g, d)
	plogotlp.RegisterGRPCServer(g, &logsServer{d: d})
	go func() { _ = g.Serve(listener) }()
	t.Cleanup(g.Stop)
	h := httptest.NewServer(d)
	t.Cleanup(h.Close)
	set.grpc, set.http = listener.Addr().String(), strings.TrimPrefix(h.URL, "http://")
	set.admin, set.review = set.http, d.review
	return d, set
}

// marked is the ideal payload with the attribute of the run.
func marked(t *testing.T, s shipment) []byte {
	t.Helper()
	var out []byte
	var err error
	if s.Signal == "logs" {
		var l plog.Logs
		if l, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(s.Ideal); err == nil {
			markLogs(l, s.run)
			out, err = (&plog.JSONMarshaler{}).MarshalLogs(l)
		}
	} else {
		var td ptrace.Traces
		if td, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(s.Ideal); err == nil {
			markTraces(td, s.run)
			out, err = (&ptrace.JSONMarshaler{}).MarshalTraces(td)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRun(t *testing.T) {
	d, set := start(t)
	var out bytes.Buffer
	if err := run(t.Context(), set, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if len(dialects) < 6 || d.over["grpc"] < 3 || d.over["http"] < 3 {
		t.Errorf("%d dialects, sent %v", len(dialects), d.over)
	}
	text := out.String()
	if !slices.Contains(d.asked, "items approve") || len(d.held) > 0 {
		t.Errorf("what was held was not approved: %v", d.asked)
	}
	for _, want := range []string{"$ tracescrub items show ", "$ tracescrub items approve ", "held       2 items", "recorded   59 entries in "} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if !strings.HasPrefix(text, "Every secret below was made up") {
		t.Error("the first line does not say that the secrets are made up")
	}
	for _, x := range dialects {
		if !strings.Contains(text, "\n"+x.name+": ") {
			t.Errorf("%s is not shown", x.name)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("piped output has escape sequences")
	}
	for _, s := range d.ideal {
		for _, x := range s.Secrets {
			if v := x.Reveal(); len(v) > 20 && strings.Contains(text, v) {
				t.Errorf("the whole of %v is shown", x)
			}
		}
	}
	for i, line := range strings.Split(text, "\n") {
		if columns(line) > set.screen.width {
			t.Errorf("line %d is %d columns wide", i+1, columns(line))
		}
	}
}

// A distribution that does not do its work is found out.
func TestRunFindsFaults(t *testing.T) {
	for name, fault := range map[string]func(string) string{
		"a clean value changed": func(s string) string { return strings.Replace(s, `"service.name"`, `"service.nome"`, 1) },
		"a time changed":        func(s string) string { return strings.Replace(s, `UnixNano":"1`, `UnixNano":"2`, 1) },
		"a look-alike masked":   func(s string) string { return strings.Replace(s, "sha256:", "[MASKED:x:00000000]", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			d, set := start(t)
			d.fault = fault
			var out bytes.Buffer
			if err := run(t.Context(), set, &out); err == nil || !strings.Contains(out.String(), "Not as it should be") {
				t.Errorf("err = %v", err)
			}
		})
	}
	t.Run("nothing masked", func(t *testing.T) {
		d, set := start(t)
		for run, s := range d.ideal {
			s.Ideal = s.Payload
			d.ideal[run] = s
		}
		var out bytes.Buffer
		if err := run(t.Context(), set, &out); err == nil || !strings.Contains(out.String(), "LEAK") {
			t.Errorf("err = %v", err)
		}
	})
}

func TestNothingListens(t *testing.T) {
	_, set := start(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set.grpc = listener.Addr().String()
	listener.Close()
	err = run(t.Context(), set, io.Discard)
	if want := "nothing listens on " + set.grpc + ": start it with `make run` in another terminal"; err == nil || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
}

func TestOtherDataDirectory(t *testing.T) {
	_, set := start(t)
	set.data, set.wait = t.TempDir(), 300*time.Millisecond
	err := run(t.Context(), set, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "TRACESCRUB_DATA") {
		t.Errorf("err = %v", err)
	}
}

func TestRefused(t *testing.T) {
	_, set := start(t)
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	set.http = strings.TrimPrefix(s.URL, "http://")
	if err := run(t.Context(), set, io.Discard); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("err = %v", err)
	}
}
