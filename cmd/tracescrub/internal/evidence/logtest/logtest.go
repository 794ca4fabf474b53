// Package logtest writes audit logs for tests that are the same bytes whenever
// they are written: what is random elsewhere is a hash of a counter here.
package logtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/subjects"
)

// Origin is the name of every log.
const Origin = "example.com/audit"

// Log is a log that grows in memory.
type Log struct {
	// Public is its key.
	Public  string
	private string
	size    int64
	tree    proof.Tree
	hashes  []byte
	lines   bytes.Buffer
	table   *subjects.Table
	gone    map[string]bool
}

// counter is as random as a test needs.
type counter struct{ n uint64 }

func (c *counter) Read(b []byte) (int, error) {
	c.n++
	h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("logtest"), c.n))
	return copy(b, h[:]), nil
}

// New returns an empty log.
func New() *Log {
	private, public, err := proof.NewKey(Origin, &counter{1 << 32})
	check(err)
	return &Log{Public: public, private: private, table: subjects.New(&counter{}), gone: map[string]bool{}}
}

func check(err error) {
	if err != nil {
		panic(err) // a test wrote what no log can hold
	}
}

// Add appends an entry of a kind, without its prefix, at a time, and returns
// its place. The attributes name people in plain.
func (l *Log) Add(at time.Time, kind string, attributes map[string]any) int64 {
	e := &entry.Entry{Seq: l.size, Kind: "tracescrub." + kind, Time: at, Logged: at, Attributes: attributes}
	if !entry.Own(e.Kind) {
		e.Component, e.Instance = "release_gate", "00000000-0000-4000-8000-000000000001"
	}
	if item, ok := attributes["tracescrub.item.id"].(string); ok && len(item) == 32 {
		e.Trace = item[16:] + item[:16]
	}
	h := sha256.Sum256(fmt.Append(nil, "id ", l.size))
	e.ID = fmt.Sprintf("%x", h[:16])
	if attributes != nil {
		e.Attributes = l.commit(attributes, "").(map[string]any)
	}
	line, err := e.Line()
	check(err)
	for _, h := range l.tree.Add(tlog.RecordHash(line)) {
		l.hashes = append(l.hashes, h[:]...)
	}
	l.lines.Write(append(line, '\n'))
	l.size++
	return e.Seq
}

// Erase forgets a subject and what they wrote.
func (l *Log) Erase(at time.Time, subject string) {
	var list []any
	for _, c := range l.table.Owned(subject) {
		l.gone[c], list = true, append(list, c)
	}
	l.Add(at, "log.erased", map[string]any{"commitments": list})
	l.table = l.table.Keep(func(c string) bool { return !l.gone[c] })
}

// commit is a copy with commitments in the place of people and reasons, as the writer has them.
func (l *Log) commit(v any, owner string) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = l.commit(x, owner)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		if s, ok := v["user.id"].(string); ok {
			c, err := l.table.Commit(s)
			check(err)
			out["user.id"], owner = c, c
		}
		for name, x := range v {
			s, _ := x.(string)
			var err error
			switch name {
			case "user.id":
			case "tracescrub.producer":
				out[name], err = l.table.Commit(s)
			case "tracescrub.reason":
				out[name], err = l.table.CommitText(owner, s)
			default:
				out[name] = l.commit(x, owner)
			}
			check(err)
		}
		return out
	}
	return v
}

// Sign returns a checkpoint of what is there.
func (l *Log) Sign() []byte {
	signed, err := proof.Checkpoint{Origin: Origin, Size: l.tree.Size(), Root: l.tree.Root()}.Sign(l.private)
	check(err)
	return signed
}

// Write writes the log to a directory.
func (l *Log) Write(dir string) {
	rows, err := l.table.Lines()
	check(err)
	for name, b := range map[string][]byte{
		files.Segment(1): l.lines.Bytes(), files.Hashes: l.hashes, files.Checkpoint: l.Sign(),
		files.Public: []byte(l.Public + "\n"), files.Subjects: slices.Clone(rows),
	} {
		check(os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
}
