package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/gateapi"
)

// decide is what `items approve` and `items deny` are told.
type decide struct {
	gateapi.Decision
	who       access
	filters   filterFlags
	all, yes  bool
	asJSON    bool
	ifVersion uint64
}

func newItemsDecide(t *terminal, approve bool) *cobra.Command {
	d := decide{Decision: gateapi.Decision{Approve: approve}}
	verb, effect := "deny", "It is never sent and its key is destroyed: this cannot be undone. One denial is enough."
	if approve {
		verb, effect = "approve", "With enough approvals of different people it is scanned again and sent on."
	}
	cmd := &cobra.Command{
		Use:   verb + " ID... | --all [filters] --reason TEXT",
		Short: strings.ToUpper(verb[:1]) + verb[1:] + " items",
		Long: fmt.Sprintf(`%s items by their ids, or with --all all pending ones that the filters
choose. %s

A decision is about an item as it is: if somebody else was faster, it is not
recorded and the new state is shown.

Exit codes: 0 all decisions are recorded; 1 some are not; 2 wrong use, or the
server cannot be used.`, strings.ToUpper(verb[:1])+verb[1:], effect),
		Example: fmt.Sprintf(`  tracescrub items %s 3fa9c1d2 --reason 'key of a test account, revoked'
  tracescrub items %s --all --rule jwt --service 'load-test-*' --reason 'load test' --yes`, verb, verb),
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(args); err != nil {
				return err
			}
			c, err := d.who.client(t)
			if err != nil {
				return err
			}
			defer c.Close()
			return d.run(cmd.Context(), t, c, args)
		},
	}
	d.who.flags(cmd, t)
	d.filters.flags(cmd, false)
	f := cmd.Flags()
	f.StringVar(&d.Reason, "reason", "", "why; it is recorded with the decision (required)")
	f.BoolVar(&d.all, "all", false, "decide on all pending items that the filters choose")
	f.BoolVar(&d.yes, "yes", false, "with --all: do not ask")
	f.BoolVar(&d.asJSON, "json", false, "write an array of {id, item} or {id, problem}")
	f.Uint64Var(&d.ifVersion, "if-version", 0, "with one ID: only if the item is at this `version`, the one that you have seen")
	if approve {
		f.StringVar(&d.Mode, "mode", "masked", "what is released: masked or original (takes the permission reveal)")
	}
	return cmd
}

func (d *decide) check(ids []string) error {
	switch {
	case strings.TrimSpace(d.Reason) == "":
		return usef("--reason: say why")
	case d.all && len(ids) > 0:
		return usef("--all goes without ids")
	case !d.all && len(ids) == 0:
		return usef("name the ids of items, or --all")
	case !d.all && d.filters.set():
		return usef("filters go with --all")
	case d.ifVersion > 0 && len(ids) != 1:
		return usef("--if-version goes with one id")
	case d.all && d.Mode == "original":
		return usef("--mode original goes with ids: an original deserves a look")
	}
	if d.Approve {
		return oneOf("mode", d.Mode, []string{"masked", "original"})
	}
	return nil
}

func (d *decide) run(ctx context.Context, t *terminal, c *gateapi.Client, args []string) error {
	var results []gateapi.Result
	var err error
	if d.all {
		results, err = d.many(ctx, t, c)
	} else {
		results, err = d.some(ctx, c, args)
	}
	if err != nil && len(results) == 0 {
		return err
	}
	if told := d.report(t, results); err == nil {
		err = told
	}
	return err
}

// some decides on items one after the other. Trouble that is not about an
// item ends it; what was decided before is reported.
func (d *decide) some(ctx context.Context, c *gateapi.Client, args []string) ([]gateapi.Result, error) {
	var ids []string
	for _, arg := range args {
		id, err := resolve(ctx, c, arg)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	var results []gateapi.Result
	for _, id := range ids {
		it, err := d.one(ctx, c, id)
		r := gateapi.Result{ID: id, Item: &it, Status: 200}
		if p := gateapi.AsProblem(err); p != nil && aboutItem(p) {
			r = gateapi.Result{ID: id, Problem: p, Status: p.Status}
		} else if err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}

// aboutItem says whether a problem is one of the item, not of the server or of who asks.
func aboutItem(p *gateapi.Problem) bool {
	return p.Conflict() || p.Status == 404 || p.Status == 410 || strings.HasSuffix(p.Type, "#vote-refused")
}

func (d *decide) one(ctx context.Context, c *gateapi.Client, id string) (gateapi.Item, error) {
	version := d.ifVersion
	if version == 0 {
		now, err := c.Get(ctx, id)
		if err != nil {
			return gateapi.Item{}, err
		}
		version = now.Version
	}
	return c.Decide(ctx, id, version, d.Decision)
}

// many decides on all pending items that the filters choose.
func (d *decide) many(ctx context.Context, t *terminal, c *gateapi.Client) ([]gateapi.Result, error) {
	f, err := d.filters.filter()
	if err != nil {
		return nil, err
	}
	f.States = []string{"pending"}
	items, _, err := allItems(ctx, c, f, 0)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		fmt.Fprintln(t.err, "tracescrub: no items")
		return nil, nil
	}
	if err := d.confirm(t, items); err != nil {
		return nil, err
	}
	var results []gateapi.Result
	for part := range slices.Chunk(items, gateapi.MaxBatch) {
		ids := make([]string, len(part))
		for i, it := range part {
			ids[i] = it.ID
		}
		r, err := c.DecideMany(ctx, ids, d.Decision)
		if err != nil {
			return results, err
		}
		results = append(results, r...)
	}
	return results, nil
}

func (d *decide) verb() string {
	if d.Approve {
		return "approve"
	}
	return "deny"
}

// confirm asks whoever sits there.
func (d *decide) confirm(t *terminal, items []gateapi.Item) error {
	if d.yes {
		return nil
	}
	severities, services := map[string]int{}, map[string]bool{}
	for _, it := range items {
		severities[it.Severity]++
		services[cell(it.Service)] = true
	}
	var parts []string
	for _, s := range slices.Backward(itemSeverities) {
		if severities[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", severities[s], s))
		}
	}
	names := slices.Sorted(maps.Keys(services))
	if more := len(names) - 5; more > 0 {
		names = append(names[:5], fmt.Sprintf("%d more services", more))
	}
	return confirm(t, false, fmt.Sprintf("%s %d items (%s) of %s", d.verb(), len(items), strings.Join(parts, ", "), strings.Join(names, ", ")))
}

// report says what became of each decision.
func (d *decide) report(t *terminal, results []gateapi.Result) error {
	if d.asJSON {
		if results == nil {
			results = []gateapi.Result{}
		}
		if err := writeItemsJSON(t.out, results); err != nil {
			return err
		}
	}
	failed := 0
	for _, r := range results {
		if r.Problem != nil || r.Item == nil {
			failed++
		}
		if d.asJSON {
			continue
		}
		if _, err := fmt.Fprintln(t.out, d.outcome(t, r)); err != nil {
			return err
		}
	}
	if len(results) > 1 {
		fmt.Fprintf(t.err, "tracescrub: %d of %d decisions recorded\n", len(results)-failed, len(results))
	}
	if failed > 0 {
		return errFindings
	}
	return nil
}

func (d *decide) outcome(t *terminal, r gateapi.Result) string {
	id := cell(r.ID)
	switch p := r.Problem; {
	case p == nil && r.Item == nil:
		return id + "  not recorded: the server says nothing of it"
	case p != nil && p.Conflict() && p.State == "pending":
		return fmt.Sprintf("%s  not recorded: %s; it is pending, at version %d", id, cell(p.Detail), p.Version)
	case p != nil && p.Conflict():
		return fmt.Sprintf("%s  not recorded: somebody else was faster; it is %s", id, t.paintState(cell(p.State)))
	case p != nil:
		return id + "  not recorded: " + cell(p.Error())
	case r.Item.State == "pending":
		return fmt.Sprintf("%s  %s recorded: %d of %d approvals, pending", id, d.verb(), r.Item.Approvals(), r.Item.RequiredVotes)
	}
	return fmt.Sprintf("%s  %s recorded: %s", id, d.verb(), t.paintState(cell(r.Item.State)))
}
