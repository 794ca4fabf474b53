package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/replay"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/records"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// auditReplay is what a replay is told.
type auditReplay struct {
	query         replay.Query
	names, asJSON bool
	html          string
}

func newAuditReplay(t *terminal) *cobra.Command {
	var o auditReplay
	cmd := &cobra.Command{
		Use:   "replay (--trace-id ID | --conversation ID | --item ID) [--names] [--json | --html FILE] [DIR]",
		Short: "Show what happened to a trace, a conversation or a held item",
		Long: `Show what happened to a trace, a conversation or a held item: who sent it, what was
found, who saw it and decided, what became of it, and its masked telemetry as far as
the log's directory has it (record: masked of verdict). Messages of agents are
shown as a conversation, everything else in the order of time.

A conversation is the one that entries or their telemetry name in
gen_ai.conversation.id, with all entries of its traces. Who sent, saw and decided
stands in the log as commitments; --names says who is meant, as far as the side
table knows.

Records are compared with the digest in their entry. Entries are not verified:
tracescrub audit verify does that.

Exit codes: 0 done; 1 a record was changed, or a line of the log is no entry;
2 wrong use, there is no log, or nothing in it about this.`,
		Example: `  tracescrub audit replay --trace-id 5321fd3e8904df594fd0f1117ed7893c
  tracescrub audit replay --conversation conv-5521 --names --html conv-5521.html
  tracescrub audit replay --item 3fa9c1d2 --json | jq '.events[] | [.time, .kind]'`,
		DisableFlagsInUseLine: true,
		Args:                  between(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return runAuditReplay(cmd.Context(), t, auditDirectory(t, args, 0), &o)
		},
	}
	p := cmd.Flags()
	traceFlag(cmd, &o.query.Trace)
	p.StringVar(&o.query.Conversation, "conversation", "", "`id` of the conversation, as masked")
	p.StringVar(&o.query.Item, "item", "", "`id` of the held item, or its beginning")
	p.BoolVar(&o.names, "names", false, "write who and what commitments stand for, by the side table")
	p.BoolVar(&o.asJSON, "json", false, "write one document of JSON; docs/audit.md describes it")
	p.StringVar(&o.html, "html", "", "write a page that needs nothing else to this `file`")
	return cmd
}

func (o *auditReplay) check() (err error) {
	given := 0
	for _, s := range []string{o.query.Trace, o.query.Conversation, o.query.Item} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return usef("say what to replay: one of --trace-id, --conversation and --item")
	}
	if o.asJSON && o.html != "" {
		return usef("either --json or --html")
	}
	if o.query.Trace, err = beginning("trace-id", o.query.Trace); err != nil {
		return err
	}
	o.query.Item, err = beginning("item", o.query.Item)
	return err
}

func runAuditReplay(ctx context.Context, t *terminal, dir string, o *auditReplay) error {
	tl, err := makeReplay(ctx, t, dir, o)
	if err != nil {
		return err
	}
	out, err := openOutput(t.out, o.html)
	if err != nil {
		return err
	}
	if err := out.close(writeReplay(t, out.Writer, tl, o)); err != nil {
		return err
	}
	if len(tl.Problems) == 0 {
		return nil
	}
	return wrongIn(t, tl.Problems)
}

// wrongIn says what is wrong in a log.
func wrongIn(t *terminal, problems []string) error {
	for _, s := range problems {
		fmt.Fprintf(t.err, "tracescrub: %s\n", cell(s))
	}
	return errFindings
}

func makeReplay(ctx context.Context, t *terminal, dir string, o *auditReplay) (*replay.Timeline, error) {
	l, err := read.Open(dir)
	if err != nil {
		return nil, err
	}
	var names map[string]string
	if o.names {
		table, err := subjects.Load(dir, nil)
		if err != nil {
			return nil, fmt.Errorf("side table: %w", err)
		}
		names = namesOf(table.Rows())
	}
	p := startCounting(t, 0, "records")
	defer p.stop()
	get := func(digest string) ([]byte, error) {
		p.add(1)
		return records.Open(dir).Get(digest)
	}
	found, problems, err := replay.Find(ctx, l, get, &o.query)
	if errors.Is(err, replay.ErrAmbiguous) {
		return nil, usef("%s", cell(err.Error()))
	}
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		err = errors.New("the audit log has no entry about this (any more)")
		if len(problems) > 0 { // it may have had one
			t.say("tracescrub: %v", err)
			return nil, wrongIn(t, problems)
		}
		return nil, err
	}
	return replay.Make(o.query, found, problems, get, names)
}

func writeReplay(t *terminal, w *bufio.Writer, tl *replay.Timeline, o *auditReplay) error {
	switch {
	case o.html != "":
		return tl.HTML(w)
	case o.asJSON:
		return writeItemsJSON(w, tl)
	}
	return tl.Text(w, replay.Look{
		Width: t.width, Heading: func(s string) string { return t.colour("1", s) }, Severity: t.paintSeverity,
	})
}
