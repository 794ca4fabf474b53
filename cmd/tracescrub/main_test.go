package main

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/replay/replaytest"
	"github.com/tracescrub/tracescrub/rules/pack"
)

var update = flag.Bool("update", false, "write the goldens of the scripts anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tracescrub": main})
}

// TestScripts runs testdata/script/*.txtar. Besides testscript's own commands
// there are
//
//	plant FILE...      replace @name@ by a secret made for this script (secretTemplates)
//	exit CODE CMD...   run a command that must end with this code
//	clean FILE...      no planted secret, and no 12 bytes of one, stands in the files
//	masks N FILE       the file holds N masks
//	json FILE          every line of the file is JSON
//	session DIR        write an audit log of a session there (package replaytest)
//	sarif FILE N       the file is SARIF 2.1.0 as code scanning wants it, with N results
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Values[plantedKey{}] = map[string]string{}
			env.Setenv("TRACESCRUB_FINGERPRINT_KEY", "a key for tests of the command")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"plant": cmdPlant,
			"exit":  cmdExit,
			"clean": cmdClean,
			"masks": cmdMasks,
			"json":  cmdJSON,
			"sarif": cmdSARIF,
			"session": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 1 {
					ts.Fatalf("usage: session DIR")
				}
				ts.Check(replaytest.Write(t.Context(), ts.MkAbs(args[0]), replaytest.Session()...))
			},
		},
	})
}

// secretTemplates are what @name@ stands for; @name2@ is another one of the same.
var secretTemplates = map[string]string{
	"github": "ghp_<30*base62><check:github-crc32>",
	"slack":  "xoxb-<12*digit>-<13*digit>-<24*base62>",
	"stripe": "sk_live_<99*base62>",
	"pem":    "<pem:RSA PRIVATE KEY>",
}

type plantedKey struct{}

func planted(ts *testscript.TestScript) map[string]string {
	return ts.Value(plantedKey{}).(map[string]string)
}

var placeholder = regexp.MustCompile(`@([a-z]+)([0-9]*)@`)

// plantText replaces the placeholders in a text and records the secrets.
func plantText(text, seed string, record map[string]string) (string, error) {
	var bad error
	out := placeholder.ReplaceAllStringFunc(text, func(name string) string {
		template, ok := secretTemplates[placeholder.FindStringSubmatch(name)[1]]
		if !ok {
			bad = fmt.Errorf("there is no template for %s", name)
			return name
		}
		h := fnv.New64a()
		fmt.Fprint(h, seed, name)
		secret, _, err := pack.Expand(template, rand.New(rand.NewPCG(h.Sum64(), 1)))
		if err != nil {
			bad = err
		}
		record[name] = secret
		return secret
	})
	return out, bad
}

func cmdPlant(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: plant FILE...")
	}
	for _, name := range args {
		text := ts.ReadFile(name)
		out, err := plantText(text, ts.Name(), planted(ts))
		ts.Check(err)
		if out == text {
			ts.Fatalf("%s has no placeholder", name)
		}
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(out), 0o600))
	}
}

func cmdExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE CMD...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// leaks counts the planted secrets of which a piece stands in the text.
func leaks(text string, secrets map[string]string) (names []string) {
	const piece = 12
	for name, secret := range secrets {
		for _, line := range strings.Split(secret, "\n") {
			if strings.HasPrefix(line, "-----") {
				continue
			}
			for i := 0; i+piece <= len(line); i++ {
				if strings.Contains(text, line[i:i+piece]) {
					names = append(names, name)
					break
				}
			}
		}
	}
	return names
}

func cmdClean(ts *testscript.TestScript, neg bool, args []string) {
	if len(planted(ts)) == 0 {
		ts.Fatalf("nothing was planted")
	}
	for _, name := range args {
		text := ts.ReadFile(name)
		switch found := leaks(text, planted(ts)); {
		case neg && len(found) == 0:
			ts.Fatalf("%s holds no planted secret", name)
		case !neg && len(found) > 0:
			ts.Fatalf("%s holds %d planted secrets: %v", name, len(found), found)
		}
	}
}

var maskForm = regexp.MustCompile(`\[MASKED:[a-z0-9-]+:[0-9a-f]{8}\]`)

func cmdMasks(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: masks N FILE")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := len(maskForm.FindAllString(ts.ReadFile(args[1]), -1)); got != want {
		ts.Fatalf("%d masks, want %d", got, want)
	}
}

// TestSuggestion: an unknown command is answered line by line, nothing in it escaped.
func TestSuggestion(t *testing.T) {
	code, _, said := command(nil, "scann")
	want := "tracescrub: unknown command \"scann\" for \"tracescrub\"\ntracescrub: Did you mean this?\ntracescrub: scan\nhint: tracescrub --help\n"
	if code != exitWrong || said != want {
		t.Errorf("exit %d, %q, want %q", code, said, want)
	}
}
