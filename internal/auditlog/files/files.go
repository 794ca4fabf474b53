// Package files knows what files an audit log has, and what the writer needs
// of the operating system. docs/format/audit.md specifies them.
package files

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/files/regular"
)

// Name is a file of a log.
type Name = string

// The files of a log.
const (
	Lock       Name = "lock"
	Hashes     Name = "hashes"
	Checkpoint Name = "checkpoint"
	Public     Name = "log.pub"
	Private    Name = "log.key"
	Subjects   Name = "subjects.jsonl"
)

const (
	segmentPrefix, segmentSuffix = "segment-", ".jsonl"
	handoverPrefix               = "handover-"
)

// Segment is the name of the segment with a number.
func Segment(n int) Name { return fmt.Sprintf("%s%04d%s", segmentPrefix, n, segmentSuffix) }

// Handover is the name of the checkpoint at which a key gave way to the next.
func Handover(n int) Name { return fmt.Sprintf("%s%04d", handoverPrefix, n) }

// Segments returns the numbers of the segments in a directory, ascending.
func Segments(dir string) ([]int, error) {
	return numbered(dir, segmentPrefix, segmentSuffix, Segment)
}

// Handovers returns the numbers of the handovers in a directory, ascending.
func Handovers(dir string) ([]int, error) { return numbered(dir, handoverPrefix, "", Handover) }

func numbered(dir, prefix, suffix string, name func(int) Name) ([]int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var found []int
	for _, s := range names {
		mid, ok := strings.CutPrefix(s, prefix)
		if !ok {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSuffix(mid, suffix))
		if err == nil && n > 0 && name(n) == s {
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, nil
}

// Line is one line of a file.
type Line struct {
	// Offset is where it begins.
	Offset int64
	// Text is without LF, and valid until the next line is read.
	Text []byte
	// Whole says that it ends with LF; the last one may not.
	Whole bool
	// Long says that it is longer than an entry may be; Text is its beginning.
	Long bool
}

// Lines calls f for each line, until it returns an error, which it returns.
func Lines(r io.Reader, f func(Line) error) error {
	br := bufio.NewReaderSize(r, entry.MaxLine+1)
	var at int64
	for {
		b, err := br.ReadSlice('\n')
		l := Line{Offset: at, Text: b}
		at += int64(len(b))
		switch {
		case err == nil:
			l.Text, l.Whole = b[:len(b)-1], true
		case errors.Is(err, bufio.ErrBufferFull):
			l.Text, l.Long = slices.Clone(b), true
			n, whole, err := skipLine(br)
			if err != nil {
				return err
			}
			at += n
			l.Whole = whole
		case errors.Is(err, io.EOF) && len(b) == 0:
			return nil
		case !errors.Is(err, io.EOF):
			return err
		}
		if err := f(l); err != nil {
			return err
		}
	}
}

func skipLine(br *bufio.Reader) (n int64, whole bool, err error) {
	for {
		b, err := br.ReadSlice('\n')
		n += int64(len(b))
		switch {
		case err == nil:
			return n, true, nil
		case errors.Is(err, io.EOF):
			return n, false, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return n, false, err
		}
	}
}

// PublicKeys reads log.pub: the keys of a log, the one in use last.
func PublicKeys(dir string) ([]string, error) {
	b, err := regular.Small(filepath.Join(dir, Public))
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(b)), nil
}
