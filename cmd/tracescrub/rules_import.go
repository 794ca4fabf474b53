package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/screen"
	"github.com/tracescrub/tracescrub/rules"
	"github.com/tracescrub/tracescrub/rules/gitleaks"
	"github.com/tracescrub/tracescrub/rules/pack"
	"github.com/tracescrub/tracescrub/rules/packs"
)

func newRulesImport(t *terminal) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "import FILE.toml > pack.yaml",
		Short: "Turn a configuration of gitleaks into a rule pack",
		Long: `Turn a configuration of gitleaks, and what it extends, into a rule pack. What is
otherwise than there is said on standard error. Each rule gets an example and a
near miss that are made from its regex; where none can be made, it says so and
the pack has to be completed by hand.

Rules keep their id unless a built-in rule has it. docs/rules.md has what
becomes of each key.

Exit codes: 0 done; 2 wrong use, or mistakes in the file.`,
		Example: `  tracescrub rules import .gitleaks.toml > ours.yaml
  tracescrub rules check ours.yaml`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return runRulesImport(t, args[0], output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the pack to this `file`, which appears only when it is complete")
	return cmd
}

func runRulesImport(t *terminal, file, output string) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	builtin, err := packs.Builtin()
	if err != nil {
		return err
	}
	p, diffs, err := importTOML(file, raw, builtin)
	if err != nil {
		return err
	}
	for _, d := range diffs {
		t.say("%s", d)
	}
	text, err := yaml.Marshal(p)
	if err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	out, err := openOutput(t.out, output)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return out.close(err)
}

// importTOML makes a pack of a configuration, whose ids are not those of built-in rules.
func importTOML(file string, raw []byte, builtin []*pack.Pack) (*pack.Pack, []gitleaks.Difference, error) {
	return gitleaks.Import(file, raw, gitleaks.Options{
		Read: os.ReadFile, Examples: true,
		Taken: func(id string) bool {
			return slices.ContainsFunc(builtin, func(p *pack.Pack) bool {
				return slices.ContainsFunc(p.Rules, func(r pack.Rule) bool { return r.ID == id }) ||
					slices.ContainsFunc(p.Names, func(n pack.Name) bool { return n.ID == id })
			})
		},
	})
}

// toml checks a configuration of gitleaks and returns how many rules it gives.
func (c *checker) toml(file string, raw []byte, builtin []*pack.Pack) int {
	p, diffs, err := importTOML(file, raw, builtin)
	if err != nil {
		c.say(err)
		return 0
	}
	for _, d := range diffs {
		fmt.Fprintln(c.t.out, screen.Plain(fmt.Sprint(d), false))
		if d.Lost {
			c.mistakes++
		}
	}
	notes := map[string]string{}
	if e, err := rules.Compile(rules.Limits{}, p); err != nil {
		c.say(err)
	} else {
		notes = anchorNotes(e)
	}
	for _, r := range p.Rules {
		if notes[r.ID] != "" {
			fmt.Fprintln(c.t.out, screen.Plain(fmt.Sprintf("%s: rule %s: %s", file, r.ID, notes[r.ID]), false))
		}
		if owner, taken := c.owner[r.ID]; taken {
			c.say(fmt.Errorf("%s: id %q is already in %s", file, r.ID, strings.TrimSpace(owner)))
		}
		c.owner[r.ID] = file
	}
	return len(p.Rules)
}
