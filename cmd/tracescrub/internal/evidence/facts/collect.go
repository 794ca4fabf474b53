package facts

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// Options say what to report.
type Options struct {
	Directory string
	// From and To bound the period; zero is the first entry, and Now.
	From, To time.Time
	// Keys and Older are those of verify.Options.
	Keys  []string
	Older [][]byte
	// Names: say who commitments stand for.
	Names bool
	// FingerprintKey, if it is known, tells whether senders approved their own.
	FingerprintKey []byte
	// Silence is how long the log may be silent without remark, 5 minutes if 0.
	Silence time.Duration
	Now     time.Time
	Tool    string
	// Entry is given every entry of the period, in order; may be nil.
	Entry func(read.Item) error
	// Progress is told how far it is; may be nil.
	Progress func(done, total int64)
}

// passes is how often the log is read: to verify, for the period, for items.
const passes = 3

// Collect reads a log and returns the report, and the checkpoint that it holds for.
func Collect(ctx context.Context, o Options) (*Report, []byte, error) {
	if o.Silence == 0 {
		o.Silence = 5 * time.Minute
	}
	l, err := read.Open(o.Directory)
	if err != nil {
		return nil, nil, err
	}
	c, signed, err := l.Checkpoint()
	if err != nil {
		return nil, nil, fmt.Errorf("the log has no checkpoint to prove anything against: %w", err)
	}
	r := &Report{Schema: Schema, Tool: o.Tool, Made: o.Now.UTC()}
	r.Log = Log{Origin: c.Origin, Size: c.Size, Root: base64.StdEncoding.EncodeToString(c.Root[:])}
	if err := r.verify(ctx, o, signed); err != nil {
		return nil, nil, err
	}
	r.Published = published(o.Directory)
	table, err := subjects.Load(o.Directory, nil)
	if err != nil {
		return nil, nil, err
	}
	g := &gatherer{o: o, r: r, size: c.Size, names: newNames(table, o.Names)}
	if err := g.period(ctx, l); err != nil {
		return nil, nil, err
	}
	if err := g.items(ctx, l); err != nil {
		return nil, nil, err
	}
	g.judge()
	return r, signed, nil
}

// verify checks the whole log, and that it continues the checkpoint of the report.
func (r *Report) verify(ctx context.Context, o Options, signed []byte) error {
	vo := verify.Options{Directory: o.Directory, Keys: o.Keys, Older: append([][]byte{signed}, o.Older...)}
	if o.Progress != nil {
		vo.Progress = func(done, total int64) {
			r.bytes = total
			o.Progress(done, total*passes)
		}
	}
	v, err := verify.Run(ctx, vo)
	if err != nil {
		return err
	}
	r.Log.OwnKeys = v.OwnKeys
	if r.Log.Keys, err = files.PublicKeys(o.Directory); err != nil {
		return err
	}
	r.Verification = Verification{
		OK: len(v.Problems) == 0, Entries: v.Entries, Signed: v.Size, Pruned: v.Pruned, Erased: v.Erased,
		Gaps: len(v.Gaps), Older: len(o.Older), Problems: []string{}, More: v.More,
	}
	for _, p := range v.Problems {
		r.Verification.Problems = append(r.Verification.Problems, p.String())
	}
	return nil
}

// published reads what the writer says about copies elsewhere. It is no part of
// what is proven: a file that is none says nothing.
func published(dir string) []source.Published {
	list := []source.Published{}
	b, err := os.ReadFile(filepath.Join(dir, source.PublishedFile))
	if err != nil || json.Unmarshal(b, &list) != nil {
		return []source.Published{}
	}
	return list
}

var errEnd = errors.New("end of the period")

// period reads the entries of the period.
func (g *gatherer) period(ctx context.Context, l *read.Log) error {
	g.start()
	for it, err := range l.Entries(ctx, 0) {
		if err != nil {
			return g.unreadable(err)
		}
		if it.Seq >= g.size {
			break
		}
		g.progress(1, it.Seq)
		if err := g.take(it); errors.Is(err, errEnd) {
			break
		} else if err != nil {
			return err
		}
	}
	g.finish()
	return nil
}

// unreadable lets a report be made of a log that was changed: verification
// says so, and what can be read is in it.
func (g *gatherer) unreadable(err error) error {
	if g.r.Verification.OK || errors.Is(err, context.Canceled) {
		return err
	}
	g.finish()
	return nil
}

// items reads from the beginning what happened to the items of the decisions.
func (g *gatherer) items(ctx context.Context, l *read.Log) error {
	if len(g.wanted) == 0 {
		return nil
	}
	end := g.r.Period.First + g.r.Period.Entries
	for it, err := range l.Entries(ctx, 0) {
		if err != nil {
			return g.unreadable(err)
		}
		if it.Seq >= end {
			break
		}
		g.progress(2, it.Seq)
		g.step(it.Entry)
	}
	return nil
}

func (g *gatherer) progress(pass, seq int64) {
	if g.o.Progress != nil && seq%1024 == 0 {
		done := float64(pass) + float64(seq)/float64(g.size)
		g.o.Progress(int64(done*float64(g.r.bytes)), passes*g.r.bytes)
	}
}

// Checkpoint is the state that a report holds for.
func (r *Report) Checkpoint() (proof.Checkpoint, error) {
	c := proof.Checkpoint{Origin: r.Log.Origin, Size: r.Log.Size}
	b, err := base64.StdEncoding.DecodeString(r.Log.Root)
	if err != nil || len(b) != len(c.Root) {
		return c, errors.New("the report has no root")
	}
	copy(c.Root[:], b)
	return c, nil
}
