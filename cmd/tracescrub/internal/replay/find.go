// Package replay tells what happened to a trace, a conversation or a held item
// out of the audit log: who sent it, what was found, who saw and decided, what
// became of it, and its masked telemetry, as far as it was kept.
package replay

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// The attributes by which entries belong together.
const (
	itemID         = "tracescrub.item.id"
	conversationID = "gen_ai.conversation.id"
	recordDigest   = "tracescrub.record"
)

// Query says what the timeline is of: one of the three.
type Query struct {
	Trace        string `json:"trace_id,omitempty"`
	Conversation string `json:"conversation,omitempty"`
	Item         string `json:"item,omitempty"`
}

// Log is where entries are: a read.Log.
type Log interface {
	Entries(ctx context.Context, from int64) iter.Seq2[read.Item, error]
	Containing(ctx context.Context, part []byte) iter.Seq2[read.Item, error]
}

// Records returns what the record of a digest holds, compared with it.
type Records func(digest string) ([]byte, error)

// ErrAmbiguous is of the beginning of an id that several have.
var ErrAmbiguous = errors.New("several begin so")

// finder collects entries. Lines that are no entries end a search; what is
// before them and behind them is found all the same, and problems say so.
type finder struct {
	log      Log
	records  Records
	found    map[int64]read.Item
	searched map[string]bool
	problems []string
}

// Find returns the entries of the log about something, in their order: those
// that name it, those about its traces and those about its items. Ids of
// traces and items may be beginnings; q is then made whole. problems are
// lines that are no entries.
func Find(ctx context.Context, log Log, records Records, q *Query) (found []read.Item, problems []string, err error) {
	f := &finder{log: log, records: records, found: map[int64]read.Item{}, searched: map[string]bool{}}
	switch {
	case q.Trace != "":
		err = f.collect(ctx, part("trace_id", q.Trace), func(it *read.Item) bool { return strings.HasPrefix(it.Trace, q.Trace) })
	case q.Item != "":
		err = f.collect(ctx, part(itemID, q.Item), func(it *read.Item) bool { return strings.HasPrefix(text(it, itemID), q.Item) })
	default:
		err = f.collect(ctx, []byte(`"`+conversationID+`":`), func(it *read.Item) bool { return f.converses(it, q.Conversation) })
	}
	if err == nil {
		err = f.whole(q)
	}
	if err == nil {
		err = f.follow(ctx, q.Item == "")
	}
	if err != nil {
		return nil, nil, err
	}
	found = slices.SortedFunc(maps.Values(f.found), func(a, b read.Item) int { return cmp.Compare(a.Seq, b.Seq) })
	slices.Sort(f.problems)
	return found, slices.Compact(f.problems), nil
}

// part is how the beginning of an id stands in a line.
func part(name, id string) []byte { return []byte(`"` + name + `":"` + id) }

func text(it *read.Item, name string) string {
	s, _ := it.Attributes[name].(string)
	return s
}

// collect takes the entries that have a part in their line and that match wants.
func (f *finder) collect(ctx context.Context, part []byte, match func(*read.Item) bool) error {
	if f.searched[string(part)] {
		return nil
	}
	f.searched[string(part)] = true
	take := func(entries iter.Seq2[read.Item, error]) error {
		for it, err := range entries {
			if err != nil {
				return err
			}
			if bytes.Contains(it.Line, part) && match(&it) {
				f.found[it.Seq] = it
			}
		}
		return ctx.Err()
	}
	for _, entries := range []iter.Seq2[read.Item, error]{f.log.Containing(ctx, part), f.log.Entries(ctx, 0)} {
		err := take(entries)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if disk := (*fs.PathError)(nil); errors.As(err, &disk) {
			return err
		}
		// The first search came from behind; the second sees what is before.
		f.problems = append(f.problems, err.Error())
	}
	return nil
}

// whole makes an id whole that was given by its beginning.
func (f *finder) whole(q *Query) error {
	ids := map[string]bool{}
	for _, it := range f.found {
		if q.Trace != "" {
			ids[it.Trace] = true
		} else if q.Item != "" {
			ids[text(&it, itemID)] = true
		}
	}
	if len(ids) > 1 {
		return fmt.Errorf("%w: %s", ErrAmbiguous, strings.Join(slices.Sorted(maps.Keys(ids)), ", "))
	}
	for id := range ids {
		if q.Trace != "" {
			q.Trace = id
		} else {
			q.Item = id
		}
	}
	return nil
}

// follow goes from the entries found to those about the same items and, with
// traces, the same traces.
func (f *finder) follow(ctx context.Context, traces bool) error {
	for n := -1; n != len(f.found); {
		n = len(f.found)
		for _, it := range slices.Collect(maps.Values(f.found)) {
			if id := text(&it, itemID); id != "" {
				if err := f.collect(ctx, part(itemID, id), func(o *read.Item) bool { return text(o, itemID) == id }); err != nil {
					return err
				}
			}
			if traces && it.Trace != "" {
				if err := f.collect(ctx, part("trace_id", it.Trace), func(o *read.Item) bool { return o.Trace == it.Trace }); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// maxName is the most bytes that an entry has of a conversation's id.
const maxName = 128

// sameConversation compares ids of which either may have been cut for an entry.
func sameConversation(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return a == b || len(a) > maxName-utf8.UTFMax && len(a) <= maxName && strings.HasPrefix(b, a)
}

// converses says whether an entry is about a conversation: it names it, or its
// record has it, since an entry names the first conversation of a trace only.
func (f *finder) converses(it *read.Item, id string) bool {
	if sameConversation(text(it, conversationID), id) {
		return true
	}
	digest := text(it, recordDigest)
	if digest == "" || entry.Own(it.Kind) {
		return false
	}
	b, err := f.records(digest)
	if err != nil || !bytes.Contains(b, []byte(id[:min(len(id), maxName-utf8.UTFMax)])) {
		return false
	}
	t := telemetry{}
	return t.add(text(it, "tracescrub.signal"), b) == nil && t.names(id)
}
