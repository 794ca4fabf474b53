package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tracescrub/tracescrub/internal/auditlog/proof"
	"github.com/tracescrub/tracescrub/internal/auditlog/verify"
)

// checkpoints are those that were kept elsewhere, and the files they come from.
type checkpoints struct {
	signed [][]byte
	names  []string
}

// maxCheckpoints is how many of a directory are taken, the last by name: each
// one says everything that those before it do, unless a key signed two logs.
const maxCheckpoints = 1000

// add takes the checkpoints of a file, or of all files of a directory.
func (c *checkpoints) add(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return c.file(path)
	}
	list, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	var found []string
	for _, f := range list {
		if f.Type().IsRegular() && f.Name()[0] != '.' {
			found = append(found, filepath.Join(path, f.Name()))
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("there are no files in %s", path)
	}
	for _, name := range found[max(0, len(found)-maxCheckpoints):] {
		if err := c.file(name); err != nil {
			return err
		}
	}
	return nil
}

// file takes the checkpoint of a file: as signed, in a receipt, or in the JSON
// of a message that told it. Whether it is one is for the verifier to say.
func (c *checkpoints) file(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if r, err := proof.ParseReceipt(b); err == nil {
		b = r.Checkpoint
	} else if bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		var message struct {
			Checkpoint string `json:"checkpoint"`
		}
		if err := json.Unmarshal(b, &message); err != nil || message.Checkpoint == "" {
			return errors.New(name + " has no checkpoint in it")
		}
		b = []byte(message.Checkpoint)
	}
	c.signed, c.names = append(c.signed, b), append(c.names, name)
	return nil
}

// nameCheckpoints puts the names of files where the verifier, which knows none,
// has numbers.
func nameCheckpoints(problems []verify.Problem, names []string) {
	for i, p := range problems {
		var n int
		if _, err := fmt.Sscanf(p.File, "older checkpoint %d", &n); err == nil && n >= 1 && n <= len(names) {
			problems[i].File = names[n-1]
		}
	}
}
