// Package subjects is the side table of the audit log: who and what the
// commitments in its entries stand for. Without the table they stand for
// nothing. docs/format/audit.md specifies it.
package subjects

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
)

// Row is one line of the table.
type Row struct {
	Commitment string
	Nonce      [32]byte
	// Owner is the commitment of who wrote a text, if it is one.
	Owner string
	Value string
}

// Of commits a row's value with its nonce, as a text or as a subject.
func Of(text bool, nonce [32]byte, value string) string {
	kind := "subject"
	if text {
		kind = "text"
	}
	h := sha256.New()
	h.Write([]byte("tracescrub audit " + kind + " 1\n"))
	h.Write(nonce[:])
	h.Write([]byte(value))
	return kind + ":" + hex.EncodeToString(h.Sum(nil))
}

// Table is the whole side table. It is for one goroutine.
type Table struct {
	rows      []Row
	bySubject map[string]int
	fresh     []Row // not written yet
	random    io.Reader
}

// New returns an empty table. Nonces come from random, which is nil but in tests.
func New(random io.Reader) *Table {
	if random == nil {
		random = rand.Reader
	}
	return &Table{bySubject: map[string]int{}, random: random}
}

// Commit returns the commitment of a subject, the same as before if the table
// knows it.
func (t *Table) Commit(subject string) (string, error) {
	if i, ok := t.bySubject[subject]; ok {
		return t.rows[i].Commitment, nil
	}
	return t.add(false, "", subject)
}

// CommitText returns a new commitment of a text whose owner wrote it, if there
// is one.
func (t *Table) CommitText(owner, text string) (string, error) { return t.add(true, owner, text) }

func (t *Table) add(text bool, owner, value string) (string, error) {
	r := Row{Owner: owner, Value: value}
	if _, err := io.ReadFull(t.random, r.Nonce[:]); err != nil {
		return "", err
	}
	r.Commitment = Of(text, r.Nonce, value)
	t.insert(r)
	t.fresh = append(t.fresh, r)
	return r.Commitment, nil
}

func (t *Table) insert(r Row) {
	if !isText(r.Commitment) {
		t.bySubject[r.Value] = len(t.rows)
	}
	t.rows = append(t.rows, r)
}

func isText(c string) bool { return strings.HasPrefix(c, "text:") }

// Fresh returns the lines that have to be written, and counts them as written.
func (t *Table) Fresh() ([]byte, error) {
	b, err := lines(t.fresh)
	t.fresh = nil
	return b, err
}

// Lines returns the whole table as it is written.
func (t *Table) Lines() ([]byte, error) { return lines(t.rows) }

// Owned returns the commitments that go with a subject: those of its texts, and
// last its own, so that whoever is interrupted finds the rest again.
func (t *Table) Owned(subject string) []string {
	var own, texts []string
	owner := map[string]bool{}
	for _, r := range t.rows {
		if r.Value == subject && !isText(r.Commitment) {
			own, owner[r.Commitment] = append(own, r.Commitment), true
		}
	}
	for _, r := range t.rows {
		if owner[r.Owner] {
			texts = append(texts, r.Commitment)
		}
	}
	return append(texts, own...)
}

// Keep returns a table with those rows only whose commitment keep wants.
func (t *Table) Keep(keep func(commitment string) bool) *Table {
	n := New(t.random)
	for _, r := range t.rows {
		if keep(r.Commitment) {
			n.insert(r)
		}
	}
	return n
}

// Has says whether a row stands for one of these commitments.
func (t *Table) Has(commitments map[string]bool) bool {
	return slices.ContainsFunc(t.rows, func(r Row) bool { return commitments[r.Commitment] })
}

// Rows are the rows, in the order of the file.
func (t *Table) Rows() []Row { return slices.Clone(t.rows) }

func lines(rows []Row) ([]byte, error) {
	var b []byte
	for _, r := range rows {
		m := map[string]any{"commitment": r.Commitment, "nonce": hex.EncodeToString(r.Nonce[:]), "value": r.Value}
		if r.Owner != "" {
			m["owner"] = r.Owner
		}
		line, err := entry.Canonical(m)
		if err != nil {
			return nil, fmt.Errorf("side table: %w", err)
		}
		b = append(append(b, line...), '\n')
	}
	return b, nil
}

// Committed says whether what stands under a name is committed, in any event,
// and if so, whether as a text.
func Committed(name string) (text, yes bool) {
	switch name {
	case "user.id", "tracescrub.producer":
		return false, true
	case "tracescrub.reason":
		return true, true
	}
	return false, false
}

// In calls f for each commitment in attributes. Only where one can be is
// looked: elsewhere text may look like one, and is none.
func In(attributes map[string]any, f func(commitment string)) {
	for name, v := range attributes {
		switch v := v.(type) {
		case map[string]any:
			In(v, f)
		case []any:
			inArray(v, f)
		case string:
			if _, yes := Committed(name); yes && v != "" {
				f(v)
			}
		}
	}
}

// Erased returns the commitments that an entry says stand for nothing from then
// on; only one of kind entry.Erased does.
func Erased(e *entry.Entry) (commitments []string) {
	if e.Kind != entry.Erased {
		return nil
	}
	list, _ := e.Attributes["commitments"].([]any)
	for _, c := range list {
		if s, ok := c.(string); ok {
			commitments = append(commitments, s)
		}
	}
	return commitments
}

func inArray(a []any, f func(string)) {
	for _, v := range a {
		switch v := v.(type) {
		case map[string]any:
			In(v, f)
		case []any:
			inArray(v, f)
		}
	}
}

// Commitment is the form of commitments.
var Commitment = regexp.MustCompile(`(subject|text):[0-9a-f]{64}`)

// ParseRow reads a line without LF, and checks that it opens its commitment.
func ParseRow(line []byte) (Row, error) {
	m, err := entry.ParseObject(line)
	if err != nil {
		return Row{}, err
	}
	var r Row
	r.Commitment, _ = m["commitment"].(string)
	r.Value, _ = m["value"].(string)
	nonce, _ := m["nonce"].(string)
	want := 3
	if m["owner"] != nil {
		r.Owner, _ = m["owner"].(string)
		want = 4
		if !isText(r.Commitment) || Commitment.FindString(r.Owner) != r.Owner || r.Owner == "" || isText(r.Owner) {
			return Row{}, errors.New("the owner is no subject, or owns no text")
		}
	}
	n, err := hex.DecodeString(nonce)
	if err != nil || len(n) != 32 || nonce != hex.EncodeToString(n) || len(m) != want {
		return Row{}, errors.New("no row of the side table")
	}
	r.Nonce = [32]byte(n)
	if Of(isText(r.Commitment), r.Nonce, r.Value) != r.Commitment {
		return Row{}, errors.New("the row does not open its commitment")
	}
	return r, nil
}

// Load reads the table of a log; a torn last line is left out. There may be
// no table. bad is called for each line that is none, and may be nil.
func Load(dir string, bad func(line int, err error)) (*Table, error) {
	t := New(nil)
	f, err := regular.Open(filepath.Join(dir, files.Subjects))
	if errors.Is(err, os.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n := 0
	return t, files.Lines(f, func(l files.Line) error {
		n++
		if !l.Whole {
			return nil
		}
		r, err := ParseRow(l.Text)
		if err == nil {
			t.insert(r)
		} else if bad != nil {
			bad(n, err)
		}
		return nil
	})
}
