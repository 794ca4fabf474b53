package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/tracescrub/tracescrub/internal/auditlog"
	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

const origin = "example.com/audit"

// made are the entries: as events for us, as lines of the same length for Tessera.
type made struct {
	events []auditlog.Event
	lines  [][]byte
}

// mean is how many bytes an entry has.
func (m *made) mean() float64 {
	n := 0
	for _, l := range m.lines {
		n += len(l)
	}
	return float64(n) / float64(len(m.lines))
}

// makeEntries makes entries as one finding in a span leads to.
func makeEntries(seed uint64, n int) (*made, error) {
	r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // G404: no key, an id
	digits := func(n int) string {
		b := make([]byte, (n+7)/8*8)
		for i := 0; i < len(b); i += 8 {
			binary.BigEndian.PutUint64(b[i:], r.Uint64())
		}
		return hex.EncodeToString(b[:n])
	}
	m := &made{}
	now := time.Now()
	for i := range n {
		attributes := map[string]any{
			"service.name": "checkout", "tracescrub.policy": digits(8), "tracescrub.findings": []any{map[string]any{
				"rule": "github-pat", "severity": "critical", "field": "attributes.gen_ai.input.messages", "fingerprint": digits(8), "action": "mask", "length": int64(40),
			}},
		}
		e := entry.Entry{
			Seq: int64(i), ID: digits(16), Kind: "tracescrub.masked", Time: now, Logged: now, Trace: digits(16), Span: digits(8), Severity: 13,
			Component: "verdict", Instance: digits(16), Attributes: attributes,
		}
		line, err := e.Line()
		if err != nil {
			return nil, err
		}
		m.lines = append(m.lines, line)
		m.events = append(m.events, auditlog.Event{
			ID: e.ID, Kind: e.Kind, Time: now, Trace: e.Trace, Span: e.Span, Severity: e.Severity, Component: e.Component, Instance: e.Instance,
			Attributes: attributes,
		})
	}
	return m, nil
}

// ours is the writer that the exporter audit_log has.
type ours struct {
	w   *auditlog.Writer
	dir string
	all *made
}

func openOurs(_ context.Context, dir string, all *made) (log, error) {
	w, err := auditlog.Open(auditlog.Config{Directory: dir, Origin: origin})
	return &ours{w, dir, all}, err
}

func (o *ours) append(ctx context.Context, i int) error {
	_, err := o.w.Append(ctx, o.all.events[i])
	return err
}

func (o *ours) close(context.Context) error { return o.w.Close() }

func (o *ours) check(ctx context.Context, n int) error {
	r, err := verify.Run(ctx, verify.Options{Directory: o.dir})
	switch {
	case err != nil:
		return err
	case len(r.Problems) > 0:
		return errors.New(r.Problems[0].String())
	case r.Kinds["tracescrub.masked"] != int64(n) || r.Size != r.Entries:
		return fmt.Errorf("%d entries, want %d; %d of %d are signed", r.Kinds["tracescrub.masked"], n, r.Size, r.Entries)
	}
	return nil
}

// theirs is Tessera.
type theirs struct {
	dir      string
	all      *made
	verifier note.Verifier
	appender *tessera.Appender
	shutdown func(context.Context) error
	cancel   context.CancelFunc
}

// batches opens a Tessera log that collects as many entries, or for as long.
func batches(size uint, age time.Duration) func(context.Context, string, *made) (log, error) {
	return func(ctx context.Context, dir string, all *made) (log, error) {
		private, public, err := proof.NewKey(origin, nil)
		if err != nil {
			return nil, err
		}
		signer, err := note.NewSigner(private)
		if err != nil {
			return nil, errors.New("a new key is none") // says nothing of the key
		}
		t := &theirs{dir: dir, all: all}
		if t.verifier, err = note.NewVerifier(public); err != nil {
			return nil, err
		}
		driver, err := posix.New(ctx, posix.Config{Path: dir})
		if err != nil {
			return nil, err
		}
		ctx, t.cancel = context.WithCancel(ctx)
		opts := tessera.NewAppendOptions().WithCheckpointSigner(signer).WithBatching(size, age).WithCheckpointInterval(time.Second)
		t.appender, t.shutdown, _, err = tessera.NewAppender(ctx, driver, opts)
		if err != nil {
			t.cancel()
			return nil, err
		}
		return t, nil
	}
}

func (t *theirs) append(ctx context.Context, i int) error {
	_, err := t.appender.Add(ctx, tessera.NewEntry(t.all.lines[i]))()
	return err
}

func (t *theirs) close(ctx context.Context) error {
	defer t.cancel()
	return t.shutdown(ctx)
}

func (t *theirs) check(ctx context.Context, n int) error {
	f := client.FileFetcher{Root: t.dir}
	// With fewer workers than tiles it waits for ever if all of them find something wrong.
	if err := fsck.New(origin, t.verifier, f, leaves, fsck.Opts{N: 1024}).Check(ctx); err != nil {
		return err
	}
	c, _, _, err := client.FetchCheckpoint(ctx, f.ReadCheckpoint, t.verifier, origin)
	if err == nil && c.Size != uint64(n) { //nolint:gosec // n counts entries
		err = fmt.Errorf("%d entries, want %d", c.Size, n)
	}
	return err
}

// leaves are the hashes of the entries of a bundle.
func leaves(b []byte) ([][]byte, error) {
	var eb api.EntryBundle
	if err := eb.UnmarshalText(b); err != nil {
		return nil, err
	}
	all := make([][]byte, len(eb.Entries))
	for i, e := range eb.Entries {
		all[i] = rfc6962.DefaultHasher.HashLeaf(e)
	}
	return all, nil
}
