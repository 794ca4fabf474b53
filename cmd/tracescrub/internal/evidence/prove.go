package evidence

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/bits"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/cmd/tracescrub/internal/evidence/facts"
	"github.com/tracescrub/tracescrub/internal/auditlog/files"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

// proofs are what proves a report.
type proofs struct {
	receipts map[int64]string
	anchor   int64
	period   json.RawMessage
}

// rangeProof are the hashes that, with the leaves of the period between them, make the
// root: before those of the complete subtrees in front of the period, after
// those behind it.
type rangeProof struct {
	First   int64     `json:"first"`
	Entries int64     `json:"entries"`
	Size    int64     `json:"size"`
	Before  []subtree `json:"before"`
	After   []subtree `json:"after"`
}

// subtree is the complete one of 2^Level leaves from Index*2^Level on.
type subtree struct {
	Level int    `json:"level"`
	Index int64  `json:"index"`
	Hash  string `json:"hash"`
}

// cover returns the complete subtrees that leaves from a to b, without it, are
// made of, the first first.
func cover(a, b int64) []subtree {
	out := []subtree{}
	for a < b {
		level := bits.Len64(uint64(b-a)) - 1 //nolint:gosec // positive
		if a > 0 {
			level = min(level, bits.TrailingZeros64(uint64(a))) //nolint:gosec // positive
		}
		out = append(out, subtree{Level: level, Index: a >> level})
		a += 1 << level
	}
	return out
}

func (p *rangeProof) fill(h tlog.HashReader) error {
	p.Before, p.After = cover(0, p.First), cover(p.First+p.Entries, p.Size)
	for _, list := range [][]subtree{p.Before, p.After} {
		for i := range list {
			got, err := h.ReadHashes([]int64{tlog.StoredHashIndex(list[i].Level, list[i].Index)})
			if err != nil {
				return err
			}
			list[i].Hash = base64.StdEncoding.EncodeToString(got[0][:])
		}
	}
	return nil
}

// prove writes the receipts and the proofs of the period and of older checkpoints.
func (b *bundle) prove(ctx context.Context, r *facts.Report, signed []byte) (*proofs, error) {
	f, err := os.Open(filepath.Join(b.o.Directory, files.Hashes))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	hashes := proof.Hashes(f)
	p := &proofs{receipts: map[int64]string{}, anchor: -1}
	period := rangeProof{First: r.Period.First, Entries: r.Period.Entries, Size: r.Log.Size}
	if err := period.fill(hashes); err != nil {
		return nil, fmt.Errorf("proof of the period: %w", err)
	}
	if p.period, err = indented(period); err != nil {
		return nil, err
	}
	if err := b.receipts(ctx, r, signed, hashes, p); err != nil {
		return nil, err
	}
	for i, old := range b.o.Older {
		if err := b.older(r, fmt.Sprintf("older/%d", i+1), old, hashes); err != nil {
			return nil, err
		}
	}
	numbers, err := files.Handovers(b.o.Directory)
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		text, err := os.ReadFile(filepath.Join(b.dir, files.Handover(n)))
		if err != nil {
			return nil, err
		}
		handover, err := proof.ParseReceipt(text)
		if err != nil {
			continue // verification said so
		}
		if err := b.older(r, "older/"+files.Handover(n), handover.Checkpoint, hashes); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// receiptName is the file of an entry's receipt.
func receiptName(seq int64, kind string) string {
	return fmt.Sprintf("receipts/%d-%s.tlog-proof", seq, kind)
}

// wanted are the entries that get a receipt: all about the items of the
// decisions, and one that stands for the log: the last of the period, or if there
// is none the last of all.
func wanted(r *facts.Report) (kinds map[int64]string, anchor int64) {
	kinds = map[int64]string{}
	for _, d := range r.Decisions {
		for _, s := range d.Steps {
			kinds[s.Seq] = s.Kind
		}
	}
	anchor = r.Log.Size - 1
	if r.Period.Entries > 0 {
		anchor = r.Period.First + r.Period.Entries - 1
	}
	if anchor >= 0 && kinds[anchor] == "" {
		kinds[anchor] = "anchor"
	}
	return kinds, anchor
}

func (b *bundle) receipts(ctx context.Context, r *facts.Report, signed []byte, hashes tlog.HashReader, p *proofs) error {
	kinds, anchor := wanted(r)
	if len(kinds) == 0 {
		return nil
	}
	l, err := read.Open(b.o.Directory)
	if err != nil {
		return err
	}
	p.anchor = anchor
	decided := map[int64]bool{anchor: true}
	for _, d := range r.Decisions {
		decided[d.Seq] = true
	}
	seqs := slices.Sorted(maps.Keys(kinds))
	for it, err := range l.Entries(ctx, seqs[0]) {
		if err != nil {
			if r.Verification.OK {
				return err
			}
			return nil // verification said so
		}
		if it.Seq > seqs[len(seqs)-1] || it.Seq >= r.Log.Size {
			break
		}
		kind := kinds[it.Seq]
		if kind == "" {
			continue
		}
		receipt := proof.Receipt{Index: it.Seq, Extra: it.Line, Checkpoint: signed}
		if receipt.Path, err = tlog.ProveRecord(r.Log.Size, it.Seq, hashes); err != nil {
			return fmt.Errorf("receipt of entry %d: %w", it.Seq, err)
		}
		text := receipt.Marshal()
		if decided[it.Seq] {
			p.receipts[it.Seq] = string(text)
		}
		if err := b.file(receiptName(it.Seq, kind), text); err != nil {
			return err
		}
	}
	return nil
}

// older writes a checkpoint that was given, and the proof that the log
// continues it. If it does not, verification has said so.
func (b *bundle) older(r *facts.Report, name string, old []byte, hashes tlog.HashReader) error {
	if err := b.file(name+".checkpoint", old); err != nil {
		return err
	}
	c, err := proof.Read(old)
	if err != nil || c.Size < 1 || c.Size > r.Log.Size {
		return nil //nolint:nilerr // it is no checkpoint of this log
	}
	path, err := tlog.ProveTree(r.Log.Size, c.Size, hashes)
	if err != nil {
		return err
	}
	text := []byte{}
	for _, h := range path {
		text = fmt.Appendln(text, h)
	}
	return b.file(name+".consistency", text)
}
