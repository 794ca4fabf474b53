package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tracescrub/tracescrub/benchmarks/figure"
)

// The tables of what conformance/cmd/bench measures.
const (
	auditTable      = "audit"
	auditCheckTable = "audit check"
)

// loggedFigures measures the audit log beside Tessera, round after round. That
// is a program of its own, since Tessera is not among the dependencies of this
// module.
func loggedFigures(ctx context.Context, o options) (all []figure.Figure, _ string, err error) {
	rounds := o.heavy
	dir, err := os.MkdirTemp("", "tracescrub-bench-")
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for round := range rounds {
		n := strconv.Itoa(round + 1)
		out, err := command(ctx, "go", "-C", "conformance", "run", "./cmd/bench", "-dir", filepath.Join(dir, n), "-seed", n)
		if err != nil {
			return nil, "", err
		}
		some, err := figure.Read(bytes.NewReader(out))
		if err != nil {
			return nil, "", err
		}
		for _, table := range []string{auditTable, auditCheckTable} {
			if !slices.ContainsFunc(some, func(f figure.Figure) bool { return f.Table == table }) {
				return nil, "", fmt.Errorf("no figures of table %q", table)
			}
		}
		all = append(all, some...)
		fmt.Fprintf(os.Stderr, "audit log: round %d of %d\n", round+1, rounds)
	}
	return all, "", nil
}

// auditTables writes the section about the audit log.
func auditTables(s sheet) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nEntries from writers who each wait until theirs is durable; waiting times in ms:\n")
	s.grid(&b, auditTable, "log | entries/s | p50 | p99", "entries", "p50", "p99")
	fmt.Fprintf(&b, "\nChecking the whole log of the 256 writers, and its size with all hashes:\n")
	s.grid(&b, auditCheckTable, "check | entries/s | bytes of an entry | bytes on disk for each", "entries", "entry", "bytes")
	return b.String()
}
