package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/keyfiles"
)

// approversName is the file of the embedded default's approvers.
const approversName = "demo-approvers"

// demoApprovers are their user names; a critical item needs both.
var demoApprovers = []string{"alice", "bob"}

func newSetup(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "setup DIR",
		Short: "Prepare the data directory of the embedded default",
		Long: `Make what deploy/embedded.yaml needs before its first start, in its data
directory: a key pair for what is held, in keys/private and keys/public, and
two approvers for the demo, in demo-approvers. What is there already stays.

In production keys are made with "tracescrub keys new" where the gate runs, and
approvers are known by the organisation's identity provider.

Exit codes: 0 done; 2 wrong use, or the directory cannot be written to.`,
		Example: `  tracescrub setup data`,
		Args:    exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return setup(t, args[0])
		},
	}
}

func setup(t *terminal, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := setupKeys(t, filepath.Join(dir, "keys")); err != nil {
		return err
	}
	file := filepath.Join(dir, approversName)
	made, err := makeApprovers(file)
	if err != nil {
		return fmt.Errorf("making the demo's approvers: %w", err)
	}
	if made {
		t.say("tracescrub: made the approvers %s and %s; their passwords are in %s",
			demoApprovers[0], demoApprovers[1], file)
	}
	return nil
}

// makeApprovers writes a file of `user:password` lines in one step, unless it is there.
func makeApprovers(file string) (made bool, err error) {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), "."+approversName+"-*") // mode 0600
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	for _, user := range demoApprovers {
		if _, err := fmt.Fprintf(tmp, "%s:%s\n", user, rand.Text()); err != nil {
			return false, errors.Join(err, tmp.Close())
		}
	}
	if err := errors.Join(tmp.Sync(), tmp.Close()); err != nil {
		return false, err
	}
	// Another process may have been faster: its file stays.
	if err := os.Link(tmp.Name(), file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return false, nil
		}
		return false, err
	}
	return true, nil
}

// setupKeys makes the first key pair, unless there is one.
func setupKeys(t *terminal, dir string) error {
	pair, err := keyfiles.In(dir).New(time.Now())
	if errors.Is(err, keyfiles.ErrExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("making a key pair: %w", err)
	}
	t.say("tracescrub: made the key pair %s in %s", pair.ID, dir)
	return nil
}
