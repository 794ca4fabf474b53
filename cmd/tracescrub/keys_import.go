package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/durable"
	"github.com/tracescrub/tracescrub/internal/keyfiles"
)

// gateMAC is the key that authenticates decisions, beside the private keys.
const gateMAC = "gate.mac"

func newKeysImport(t *terminal) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "import --from SOURCE DIR",
		Short: "Copy private keys that are mounted read-only to where a gate may write",
		Long: `Copy the private keys and gate.mac of SOURCE, such as a mounted Secret, to
DIR/private. A gate cannot work on SOURCE itself: it destroys keys, and keeps
what it has told the audit log beside them.

What is in DIR/private stays as it is, and a key that was destroyed there does
not come back. gate.mac must be in SOURCE and the same for all gates of one
store: without it each gate would make one of its own, and ignore the others.

Exit codes: 0 done; 2 wrong use, a key cannot be used, or gate.mac is another one.`,
		Example:               `  tracescrub keys import --from /etc/tracescrub/keys/private /var/lib/tracescrub/keys`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if from == "" {
				return usef("--from: no SOURCE given")
			}
			n, err := importKeys(from, filepath.Join(args[0], "private"))
			if err != nil {
				return err
			}
			fmt.Fprintf(t.err, "tracescrub: %d private key(s) copied to %s\n", n, args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "`directory` with *.key and gate.mac")
	return cmd
}

func importKeys(from, to string) (int, error) {
	keys, err := keyfiles.ReadPrivate(from)
	if err != nil {
		return 0, err
	}
	if err := durable.MkdirAll(to, 0o700); err != nil {
		return 0, err
	}
	// First what must not differ, so that nothing is done by halves.
	if _, err := importFile(from, to, gateMAC, true); err != nil {
		return 0, err
	}
	n := 0
	for _, k := range keys {
		name := keyfiles.Pair{ID: k.ID, Created: k.Created}.Name()
		switch _, err := os.Stat(filepath.Join(to, name+".destroyed")); {
		case err == nil:
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return n, err
		}
		made, err := importFile(from, to, name+".key", false)
		if err != nil {
			return n, err
		}
		if made {
			n++
		}
	}
	return n, nil
}

// importFile copies a file unless it is there; same: what is there must be the same.
func importFile(from, to, name string, same bool) (made bool, err error) {
	text, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		return false, err
	}
	target := filepath.Join(to, name)
	err = durable.Create(target, text, 0o600)
	if !errors.Is(err, fs.ErrExist) {
		return err == nil, err
	}
	if !same {
		return false, nil
	}
	there, err := os.ReadFile(target)
	if err == nil && !bytes.Equal(bytes.TrimSpace(there), bytes.TrimSpace(text)) {
		err = fmt.Errorf("%s is another key than that of %s: decisions of either would be ignored by the other", target, from)
	}
	return false, err
}
