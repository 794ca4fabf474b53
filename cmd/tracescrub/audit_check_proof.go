package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tracescrub/tracescrub/internal/auditlog/entry"
	"github.com/tracescrub/tracescrub/internal/auditlog/handover"
	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/read"
)

func newAuditCheckProof(t *terminal) *cobra.Command {
	var c proofCheck
	var keys, given []string
	var entryFile string
	cmd := &cobra.Command{
		Use:   "check-proof --key PUBKEY... [--handover FILE]... [--entry FILE] [--json] FILE|-",
		Short: "Check the proof that an entry is in an audit log, without the log",
		Long: `Check a proof that "tracescrub audit prove" or the gate has written (a receipt,
C2SP tlog-proof) without the log, and write the entry that it proves. Without --key
it is checked with log.pub in the data directory, and a warning says so.

Where the log has another key now than the one you trust, --handover takes the files
handover-NNNN of its directory: each proves that a key gave way to the next.

Exit codes: 0 it is proven; 1 it is not; 2 wrong use.`,
		Example: `  tracescrub audit check-proof --key log.pub decision.proof
  tracescrub audit check-proof --key log.pub --entry from-siem.json --json entry.proof`,
		DisableFlagsInUseLine: true,
		Args:                  exactly(1),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := readSmall(t, args[0])
			if err != nil {
				return err
			}
			if entryFile != "" {
				if c.line, err = readSmall(t, entryFile); err != nil {
					return fmt.Errorf("--entry: %w", err)
				}
				c.line = bytes.TrimSuffix(c.line, []byte("\n"))
			}
			if err := c.trust(t, keys, given); err != nil {
				return err
			}
			return c.run(t, b)
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil, "public key to trust, or a `file` of some")
	cmd.Flags().StringArrayVar(&given, "handover", nil, "`file` handover-NNNN of the log, from a key to the next")
	cmd.Flags().StringVar(&entryFile, "entry", "", "`file` with the entry's line, if it is not to be that of the proof")
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "write an object: {ok, error} or {ok, origin, size, entry}")
	return cmd
}

// proofCheck is what check-proof knows before it looks at the proof.
type proofCheck struct {
	keys      []string
	handovers []*handover.Handover
	line      []byte // of the entry; nil: that of the proof
	asJSON    bool
}

// trust finds the keys to trust. Handovers come from files, and with the log's
// own keys from the log as well.
func (c *proofCheck) trust(t *terminal, keys, handovers []string) error {
	dir := auditDirectory(t, nil, 0)
	keys, own, err := keysOrOwn(keys, dir)
	if err != nil {
		return err
	}
	if own {
		warnOwnKeys(t, dir)
		if c.handovers, err = handover.Read(dir, nil); err != nil {
			return err
		}
	}
	for _, name := range handovers {
		b, err := readSmall(t, name)
		if err != nil {
			return fmt.Errorf("--handover: %w", err)
		}
		h, err := handover.Parse(b)
		if err != nil {
			return fmt.Errorf("--handover: %s: %w", name, err)
		}
		c.handovers = append(c.handovers, h)
	}
	c.keys = handover.Trust(keys, c.handovers)
	return nil
}

// check says what a proof proves.
func (c *proofCheck) check(b []byte) (*read.Item, proof.Checkpoint, error) {
	r, err := proof.ParseReceipt(b)
	if err != nil {
		return nil, proof.Checkpoint{}, err
	}
	e, cp, err := r.Check(c.line, c.keys)
	if err == nil {
		err = c.inTime(r.Checkpoint)
	}
	if err != nil {
		return nil, cp, err
	}
	line := c.line
	if line == nil {
		line = r.Extra
	}
	return &read.Item{Entry: e, Line: line}, cp, nil
}

// inTime refuses a checkpoint that only keys signed that had given way before.
func (c *proofCheck) inTime(signed []byte) error {
	cp, by, err := proof.Open(signed, c.keys)
	if err != nil {
		return err
	}
	for _, k := range by {
		if !slices.ContainsFunc(c.handovers, func(h *handover.Handover) bool { return h.Previous == k && cp.Size > h.Checkpoint.Size }) {
			return nil
		}
	}
	return errors.New("receipt: the key that signed the checkpoint had given way before")
}

// maxReceipt is more than any receipt has: an entry in base64, and hashes.
const maxReceipt = 1 << 20

// readSmall reads a file, or standard input for -.
func readSmall(t *terminal, name string) ([]byte, error) {
	in := t.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxReceipt+1))
	if err == nil && len(b) > maxReceipt {
		err = fmt.Errorf("%s is longer than %d bytes", name, maxReceipt)
	}
	return b, err
}

// proven is what check-proof --json writes.
type proven struct {
	OK     bool           `json:"ok"`
	Error  string         `json:"error,omitempty"`
	Origin string         `json:"origin,omitempty"`
	Size   int64          `json:"size,omitempty"`
	Entry  map[string]any `json:"entry,omitempty"`
}

func (c *proofCheck) run(t *terminal, b []byte) error {
	it, cp, err := c.check(b)
	if c.asJSON {
		v := proven{OK: err == nil}
		if err != nil {
			v.Error = err.Error()
		} else if v.Entry, err = entry.ParseObject(it.Line); err != nil {
			return err
		} else {
			v.Origin, v.Size = cp.Origin, cp.Size
		}
		err = writeItemsJSON(t.out, v)
		if err == nil && !v.OK {
			err = errFindings
		}
		return err
	}
	if err != nil {
		fmt.Fprintln(t.out, t.colour("1;31", "NOT proven: "+cell(err.Error())))
		return errFindings
	}
	fmt.Fprintln(t.out, t.colour("32", fmt.Sprintf("proven: entry %d of the %d of %s", it.Seq, cp.Size, cell(cp.Origin))))
	fmt.Fprintf(t.out, "logged %s, id %s\n", shortTime(it.Logged), cell(it.ID))
	w := auditLines{t: t, out: t.out}
	return w.write(it)
}
