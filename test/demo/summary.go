package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/tracescrub/tracescrub/internal/corpus"
)

// summary adds up all dialects.
type summary struct {
	spans, records, secrets, rows int
	held                          int // items that were held and approved
	entries                       int // of the audit log, which verified
	result                        corpus.Result
}

func (t *summary) add(c shipment, r corpus.Result) {
	if c.Signal == "logs" {
		t.records += c.items
	} else {
		t.spans += c.items
	}
	t.secrets += len(c.Secrets)
	t.rows += len(c.Rows)
	t.result.Add(r)
}

// show prints the totals; its error says that a secret is in the output or that more than secrets changed.
func (t *summary) show(out io.Writer, set settings) error {
	r := t.result
	leaked := r.Leaked() + r.Elsewhere + r.Windows
	changed := r.CleanChanged + r.DecoysDestroyed + r.JSONBroken + r.Shape + r.Types + r.IDs + r.WordsLost + r.Unreadable
	fmt.Fprintf(out, "\n%s\n", set.screen.paint(bold, "Summary"))
	for _, line := range []string{
		fmt.Sprintf("sent       %s, %s and %s", count(r.Cases, "dialect"), count(t.spans, "span"), count(t.records, "log record")),
		fmt.Sprintf("held       %s, each approved by %s", count(t.held, "item"), strings.Join(approvers, " and ")),
		fmt.Sprintf("masked     %d of %s of %s", t.rows-r.Leaked(), count(t.rows, "occurrence"), count(t.secrets, "secret")),
		fmt.Sprintf("unchanged  %d of %s without a secret", r.Values-r.CleanChanged, count(r.Values, "value")),
		fmt.Sprintf("           %d of %s", r.Decoys-r.DecoysDestroyed, count(r.Decoys, "look-alike")),
		fmt.Sprintf("           %d of %s beside secrets", r.Words-r.WordsLost, count(r.Words, "word")),
		fmt.Sprintf("still JSON %d of %s inside values", r.JSONDocs-r.JSONBroken, count(r.JSONDocs, "document")),
		fmt.Sprintf("recorded   %d entries in %s, verified", t.entries, filepath.Join(set.data, "audit")),
		"written to " + filepath.Join(set.data, "out"),
	} {
		fmt.Fprintf(out, "  %s\n", set.screen.fit(line, set.screen.width-2))
	}
	if leaked+changed == 0 {
		return nil
	}
	fmt.Fprintf(out, "\n%s\n", set.screen.paint(red, "Not as it should be"))
	for _, n := range r.Notes {
		fmt.Fprintf(out, "  %s\n", n)
	}
	return errFailed
}
