package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/record"
)

// compare lets benchstat say what changed from one record to the next. Where
// the machine is another one, it compares machines, and says so.
func compare(ctx context.Context, benchstat string, old, now *record.Record) (text string, err error) {
	dir, err := os.MkdirTemp("", "tracescrub-bench-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	words := append(strings.Fields(benchstat), "-table", "part")
	if len(words) == 2 {
		return "", errors.New("no command to compare with")
	}
	var head strings.Builder
	for _, x := range []struct {
		label string
		*record.Record
	}{{"before", old}, {"now", now}} {
		r := *x.Record
		file, err := r.Save(filepath.Join(dir, x.label))
		if err != nil {
			return "", err
		}
		words = append(words, x.label+"="+file)
		fmt.Fprintf(&head, "%s: commit %s, %s, %s, %s\n", x.label, r.Commit, r.Date, r.Machine, r.Go)
	}
	out, err := command(ctx, words[0], words[1:]...)
	return head.String() + "\n" + string(out), err
}

// lastRecord is what a part is compared with: the last record that was
// committed, so that measuring again and again before a commit compares with
// the same one; where there is none, the last file.
func lastRecord(ctx context.Context, records, part string) (*record.Record, error) {
	git := func(args ...string) ([]byte, error) {
		return command(ctx, "git", append([]string{"-C", filepath.Join(records, part)}, args...)...)
	}
	names, err := git("ls-tree", "--name-only", "HEAD", "./")
	if err != nil {
		return record.Latest(records, part)
	}
	last := ""
	for name := range strings.FieldsSeq(string(names)) {
		if ok, err := filepath.Match(record.Files, name); ok && err == nil {
			last = max(last, name)
		}
	}
	if last == "" {
		return record.Latest(records, part)
	}
	text, err := git("show", "HEAD:./"+last)
	if err != nil {
		return nil, err
	}
	return record.Read(bytes.NewReader(text))
}
