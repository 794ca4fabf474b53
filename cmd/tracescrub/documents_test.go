package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// shown is a command line in a document.
type shown struct {
	where string
	words []string
	// whole: it is to be typed as it stands. Else it is a mention within a
	// sentence, or ends with "...", and may lack arguments.
	whole bool
}

var inlineCode = regexp.MustCompile("`([^`\n]+)`")

// shownIn finds the command lines of a document: in its fenced blocks that are
// of a shell or of nothing, in those with prompts behind the prompt only, in
// indented blocks, and between backticks.
func shownIn(path, markdown string) (all []shown) {
	n := 0
	fence, prompts := "", false
	lines := strings.Split(markdown, "\n")
	for i, line := range lines {
		n++
		where := fmt.Sprintf("%s:%d", path, n)
		trimmed := strings.TrimSpace(line)
		if rest, ok := strings.CutPrefix(trimmed, "```"); ok && (fence == "" || rest == "") {
			if fence != "" {
				fence = ""
				continue
			}
			fence = "```" + rest
			end := slices.IndexFunc(lines[i+1:], func(l string) bool { return strings.TrimSpace(l) == "```" })
			prompts = slices.ContainsFunc(lines[i+1:i+1+max(end, 0)], func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "$ ") })
			continue
		}
		switch {
		case slices.Contains([]string{"```", "```sh", "```console", "```bash", "```text"}, fence):
			command, prompt := strings.CutPrefix(trimmed, "$ ")
			if prompt == prompts && (prompt || fence != "```text") {
				all = append(all, commands(where, command, true)...)
			}
		case fence == "" && strings.HasPrefix(line, "    "):
			all = append(all, commands(where, trimmed, true)...)
		case fence == "":
			for _, m := range inlineCode.FindAllStringSubmatch(line, -1) {
				all = append(all, commands(where, m[1], false)...)
			}
		}
	}
	return all
}

// ends are words that end a command, or are followed by the name of a file.
var ends, redirections = []string{"|", "||", "&&", ";"}, []string{">", "<", ">>", "2>"}

// commands splits a line as a shell would, without expanding anything.
func commands(where, line string, whole bool) (all []shown) {
	c := shown{where: where, whole: whole}
	done := func() {
		for len(c.words) > 0 && strings.Contains(c.words[0], "=") { // the environment
			c.words = c.words[1:]
		}
		if len(c.words) > 0 {
			all = append(all, c)
		}
		c = shown{where: where, whole: whole}
	}
	words := shellWords(line)
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case slices.Contains(ends, w):
			done()
		case slices.Contains(redirections, w):
			i++
		case w == "...":
			c.whole = false
		default:
			c.words = append(c.words, w)
		}
	}
	done()
	return all
}

// shellWords splits at white space outside of quotes, up to a comment.
func shellWords(line string) (words []string) {
	var word strings.Builder
	quote, in := rune(0), false
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, in = r, true
		case quote == 0 && r == '#' && !in:
			return words
		case quote == 0 && (r == ' ' || r == '\t'):
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	return words
}

// label is text that is authenticated with decisions (docs/format/decisions.md), no command.
const label = "tracescrub decision v1"

// wrong says what is wrong with a command line of ours or of make; empty if nothing.
func (s shown) wrong(makefile string) string {
	switch s.words[0] {
	case "make":
		return wrongMake(s.words[1:], makefile)
	case "tracescrub", "bin/tracescrub":
		if strings.Join(s.words, " ") == label {
			return ""
		}
		return wrongUse(s.words[1:], s.whole)
	}
	return ""
}

func wrongMake(args []string, makefile string) string {
	for _, a := range args {
		if name, _, is := strings.Cut(a, "="); is {
			if !regexp.MustCompile(`(?m)^` + name + ` +[?:]?=`).MatchString(makefile) {
				return "the Makefile has no variable " + name
			}
		} else if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(a) + `:`).MatchString(makefile) {
			return "the Makefile has no target " + a
		}
	}
	return ""
}

// wrongUse holds words against the commands and flags that there are.
func wrongUse(args []string, whole bool) string {
	cmd, rest, err := newRoot(osTerminal()).Find(args)
	if err != nil {
		return err.Error()
	}
	if !whole {
		return wrongMention(cmd, rest)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err.Error()
	}
	if help := cmd.Flags().Lookup("help"); help != nil && help.Changed || cmd.Name() == "tracescrub" {
		return ""
	}
	if cmd.HasSubCommands() {
		return cmd.CommandPath() + " is no command by itself"
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err.Error()
	}
	return ""
}

// wrongMention looks at the flags alone: values may be missing, and what a
// group of commands has in common may be written as a|b.
func wrongMention(cmd *cobra.Command, rest []string) string {
	if cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		for name := range strings.SplitSeq(rest[0], "|") {
			if sub, _, err := cmd.Find([]string{name}); cmd.HasParent() && (err != nil || sub == cmd) && strings.ToUpper(name) != name {
				return cmd.CommandPath() + " has no command " + name
			}
		}
	}
	for _, w := range rest {
		name, is := strings.CutPrefix(w, "--")
		name, _, _ = strings.Cut(name, "=")
		if !is || name == "" || name == "help" {
			continue
		}
		if cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
			return cmd.CommandPath() + " has no flag --" + name
		}
	}
	return ""
}

// TestDocumentedCommands: what documents tell people to type exists: every
// command and flag of tracescrub, every target and variable of make.
func TestDocumentedCommands(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); d.IsDir() && path != "../.." && (strings.HasPrefix(name, ".") || slices.Contains([]string{"_build", "bin", "data", "node_modules"}, name)) {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, s := range shownIn(strings.TrimPrefix(path, "../../"), string(text)) {
			n[s.words[0]]++
			if why := s.wrong(string(makefile)); why != "" {
				t.Errorf("%s: %s: %s", s.where, strings.Join(s.words, " "), why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n["make"] < 10 || n["tracescrub"] < 50 {
		t.Errorf("only %d commands of make and %d of tracescrub were found", n["make"], n["tracescrub"])
	}
}

// TestWrongCommands sees the check fail on what it is there for.
func TestWrongCommands(t *testing.T) {
	makefile := "FUZZTIME   ?= 30s\nrun: x\n"
	for _, c := range []struct{ name, markdown, want string }{
		{"target", "```\nmake ruin\n```", "no target ruin"},
		{"variable", "```sh\nmake run FUZZ=1s\n```", "no variable FUZZ"},
		{"command", "```console\n$ tracescrub audit veryfy\n```", "audit is no command by itself"},
		{"command, unknown", "    tracescrub odit verify", "unknown command"},
		{"flag", "```console\n$ tracescrub audit verify --chekpoint x data/audit  # comment\n```", "unknown flag"},
		{"flag, behind a pipe", "```\n$ cat x | tracescrub mask --form text > y\n```", "unknown flag"},
		{"group alone", "```\ntracescrub audit\n```", "audit is no command by itself"},
		{"argument that is missing", "```\nexport A=b\nX=y tracescrub keys new\n```", "missing"},
		{"mention", "as `tracescrub audit verify --chekpoint` says", "no flag --chekpoint"},
		{"mention of a command", "as `tracescrub rules check|liszt` says", "no command liszt"},
		{"right", "```text\ntracescrub nonsense\n```\n```\n$ make run FUZZTIME=1s\ntracescrub nonsense\n$ tracescrub items show 3fa9c1d2 ...\n```\n`tracescrub keys new DIR`, `--flag`", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range shownIn("a.md", c.markdown) {
				if why := s.wrong(makefile); why != "" {
					got = append(got, why)
				}
			}
			if all := strings.Join(got, "; "); c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("complaints %q, want %q", all, c.want)
			}
		})
	}
}
