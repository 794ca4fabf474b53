package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/gateapi"
)

const defaultServer = "http://127.0.0.1:8686"

func newItems(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "items list|show|approve|deny|watch",
		Short: "List, show and decide on what is held for approval",
		Long: `List, show and decide on what is held for approval, by the admin API of
release_gate.

Who you are: --user, with the password in the environment as
TRACESCRUB_PASSWORD or in a file of user:password lines (--password-file), or a
bearer token in a file (--token-file). No password is taken from the command
line, where others could see it.

An ID may be shortened to its beginning, as long as it means one item.

Exit codes: 0 done; 1 a decision was not recorded; 2 wrong use, or the server
cannot be used.`,
		Example: `  tracescrub items list --user alice --password-file data/demo-approvers
  tracescrub items show 3fa9c1d2 --preview --user alice --password-file data/demo-approvers`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usef("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newItemsList(t), newItemsShow(t), newItemsDecide(t, true), newItemsDecide(t, false), newItemsWatch(t))
	return cmd
}

// access are the flags that say which server is asked, and who asks.
type access struct{ server, user, passwordFile, tokenFile string }

func (a *access) flags(cmd *cobra.Command, t *terminal) {
	server := t.getenv("TRACESCRUB_SERVER")
	if server == "" {
		server = defaultServer
	}
	f := cmd.Flags()
	f.StringVar(&a.server, "server", server, "`URL` of release_gate; the environment's TRACESCRUB_SERVER is the default")
	f.StringVar(&a.user, "user", "", "`name` to sign in with; the password is TRACESCRUB_PASSWORD, or in --password-file")
	f.StringVar(&a.passwordFile, "password-file", "", "`file` of user:password lines, of which --user picks one")
	f.StringVar(&a.tokenFile, "token-file", "", "`file` that holds a bearer token")
}

// client makes a client for whoever the flags name.
func (a *access) client(t *terminal) (*gateapi.Client, error) {
	c, err := a.credentials(t)
	if err != nil {
		return nil, err
	}
	client, err := gateapi.New(a.server, c)
	if err != nil {
		return nil, usef("--server: %w", err)
	}
	return client, nil
}

func (a *access) credentials(t *terminal) (gateapi.Credentials, error) {
	var c gateapi.Credentials
	switch {
	case a.tokenFile != "" && (a.user != "" || a.passwordFile != ""):
		return c, usef("--token-file goes without --user and --password-file")
	case a.tokenFile != "":
		b, err := os.ReadFile(a.tokenFile)
		if err != nil {
			return c, fmt.Errorf("--token-file: %w", err)
		}
		if c.Token = strings.TrimSpace(string(b)); c.Token == "" || strings.ContainsAny(c.Token, "\r\n \t") {
			return c, fmt.Errorf("--token-file: %s does not hold one token", a.tokenFile)
		}
		return c, nil
	case a.passwordFile != "":
		return readPassword(a.passwordFile, a.user)
	case a.user == "":
		return c, nil
	}
	c.User, c.Password = a.user, t.getenv("TRACESCRUB_PASSWORD")
	if c.Password == "" {
		return c, usef("--user %s: set TRACESCRUB_PASSWORD, or name a --password-file", a.user)
	}
	return c, nil
}

// readPassword finds a user's line in a file of user:password lines. A file
// of one line needs no user.
func readPassword(file, user string) (gateapi.Credentials, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return gateapi.Credentials{}, fmt.Errorf("--password-file: %w", err)
	}
	var names []string
	var found gateapi.Credentials
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		if !ok || name == "" || password == "" {
			return gateapi.Credentials{}, fmt.Errorf("--password-file: %s:%d is no line user:password", file, n)
		}
		names = append(names, name)
		if user == "" || name == user {
			found = gateapi.Credentials{User: name, Password: password}
		}
	}
	switch {
	case found.User == "":
		return found, usef("--password-file: %s has no line for the user %q", file, user)
	case user == "" && len(names) > 1:
		return found, usef("--user: choose one of %s", strings.Join(names, ", "))
	}
	return found, nil
}

// The words of states and severities, as the API has them.
var (
	itemStates     = []string{"pending", "approved", "releasing", "released", "denied", "expired", "shredded"}
	itemSeverities = []string{"low", "medium", "high", "critical"}
)

// filterFlags are those of the API.
type filterFlags struct {
	state string
	gateapi.Filter
}

func (f *filterFlags) flags(cmd *cobra.Command, state bool) {
	if state {
		cmd.Flags().StringVar(&f.state, "state", "pending", "`states`, separated by commas, or all")
	}
	cmd.Flags().StringVar(&f.Service, "service", "", "`pattern` of the service's name, with * and ?")
	cmd.Flags().StringVar(&f.Rule, "rule", "", "`pattern` of a rule's id, with * and ?")
	cmd.Flags().StringVar(&f.Severity, "severity", "", "the lowest `severity`: low, medium, high or critical")
	cmd.Flags().StringVar(&f.TraceID, "trace-id", "", "`id` of the trace, 32 hex digits")
	cmd.Flags().StringVar(&f.Text, "q", "", "`text` in id, trace id, service or rule")
}

// filter checks the words.
func (f *filterFlags) filter() (gateapi.Filter, error) {
	if f.Severity != "" {
		if err := oneOf("severity", f.Severity, itemSeverities); err != nil {
			return f.Filter, err
		}
	}
	if f.state != "" && f.state != "all" {
		for s := range strings.SplitSeq(f.state, ",") {
			if err := oneOf("state", s, append(itemStates, "all")); err != nil {
				return f.Filter, err
			}
			f.States = append(f.States, s)
		}
	}
	return f.Filter, nil
}

// set says whether anything is filtered at all.
func (f *filterFlags) set() bool {
	return f.Service+f.Rule+f.Severity+f.TraceID+f.Text != ""
}

// pageSize is how many items are asked for at once.
const pageSize = 500

// allItems lists items, at most limit of them, 0 for all; more says that there are others.
func allItems(ctx context.Context, c *gateapi.Client, f gateapi.Filter, limit int) (items []gateapi.Item, more bool, err error) {
	token := ""
	for {
		size := pageSize
		if limit > 0 {
			size = min(size, limit-len(items))
		}
		page, next, err := c.List(ctx, f, size, token)
		if err != nil {
			return nil, false, err
		}
		items = append(items, page...)
		if next == "" || limit > 0 && len(items) >= limit {
			return items, next != "", nil
		}
		token = next
	}
}

const idLength = 32

// resolve turns the beginning of an id into the id.
func resolve(ctx context.Context, c *gateapi.Client, id string) (string, error) {
	id = strings.ToLower(id)
	if len(id) == idLength {
		return id, nil
	}
	if len(id) < 4 || len(id) > idLength || strings.Trim(id, "0123456789abcdef") != "" {
		return "", usef("%q is no item's id: 4 to %d hex digits", id, idLength)
	}
	items, more, err := allItems(ctx, c, gateapi.Filter{Text: id}, pageSize)
	if err != nil {
		return "", err
	}
	found := ""
	for _, it := range items {
		if !strings.HasPrefix(it.ID, id) {
			continue
		}
		if found != "" {
			return "", usef("%s is the beginning of more than one item's id", id)
		}
		found = it.ID
	}
	if found == "" && more {
		return "", usef("%s stands in too many items: write more of the id", id)
	}
	if found == "" {
		return "", errors.New("there is no item " + id)
	}
	return found, nil
}
