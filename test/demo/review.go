package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// approvers are the embedded default's; a critical item needs both.
var approvers = []string{"alice", "bob"}

// held is what the demo needs to know of an item that waits.
type held struct {
	ID       string    `json:"id"`
	Service  string    `json:"service"`
	Severity string    `json:"severity"`
	HeldAt   time.Time `json:"held_at"`
	Findings int       `json:"findings"`
}

// reviewer approves by the command line, as people would.
type reviewer struct {
	// command runs tracescrub; its error says what it has said.
	command func(ctx context.Context, args ...string) ([]byte, error)
	since   time.Time // what waited before is not ours
	done    map[string]bool
	next    time.Time
	show    io.Writer // set for the last dialect: the commands and what they say
	screen  screen
	count   int
}

// newReviewer runs binary against an admin API.
func newReviewer(set settings, now time.Time) *reviewer {
	file := filepath.Join(set.data, "demo-approvers")
	return &reviewer{
		since: now.Add(-time.Second), done: map[string]bool{}, screen: set.screen,
		command: func(ctx context.Context, args ...string) ([]byte, error) {
			if args[0] == "items" {
				args = append(args, "--server", "http://"+set.admin, "--password-file", file)
			}
			cmd := exec.CommandContext(ctx, set.cli, args...)
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w: %s", set.cli, strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
			}
			return out, nil
		},
	}
}

// recorded verifies the audit log and says how many entries it has.
func (r *reviewer) recorded(ctx context.Context, data string) (entries int, err error) {
	out, err := r.command(ctx, "audit", "verify", "--json", filepath.Join(data, "audit"))
	if err != nil {
		return 0, err
	}
	var report struct {
		Entries int `json:"entries"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return 0, errors.New("audit verify --json has answered no report")
	}
	return report.Entries, nil
}

// review approves what is held of the demo, masked, with both approvers.
func (r *reviewer) review(ctx context.Context) error {
	if now := time.Now(); now.Before(r.next) {
		return nil
	}
	r.next = time.Now().Add(300 * time.Millisecond)
	items, err := r.pending(ctx)
	if err != nil || len(items) == 0 {
		return err
	}
	var ids []string
	for _, it := range items {
		ids = append(ids, it.ID)
		r.done[it.ID] = true
	}
	r.count += len(ids)
	if r.show != nil {
		if err := r.present(ctx, items); err != nil {
			return err
		}
	}
	for _, who := range approvers {
		args := append([]string{"items", "approve", "--user", who, "--reason", "a demo, the secrets are made up"}, ids...)
		out, err := r.command(ctx, args...)
		if err != nil {
			return err
		}
		r.print(args[:4], ids, out)
	}
	return nil
}

// pending lists what waits and came since the demo started.
func (r *reviewer) pending(ctx context.Context) ([]held, error) {
	out, err := r.command(ctx, "items", "list", "--state", "pending", "--json", "--user", approvers[0])
	if err != nil {
		return nil, err
	}
	var answer []held
	if err := json.Unmarshal(out, &answer); err != nil {
		return nil, errors.New("items list --json has answered no list")
	}
	var ours []held
	for _, it := range answer {
		if !r.done[it.ID] && it.HeldAt.After(r.since) {
			ours = append(ours, it)
		}
	}
	return ours, nil
}

// present shows the first item that waits.
func (r *reviewer) present(ctx context.Context, items []held) error {
	fmt.Fprintf(r.show, "\n%s\n", r.screen.paint(bold, fmt.Sprintf("%s: sealed until two people approve", count(len(items), "held item"))))
	args := []string{"items", "show", items[0].ID, "--user", approvers[0]}
	out, err := r.command(ctx, args...)
	if err != nil {
		return err
	}
	r.print(args[:2], []string{items[0].ID}, out)
	return nil
}

// shownLines is how much of a command's answer is shown.
const shownLines = 14

func (r *reviewer) print(args, ids []string, out []byte) {
	if r.show == nil {
		return
	}
	line := "$ tracescrub " + strings.Join(args, " ") + " " + ids[0]
	if len(ids) > 1 {
		line += fmt.Sprintf(" ... (%d)", len(ids))
	}
	fmt.Fprintf(r.show, "  %s\n", r.screen.paint(faint, r.screen.fit(line, r.screen.width-2)))
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	for i, l := range lines {
		if i == shownLines {
			fmt.Fprintf(r.show, "  ... %d more lines\n", len(lines)-i)
			return
		}
		fmt.Fprintf(r.show, "  %s\n", r.screen.fit(l, r.screen.width-2))
	}
}
