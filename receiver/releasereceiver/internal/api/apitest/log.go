package apitest

import (
	"bytes"
	"context"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/source"
)

// Log is an audit log in memory whose receipts are real ones. It may be used by
// many goroutines at once.
type Log struct {
	private, public string

	mu sync.Mutex
	// All below is guarded by mu.
	tree   proof.Tree
	hashes []byte
	lines  [][]byte
	of     map[string]int64 // the last decision about an item
	fail   error
}

// NewLog begins a log with a key of its own.
func NewLog() *Log {
	private, public, err := proof.NewKey("example.com/audit", nil)
	if err != nil {
		panic(err) // the name is one for a key
	}
	l := &Log{private: private, public: public, of: map[string]int64{}}
	l.Tell("", entry.Opened)
	return l
}

// Tell adds an entry about an item, if it is about one.
func (l *Log) Tell(item string, kind entry.Kind) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	e := &entry.Entry{Seq: l.tree.Size(), Kind: kind, Time: now, Logged: now}
	if item != "" {
		e.Attributes = map[string]any{"tracescrub.item.id": item}
		l.of[item] = e.Seq
	}
	err := e.DeriveID()
	line, lineErr := e.Line()
	if err != nil || lineErr != nil {
		panic("an entry of a test is none")
	}
	for _, h := range l.tree.Add(tlog.RecordHash(line)) {
		l.hashes = append(l.hashes, h[:]...)
	}
	l.lines = append(l.lines, line)
}

// Fail makes everything fail with err, until it is called with nil.
func (l *Log) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// checkpoint signs the log. l.mu must be held.
func (l *Log) checkpoint() (proof.Checkpoint, []byte, error) {
	c := proof.Checkpoint{Origin: "example.com/audit", Size: l.tree.Size(), Root: l.tree.Root()}
	signed, err := c.Sign(l.private)
	return c, signed, err
}

// Decision implements source.Source.
func (l *Log) Decision(_ context.Context, item string) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seq, ok := l.of[item]
	if l.fail != nil {
		return nil, l.fail
	}
	if !ok {
		return nil, source.ErrNone
	}
	c, signed, err := l.checkpoint()
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(c.Size, seq, proof.Hashes(bytes.NewReader(l.hashes)))
	return (&proof.Receipt{Index: seq, Extra: l.lines[seq], Path: path, Checkpoint: signed}).Marshal(), err
}

// Status implements source.Source.
func (l *Log) Status(context.Context) (source.Status, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return source.Status{}, l.fail
	}
	c, signed, err := l.checkpoint()
	return source.Status{
		Origin: c.Origin, Keys: []string{l.public}, Size: c.Size, Root: c.Root.String(), Checkpoint: string(signed),
		Published: []source.Published{{To: "webhook/siem", Size: c.Size - 1, At: time.Now().UTC().Truncate(time.Second)}},
	}, err
}
