package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

// checkSeeds is how often each template is expanded: a rule that fails for one
// random text in ten is found out.
const checkSeeds = 32

func newRulesCheck(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Check rule packs with their own examples and near misses",
		Long: `Check rule packs: the form of every key, the patterns, and each rule with its own
examples, which must be found whole, and near misses, which must not be. All
mistakes are reported at once as file:line: YAML path: what is wrong.

A file .toml is a configuration of gitleaks: what it becomes here is checked, and
what is otherwise than there is said, as a note or, where something would have
been found or allowed there and is not here, as "left out". Only the latter, and
mistakes, make the exit code 1.

The law for packs: every rule has an anchor of at least three fixed bytes, a
literal without which it cannot match; less is refused. Where one has less than
four, or stands often in ordinary text, a note says what it costs.

An id that another given file or a built-in rule has already is a mistake, but
for a file that holds the built-in rule itself.

Exit codes: 0 all is well; 1 mistakes; 2 wrong use, or a file cannot be read.`,
		Example: `  tracescrub rules check our-rules.yaml
  tracescrub rules check .gitleaks.toml`,
		DisableFlagsInUseLine: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usef("no FILE given")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runRulesCheck(t, args) },
	}
}

// checker collects the mistakes of packs.
type checker struct {
	t        *terminal
	owner    map[string]string // of ids
	mistakes int
	unread   int
}

func runRulesCheck(t *terminal, files []string) error {
	c := &checker{t: t, owner: map[string]string{}}
	builtin, err := packs.Builtin()
	if err != nil {
		return err
	}
	own := map[string]bool{} // names of built-in packs
	for _, p := range builtin {
		own[p.Name] = true
	}
	total := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			c.unread++
			t.say("tracescrub: %v", err)
			continue
		}
		file = screen.Plain(file, false) // mistakes are told by lines that begin with it
		if filepath.Ext(file) == ".toml" {
			total += c.toml(file, raw, builtin)
			continue
		}
		total += c.file(file, raw, builtin, own)
	}
	switch {
	case c.unread > 0:
		return fmt.Errorf("%d of %d files could not be read", c.unread, len(files))
	case c.mistakes > 0:
		return errFindings
	}
	_, err = fmt.Fprintf(t.out, "%d rules in %d files: all is well\n", total, len(files))
	return err
}

// file checks one pack and returns how many rules it has.
func (c *checker) file(file string, raw []byte, builtin []*pack.Pack, own map[string]bool) int {
	p, err := pack.Load(file, bytes.NewReader(raw))
	if err != nil {
		c.say(err)
		return 0
	}
	k := &packCheck{checker: c, file: file}
	if err := yaml.Unmarshal(raw, &k.doc); err != nil {
		c.say(fmt.Errorf("%s: %w", file, err))
		return 0
	}
	if !own[p.Name] {
		for _, b := range builtin {
			for _, r := range b.Rules {
				c.owner[r.ID] = "the built-in pack " + b.Name
			}
			for _, n := range b.Names {
				c.owner[n.ID] = "the built-in pack " + b.Name
			}
		}
	}
	if k.engine, err = rules.Compile(rules.Limits{}, p); err != nil {
		c.say(err)
		return 0
	}
	for i, r := range p.Rules {
		k.rule("rules", i, r.ID, r.Examples, r.NearMisses)
	}
	for i, n := range p.Names {
		k.rule("names", i, n.ID, n.Examples, n.NearMisses)
	}
	notes := anchorNotes(k.engine)
	for i, r := range p.Rules {
		key := "pattern"
		switch {
		case len(r.Near) > 0:
			key = "near"
		case len(r.Anchors) > 0:
			key = "anchors"
		}
		k.note(notes[r.ID], "rules", i, key)
	}
	for i, n := range p.Names {
		k.note(notes[n.ID], "names", i, "names")
	}
	return len(p.Rules) + len(p.Names)
}

// say prints each line of an error as a mistake.
func (c *checker) say(err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		c.mistakes++
		fmt.Fprintln(c.t.out, screen.Plain(line, false))
	}
}

// packCheck checks the rules of one pack by its own engine.
type packCheck struct {
	*checker
	file   string
	doc    yaml.Node
	engine *rules.Engine
}

// rule checks one rule or name.
func (k *packCheck) rule(list string, i int, id string, examples, nearMisses []string) {
	if owner, taken := k.owner[id]; taken {
		k.mistake(fmt.Sprintf("id %q is already in %s", id, owner), list, i, "id")
	}
	k.owner[id] = k.file
	for n, template := range examples {
		if what := k.template(template, id, true); what != "" {
			k.mistake(what, list, i, "examples", n)
		}
	}
	for n, template := range nearMisses {
		if what := k.template(template, id, false); what != "" {
			k.mistake(what, list, i, "near_misses", n)
		}
	}
}

// template expands a template many times and says what is wrong with what the
// engine finds, or "" if nothing is. It never quotes the text.
func (k *packCheck) template(template, id string, example bool) string {
	for seed := range uint64(checkSeeds) {
		text, secret, err := pack.Expand(template, rand.New(rand.NewPCG(seed, 1)))
		if err != nil {
			return err.Error()
		}
		found := k.engine.Scan(nil, []byte(text), rules.Context{})
		if what := k.judge(found, id, secret, example); what != "" {
			return fmt.Sprintf("%s (seed %d)", what, seed)
		}
	}
	return ""
}

// judge compares what was found with what should be. An example is found when
// its secret is covered, by whatever rule of the pack: they may overlap.
func (k *packCheck) judge(found []rules.Finding, id string, secret [2]int, example bool) string {
	covered := secret[0]
	for _, f := range found {
		switch {
		case f.Withheld != rules.None:
			return "could not be scanned: " + f.Withheld.String()
		case !example && k.engine.Rules()[f.Rule].ID == id:
			return fmt.Sprintf("is found at bytes %d to %d, but must not be", f.Start, f.End)
		case f.Start <= covered && f.End > covered:
			covered = f.End
		}
	}
	switch {
	case !example || covered >= secret[1]:
		return ""
	case len(found) == 0:
		return "is not found"
	case covered == secret[0]:
		return fmt.Sprintf("is not found at bytes %d to %d", secret[0], secret[1])
	}
	return fmt.Sprintf("is found only up to byte %d, but the secret is at bytes %d to %d", covered, secret[0], secret[1])
}

// anchorNotes says by id of a rule what its weakest anchor costs, if that is much.
func anchorNotes(e *rules.Engine) map[string]string {
	notes := map[string]string{}
	for _, a := range e.Anchors() {
		if a.Weak() && notes[a.Rule] == "" {
			notes[a.Rule] = fmt.Sprintf("note: the anchor %q, of %d bytes, makes %.2f candidates in a KB of ordinary text; longer and rarer ones cost less",
				a.Text, len(a.Text), a.PerKB)
		}
	}
	return notes
}

// note prints what is no mistake, if there is anything to say.
func (k *packCheck) note(what string, at ...any) {
	if what != "" {
		k.print(what, at...)
	}
}

// mistake prints a mistake at a YAML path.
func (k *packCheck) mistake(what string, at ...any) {
	k.mistakes++
	k.print(what, at...)
}

// print prints a line about a YAML path.
func (k *packCheck) print(what string, at ...any) {
	node, path := &k.doc, ""
	if len(node.Content) > 0 {
		node = node.Content[0]
	}
	for _, step := range at {
		switch s := step.(type) {
		case int:
			path += fmt.Sprintf("[%d]", s)
			if node.Kind == yaml.SequenceNode && s < len(node.Content) {
				node = node.Content[s]
			}
		case string:
			path = strings.TrimPrefix(path+"."+s, ".")
			for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == s {
					node = node.Content[i+1]
					break
				}
			}
		}
	}
	fmt.Fprintln(k.t.out, screen.Plain(fmt.Sprintf("%s:%d: %s: %s", k.file, node.Line, path, what), false))
}
