//go:build e2e

package browser

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pictures in docs/images anew")

// noon is when pagetest's newest item was held, and where the page's clock
// starts: pictures do not change from day to day.
const noon = "2026-03-12T09:30:00Z"

// site is a served page and the people who may use it.
type site struct {
	url   string
	users map[string]string // passwords
	names []string          // approvers, in the order of the file

	// Where people log in by a provider: its address, and a token for tests.
	also, bearer string

	// Of pagetest: how it is started, where it listens, what ends it.
	command []string
	listen  string
	stop    func()
}

// given is the page that the environment names, or else one of our own.
func given(t *testing.T) *site {
	t.Helper()
	url := os.Getenv("TRACESCRUB_URL")
	if url == "" {
		return served(t, "")
	}
	s := &site{url: strings.TrimSuffix(url, "/") + "/"}
	s.readUsers(t, os.Getenv("TRACESCRUB_USERS"))
	return s
}

// served starts pagetest, whose newest item was held then, "" for now.
func served(t *testing.T, now string) *site {
	t.Helper()
	dir := t.TempDir()
	var lines strings.Builder
	for _, name := range []string{"alice", "bob", "voter", "viewer"} {
		fmt.Fprintf(&lines, "%s:%s\n", name, rand.Text())
	}
	users := filepath.Join(dir, "users")
	if err := os.WriteFile(users, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "pagetest")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./receiver/releasereceiver/internal/page/pagetest")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building pagetest: %v\n%s", err, out)
	}
	s := &site{command: []string{bin, "-users", users, "-now", now}, listen: "127.0.0.1:0"}
	s.readUsers(t, users)
	s.start(t)
	t.Cleanup(func() { s.stop() })
	return s
}

// start starts pagetest, at its address of before.
func (s *site) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, s.command[0], append(s.command[1:], "-listen", s.listen)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("starting pagetest: %v", err)
	}
	s.stop = func() { cancel(); cmd.Wait() } //nolint:errcheck // it was killed
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("pagetest does not say where it is: %v", err)
	}
	s.url = strings.TrimSpace(line)
	s.listen = strings.Trim(strings.TrimPrefix(s.url, "http:"), "/")
}

func (s *site) readUsers(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("TRACESCRUB_USERS: %v", err)
	}
	s.users = map[string]string{}
	for line := range strings.Lines(string(b)) {
		if name, password, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			s.users[name] = password
			s.names = append(s.names, name)
		}
	}
	if len(s.names) < 2 {
		t.Fatal("TRACESCRUB_USERS: two approvers are needed")
	}
}

// item is what the tests look at of an item.
type item struct {
	ID            string `json:"id"`
	State         string `json:"state"`
	Version       uint64 `json:"version"`
	Service       string `json:"service"`
	Severity      string `json:"severity"`
	Rules         []string
	Votes         []struct{ By string }
	RequiredVotes int `json:"required_votes"`
}

// call asks the API as somebody, beside the browser.
func (s *site) call(t *testing.T, who, method, path, version, body string, answer any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if s.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+s.bearer)
	} else {
		req.SetBasicAuth(who, s.users[who])
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if version != "" {
		req.Header.Set("If-Match", `"`+version+`"`)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer != nil {
		if err := json.Unmarshal(b, answer); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return resp.StatusCode
}

// somebody is whoever the tests themselves ask as.
func (s *site) somebody() string {
	if len(s.names) == 0 {
		return ""
	}
	return s.names[0]
}

// pending returns the pending items that nobody has voted on, but for those with a name of a test.
func (s *site) pending(t *testing.T, votes int) []item {
	t.Helper()
	var list struct{ Items []item }
	s.call(t, s.somebody(), "GET", "api/v1/items?state=pending&page_size=500", "", "", &list)
	var fit []item
	for _, it := range list.Items {
		if it.RequiredVotes == votes && len(it.Votes) == 0 && !strings.ContainsAny(it.Service, "<") && it.Service != "alices-own-agent" {
			fit = append(fit, it)
		}
	}
	return fit
}

func (s *site) get(t *testing.T, id string) item {
	t.Helper()
	var it item
	s.call(t, s.somebody(), "GET", "api/v1/items/"+id, "", "", &it)
	return it
}
