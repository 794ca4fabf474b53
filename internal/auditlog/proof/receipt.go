package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
)

// Receipt proves that an entry is in a log: a C2SP tlog-proof.
type Receipt struct {
	Index      int64
	Extra      []byte // the entry's line
	Path       []tlog.Hash
	Checkpoint []byte
}

const receiptHead = "c2sp.org/tlog-proof@v1\n"

// Marshal writes a receipt.
func (r *Receipt) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(receiptHead)
	if len(r.Extra) > 0 {
		fmt.Fprintf(&b, "extra %s\n", base64.StdEncoding.EncodeToString(r.Extra))
	}
	fmt.Fprintf(&b, "index %d\n", r.Index)
	for _, h := range r.Path {
		fmt.Fprintln(&b, h)
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return b.Bytes()
}

// maxPath is the longest path in a tree that can be counted with 63 bits.
const maxPath = 63

// ParseReceipt reads a receipt. It checks nothing but its form.
func ParseReceipt(b []byte) (*Receipt, error) {
	head, checkpoint, ok := strings.Cut(string(b), "\n\n")
	rest, ok2 := strings.CutPrefix(head+"\n", receiptHead)
	if !ok || !ok2 {
		return nil, errors.New("receipt: no tlog-proof of version 1")
	}
	r := &Receipt{Checkpoint: []byte(checkpoint)}
	lines := strings.Split(strings.TrimSuffix(rest, "\n"), "\n")
	if s, ok := strings.CutPrefix(lines[0], "extra "); ok {
		extra, err := base64.StdEncoding.DecodeString(s)
		if err != nil || len(extra) == 0 || len(lines) < 2 {
			return nil, errors.New("receipt: extra is not in its form")
		}
		r.Extra, lines = extra, lines[1:]
	}
	s, ok := strings.CutPrefix(lines[0], "index ")
	n, err := strconv.ParseInt(s, 10, 64)
	if !ok || err != nil || n < 0 {
		return nil, errors.New("receipt: no index")
	}
	r.Index = n
	if len(lines)-1 > maxPath {
		return nil, errors.New("receipt: the path is too long")
	}
	for _, l := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(l)
		if err != nil || len(h) != tlog.HashSize {
			return nil, errors.New("receipt: a hash is not in its form")
		}
		r.Path = append(r.Path, tlog.Hash(h))
	}
	if !bytes.Equal(r.Marshal(), b) {
		return nil, errors.New("receipt: not in its form")
	}
	return r, nil
}

// Check says whether the entry with this line is in the log whose checkpoint one of
// the public keys has signed. Without a line it is that of the receipt.
func (r *Receipt) Check(line []byte, public []string) (*entry.Entry, Checkpoint, error) {
	if line == nil {
		line = r.Extra
	}
	c, _, err := Open(r.Checkpoint, public)
	if err != nil {
		return nil, c, fmt.Errorf("receipt: %w", err)
	}
	e, err := entry.Parse(line)
	if err != nil {
		return nil, c, fmt.Errorf("receipt: entry: %w", err)
	}
	if e.Seq != r.Index {
		return nil, c, fmt.Errorf("receipt: is for entry %d, not for entry %d", r.Index, e.Seq)
	}
	if r.Index >= c.Size {
		return nil, c, fmt.Errorf("receipt: entry %d is not among the %d of the checkpoint", r.Index, c.Size)
	}
	if err := tlog.CheckRecord(r.Path, c.Size, c.Root, r.Index, tlog.RecordHash(line)); err != nil {
		return nil, c, fmt.Errorf("receipt: the entry is not entry %d of the log", r.Index)
	}
	return e, c, nil
}

// CheckConsistency says whether the later checkpoint continues the earlier.
func CheckConsistency(path []tlog.Hash, later, earlier Checkpoint) error {
	switch {
	case later.Origin != earlier.Origin:
		return errors.New("consistency: two logs")
	case later.Size < earlier.Size:
		return fmt.Errorf("consistency: %d entries became %d", earlier.Size, later.Size)
	case earlier.Size == 0:
		return nil
	case tlog.CheckTree(path, later.Size, later.Root, earlier.Size, earlier.Root) != nil:
		return fmt.Errorf("consistency: the log of %d entries does not continue that of %d", later.Size, earlier.Size)
	}
	return nil
}

// Hashes reads the hash file.
func Hashes(r io.ReaderAt) tlog.HashReader {
	return tlog.HashReaderFunc(func(at []int64) ([]tlog.Hash, error) {
		hs := make([]tlog.Hash, len(at))
		for i, n := range at {
			if _, err := r.ReadAt(hs[i][:], n*tlog.HashSize); err != nil {
				return nil, fmt.Errorf("hash %d: %w", n, err)
			}
		}
		return hs, nil
	})
}

// Root is the root of the first n entries; with none the hash of nothing.
func Root(n int64, r tlog.HashReader) (tlog.Hash, error) { return tlog.TreeHash(n, r) }
