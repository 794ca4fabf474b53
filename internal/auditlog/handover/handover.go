// Package handover tells which keys of an audit log gave way to which, so that
// who trusts one can trust the others. docs/format/audit.md specifies it.
package handover

import (
	"errors"
	"path/filepath"
	"slices"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
)

// Handover is the proof that a key gave way to the next one: the receipt of
// the entry that names both, with a checkpoint that both have signed. A
// checkpoint with two signatures alone would prove nothing: anybody can add
// theirs to one.
type Handover struct {
	Previous, Key string
	Checkpoint    proof.Checkpoint
	Signed        []byte // the checkpoint
}

// Parse reads a handover, and checks all but whether one of its keys is
// to be trusted.
func Parse(b []byte) (*Handover, error) {
	r, err := proof.ParseReceipt(b)
	if err != nil {
		return nil, err
	}
	e, err := entry.Parse(r.Extra)
	if err != nil {
		return nil, errors.New("handover: no entry")
	}
	h := &Handover{Signed: r.Checkpoint}
	h.Previous, _ = e.Attributes["previous"].(string)
	h.Key, _ = e.Attributes["key"].(string)
	if e.Kind != entry.Key || h.Previous == h.Key {
		return nil, errors.New("handover: the entry tells of no other key")
	}
	for _, k := range []string{h.Previous, h.Key} {
		if _, h.Checkpoint, err = r.Check(nil, []string{k}); err != nil {
			return nil, errors.New("handover: not proven by both keys")
		}
	}
	return h, nil
}

// Read returns the handovers of the log in a directory that are proven,
// whoever signed them. bad is called for each file that is none, and may be nil.
func Read(dir string, bad func(name files.Name, err error)) ([]*Handover, error) {
	numbers, err := files.Handovers(dir)
	if err != nil {
		return nil, err
	}
	var hs []*Handover
	for _, n := range numbers {
		b, err := regular.Small(filepath.Join(dir, files.Handover(n)))
		if err != nil {
			return nil, err
		}
		h, err := Parse(b)
		if err == nil {
			hs = append(hs, h)
		} else if bad != nil {
			bad(files.Handover(n), err)
		}
	}
	return hs, nil
}

// Trust adds the keys that those who are trusted have handed over to, and
// those that handed over to them.
func Trust(keys []string, handovers []*Handover) []string {
	trusted := slices.Clone(keys)
	for more := true; more; {
		more = false
		for _, h := range handovers {
			before, after := slices.Contains(trusted, h.Previous), slices.Contains(trusted, h.Key)
			switch {
			case before && !after:
				trusted, more = append(trusted, h.Key), true
			case after && !before:
				trusted, more = append(trusted, h.Previous), true
			}
		}
	}
	return trusted
}
