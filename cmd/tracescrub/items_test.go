package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/gateapi"
	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
)

// gateTime is when the newest item of the server below was held.
const gateTime = "2026-03-12T09:30:00Z"

// gateServer starts the admin API on items in memory, as the page's tests use
// it: so the answers are real ones. It returns its URL and a file of passwords.
func gateServer(t *testing.T) (url, users string) {
	t.Helper()
	dir := t.TempDir()
	users = filepath.Join(dir, "users")
	if err := os.WriteFile(users, []byte("alice:one\nbob:two\nviewer:three\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "pagetest")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../receiver/releasereceiver/internal/page/pagetest")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, bin, "-listen", "127.0.0.1:0", "-users", users, "-now", gateTime, "-more", "8")
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); server.Wait() }) //nolint:errcheck // it was killed
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server does not say where it is: %v", err)
	}
	return strings.TrimSpace(line), users
}

// at is a terminal of this width, 0 for none, on which answer is typed.
type at struct {
	width  int
	answer string
	env    map[string]string
}

// items runs `tracescrub items` there.
func (a at) items(args ...string) (code int, out, said string) {
	var stdout, stderr bytes.Buffer
	noon, err := time.Parse(time.RFC3339, gateTime)
	if err != nil {
		panic(err)
	}
	code = run(append([]string{"items"}, args...), &terminal{
		in: strings.NewReader(a.answer), out: &stdout, err: &stderr, getenv: func(name string) string { return a.env[name] },
		outTTY: a.width > 0, errTTY: a.width > 0, inTTY: a.answer != "", width: a.width, now: func() time.Time { return noon },
	})
	return code, stdout.String(), stderr.String()
}

// golden compares with testdata/items/NAME, which -update writes anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "items", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./cmd/tracescrub -run TestItems -update)", err)
	}
	if string(want) != got {
		t.Errorf("%s differs (-update writes it anew); got:\n%s", name, got)
	}
}

const (
	twoApprovals = "e5adc017" // checkout-agent, one of two approvals is there
	aliceOwn     = "50bb180e"
	logItem      = "11e78aee"
	hostileItem  = "935c4e8e"
)

func TestItemsGolden(t *testing.T) {
	url, users := gateServer(t)
	alice := []string{"--server", url, "--user", "alice", "--password-file", users}
	for _, tt := range []struct {
		name  string
		width int
		env   map[string]string
		args  []string
	}{
		{"list_piped.golden", 0, nil, []string{"list"}},
		{"list_120.golden", 120, map[string]string{"NO_COLOR": "1"}, []string{"list"}},
		{"list_60.golden", 60, map[string]string{"NO_COLOR": "1"}, []string{"list", "--state", "all"}},
		{"list_colour.golden", 100, nil, []string{"list", "--limit", "3"}},
		{"list_filters.golden", 0, nil, []string{"list", "--state", "released,denied", "--severity", "high"}},
		{"list_json.golden", 0, nil, []string{"list", "--json", "--service", "checkout*", "--rule", "stripe-*"}},
		{"show.golden", 0, nil, []string{"show", twoApprovals}},
		{"show_preview.golden", 0, nil, []string{"show", twoApprovals, "--preview"}},
		{"show_logs.golden", 80, map[string]string{"NO_COLOR": "1"}, []string{"show", logItem, "--preview"}},
		{"show_json.golden", 0, nil, []string{"show", logItem, "--preview", "--json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, said := at{width: tt.width, env: tt.env}.items(append(tt.args, alice...)...)
			if code != 0 {
				t.Fatalf("code %d: %s", code, said)
			}
			golden(t, tt.name, out)
			if strings.HasPrefix(tt.name, "list") && tt.width > 0 && tt.env != nil {
				for line := range strings.Lines(out) {
					if n := screen.Width(strings.TrimSuffix(line, "\n")); n > tt.width {
						t.Errorf("a line of %d columns on a terminal of %d", n, tt.width)
					}
				}
			}
			if strings.Contains(tt.name, "json") && !json.Valid([]byte(out)) {
				t.Error("is no JSON")
			}
		})
	}
}

// TestItemsHostile: nothing that a sender wrote steers the terminal.
func TestItemsHostile(t *testing.T) {
	url, users := gateServer(t)
	for _, args := range [][]string{{"show", hostileItem, "--preview"}, {"show", hostileItem, "--preview", "--json"}, {"list"}, {"list", "--json"}} {
		code, out, said := at{}.items(append(args, "--server", url, "--user", "alice", "--password-file", users)...)
		if code != 0 {
			t.Fatalf("%v: code %d: %s", args, code, said)
		}
		if clean := screen.Plain(out, true); clean != out {
			t.Errorf("%v: characters that are not simply seen get through", args)
		}
		if !strings.Contains(out, `\u202e`) {
			t.Errorf("%v: the override is not shown", args)
		}
	}
}

func TestItemsDecide(t *testing.T) {
	url, users := gateServer(t)
	as := func(user string, args ...string) []string {
		return append(args, "--server", url, "--user", user, "--password-file", users)
	}
	for _, tt := range []struct {
		name   string
		at     at
		args   []string
		code   int
		out    string // a part of both outputs
		absent string
	}{
		{"without a reason", at{}, as("alice", "approve", logItem), 2, "--reason", ""},
		{"with nothing named", at{}, as("alice", "deny", "--reason", "no"), 2, "or --all", ""},
		{"filters without all", at{}, as("alice", "deny", logItem, "--reason", "no", "--rule", "jwt"), 2, "filters go with --all", ""},
		{"an odd mode", at{}, as("alice", "approve", logItem, "--reason", "ok", "--mode", "clear"), 2, "use masked, original", ""},
		{"no such item", at{}, as("alice", "approve", "00000000", "--reason", "ok"), 2, "there is no item", ""},
		{"no such id", at{}, as("alice", "approve", strings.Repeat("0", 32), "--reason", "ok"), 1, "there is no such item", ""},
		{"ambiguous", at{}, as("alice", "approve", "xyz", "--reason", "ok"), 2, "is no item's id", ""},
		{"somebody who may not", at{}, as("viewer", "approve", logItem, "--reason", "ok"), 2, "you do not have the permission", ""},
		{"one's own telemetry", at{}, as("alice", "approve", aliceOwn, "--reason", "ok"), 1, "your own", ""},
		{"a version of the past", at{}, as("alice", "approve", twoApprovals, "--reason", "ok", "--if-version", "1"), 1, "it is pending, at version 2", ""},
		{"the second of two", at{}, as("alice", "approve", twoApprovals, "--reason", "ok", "--if-version", "2"), 0, "approve recorded: approved", ""},
		{"too late", at{}, as("bob", "deny", twoApprovals, "--reason", "no"), 1, "somebody else was faster; it is approved", "recorded: denied"},
		{"several, one of them too late", at{}, as("bob", "deny", twoApprovals, logItem, "--reason", "no"), 1, "deny recorded: denied", ""},
		{"all, nobody there to ask", at{}, as("bob", "deny", "--all", "--rule", "jwt", "--reason", "no"), 2, "nobody is here to ask", "recorded"},
		{"all, and the answer is no", at{width: 80, answer: "n\n"}, as("bob", "deny", "--all", "--rule", "jwt", "--reason", "no"), 2, "nothing was done", "recorded"},
		{"all, and the answer is yes", at{width: 80, answer: "yes\n"}, as("bob", "deny", "--all", "--rule", "jwt", "--severity", "medium", "--reason", "no"), 0, "decisions recorded", "not recorded"},
		{"all, none left", at{}, as("bob", "deny", "--all", "--rule", "jwt", "--reason", "no", "--yes"), 0, "no items", ""},
		{"all, with results as JSON", at{}, as("bob", "approve", "--all", "--q", "stripe", "--reason", "ok", "--yes", "--json"), 0, `"state": "pending"`, ""},
		{"all, voted already", at{}, as("bob", "approve", "--all", "--q", "stripe", "--reason", "ok", "--yes"), 1, "you have voted already; it is pending", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, said := tt.at.items(tt.args...)
			if code != tt.code {
				t.Errorf("code %d, want %d: %s%s", code, tt.code, out, said)
			}
			if !strings.Contains(out+said, tt.out) {
				t.Errorf("%q is not in: %s%s", tt.out, out, said)
			}
			if tt.absent != "" && strings.Contains(out+said, tt.absent) {
				t.Errorf("%q is in: %s%s", tt.absent, out, said)
			}
		})
	}
}

// TestItemsWatch: changes come as they happen.
func TestItemsWatch(t *testing.T) {
	url, users := gateServer(t)
	end := make(chan struct{})
	ended := make(chan struct{})
	go func() { // until the watcher, whenever it is there, has seen enough
		defer close(ended)
		for {
			if resp, err := http.Post(url+"test/hold", "", nil); err == nil {
				resp.Body.Close()
			}
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	for _, args := range [][]string{{"watch", "--count", "2"}, {"watch", "--count", "2", "--json"}} {
		code, out, said := at{}.items(append(args, "--server", url, "--user", "alice", "--password-file", users)...)
		if code != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "pending") {
			t.Errorf("%v: code %d: %s%s", args, code, out, said)
		}
	}
	close(end)
	<-ended
}

// TestItemsTrouble: servers that answer something else.
func TestItemsTrouble(t *testing.T) {
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("a-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, "is not what the admin API answers"},
		{"no problem document", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "\x1b[2J", http.StatusBadGateway) }, "no problem document"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "the server answered 302"},
		{"not ready", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"title":"The index is being rebuilt","status":503,"detail":"later","done":3,"total":10}`)
		}, "the index is being rebuilt: 3 of 10 items"},
		{"a connection that ends", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"items":[`)
		}, "reading the server's answer"},
		{"an error with control characters", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"title":"No \u001b[31m","status":403,"detail":"\u202e"}`)
		}, `no \u001b[31m: \u202e`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer a-token" {
					t.Error("the token does not come with the request")
				}
				tt.answer(w, r)
			}))
			defer server.Close()
			code, out, said := at{}.items("list", "--server", server.URL, "--token-file", token)
			if code != 2 || out != "" || !strings.Contains(said, tt.want) || strings.Contains(said, "\x1b") {
				t.Errorf("code %d: %q %q", code, out, said)
			}
		})
	}
}

func TestItemsCredentials(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	two, one, odd := write("two", "alice:one\r\n# more\n\nbob:t:wo\n"), write("one", "carol:three"), write("odd", "alice:one\nhidden-word\n")
	env := map[string]string{"TRACESCRUB_PASSWORD": "env"}
	for _, tt := range []struct {
		name string
		a    access
		env  map[string]string
		want gateapi.Credentials
		err  string
	}{
		{"nobody", access{}, nil, gateapi.Credentials{}, ""},
		{"a user of several", access{user: "bob", passwordFile: two}, nil, gateapi.Credentials{User: "bob", Password: "t:wo"}, ""},
		{"the only user", access{passwordFile: one}, nil, gateapi.Credentials{User: "carol", Password: "three"}, ""},
		{"which of them", access{passwordFile: two}, nil, gateapi.Credentials{}, "choose one of alice, bob"},
		{"none of them", access{user: "dave", passwordFile: two}, nil, gateapi.Credentials{}, `no line for the user "dave"`},
		{"a broken line", access{user: "alice", passwordFile: odd}, nil, gateapi.Credentials{}, "odd:2 is no line user:password"},
		{"the environment", access{user: "alice"}, env, gateapi.Credentials{User: "alice", Password: "env"}, ""},
		{"no password", access{user: "alice"}, nil, gateapi.Credentials{}, "set TRACESCRUB_PASSWORD"},
		{"both", access{user: "alice", tokenFile: one}, nil, gateapi.Credentials{}, "--token-file goes without --user"},
		{"no file", access{tokenFile: filepath.Join(dir, "none")}, nil, gateapi.Credentials{}, "no such file"},
		{"two tokens", access{tokenFile: two}, nil, gateapi.Credentials{}, "does not hold one token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.a.credentials(&terminal{getenv: func(name string) string { return tt.env[name] }})
			said := fmt.Sprint(err)
			if tt.err == "" && (err != nil || got != tt.want) || tt.err != "" && !strings.Contains(said, tt.err) {
				t.Errorf("%v, %s", got.User, said)
			}
			if strings.Contains(said, "hidden-word") {
				t.Error("the error quotes the file")
			}
		})
	}
}
